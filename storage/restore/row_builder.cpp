#include "storage/restore/row_builder.hpp"

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "storage/dump/dump_format.hpp"
#include "storage/jobs.hpp"
#include "storage/kv/byte_order.hpp"
#include "storage/ranking.hpp"
#include "storage/restore/media_stage.hpp"

namespace pinhole::storage {

namespace {

constexpr std::size_t part_bytes = 8;
constexpr std::uint64_t entries_between_looks = 4096;
/// A table that is being written holds the hashes of its keys, up to 16 MiB of them.
constexpr std::size_t index_ranges_max = 4;
constexpr std::chrono::milliseconds time_between_reports{100};

template <class Row>
constexpr bool has_terms = requires { schema<Row>::inverted; };

kv::bulk_load_options load_options(const build_options& options) {
    return {.directory = options.folder / "db",
            .tables = options.folder / "tables",
            .families = {families::all.begin(), families::all.end()},
            .log = options.log};
}

kv::part_id part_of(std::string_view physical_key) {
    return kv::from_ordered(kv::load_u64(physical_key.data()));
}

}  // namespace

row_builder::row_builder(build_options options)
    : options_(std::move(options)),
      loader_(kv::make_bulk_loader(load_options(options_))),
      index_(options_.folder, options_.memory_bytes / 5 * 3),
      jobs_(options_.folder, std::size_t{1} << 20U),
      terms_(*loader_, options_.folder, options_.memory_bytes / 5 * 2) {}

row_builder::~row_builder() {
    is_ending_ = true;
}

void row_builder::add_entry(dump::external_sorter& to, const kv::key& key, std::string_view value) {
    scratch_.resize(part_bytes);
    kv::store_u64(scratch_.data(), kv::to_ordered(key.part));
    scratch_ += key.bytes;
    to.add(scratch_, value);
}

template <class Row>
void row_builder::add_row(const Row& row) {
    const kv::key key = row_key<Row>(row.id);
    scratch_.clear();
    append_row(scratch_, row);
    loader_->add(key.family, key.part, key.bytes, scratch_);
    for_each_index<Row>([&](const auto& i) {
        key_.clear();
        key_.append_i64(scope_part(i.scope, row));
        append_index_key(key_, i, row);
        index_.add(key_.bytes(), index_value(i, row));
    });
}

void row_builder::take(dump::located<user> row) {
    add_row(row.row);
    terms_.take(std::move(row.row));
}
void row_builder::take(dump::located<file> row) {
    add_row(row.row);
}
void row_builder::take(dump::located<comment> row) {
    add_row(row.row);
    terms_.take(std::move(row.row));
}
void row_builder::take(dump::located<like> row) {
    static_assert(!has_terms<file> && !has_terms<like>);
    terms_.end();
    add_row(row.row);
}
void row_builder::take(dump::located<post> row, std::span<const dump::located<file>> /*files*/) {
    add_row(row.row);
    terms_.take(std::move(row.row));
}

void row_builder::begin_medium(const std::string& media_path) {
    if (stage_ == nullptr) {
        stage_ = &options_.stage_media();
    }
    stage_->begin(media_path);
}
void row_builder::append_medium(std::span<const char> bytes) {
    stage_->append(bytes);
}
void row_builder::end_medium() {
    stage_->end();
}

void row_builder::take_unique(std::string_view physical_key, entity_id id, bool alive) {
    loader_->add(families::unique, part_of(physical_key), physical_key.substr(part_bytes),
                 encode_unique_entry({id, alive}));
}

/// Media that lie in the target already, for a dump that has rows alone, may be in the wrong tree:
/// the server moves them before it serves.
void row_builder::take_place(const dump::file_place& place) {
    if (place.has_bytes) {
        if (place.is_visible) {
            stage_->show(std::string{place.media_path});
        }
        return;
    }
    if (!options_.has_media) {
        return;
    }
    const char* wrong_tree = place.is_visible ? "hidden" : "public";
    if (std::filesystem::exists(options_.media_root / wrong_tree / place.media_path)) {
        add_entry(jobs_, job_key({job_kind::place_post_media, place.post}), {});
    }
}

void row_builder::add_entries(kv::commit commit) {
    for (const kv::operation& each : commit.operations) {
        const auto& put = std::get<kv::put>(each);
        add_entry(index_, put.key, put.value);
    }
}

template <class Row>
void row_builder::add_count(entity_id id, bool is_alive, std::int64_t counter) {
    const kv::key key = counter_key<Row>(id);
    if (counter != 0) {
        loader_->add_sum(key.family, key.part, key.bytes, counter);
    }
    if (is_alive) {
        kv::commit ranks;
        append_first_rank<Row>(ranks, id, counter);
        add_entries(std::move(ranks));
    }
}

/// Counters in the order of ids: each lies in the part of its user or post.
void row_builder::end_rows(std::span<const dump::known_user> users,
                           std::span<const dump::known_post> posts) {
    terms_.end();  // where there are no likes
    const auto add_post = [this](const dump::known_post& each) {
        add_count<post>(each.id, each.is_alive != 0,
                        each.likes * one_like + each.comments * one_comment);
    };
    static_assert(schema<post>::counter_name < schema<user>::counter_name);
    auto next_post = posts.begin();
    for (const dump::known_user& each : users) {
        for (; next_post != posts.end() && next_post->id <= each.id; ++next_post) {
            add_post(*next_post);
        }
        add_count<user>(each.id, each.is_alive != 0, each.posts);
    }
    std::for_each(next_post, posts.end(), add_post);
    loaded_index_ = std::async(std::launch::async, [this] { load_index(); });
    dump::for_each_dumped([this]<class Row>() { loader_->end_family(schema<Row>::family); });
    loader_->end_family(families::counters);
}

/// Nothing else is left to do then, so every core sorts and writes a range of its own.
void row_builder::load_index() {
    const std::size_t count =
        std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, index_ranges_max);
    std::vector<std::future<void>> loaded;
    for (auto& each : index_.ranges(count)) {
        loaded.push_back(std::async(
            std::launch::async,
            [this](dump::external_sorter::range entries) { load_range(std::move(entries)); },
            std::move(each)));
    }
    for (auto& each : loaded) {
        each.get();
    }
}

void row_builder::load_range(dump::external_sorter::range entries) {
    const auto to = loader_->new_range(families::index);
    std::uint64_t done = 0;
    while (const auto entry = entries.next()) {
        if (++done % entries_between_looks == 0) {
            if (is_ending_) {
                return;
            }
            index_loaded_ += entries_between_looks;
        }
        to->add(part_of(entry->key), entry->key.substr(part_bytes), entry->value);
    }
    to->end();
}

void row_builder::load_jobs() {
    jobs_.finish();
    std::string last;
    while (const auto job = jobs_.next()) {
        if (std::exchange(last, job->key) == job->key) {
            continue;  // a post of which several files have to move
        }
        loader_->add(families::jobs, part_of(job->key), job->key.substr(part_bytes), job->value);
    }
    loader_->end_family(families::jobs);
}

void row_builder::finish(kv::commit meta, const work_watch& watch) {
    load_jobs();
    while (loaded_index_.wait_for(time_between_reports) != std::future_status::ready) {
        watch.advance({.phase = "indexes", .done = index_loaded_, .total = index_.size()});
    }
    loaded_index_.get();
    while (!terms_.wait_for(time_between_reports)) {
        watch.advance({.phase = "indexes", .done = index_.size(), .total = index_.size()});
    }
    watch.advance({.phase = "indexes", .done = index_.size(), .total = index_.size()});
    loader_->finish(std::move(meta));
}

}  // namespace pinhole::storage
