#include "storage/query/candidate_walk.hpp"

#include <algorithm>
#include <limits>

#include "storage/kv/key_codec.hpp"
#include "storage/schema/keys.hpp"

namespace pinhole::storage::query {

namespace {

/// Sort keys of descending fields are complemented, index keys never.
std::string complemented(std::string bytes) {
    for (char& byte : bytes) {
        byte = static_cast<char>(~static_cast<unsigned char>(byte));
    }
    return bytes;
}

/// Where a walk begins behind a place of the list's.
place place_behind(const std::string& index_bytes, walking direction, bool is_total) {
    using limits = std::numeric_limits<std::int64_t>;
    kv::key_reader in{index_bytes};
    const auto value = in.read_i64();
    const auto id = in.read_i64();
    if (!value) {
        return {};
    }
    if (is_total && id) {
        return next_of(to_place(*value, *id, direction));
    }
    return to_place(*value, direction == walking::ascending ? limits::min() : limits::max(),
                    direction);
}

std::uint32_t first_batch_of(const list_request& request, const plan& by) {
    constexpr std::uint32_t batch_of_all = 512;
    return by.in == sequence::none || request.wants_count ? batch_of_all : request.page.size + 1;
}

}  // namespace

std::string to_sort_key(const place_of_walk& of, bool descending) {
    kv::key_writer out;
    out.append_i64(value_of(of.at, of.direction));
    out.append_i64(id_of(of.at, of.direction));
    return descending ? complemented(out.take()) : out.take();
}

candidate_walk::candidate_walk(row_reader& rows, const list_request& request, const plan& by,
                               bool backwards, const std::optional<position>& from, bool is_total)
    : rows_(rows),
      is_descending_(request.order.front().descending),
      direction_(is_descending_ != backwards ? walking::descending : walking::ascending) {
    const std::string beyond = from && by.in != sequence::none && !from->key.empty()
                                   ? (is_descending_ ? complemented(from->key) : from->key)
                                   : std::string{};
    const std::uint32_t first_batch = first_batch_of(request, by);
    if (by.is_of_rows()) {
        named_ = &by.accesses.front().ids;
        return;
    }
    if (by.in == sequence::text) {
        open_text(*by.text_index, beyond, is_total);
        return;
    }
    if (!beyond.empty()) {
        least_ = place_behind(beyond, direction_, is_total);
    }
    if (by.in == sequence::count) {
        places_ = by.counts.least > by.counts.greatest
                      ? open_places({})
                      : open_ranked(rows.raw(), request.root, *by.rank, by.counts, direction_,
                                    first_batch);
        return;
    }
    places_ = open_postings(rows, request.root, by.accesses, direction_,
                            to_places(by.within, direction_), first_batch);
}

void candidate_walk::open_text(const index_entry& index, const std::string& beyond, bool is_total) {
    std::string prefix = index_prefix(index.number, true);
    text_ = {.part = global_part,
             .family = families::index,
             .from = prefix,
             .to = kv::prefix_end(prefix),
             .reverse = direction_ == walking::descending};
    if (beyond.empty()) {
        return;
    }
    if (is_total) {
        prefix += beyond;
        text_.reverse ? text_.to = prefix : text_.from = prefix + '\0';
        return;
    }
    kv::key_writer group;
    group.append_string(kv::key_reader{beyond}.read_string().value_or(std::string{}));
    prefix += group.bytes();
    text_.reverse ? text_.to = kv::prefix_end(prefix) : text_.from = prefix;
}

std::vector<entity_id> candidate_walk::next(std::size_t count) {
    if (named_ != nullptr) {
        const std::size_t taken = std::min(count, named_->size() - named_done_);
        const auto begin = named_->begin() + static_cast<std::ptrdiff_t>(named_done_);
        named_done_ += taken;
        return {begin, begin + static_cast<std::ptrdiff_t>(taken)};
    }
    if (places_ == nullptr) {
        return next_of_text(count);
    }
    std::vector<entity_id> ids;
    ids.reserve(count);
    while (ids.size() < count) {
        const auto found = places_->seek(least_);
        if (!found) {
            break;
        }
        ids.push_back(id_of(*found, direction_));
        last_ = found;
        least_ = next_of(*found);
    }
    return ids;
}

std::vector<entity_id> candidate_walk::next_of_text(std::size_t count) {
    if (is_at_end_) {
        return {};
    }
    text_.limit = static_cast<std::uint32_t>(count);
    const auto entries = rows_.raw().scan(text_);
    is_at_end_ = entries.size() < count;
    if (!entries.empty()) {
        text_.reverse ? text_.to = entries.back().key : text_.from = entries.back().key + '\0';
    }
    return ids_of(entries);
}

std::optional<place_of_walk> candidate_walk::last() const {
    return last_ ? std::optional{place_of_walk{*last_, direction_}} : std::nullopt;
}

}  // namespace pinhole::storage::query
