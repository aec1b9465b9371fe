#include "storage/restore/row_builder.hpp"

#include <utility>
#include <variant>

#include "storage/jobs.hpp"
#include "storage/kv/byte_order.hpp"
#include "storage/ranking.hpp"
#include "storage/restore/media_stage.hpp"

namespace pinhole::storage {

namespace {

constexpr std::size_t part_bytes = 8;
constexpr std::uint64_t entries_between_reports = 65'536;

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
      index_(options_.folder, options_.memory_bytes / 3),
      terms_(options_.folder, options_.memory_bytes / 3 * 2),
      jobs_(options_.folder, std::size_t{1} << 20U) {}

row_builder::~row_builder() = default;

void row_builder::add_entry(dump::external_sorter& to, const kv::key& key, std::string_view value) {
    scratch_.resize(part_bytes);
    kv::store_u64(scratch_.data(), kv::to_ordered(key.part));
    scratch_ += key.bytes;
    to.add(scratch_, value);
}

template <class Row>
void row_builder::add_row(const Row& row) {
    const kv::key key = row_key<Row>(row.id);
    loader_->add(key.family, key.part, key.bytes, encode_row(row));
    for_each_index<Row>(
        [&](const auto& i) { add_entry(index_, index_key(i, row), index_value(i, row)); });
    for_each_inverted<Row>([&](const inverted_index<Row>& i) {
        for (const kv::key& term : inverted_keys(i, row)) {
            add_entry(terms_, term, {});
        }
    });
}

void row_builder::take(dump::located<user> row) {
    add_row(row.row);
}
void row_builder::take(dump::located<file> row) {
    add_row(row.row);
}
void row_builder::take(dump::located<comment> row) {
    add_row(row.row);
}
void row_builder::take(dump::located<like> row) {
    add_row(row.row);
}
void row_builder::take(dump::located<post> row, std::vector<dump::located<file>> /*files*/) {
    add_row(row.row);
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

/// The terms are half of all there is, and nothing waits for them: they are written while the rest
/// is still being checked.
void row_builder::begin_terms() {
    if (!loaded_terms_.valid()) {
        loaded_terms_ = std::async(std::launch::async, [this] {
            load_sorted(families::terms, terms_, [](std::uint64_t) {});
        });
    }
}

void row_builder::take_unique(std::string_view physical_key, entity_id id, bool alive) {
    begin_terms();
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

/// In the order of their ids: a counter lies in the part of its user or post.
void row_builder::add_counts(dump::dump_checker& checked) {
    const auto add_one = [this]<class Row>(const Row*, entity_id id, bool is_alive,
                                           std::int64_t counter) {
        const kv::key key = counter_key<Row>(id);
        if (counter != 0) {
            loader_->add_sum(key.family, key.part, key.bytes, counter);
        }
        if (is_alive) {
            kv::commit ranks;
            append_first_rank<Row>(ranks, id, counter);
            add_entries(std::move(ranks));
        }
    };
    const auto add_post = [&](const dump::known_post& each) {
        add_one(static_cast<const post*>(nullptr), each.id, each.is_alive != 0,
                each.likes * one_like + each.comments * one_comment);
    };
    const auto add_user = [&](const dump::known_user& each) {
        add_one(static_cast<const user*>(nullptr), each.id, each.is_alive != 0, each.posts);
    };
    static_assert(schema<post>::counter_name < schema<user>::counter_name);
    const auto posts = checked.posts().entries();
    auto next_post = posts.begin();
    for (const dump::known_user& each : checked.users().entries()) {
        for (; next_post != posts.end() && next_post->id <= each.id; ++next_post) {
            add_post(*next_post);
        }
        add_user(each);
    }
    for (; next_post != posts.end(); ++next_post) {
        add_post(*next_post);
    }
}

void row_builder::load_sorted(kv::family_id family, dump::external_sorter& from,
                              const std::function<void(std::uint64_t done)>& report) {
    from.finish();
    std::uint64_t done = 0;
    std::string last;
    while (const auto record = from.next()) {
        if (done++ % entries_between_reports == 0) {
            report(done);
        }
        if (family == families::jobs && std::exchange(last, record->key) == record->key) {
            continue;  // a post of which several files have to move
        }
        loader_->add(family, part_of(record->key), record->key.substr(part_bytes), record->value);
    }
    loader_->end_family(family);
}

void row_builder::finish(dump::dump_checker& checked, kv::commit meta, const work_watch& watch) {
    begin_terms();
    add_counts(checked);
    load_sorted(families::index, index_, [&](std::uint64_t done) {
        watch.advance({.phase = "indexes", .done = done, .total = index_.size()});
    });
    load_sorted(families::jobs, jobs_, [](std::uint64_t) {});
    loaded_terms_.get();
    watch.advance({.phase = "indexes", .done = index_.size(), .total = index_.size()});
    loader_->finish(std::move(meta));
}

}  // namespace pinhole::storage
