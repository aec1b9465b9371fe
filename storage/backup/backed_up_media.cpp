#include "storage/backup/backed_up_media.hpp"

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "storage/dump/external_sorter.hpp"
#include "storage/maintenance/media_facts.hpp"
#include "storage/maintenance/parent_cache.hpp"
#include "storage/maintenance/row_walk.hpp"

namespace pinhole::storage::backup {

namespace {

constexpr std::size_t sorter_bytes = std::size_t{16} << 20U;

/// Tree, size, digest, in the words of a list's line.
std::string to_value(const file& row, bool is_public) {
    const auto size = static_cast<std::uint64_t>(std::max<std::int64_t>(row.size, 0));
    return (is_public ? "p" : "h") + std::to_string(size) + ' ' + row.sha256;
}

listed_medium to_medium(const dump::external_sorter::record& sorted) {
    const std::size_t space = sorted.value.find(' ');
    return {.path = std::string{sorted.key},
            .is_public = sorted.value.front() == 'p',
            .size_bytes = std::stoull(std::string{sorted.value.substr(1, space - 1)}),
            .sha256 = std::string{sorted.value.substr(space + 1)}};
}

class named_media {
public:
    named_media(const kv::reader& reader, dump::external_sorter& sorter)
        : posts_(reader), users_(reader), sorter_(sorter) {}

    void add(std::span<const kv::located_row> batch) {
        std::vector<file> rows;
        for (const kv::located_row& each : batch) {
            if (auto row = read_row<file>(each)) {
                rows.push_back(std::move(row->row));
            }
        }
        load_parents(rows);
        for (const file& row : rows) {
            if (const auto path = media_path_of(row)) {
                sorter_.add(*path, to_value(row, is_visible(row)));
            }
        }
    }

private:
    /// In a batch of each kind: one read for each row would take most of the time.
    void load_parents(const std::vector<file>& rows) {
        std::vector<entity_id> posts;
        posts.reserve(rows.size());
        for (const file& row : rows) {
            posts.push_back(row.post.id);
        }
        posts_.load(posts);
        std::vector<entity_id> users;
        for (const entity_id id : posts) {
            if (const auto owner = posts_.find(id); owner.is_alive()) {
                users.push_back(owner.author);
            }
        }
        users_.load(std::move(users));
    }

    bool is_visible(const file& row) {
        const parent_state owner = posts_.find(row.post.id);
        return !row.is_deleted && owner.is_alive() && users_.find(owner.author).is_alive();
    }

    parent_cache<post> posts_;
    parent_cache<user> users_;
    dump::external_sorter& sorter_;
};

}  // namespace

void for_each_named_medium(const kv::reader& reader, const std::filesystem::path& scratch,
                           const work_watch& watch,
                           const std::function<void(listed_medium medium)>& function) {
    dump::external_sorter sorter{scratch, sorter_bytes};
    named_media named{reader, sorter};
    work_progress progress{.phase = "files", .total = reader.approximate_rows(families::files)};
    walk_family(reader, families::files, [&](std::span<const kv::located_row> batch) {
        named.add(batch);
        progress.done += batch.size();
        watch.advance(progress);
    });
    sorter.finish();
    std::string last;
    while (const auto sorted = sorter.next()) {
        if (sorted->key == last) {
            continue;  // two rows with one URL, which a check reports
        }
        last = sorted->key;
        function(to_medium(*sorted));
    }
}

}  // namespace pinhole::storage::backup
