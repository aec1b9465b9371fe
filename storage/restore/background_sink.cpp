#include "storage/restore/background_sink.hpp"

#include <type_traits>
#include <utility>

namespace pinhole::storage {

background_sink::background_sink(row_builder& inner)
    : inner_(inner), queue_([this](item& next) { hand_over(next); }) {}

void background_sink::hand_over(item& next) {
    std::visit(
        [this](auto& row) {
            if constexpr (std::is_same_v<std::remove_cvref_t<decltype(row)>, dump::located<post>>) {
                inner_.take(std::move(row), {});
            } else {
                inner_.take(std::move(row));
            }
        },
        next);
}

void background_sink::take(dump::located<user> row) {
    queue_.push(std::move(row));
}
void background_sink::take(dump::located<file> row) {
    queue_.push(std::move(row));
}
void background_sink::take(dump::located<comment> row) {
    queue_.push(std::move(row));
}
void background_sink::take(dump::located<like> row) {
    queue_.push(row);
}
void background_sink::take(dump::located<post> row,
                           std::span<const dump::located<file>> /*files*/) {
    queue_.push(std::move(row));
}

void background_sink::begin_medium(const std::string& media_path) {
    queue_.drain();
    inner_.begin_medium(media_path);
}
void background_sink::append_medium(std::span<const char> bytes) {
    inner_.append_medium(bytes);
}
void background_sink::end_medium() {
    inner_.end_medium();
}
void background_sink::end_rows(std::span<const dump::known_user> users,
                               std::span<const dump::known_post> posts) {
    queue_.drain();
    inner_.end_rows(users, posts);
}
void background_sink::take_unique(std::string_view physical_key, entity_id id, bool alive) {
    queue_.drain();
    inner_.take_unique(physical_key, id, alive);
}
void background_sink::take_place(const dump::file_place& place) {
    queue_.drain();
    inner_.take_place(place);
}

}  // namespace pinhole::storage
