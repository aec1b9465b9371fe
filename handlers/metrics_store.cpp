// What /metrics tells of the database.
#include "handlers/metric_families.hpp"
#include "storage/base/time.hpp"

namespace pinhole::handlers {

namespace {

void append_family_figures(families& out, const kv::store_statistics& store) {
    auto rows = gauge_family("pinhole_store_rows",
                             "Keys of a family, about: overwritten ones may be counted as well");
    auto bytes = gauge_family("pinhole_store_table_bytes", "Bytes of a family's tables on disk");
    auto memory = gauge_family("pinhole_store_memtable_bytes",
                               "Bytes of a family in memory that are in no table yet");
    auto tables = gauge_family("pinhole_store_tables", "Tables of a family");
    for (const auto& each : store.families) {
        const label name{"family", each.name};
        rows.add(each.approximate_rows, {name});
        bytes.add(each.disk_bytes, {name});
        memory.add(each.memory_bytes, {name});
        tables.add(each.files, {name});
    }
    for (auto* made : {&rows, &bytes, &memory, &tables}) {
        out.push_back(made->take());
    }
}

void append_store_gauges(families& out, const kv::store_statistics& store) {
    const auto gauge = [&out](std::string name, std::string help, std::uint64_t value) {
        out.push_back(gauge_family(std::move(name), std::move(help)).add(value).take());
    };
    gauge("pinhole_store_block_cache_bytes", "Bytes of the block cache in use", store.cache_bytes);
    gauge("pinhole_store_block_cache_max_bytes", "Bytes that the block cache may have",
          store.cache_bytes_max);
    gauge("pinhole_store_log_bytes", "Bytes of the write-ahead log", store.log_bytes);
    gauge("pinhole_store_pending_compaction_bytes", "Bytes that compactions have to rewrite, about",
          store.compaction_pending_bytes);
    gauge("pinhole_store_running_compactions", "Compactions running", store.compactions_running);
    gauge("pinhole_store_running_flushes", "Flushes running", store.flushes_running);
}

void append_store_counters(families& out, const kv::store_counters& counters) {
    const auto counter = [&out](std::string name, std::string help, double value) {
        out.push_back(counter_family(std::move(name), std::move(help)).add(value).take());
    };
    out.push_back(counter_family("pinhole_store_block_cache_lookups_total",
                                 "Blocks looked for in the block cache")
                      .add(counters.cache_hits, {{"result", "hit"}})
                      .add(counters.cache_misses, {{"result", "miss"}})
                      .take());
    const auto number = [](std::uint64_t value) { return static_cast<double>(value); };
    counter("pinhole_store_table_read_bytes_total", "Bytes read from tables, by compactions too",
            number(counters.table_bytes_read));
    counter("pinhole_store_log_written_bytes_total", "Bytes written to the write-ahead log",
            number(counters.log_bytes_written));
    counter("pinhole_store_log_syncs_total", "Syncs of the write-ahead log",
            number(counters.log_syncs));
    counter("pinhole_store_flush_written_bytes_total", "Bytes of tables written by flushes",
            number(counters.flush_bytes_written));
    counter("pinhole_store_compaction_read_bytes_total", "Bytes of tables read by compactions",
            number(counters.compaction_bytes_read));
    counter("pinhole_store_compaction_written_bytes_total",
            "Bytes of tables written by compactions", number(counters.compaction_bytes_written));
    counter("pinhole_store_write_stall_seconds_total",
            "Time that writes were held back because compactions were behind",
            number(counters.stall_us) / 1e6);
}

void append_commits(families& out, const kv::store_counters& counters) {
    out.push_back(counter_family(
                      "pinhole_store_commits_total",
                      "Commits decided, by outcome; conflicts are tried again by whoever made them")
                      .add(counters.commits_ok, {{"outcome", "ok"}})
                      .add(counters.commits_conflict, {{"outcome", "conflict"}})
                      .add(counters.commits_exists, {{"outcome", "exists"}})
                      .add(counters.commits_unknown, {{"outcome", "unknown"}})
                      .add(counters.commits_unavailable, {{"outcome", "unavailable"}})
                      .take());
    out.push_back(counter_family("pinhole_store_commit_groups_total",
                                 "Writes, each of which carries all commits that waited for it")
                      .add(counters.commit_groups)
                      .take());
    out.push_back(gauge_family("pinhole_store_waiting_commits", "Commits that wait to be decided")
                      .add(counters.commits_waiting)
                      .take());
}

}  // namespace

void append_health_families(families& out, const storage::database& database) {
    const auto health = database.health();
    const bool ready = health == kv::health::ok && storage::is_plausible(storage::now());
    const auto is = [health](kv::health state) { return std::uint64_t{health == state ? 1U : 0U}; };
    out.push_back(gauge_family("pinhole_ready", "1 if writes are taken, as /readyz has it")
                      .add(std::uint64_t{ready ? 1U : 0U})
                      .take());
    out.push_back(gauge_family("pinhole_store_health", "1 for the state that the store is in")
                      .add(is(kv::health::ok), {{"state", "ok"}})
                      .add(is(kv::health::full), {{"state", "full"}})
                      .add(is(kv::health::failed), {{"state", "failed"}})
                      .take());
}

void append_store_families(families& out, const storage::database_figures& figures) {
    append_family_figures(out, figures.store);
    append_store_gauges(out, figures.store);
    append_store_counters(out, figures.counters);
    append_commits(out, figures.counters);
    out.push_back(gauge_family("pinhole_disk_free_bytes",
                               "Room on the file system of the database, and on that of the media")
                      .add(figures.rows.free_bytes, {{"of", "db"}})
                      .add(figures.media.free_bytes, {{"of", "media"}})
                      .take());
    out.push_back(gauge_family("pinhole_disk_size_bytes", "Size of those file systems")
                      .add(figures.rows.bytes, {{"of", "db"}})
                      .add(figures.media.bytes, {{"of", "media"}})
                      .take());
    out.push_back(gauge_family("pinhole_jobs_waiting", "Jobs to be done, 10000 at most")
                      .add(figures.jobs_waiting)
                      .take());
    out.push_back(gauge_family("pinhole_unranked_marks",
                               "Changed counts that the indexes by count do not know yet, 10000 at "
                               "most")
                      .add(figures.unranked_posts, {{"entity", "posts"}})
                      .add(figures.unranked_users, {{"entity", "users"}})
                      .take());
}

}  // namespace pinhole::handlers
