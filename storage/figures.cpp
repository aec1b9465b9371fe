#include "storage/figures.hpp"

#include <filesystem>

#include "storage/jobs.hpp"
#include "storage/ranking.hpp"
#include "storage/schema/entities.hpp"

namespace pinhole::storage {

namespace {

disk_room room_at(const std::filesystem::path& folder) {
    const auto space = std::filesystem::space(folder);
    return {.free_bytes = space.available, .bytes = space.capacity};
}

}  // namespace

database_figures read_figures(database& database) {
    database_figures figures;
    if (const auto* source = kv::statistics_of(database.store())) {
        figures.store = source->statistics();
    }
    if (const auto* source = kv::counters_of(database.store())) {
        figures.counters = source->counters();
    }
    figures.rows = room_at(database.data_dir() / "db");
    figures.media = room_at(database.data_dir() / "media");
    const auto reader = database.store().snapshot(kv::read_mode::blocking);
    figures.jobs_waiting = list_jobs(*reader, waiting_counted_max).size();
    figures.unranked_posts = list_unranked<post>(*reader, waiting_counted_max).keys.size();
    figures.unranked_users = list_unranked<user>(*reader, waiting_counted_max).keys.size();
    return figures;
}

}  // namespace pinhole::storage
