#include "storage/maintenance/purge_count.hpp"

#include "storage/maintenance/media_facts.hpp"
#include "storage/maintenance/parent_cache.hpp"

namespace pinhole::storage {

namespace {

class purge_counter {
public:
    purge_counter(const kv::reader& reader, const purge_options& options)
        : reader_(reader), options_(options) {}

    purge_report count() {
        count_rows<user>(report_.users, [this](const user& row) { return goes(row); });
        count_rows<post>(report_.posts,
                         [this](const post& row) { return goes(row) || user_goes(row.author.id); });
        count_rows<file>(report_.files, [this](const file& row) {
            if (!goes(row) && !post_goes(row.post.id)) {
                return false;
            }
            report_.media_bytes += static_cast<std::uint64_t>(media_path_of(row) ? row.size : 0);
            return true;
        });
        count_rows<comment>(report_.comments, [this](const comment& row) {
            return goes(row) || user_goes(row.author.id) || post_goes(row.post.id);
        });
        count_rows<like>(report_.likes, [this](const like& row) {
            return goes(row) || user_goes(row.user.id) || post_goes(row.post.id);
        });
        return report_;
    }

private:
    template <class Row, class Predicate>
    void count_rows(std::size_t& count, const Predicate& goes_away) {
        std::uint64_t done = 0;
        walk_rows<Row>(reader_, [&](const stored<Row>& found) {
            options_.watch.advance({.phase = schema<Row>::name, .done = ++done});
            count += goes_away(found.row) ? 1 : 0;
        });
    }

    template <class Row>
    bool goes(const Row& row) const {
        return is_over(row, options_.before);
    }
    bool goes(const parent_state& parent) const {
        return parent.is_deleted && parent.deleted_since < options_.before;
    }
    bool user_goes(entity_id id) { return goes(users_.find(id)); }
    bool post_goes(entity_id id) {
        const parent_state parent = posts_.find(id);
        return goes(parent) || (parent.presence == presence::sound && user_goes(parent.author));
    }

    const kv::reader& reader_;
    const purge_options& options_;
    parent_cache<user> users_{reader_};
    parent_cache<post> posts_{reader_};
    purge_report report_;
};

}  // namespace

purge_report count_purge(const kv::reader& reader, const purge_options& options) {
    return purge_counter{reader, options}.count();
}

}  // namespace pinhole::storage
