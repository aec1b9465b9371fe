#include "storage/django/fixture_sink.hpp"

#include <fcntl.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "storage/django/passwords.hpp"
#include "storage/dump/archive_reader.hpp"
#include "storage/schema/json_writer.hpp"

namespace pinhole::storage::django {

namespace {

constexpr std::size_t chunk_bytes = std::size_t{256} << 10U;
constexpr std::string_view media_url_front = "/media/";

}  // namespace

fixture_sink::fixture_sink(fixture_sink_options options)
    : options_(std::move(options)),
      parser_(faults_, dump::unknown_members::refuse),
      users_(options_.scratch),
      posts_(options_.scratch) {}

void fixture_sink::begin_member(const std::string& path, std::uint64_t /*size_bytes*/) {
    const auto kind = dump::kind_of_member(path);
    if (kind == dump::member_kind::rows) {
        member_ = path;
        line_ = 0;
        rows_ = 0;
    } else if (kind == dump::member_kind::media) {
        make_medium(std::string_view{path}.substr(dump::media_folder.size()));
    }
}

void fixture_sink::make_medium(std::string_view media_path) {
    const std::filesystem::path path = options_.media->path() / media_path;
    std::filesystem::create_directories(path.parent_path());
    medium_.reset(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!medium_) {
        throw std::system_error{errno, std::generic_category(), "making " + path.string()};
    }
}

void fixture_sink::write(std::string_view bytes) {
    if (medium_) {
        dump::write_all(medium_.get(), bytes, "writing a media file");
        return;
    }
    if (member_.empty()) {
        return;  // the manifest
    }
    for (auto end = bytes.find('\n'); end != std::string_view::npos; end = bytes.find('\n')) {
        rest_ += bytes.substr(0, end);
        bytes.remove_prefix(end + 1);
        take_line(rest_);
        rest_.clear();
    }
    rest_ += bytes;
}

void fixture_sink::end_member() {
    medium_.reset();
    member_.clear();
}

result<void> fixture_sink::finish() {
    if (!options_.is_lines) {
        text_ += has_objects_ ? "\n]\n" : "[]\n";
    }
    options_.write(text_);
    return {};
}

void fixture_sink::take_line(std::string_view line) {
    ++line_;
    ++rows_;
    dump::for_each_dumped([&]<class Row>() {
        if (member_ == dump::file_name_of(schema<Row>::name)) {
            const auto row = parser_.parse<Row>(member_, line_, line);
            if (!faults_.empty()) {
                throw std::runtime_error{to_string(faults_.kept().front())};
            }
            write_row(row);
        }
    });
    if (text_.size() >= chunk_bytes) {
        options_.write(text_);
        text_.clear();
    }
}

void fixture_sink::begin_object(section which, std::int64_t pk) {
    section_ = which;
    if (!options_.is_lines) {
        text_ += has_objects_ ? ",\n" : "[\n";
    }
    has_objects_ = true;
    has_fields_ = false;
    text_ += R"({"model":)";
    append_json_string(text_, options_.map.of(which).model);
    text_ += R"(,"pk":)";
    append_json_integer(text_, pk);
    text_ += R"(,"fields":{)";
}

void fixture_sink::end_object() {
    text_ += options_.is_lines ? "}}\n" : "}}";
}

void fixture_sink::begin_field(std::string_view name) {
    text_ += has_fields_ ? "," : "";
    has_fields_ = true;
    append_json_string(text_, name);
    text_ += ':';
}

std::string_view fixture_sink::field_of(std::string_view name) const {
    const auto& sources = options_.map.of(section_).sources;
    const auto source = sources.find(name);
    if (source == sources.end() || source->second.fields.empty() ||
        source->second.fields.front() == "pk") {
        return {};
    }
    return source->second.fields.front();
}

void fixture_sink::add(std::string_view name, std::string_view text) {
    if (const auto field = field_of(name); !field.empty()) {
        begin_field(field);
        append_json_string(text_, text);
    }
}

void fixture_sink::add(std::string_view name, timestamp instant) {
    add(name, std::string_view{to_rfc3339(instant)});
}

void fixture_sink::add_number(std::string_view name, std::int64_t number) {
    if (const auto field = field_of(name); !field.empty()) {
        begin_field(field);
        append_json_integer(text_, number);
    }
}

void fixture_sink::add_flag(std::string_view name, bool flag) {
    if (const auto field = field_of(name); !field.empty()) {
        begin_field(field);
        text_ += flag ? "true" : "false";
    }
}

template <class Row>
void fixture_sink::add_dates(const Row& row) {
    add("created_at", row.created_at);
    add("updated_at", row.updated_at);
    add_deleted(schema<Row>::singular, row.id, row.is_deleted);
}

void fixture_sink::add_deleted(std::string_view entity, entity_id id, bool is_deleted) {
    if (is_deleted && field_of("is_deleted").empty()) {
        throw export_refused{std::string{entity} + ' ' + std::to_string(id) +
                             " is deleted, and the map has no field for that: --only alive leaves "
                             "such rows out"};
    }
    add_flag("is_deleted", is_deleted);
}

std::int64_t fixture_sink::number_of(dump::mapped_table<numbered>& table, entity_id id) const {
    return options_.renumber ? table.find(id)->number : id;
}

void fixture_sink::write_row(const user& row) {
    if (options_.renumber) {
        users_.append({.id = row.id, .number = rows_});
    }
    const std::int64_t pk = number_of(users_, row.id);
    const bool has_profile = !options_.map.of(section::profile).model.empty();
    begin_object(section::user, pk);
    add("username", std::string_view{row.username});
    add("password", to_django_password(row.password));
    add_flag("is_staff", row.is_staff);
    if (row.is_deleted && field_of("is_active").empty()) {
        throw export_refused{"user " + std::to_string(row.id) +
                             " is deleted, and the map has no is_active: --only alive leaves such "
                             "rows out"};
    }
    add_flag("is_active", !row.is_deleted);
    add("created_at", row.created_at);
    add("updated_at", row.updated_at);
    if (!has_profile) {
        add("name", std::string_view{row.name});
    }
    add("website", std::string_view{row.website});
    add("bio", std::string_view{row.bio});
    end_object();
    if (has_profile) {
        begin_object(section::profile, pk);
        add_number("user", pk);
        add("name", std::string_view{row.name});
        add("website", std::string_view{row.website});
        add("bio", std::string_view{row.bio});
        add("updated_at", row.updated_at);
        add_flag("is_deleted", row.is_deleted);
        end_object();
    }
}

void fixture_sink::write_row(const post& row) {
    if (options_.renumber) {
        posts_.append({.id = row.id, .number = rows_});
    }
    begin_object(section::post, number_of(posts_, row.id));
    add_number("author", number_of(users_, row.author.id));
    add("content", std::string_view{row.content});
    add_dates(row);
    end_object();
}

void fixture_sink::write_row(const file& row) {
    begin_object(section::file, options_.renumber ? rows_ : row.id);
    add_number("post", number_of(posts_, row.post.id));
    add("file", std::string_view{row.url}.substr(media_url_front.size()));
    add_number("position", row.position);
    add_dates(row);
    end_object();
}

void fixture_sink::write_row(const comment& row) {
    begin_object(section::comment, options_.renumber ? rows_ : row.id);
    add_number("post", number_of(posts_, row.post.id));
    add_number("author", number_of(users_, row.author.id));
    add("content", std::string_view{row.content});
    add_dates(row);
    end_object();
}

void fixture_sink::write_row(const like& row) {
    begin_object(section::like, options_.renumber ? rows_ : row.id);
    add_number("post", number_of(posts_, row.post.id));
    add_number("user", number_of(users_, row.user.id));
    add_dates(row);
    end_object();
}

}  // namespace pinhole::storage::django
