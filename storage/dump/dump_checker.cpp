#include "storage/dump/dump_checker.hpp"

#include <algorithm>
#include <set>
#include <type_traits>
#include <utility>
#include <vector>

#include "storage/dump/raw_bytes.hpp"
#include "storage/posts.hpp"
#include "storage/visibility.hpp"

namespace pinhole::storage::dump {

namespace {

constexpr std::string_view media_url_front = "/media/";
constexpr std::uint64_t rows_between_reports = 1024;
/// Alive and deleted: media_placement.cpp looks at no more.
constexpr std::size_t files_of_post_max = 1024;

template <class Row>
std::string name_of(const Row& row) {
    return std::string{schema<Row>::singular} + ' ' + std::to_string(row.id);
}

constexpr std::size_t entity_count = [] {
    std::size_t count = 0;
    for_each_dumped([&]<class Row>() { ++count; });
    return count;
}();

}  // namespace

std::uint64_t dump_summary::rows_total() const {
    std::uint64_t total = 0;
    for (const auto& [name, count] : rows) {
        total += count;
    }
    return total;
}

dump_checker::dump_checker(archive_reader& archive, const check_options& options,
                           fault_list& faults, row_sink* sink, const work_watch& watch)
    : archive_(archive),
      options_(options),
      faults_(faults),
      sink_(sink),
      watch_(watch),
      parser_(faults, options.unknown),
      users_(options.scratch),
      posts_(options.scratch),
      spooled_posts_(options.scratch),
      files_(options.scratch, options.memory_bytes / 3),
      claims_(options.scratch, options.memory_bytes / 3 * 2, faults),
      aside_([this](passed& next) { take_aside(next); }) {}

dump_summary dump_checker::run() {
    try {
        read_members();
        join_files();
        compare_with_manifest();
        aside_.drain();
        hand_over([&](row_sink& sink) { sink.end_rows(users_.entries(), posts_.entries()); });
        summary_.media_missing = claims_.settle(posts_,
                                                {.has_media = summary_.has_media,
                                                 .media_required = options_.media_required,
                                                 .sink = sink_},
                                                watch_);
    } catch (const misordered_dump& damage) {
        faults_.clear();
        faults_.add(damage.file, 0, damage.what());
    } catch (const unreadable_dump& damage) {
        faults_.add(damage.file, 0, damage.what());
    }
    return std::move(summary_);
}

std::uint64_t dump_checker::total_of(std::string_view phase) const {
    if (!summary_.manifest) {
        return 0;
    }
    if (phase == "media") {
        return summary_.manifest->media.bytes;
    }
    const auto found = summary_.manifest->entities.find(phase);
    return found != summary_.manifest->entities.end() ? found->second.rows : 0;
}

void dump_checker::advance(std::string_view phase, std::uint64_t done, bool counts_bytes) {
    watch_.advance(
        {.phase = phase, .done = done, .total = total_of(phase), .counts_bytes = counts_bytes});
}

void dump_checker::read_members() {
    bool is_empty = true;
    while (const auto member = archive_.next()) {
        is_empty = false;
        read_member(*member);
    }
    if (is_empty) {
        throw unreadable_dump{"", "there is nothing of a dump in it"};
    }
    if (!summary_.manifest && options_.manifest_required && faults_.empty()) {
        throw unreadable_dump{std::string{manifest_name},
                              "is missing: the dump is cut short, or no pinhole-dump"};
    }
}

void dump_checker::read_member(const archive_member& member) {
    switch (member.kind) {
        case member_kind::manifest:
            read_manifest(member);
            break;
        case member_kind::rows:
            read_rows_of(member);
            break;
        case member_kind::media:
            read_medium(member);
            break;
    }
}

void dump_checker::read_manifest(const archive_member& member) {
    std::string text(manifest_bytes_max + 1, '\0');
    std::size_t length = 0;
    while (length < text.size()) {
        const std::size_t got = archive_.read(std::span{text}.subspan(length));
        if (got == 0) {
            break;
        }
        length += got;
    }
    auto parsed = parse_manifest(std::string_view{text}.substr(0, length), options_.unknown);
    if (!parsed) {
        throw unreadable_dump{member.path, parsed.error().message};
    }
    summary_.manifest = std::move(*parsed);
}

void dump_checker::read_rows_of(const archive_member& member) {
    std::size_t number = 0;
    for_each_dumped([&]<class Row>() {
        if (member.path == file_name_of<Row>()) {
            if (number < next_entity_) {
                throw misordered_dump{
                    member.path,
                    "comes too late: in an archive rows stand in the order users, posts, files, "
                    "comments, likes. Unpack it, and give the directory"};
            }
            next_entity_ = number + 1;
            read_rows<Row>(member);
        }
        ++number;
    });
    static_assert(entity_count == 5);
}

template <class Row>
void dump_checker::read_rows(const archive_member& member) {
    if constexpr (!std::is_same_v<Row, user> && !std::is_same_v<Row, post> &&
                  !std::is_same_v<Row, file>) {
        join_files();
    }
    line_reader lines{archive_};
    entity_id last = 0;
    while (const auto line = lines.next()) {
        if (line->number % rows_between_reports == 1) {
            advance(schema<Row>::name, line->number - 1);
        }
        if (line->problem != nullptr) {
            faults_.add(member.path, line->number, line->problem);
            continue;
        }
        located<Row> parsed{parser_.parse<Row>(member.path, line->number, line->text),
                            line->number};
        if (parsed.row.id == 0) {
            continue;
        }
        if (parsed.row.id <= last) {
            faults_.add(
                member.path, line->number,
                "id " + std::to_string(parsed.row.id) +
                    (parsed.row.id == last ? " comes twice" : " is not above the one before it"));
            continue;
        }
        last = parsed.row.id;
        summary_.id_max = std::max(summary_.id_max, last);
        accept(std::move(parsed));
    }
    advance(schema<Row>::name, lines.lines());
    summary_.rows[std::string{schema<Row>::name}] = lines.lines();
    found_[std::string{schema<Row>::name}] = {.rows = lines.lines(), .sha256 = lines.sha256()};
}

template <class Function>
void dump_checker::hand_over(const Function& function) {
    if (has_eager_sink()) {
        function(*sink_);
    }
}

template <class Row>
void dump_checker::pass_on(located<Row> row) {
    constexpr bool is_kept = requires { keep(row); };
    const bool is_wanted = has_eager_sink();
    const bool is_for_sink = is_wanted && options_.sink_takes_aside;
    if (is_wanted && !is_for_sink) {
        sink_->take(row);
    }
    if (is_kept || is_for_sink) {
        aside_.push({std::move(row), is_for_sink});
    }
}

void dump_checker::take_aside(passed& next) {
    std::visit(
        [&]<class Passed>(Passed& row) {
            if constexpr (requires { keep(row); }) {
                keep(row);
            }
            if constexpr (std::is_same_v<Passed, located<post>>) {
                sink_->take(std::move(row), {});
            } else if constexpr (!std::is_same_v<Passed, unjoined_post>) {
                if (next.is_for_sink) {
                    sink_->take(std::move(row));
                }
            }
        },
        next.row);
}

void dump_checker::keep(const unjoined_post& post) {
    std::string spooled;
    append_raw(spooled, post.row.line);
    spooled_posts_.append_record(spooled += encode_row(post.row.row));
}

void dump_checker::keep(const located<file>& row) {
    kv::key_writer key;
    key.append_i64(row.row.post.id).append_i64(row.row.position).append_i64(row.row.id);
    std::string value;
    append_raw(value, row.line);
    files_.add(key.bytes(), value += encode_row(row.row));
    claims_.add(row);
}

template <class Row>
known_user* dump_checker::find_user(const located<Row>& row, reference_to<user> who,
                                    std::string_view field) {
    known_user* found = users_.find(who.id);
    if (found == nullptr && who.id != 0) {
        faults_.add(file_name_of<Row>(), row.line,
                    std::string{field} + ' ' + std::to_string(who.id) + " is not in users.jsonl");
    }
    return found;
}

template <class Row>
known_post* dump_checker::find_post(const located<Row>& row) {
    known_post* found = posts_.find(row.row.post.id);
    if (found == nullptr && row.row.post.id != 0) {
        faults_.add(file_name_of<Row>(), row.line,
                    "post " + std::to_string(row.row.post.id) + " is not in posts.jsonl");
    }
    return found;
}

void dump_checker::accept(located<user> row) {
    users_.append({.id = row.row.id, .is_alive = row.row.is_deleted ? 0U : 1U, .posts = 0});
    pass_on(std::move(row));
}

void dump_checker::accept(located<post> row) {
    known_user* author = find_user(row, row.row.author, "author");
    posts_.append({.id = row.row.id,
                   .is_alive = row.row.is_deleted ? 0U : 1U,
                   .is_author_alive = author != nullptr ? author->is_alive : 0U,
                   .likes = 0,
                   .comments = 0});
    if (author != nullptr && !row.row.is_deleted) {
        ++author->posts;
    }
    aside_.push({unjoined_post{std::move(row)}});
}

void dump_checker::accept(located<file> row) {
    if (find_post(row) == nullptr || !row.row.url.starts_with(media_url_front)) {
        return;
    }
    pass_on(std::move(row));
}

void dump_checker::accept(located<comment> row) {
    known_post* parent = find_post(row);
    const known_user* author = find_user(row, row.row.author, "author");
    if (parent == nullptr || author == nullptr) {
        return;
    }
    row.row.is_counted = !row.row.is_deleted && author->is_alive != 0;
    parent->comments += row.row.is_counted ? 1 : 0;
    pass_on(std::move(row));
}

void dump_checker::accept(located<like> row) {
    known_post* parent = find_post(row);
    const known_user* who = find_user(row, row.row.user, "user");
    if (parent == nullptr || who == nullptr) {
        return;
    }
    row.row.is_counted = !row.row.is_deleted && who->is_alive != 0;
    parent->likes += row.row.is_counted ? 1 : 0;
    pass_on(row);
}

void dump_checker::read_medium(const archive_member& member) {
    const std::string media_path = member.path.substr(media_folder.size());
    aside_.drain();
    const bool is_wanted = has_eager_sink();
    std::vector<char> buffer(std::size_t{256} << 10U);
    media::sha256_hash hash;
    file_content found;
    if (is_wanted) {
        sink_->begin_medium(media_path);
    }
    while (const std::size_t got = archive_.read(buffer)) {
        const std::span<const char> bytes = std::span{buffer}.first(got);
        hash.update(std::as_bytes(bytes));
        found.size_bytes += static_cast<std::int64_t>(got);
        summary_.media.bytes += got;
        if (static_cast<std::uint64_t>(found.size_bytes) > medium_bytes_max) {
            throw unreadable_dump{member.path, "is longer than it may be"};
        }
        if (is_wanted) {
            sink_->append_medium(bytes);
        }
        advance("media", summary_.media.bytes, true);
    }
    if (is_wanted) {
        sink_->end_medium();
    }
    ++summary_.media.files;
    found.set_sha256(media::to_text(hash.digest()));
    claims_.add_medium(media_path, found);
}

/// Posts stand before files in a dump, and their rows hold copies of them.
void dump_checker::join_files() {
    if (std::exchange(are_files_joined_, true)) {
        return;
    }
    aside_.drain();
    spooled_posts_.flush();
    files_.finish();
    spool_reader posts{spooled_posts_.fd(), 0, spooled_posts_.size_bytes(),
                       std::size_t{256} << 10U};
    auto next_file = files_.next();
    std::uint64_t joined = 0;
    while (auto record = posts.record()) {
        located<post> parent;
        parent.line = take_raw<std::uint64_t>(*record);
        parent.row = decode_row<post>(*record);
        if (joined++ % rows_between_reports == 0) {
            watch_.advance(
                {.phase = "files of posts", .done = joined, .total = posts_.entries().size()});
        }
        std::vector<located<file>> files;
        const std::string prefix = kv::key_writer{}.append_i64(parent.row.id).take();
        for (; next_file && next_file->key.starts_with(prefix); next_file = files_.next()) {
            std::string_view value = next_file->value;
            const auto line = take_raw<std::uint64_t>(value);
            if (files.size() < files_of_post_max) {
                files.push_back({decode_row<file>(value), line});
            } else {
                faults_.add(file_name_of<file>(), line,
                            name_of(parent.row) + " has too many files");
            }
        }
        join(std::move(parent), files);
    }
}

void dump_checker::join(located<post> row, std::span<const located<file>> files) {
    for (const located<file>& each : files) {
        if (each.row.is_deleted) {
            continue;
        }
        if (!row.row.files.empty() && row.row.files.back().position == each.row.position) {
            faults_.add(file_name_of<file>(), each.line,
                        name_of(row.row) + " has another file at position " +
                            std::to_string(each.row.position));
        }
        row.row.files.push_back(each.row);
    }
    if (row.row.files.empty()) {
        faults_.add(file_name_of<post>(), row.line,
                    name_of(row.row) + " has no file that is not deleted");
    }
    if (row.row.files.size() > files_per_post_max) {
        faults_.add(
            file_name_of<post>(), row.line,
            name_of(row.row) + " has more than " + std::to_string(files_per_post_max) + " files");
    }
    if (!has_eager_sink()) {
        return;
    }
    if (options_.sink_takes_aside) {
        aside_.push({std::move(row), true});
    } else {
        sink_->take(std::move(row), files);
    }
}

void dump_checker::compare_with_manifest() {
    summary_.has_media = summary_.media.files > 0;
    if (!summary_.manifest) {
        return;
    }
    const manifest& said = *summary_.manifest;
    summary_.has_media = summary_.has_media || said.media.files > 0;
    for (const auto& [name, sums] : said.entities) {
        const auto found = found_.find(name);
        if (found == found_.end()) {
            faults_.add(file_name_of(name), 0, "is missing, and the manifest has it");
            continue;
        }
        if (found->second.rows != sums.rows) {
            faults_.add(file_name_of(name), 0,
                        "has " + std::to_string(found->second.rows) + " rows, and the manifest " +
                            std::to_string(sums.rows));
        }
        if (found->second.sha256 != sums.sha256) {
            faults_.add(file_name_of(name), 0, "has another SHA-256 than the manifest says");
        }
    }
    for (const auto& [name, sums] : found_) {
        if (!said.entities.contains(name)) {
            faults_.add(file_name_of(name), 0, "is there, and the manifest has nothing of it");
        }
    }
    if (said.media != summary_.media) {
        faults_.add(media_folder, 0,
                    "holds " + std::to_string(summary_.media.files) + " files of " +
                        std::to_string(summary_.media.bytes) + " bytes, and the manifest says " +
                        std::to_string(said.media.files) + " of " +
                        std::to_string(said.media.bytes));
    }
}

}  // namespace pinhole::storage::dump
