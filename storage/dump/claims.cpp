#include "storage/dump/claims.hpp"

#include <utility>

#include "storage/dump/dump_format.hpp"
#include "storage/dump/raw_bytes.hpp"
#include "storage/posts.hpp"

namespace pinhole::storage::dump {

namespace {

constexpr std::string_view media_url_front = "/media/";
constexpr std::uint64_t claims_between_reports = 1024;

std::string physical(const kv::key& key) {
    std::string bytes = kv::key_writer{}.append_i64(key.part).take();
    return bytes += key.bytes;
}

}  // namespace

void file_content::set_sha256(std::string_view digits) {
    has_sha256 = digits.size() == sha256.size();
    digits.copy(sha256.data(), sha256.size());
}

bool file_content::agrees_with(const file_content& bytes) const {
    return size_bytes == bytes.size_bytes && (!has_sha256 || sha256 == bytes.sha256);
}

claims::claims(const std::filesystem::path& scratch, std::size_t memory_bytes, fault_list& faults)
    : faults_(faults), sorter_(scratch, memory_bytes) {}

template <class Row>
void claims::add_row(claimant who, const located<Row>& row, std::string_view behind) {
    scratch_.clear();
    append_raw(
        scratch_,
        claim{.id = row.row.id, .line = row.line, .who = who, .is_alive = !row.row.is_deleted});
    scratch_ += behind;
    for_each_unique<Row>(
        [&](const auto& u) { sorter_.add(physical(unique_key(u, row.row)), scratch_); });
}

void claims::add(const located<user>& row) {
    add_row(claimant::user, row, {});
}

void claims::add(const located<like>& row) {
    add_row(claimant::like, row, {});
}

void claims::add(const located<file>& row) {
    file_content claimed{.post = row.row.post.id, .size_bytes = row.row.size};
    claimed.set_sha256(row.row.sha256);
    std::string behind;
    append_raw(behind, claimed);
    behind += std::string_view{row.row.url}.substr(media_url_front.size());
    add_row(claimant::file, row, behind);
}

void claims::add_medium(const std::string& media_path, const file_content& found) {
    scratch_.clear();
    append_raw(scratch_, claim{.who = claimant::medium});
    append_raw(scratch_, found);
    scratch_ += media_path;
    sorter_.add(physical(file_url_unique_key(std::string{media_url_front} + media_path)), scratch_);
}

std::uint64_t claims::settle(mapped_table<known_post>& posts, const settle_options& options,
                             const work_watch& watch) {
    sorter_.finish();
    group together;
    std::uint64_t done = 0;
    while (const auto record = sorter_.next()) {
        if (record->key != together.key) {
            settle(together, posts, options);
            together = {};
            together.key = record->key;
        }
        if (done++ % claims_between_reports == 0) {
            watch.advance({.phase = "uniqueness", .done = done, .total = sorter_.size()});
        }
        take(record->value, together);
    }
    settle(together, posts, options);
    return missing_;
}

void claims::take(std::string_view value, group& into) {
    const claim made = take_raw<claim>(value);
    if (made.who == claimant::medium) {
        const auto content = take_raw<file_content>(value);
        if (into.medium) {
            faults_.add(std::string{media_folder}.append(value), 0, "comes twice");
            return;
        }
        into.medium = content;
        into.media_path = value;
        return;
    }
    if (made.who == claimant::file && !into.row_content) {
        into.row_content = take_raw<file_content>(value);
        into.media_path = value;
    }
    if (into.rows.size() < 2) {
        into.rows.push_back(made);
    }
}

template <class Function>
void claims::hand_over(row_sink* sink, const Function& function) {
    if (sink != nullptr && faults_.empty()) {
        function(*sink);
    }
}

void claims::settle(const group& group, mapped_table<known_post>& posts,
                    const settle_options& options) {
    if (group.rows.size() > 1) {
        refuse_second(group);
    }
    settle_file(group, posts, options);
    if (!group.rows.empty()) {
        const claim& owner = group.rows.front();
        hand_over(options.sink,
                  [&](row_sink& sink) { sink.take_unique(group.key, owner.id, owner.is_alive); });
    }
}

void claims::refuse_second(const group& group) {
    const claim& first = group.rows.front();
    const std::uint64_t line = group.rows[1].line;
    const std::string where = " on line " + std::to_string(first.line) + ", too";
    switch (first.who) {
        case claimant::user:
            faults_.add(file_name_of<user>(), line, "username is that of the user" + where);
            break;
        case claimant::file:
            faults_.add(file_name_of<file>(), line, "url is that of the file" + where);
            break;
        case claimant::like:
            faults_.add(file_name_of<like>(), line, "post and user are those of the like" + where);
            break;
        case claimant::medium:
            break;
    }
}

void claims::settle_file(const group& group, mapped_table<known_post>& posts,
                         const settle_options& options) {
    if (!group.medium && !group.row_content) {
        return;
    }
    const std::string path = std::string{media_folder} + group.media_path;
    if (!group.row_content) {
        faults_.add(path, 0, "belongs to no row of files.jsonl");
        return;
    }
    const claim& owner = group.rows.front();
    if (group.medium && !group.row_content->agrees_with(*group.medium)) {
        faults_.add(
            path, 0,
            "has other bytes than line " + std::to_string(owner.line) + " of files.jsonl says");
        return;
    }
    if (!group.medium && options.has_media) {
        ++missing_;
        if (options.media_required) {
            faults_.add(file_name_of<file>(), owner.line, path + " is missing from the dump");
            return;
        }
    }
    const known_post* parent = posts.find(group.row_content->post);
    hand_over(options.sink, [&](row_sink& sink) {
        sink.take_place(
            {.media_path = group.media_path,
             .post = group.row_content->post,
             .is_visible = owner.is_alive && parent->is_alive != 0 && parent->is_author_alive != 0,
             .has_bytes = group.medium.has_value()});
    });
}

}  // namespace pinhole::storage::dump
