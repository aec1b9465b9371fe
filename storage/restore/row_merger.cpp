#include "storage/restore/row_merger.hpp"

#include <algorithm>
#include <boost/algorithm/string/replace.hpp>
#include <utility>

#include "storage/dump/dump_format.hpp"
#include "storage/housekeeping.hpp"
#include "storage/posts.hpp"
#include "storage/restore/media_stage.hpp"

namespace pinhole::storage {

namespace {

constexpr std::size_t operations_per_commit = 5'000;
constexpr std::size_t buffer_bytes = std::size_t{256} << 10U;

template <class Row>
bool has_same_dump(const Row& a, const Row& b) {
    bool same = true;
    dump::for_each_dumped_field<Row>(
        [&](const auto& f) { same = same && a.*f.member == b.*f.member; });
    return same;
}

void append_embedded(std::string& out, std::string_view bytes) {
    append_varint(out, bytes.size());
    out += bytes;
}

/// What is unique: `post_user` is the name for post and user together.
std::string describe(std::string_view unique_name) {
    std::string words{unique_name};
    const bool is_pair = words.contains('_');
    boost::algorithm::replace_all(words, "_", " and ");
    return words + (is_pair ? " are" : " is");
}

}  // namespace

row_merger::row_merger(merge_options options, const kv::reader& reader, dump::fault_list& faults)
    : options_(std::move(options)),
      rows_(reader),
      faults_(faults),
      new_rows_(options_.scratch),
      new_media_(options_.scratch) {}

template <class Row>
void row_merger::fault(const dump::located<Row>& row, std::string problem) {
    faults_.add(dump::file_name_of(schema<Row>::name), row.line, std::move(problem));
}

/// False also for a row that cannot be added.
template <class Row>
bool row_merger::is_new(const dump::located<Row>& row) {
    if (const auto there = rows_.find<Row>(row.row.id)) {
        if (has_same_dump(there->row, row.row)) {
            ++skipped_;
        } else {
            fault(row, std::string{schema<Row>::singular} + ' ' + std::to_string(row.row.id) +
                           " is in the database with other values");
        }
        return false;
    }
    bool is_free = true;
    for_each_unique<Row>([&](const auto& u) {
        if (const auto owner = rows_.find_unique(unique_key(u, row.row))) {
            is_free = false;
            fault(row, describe(u.name) + " that of " + std::string{schema<Row>::singular} + ' ' +
                           std::to_string(owner->id) + " in the database");
        }
    });
    added_ += is_free ? 1 : 0;
    return is_free;
}

template <class Row>
void row_merger::spool_row(spooled kind, const Row& row) {
    new_rows_.append_record(static_cast<char>(kind) + encode_row(row));
}

void row_merger::take(dump::located<user> row) {
    if (is_new(row)) {
        spool_row(spooled::user, row.row);
    }
}

/// They come again with their post.
void row_merger::take(dump::located<file> /*row*/) {}

void row_merger::take(dump::located<comment> row) {
    if (is_new(row)) {
        spool_row(spooled::comment, row.row);
    }
}

void row_merger::take(dump::located<like> row) {
    if (is_new(row)) {
        spool_row(spooled::like, row.row);
    }
}

void row_merger::take(dump::located<post> row, std::span<const dump::located<file>> files) {
    const auto there = rows_.find<post>(row.row.id);
    const bool is_new_post = is_new(row);
    std::vector<dump::located<file>> added;
    for (const dump::located<file>& each : files) {
        if (is_new(each)) {
            added.push_back(each);
        }
    }
    if (added.empty() && !is_new_post) {
        return;
    }
    if (there) {
        check_new_files(there->row, added);
    }
    std::string record{static_cast<char>(is_new_post ? spooled::post : spooled::files)};
    append_embedded(record, encode_row(row.row));
    for (const dump::located<file>& each : added) {
        append_embedded(record, encode_row(each.row));
    }
    new_rows_.append_record(record);
}

/// For a post that the database has already.
void row_merger::check_new_files(const post& parent, std::span<const dump::located<file>> files) {
    std::size_t alive = parent.files.size();
    for (const dump::located<file>& each : files) {
        if (each.row.is_deleted) {
            continue;
        }
        ++alive;
        if (std::ranges::find(parent.files, each.row.position, &file::position) !=
            parent.files.end()) {
            fault(each, "post " + std::to_string(parent.id) + " has a file at position " +
                            std::to_string(each.row.position) + " in the database");
        }
        if (alive > files_per_post_max) {
            fault(each, "post " + std::to_string(parent.id) + " would have more than " +
                            std::to_string(files_per_post_max) + " files");
        }
    }
}

void row_merger::begin_medium(const std::string& media_path) {
    if (stage_ == nullptr) {
        stage_ = &options_.stage_media();
    }
    stage_->begin(media_path);
}
void row_merger::append_medium(std::span<const char> bytes) {
    stage_->append(bytes);
}
void row_merger::end_medium() {
    stage_->end();
}

/// Counts are added up as the rows are committed.
void row_merger::end_rows(std::span<const dump::known_user> /*users*/,
                          std::span<const dump::known_post> /*posts*/) {}

void row_merger::take_unique(std::string_view /*physical_key*/, entity_id /*id*/, bool /*alive*/) {}

/// What belongs to a row that was there before stays as it is, unless it has been lost.
void row_merger::take_place(const dump::file_place& place) {
    if (!place.has_bytes) {
        return;
    }
    const std::string path{place.media_path};
    const bool is_known = rows_.find_unique(file_url_unique_key("/media/" + path)).has_value();
    if (is_known && (std::filesystem::exists(options_.media_root / "public" / path) ||
                     std::filesystem::exists(options_.media_root / "hidden" / path))) {
        return;
    }
    if (place.is_visible) {
        stage_->show(path);
    }
    new_media_.append_record((place.is_visible ? '\x01' : '\x00') + path);
}

void row_merger::place_media() {
    new_media_.flush();
    if (new_media_.size_bytes() == 0) {
        return;
    }
    dump::spool_reader records{new_media_.fd(), 0, new_media_.size_bytes(), buffer_bytes};
    while (const auto record = records.record()) {
        stage_->move_to(options_.media_root, std::string{record->substr(1)},
                        record->front() != '\x00');
    }
    stage_->sync();
}

void row_merger::append(kv::commit& commit, const kv::store& store, std::string_view record) {
    const auto kind = static_cast<spooled>(record.front());
    record.remove_prefix(1);
    switch (kind) {
        case spooled::user:
            append_create(commit, decode_row<user>(record));
            return;
        case spooled::comment: {
            const auto row = decode_row<comment>(record);
            append_create(commit, row);
            if (row.is_counted) {
                append_post_counts(commit, row.post.id, one_comment);
            }
            return;
        }
        case spooled::like: {
            const auto row = decode_row<like>(record);
            append_create(commit, row);
            if (row.is_counted) {
                append_post_counts(commit, row.post.id, one_like);
            }
            return;
        }
        case spooled::post:
        case spooled::files:
            break;
    }
    auto row = decode_row<post>(take_bytes(record).value());
    std::vector<file> files;
    while (!record.empty()) {
        files.push_back(decode_row<file>(take_bytes(record).value()));
        append_create(commit, files.back());
    }
    if (kind == spooled::post) {
        append_create(commit, row);
        if (!row.is_deleted) {
            append_user_post_count(commit, row.author.id, 1);
        }
        return;
    }
    const auto before =
        row_reader{*store.snapshot(kv::read_mode::blocking)}.find<post>(row.id).value();
    post after = before.row;
    std::ranges::copy_if(files, std::back_inserter(after.files),
                         [](const file& each) { return !each.is_deleted; });
    std::ranges::sort(after.files, {}, &file::position);
    append_update(commit, before, after);
}

void row_merger::commit_all(kv::store& store, std::int64_t id_ceiling_ms, const work_watch& watch) {
    place_media();
    new_rows_.flush();
    kv::commit commit;
    if (read_id_ceiling_ms(*store.snapshot(kv::read_mode::blocking)) < id_ceiling_ms) {
        append_id_ceiling_ms(commit, id_ceiling_ms);
    }
    const auto flush = [&] {
        if (!commit.empty() &&
            store.submit_and_wait(std::exchange(commit, {})) != kv::outcome::ok) {
            throw kv::storage_failure{
                "the database takes no more rows: is the disk full? Those that it has taken stay; "
                "the same merge, run again, adds the rest"};
        }
    };
    dump::spool_reader records{new_rows_.fd(), 0, new_rows_.size_bytes(), buffer_bytes};
    std::uint64_t done = 0;
    while (const auto record = records.record()) {
        append(commit, store, *record);
        ++done;
        if (commit.operations.size() >= operations_per_commit) {
            flush();
            watch.advance({.phase = "merging", .done = done, .total = added_});
        }
    }
    flush();
}

}  // namespace pinhole::storage
