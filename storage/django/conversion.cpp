// Of the passes of a conversion the first: reading; and how the others follow.
#include "storage/django/conversion.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include "storage/django/passwords.hpp"

namespace pinhole::storage::django {

namespace {

constexpr std::uint64_t objects_between_reports = 256;
/// As many sorters are filled at a time.
constexpr std::size_t sorters_at_once = 8;
/// Of origins: the line, and as much of the primary key as there is room for.
constexpr std::size_t origin_bytes = 64;
constexpr std::size_t origin_pk_bytes = origin_bytes - sizeof(std::uint64_t) - 1;

std::optional<section> section_of(const field_map& map, std::string_view model) {
    for (const section which : all_sections) {
        if (map.of(which).model == model && !model.empty()) {
            return which;
        }
    }
    return std::nullopt;
}

/// In the order of dump::dumped_rows.
constexpr std::array dumped_sections{section::user, section::post, section::file, section::comment,
                                     section::like};

}  // namespace

conversion::conversion(convert_options options, dump::fault_list& faults, const work_watch& watch)
    : options_(std::move(options)),
      faults_(faults),
      watch_(watch),
      values_(options_.map, options_.fixture_name, options_.ignore_unknown, faults),
      settled_posts_(options_.scratch),
      known_profiles_(options_.scratch),
      known_users_(options_.scratch),
      known_posts_(options_.scratch),
      id_map_(options_.scratch) {
    for (sorter* each : {&users_, &profiles_, &posts_, &files_, &comments_, &likes_}) {
        begin_sorting(*each);
    }
    for (std::size_t i = 0; i < all_sections.size(); ++i) {
        outputs_.emplace_back(options_.scratch);
    }
    if (options_.media_root) {
        media_.emplace(*options_.media_root, options_.scratch);
    }
}

void conversion::begin_sorting(sorter& with) const {
    with.emplace(options_.scratch, options_.memory_bytes / sorters_at_once);
}

void conversion::run(fixture_reader& fixture) {
    try {
        read(fixture);
    } catch (const unreadable_fixture& damage) {
        faults_.add(options_.fixture_name, damage.line, damage.what());
        return;
    }
    settle_profiles();
    settle_users();
    settle_names();
    settle_posts();
    settle_files();
    settle_comments();
    settle_likes();
    // Files take long, and what is known to be refused should be known soon.
    if (!faults_.empty()) {
        return;
    }
    join_files();
    if (faults_.empty()) {
        write_rows();
    }
}

void conversion::read(fixture_reader& fixture) {
    std::uint64_t objects = 0;
    fixture.for_each([&](fixture_object& object) {
        if (objects++ % objects_between_reports == 0) {
            watch_.advance({.phase = "reading",
                            .done = fixture.bytes_read(),
                            .total = options_.fixture_bytes,
                            .counts_bytes = true});
        }
        stage(object);
    });
}

void conversion::stage(fixture_object& object) {
    const auto which = section_of(options_.map, object.model);
    if (!which && object.problem.empty()) {
        ++counts_.models_skipped[object.model];
        return;
    }
    if (!values_.begin(object, which.value_or(section::user))) {
        return;
    }
    switch (*which) {
        case section::user:
            stage_user();
            break;
        case section::profile:
            stage_profile();
            break;
        case section::post:
            stage_post();
            break;
        case section::file:
            stage_file();
            break;
        case section::comment:
            stage_comment();
            break;
        case section::like:
            stage_like();
            break;
    }
    values_.finish();
}

template <class Row>
staged<Row> conversion::begin_staged() {
    return {.line = values_.line(), .pk = values_.pk()};
}

template <class Row>
void conversion::read_dates(Row& row) {
    row.created_at = values_.time("created_at");
    row.updated_at = values_.time("updated_at");
    row.is_deleted = values_.flag("is_deleted", false);
}

template <class Row>
void conversion::stage_as(sorter& to, const staged<Row>& object) {
    to->add(bytes_of(key_of(object.pk)), encode_staged(object));
}

void conversion::check_text(section which, std::uint64_t line, std::string_view pk,
                            std::string_view field, const text_rule& rule, std::string_view value) {
    if (const auto found = find_fault(field, rule, value)) {
        fault(which, line, pk, found->field + ' ' + found->message);
    }
}

void conversion::stage_user() {
    auto object = begin_staged<user>();
    user& row = object.row;
    row.username = values_.required_text("username");
    row.name = values_.text("name");
    row.website = values_.text("website");
    row.bio = values_.text("bio");
    row.is_staff = values_.flag("is_staff", false);
    row.is_deleted = !values_.flag("is_active", true);
    row.created_at = values_.time("created_at");
    row.updated_at = values_.time("updated_at");
    if (row.created_at == timestamp{}) {
        values_.report(
            "has no created_at: name a field in the map, or created_at = { value = \"2020-01-01\" "
            "}");
    }
    const std::string hash = values_.text("password");
    const auto known = to_pinhole_password(hash);
    if (!known) {
        ++counts_.passwords_unusable;
        tell(section::user, object.pk,
             "its password is of a kind that is not known here (" +
                 hash.substr(0, std::min<std::size_t>(hash.find('$'), 20)) +
                 "), so nobody logs in with it: pinhole-admin set-password gives it a new one");
    }
    row.password = known.value_or(to_unusable_password(hash));
    if (row.is_deleted && !row.password.starts_with('!')) {
        // Who was shut out there must not bring his account back by a login here.
        row.password = to_unusable_password(row.password);
    }
    stage_as(users_, object);
}

void conversion::stage_profile() {
    auto object = begin_staged<user>();
    object.person = values_.reference("user");
    object.row.name = values_.text("name");
    object.row.website = values_.text("website");
    object.row.bio = values_.text("bio");
    object.row.updated_at = values_.time("updated_at");
    object.row.is_deleted = values_.flag("is_deleted", false);
    stage_as(profiles_, object);
}

void conversion::stage_post() {
    auto object = begin_staged<post>();
    object.person = values_.reference("author");
    object.row.content = values_.text("content");
    read_dates(object.row);
    check_text(section::post, object.line, object.pk, "content", post_content_rule,
               object.row.content);
    stage_as(posts_, object);
    if (std::string path = values_.text("file"); !path.empty()) {
        staged<file> attached{.line = object.line,
                              .pk = object.pk,
                              .parent = object.pk,
                              .path = std::move(path),
                              .is_of_post = true};
        files_->add(bytes_of(key_of("post " + object.pk)), encode_staged(attached));
    }
}

void conversion::stage_file() {
    auto object = begin_staged<file>();
    object.parent = values_.reference("post");
    object.path = values_.required_text("file");
    object.row.position = values_.integer("position", 0);
    read_dates(object.row);
    stage_as(files_, object);
}

void conversion::stage_comment() {
    auto object = begin_staged<comment>();
    object.parent = values_.reference("post");
    object.person = values_.reference("author");
    object.row.content = values_.text("content");
    read_dates(object.row);
    check_text(section::comment, object.line, object.pk, "content", comment_content_rule,
               object.row.content);
    stage_as(comments_, object);
}

void conversion::stage_like() {
    auto object = begin_staged<like>();
    object.parent = values_.reference("post");
    object.person = values_.reference("user");
    read_dates(object.row);
    stage_as(likes_, object);
}

void conversion::fault(section which, std::uint64_t line, std::string_view pk,
                       std::string problem) {
    faults_.add(options_.fixture_name, line, front_of(model_of(which), pk) + problem);
}

void conversion::tell(section which, std::string_view pk, std::string_view what) {
    options_.tell(front_of(model_of(which), pk) + std::string{what});
}

void conversion::write_rows() {
    write_users();
    write_posts();
    std::uint64_t files_of_skipped_posts = 0;  // they are counted with their posts
    write_children<file>(section::file, files_in_order_, files_of_skipped_posts);
    write_children<comment>(section::comment, comments_in_order_, counts_.comments_skipped);
    write_children<like>(section::like, likes_in_order_, counts_.likes_skipped);
    for (output& each : outputs_) {
        each.lines.flush();
        each.origins.flush();
    }
    id_map_.flush();
    if (media_) {
        media_->rewind();
    }
}

std::vector<converted_rows> conversion::rows() {
    std::vector<converted_rows> members;
    auto which = dumped_sections.begin();
    dump::for_each_dumped([&]<class Row>() {
        output& made = output_of(*which++);
        members.push_back(
            {dump::file_name_of(schema<Row>::name), made.lines.fd(), made.lines.size_bytes()});
    });
    return members;
}

template <class Row>
std::string conversion::sort_key(section which, const staged<Row>& object) {
    if (options_.new_ids) {
        return order_of(object.row.created_at, object.pk);
    }
    const auto number = parse_number(object.pk);
    if (!number || *number <= 0) {
        fault(which, object.line, object.pk,
              "its primary key is no positive whole number, which could be its id: --new-ids gives "
              "new ones");
    }
    return kv::key_writer{}.append_i64(number.value_or(0)).take();
}

/// The row as a line, with where it came from, under its id.
template <class Row>
entity_id conversion::write(section which, staged<Row>& object) {
    output& to = output_of(which);
    Row& row = object.row;
    row.id = options_.new_ids ? to.ids.next(row.created_at) : parse_number(object.pk).value();
    if (options_.deleted_at && row.is_deleted && row.updated_at < *options_.deleted_at) {
        row.updated_at = *options_.deleted_at;
    }
    std::string line;
    dump::append_dump_row(line, row);
    to.lines.append(line);

    std::string origin(reinterpret_cast<const char*>(&object.line), sizeof object.line);
    const std::string pk = object.pk.substr(0, origin_pk_bytes);
    origin += static_cast<char>(pk.size());
    origin += pk;
    origin.resize(origin_bytes);
    to.origins.append(origin);

    const section said = object.is_of_post ? section::post : which;
    std::string mapped = R"({"model":)";
    append_json_string(mapped, object.is_of_post ? model_of(said) + ":file" : model_of(said));
    mapped += R"(,"pk":)";
    if (parse_number(object.pk)) {
        mapped += object.pk;
    } else {
        append_json_string(mapped, object.pk);
    }
    id_map_.append(mapped += ",\"id\":\"" + std::to_string(row.id) + "\"}\n");
    if (++to.rows % objects_between_reports == 0) {
        watch_.advance({.phase = schema<Row>::name, .done = to.rows});
    }
    return row.id;
}

std::optional<dump::dump_fault> conversion::origin_of(const dump::dump_fault& in_dump) const {
    std::size_t number = 0;
    std::optional<section> which;
    dump::for_each_dumped([&]<class Row>() {
        if (in_dump.file == dump::file_name_of(schema<Row>::name)) {
            which = dumped_sections[number];
        }
        ++number;
    });
    if (!which || in_dump.line == 0 ||
        in_dump.line > outputs_[static_cast<std::size_t>(*which)].rows) {
        return std::nullopt;
    }
    char record[origin_bytes];
    const auto at = static_cast<off_t>((in_dump.line - 1) * origin_bytes);
    if (::pread(outputs_[static_cast<std::size_t>(*which)].origins.fd(), record, sizeof record,
                at) != static_cast<ssize_t>(sizeof record)) {
        throw std::system_error{errno, std::system_category(), "reading a temporary file"};
    }
    std::uint64_t line = 0;
    std::memcpy(&line, record, sizeof line);
    const std::string_view pk{record + sizeof line + 1,
                              static_cast<std::size_t>(record[sizeof line])};
    return dump::dump_fault{.file = options_.fixture_name,
                            .line = line,
                            .message = front_of(model_of(*which), pk) + in_dump.message};
}

template std::string conversion::sort_key(section, const staged<user>&);
template std::string conversion::sort_key(section, const staged<post>&);
template std::string conversion::sort_key(section, const staged<file>&);
template std::string conversion::sort_key(section, const staged<comment>&);
template std::string conversion::sort_key(section, const staged<like>&);
template entity_id conversion::write(section, staged<user>&);
template entity_id conversion::write(section, staged<post>&);
template entity_id conversion::write(section, staged<file>&);
template entity_id conversion::write(section, staged<comment>&);
template entity_id conversion::write(section, staged<like>&);

}  // namespace pinhole::storage::django
