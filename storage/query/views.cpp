#include "storage/query/views.hpp"

#include <utility>

#include "storage/schema/json_writer.hpp"
#include "storage/visibility.hpp"

namespace pinhole::storage::query {

namespace {

template <class Row>
std::vector<Row> take_rows(std::vector<any_row>& rows) {
    std::vector<Row> taken;
    taken.reserve(rows.size());
    for (any_row& row : rows) {
        taken.push_back(std::get<Row>(std::move(row)));
    }
    return taken;
}

template <class View>
void append_array(std::string& out, const std::vector<View>& views) {
    out += '[';
    for (std::size_t i = 0; i < views.size(); ++i) {
        out += i == 0 ? "" : ",";
        storage::append_json(out, views[i]);
    }
    out += ']';
}

/// Rows that show one person beside them.
template <class View, class Row, class PersonOf>
std::vector<View> with_people(row_reader& rows, std::vector<Row> found, const PersonOf& person_of) {
    std::vector<entity_id> people;
    people.reserve(found.size());
    for (const Row& row : found) {
        people.push_back(person_of(row));
    }
    rows.load_users(people);
    std::vector<View> views;
    views.reserve(found.size());
    for (Row& row : found) {
        user_brief person = brief_of(rows.alive_user(person_of(row))->row);
        views.push_back({std::move(row), std::move(person)});
    }
    return views;
}

std::vector<user_view> to_user_views(const kv::reader& reader, std::vector<user> found) {
    std::vector<kv::key> keys;
    keys.reserve(found.size());
    for (const user& row : found) {
        keys.push_back(user_post_count_key(row.id));
    }
    const auto counts = reader.counters(keys);
    std::vector<user_view> views;
    views.reserve(found.size());
    for (std::size_t i = 0; i < found.size(); ++i) {
        views.push_back({std::move(found[i]), counts[i]});
    }
    return views;
}

std::vector<post_view> load_post_views(row_reader& rows, entity_id viewer,
                                       std::vector<post> found) {
    std::vector<entity_id> authors;
    authors.reserve(found.size());
    for (const post& row : found) {
        authors.push_back(row.author.id);
    }
    rows.load_users(authors);
    return to_post_views(rows, viewer, std::move(found));
}

/// Hands the views, all of one kind, to `take`.
template <class Take>
void join(const kv::reader& reader, sight sees, entity_id viewer, entity which,
          std::vector<any_row> found, const Take& take) {
    row_reader rows{reader, sees};
    switch (which) {
        case entity::user:
            return take(to_user_views(reader, take_rows<user>(found)));
        case entity::post:
            return take(load_post_views(rows, viewer, take_rows<post>(found)));
        case entity::file: {
            std::vector<file_view> views;
            views.reserve(found.size());
            for (file& row : take_rows<file>(found)) {
                views.push_back({std::move(row)});
            }
            return take(std::move(views));
        }
        case entity::comment:
            return take(with_people<comment_view>(
                rows, take_rows<comment>(found), [](const comment& row) { return row.author.id; }));
        case entity::like:
            return take(with_people<like_view>(rows, take_rows<like>(found),
                                               [](const like& row) { return row.user.id; }));
    }
    std::unreachable();
}

}  // namespace

void append_views(std::string& out, const kv::reader& reader, sight sees, entity_id viewer,
                  entity which, std::vector<any_row> found) {
    join(reader, sees, viewer, which, std::move(found),
         [&](const auto& views) { append_array(out, views); });
}

std::vector<any_view> load_views(const kv::reader& reader, sight sees, entity_id viewer,
                                 entity which, std::vector<any_row> found) {
    std::vector<any_view> loaded;
    loaded.reserve(found.size());
    join(reader, sees, viewer, which, std::move(found), [&](auto views) {
        for (auto& view : views) {
            loaded.emplace_back(std::move(view));
        }
    });
    return loaded;
}

}  // namespace pinhole::storage::query
