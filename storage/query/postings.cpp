#include "storage/query/postings.hpp"

#include <algorithm>
#include <utility>

#include "storage/kv/key_codec.hpp"
#include "storage/schema/keys.hpp"

namespace pinhole::storage::query {

namespace {

constexpr std::uint32_t batch_max = 512;
constexpr std::uint32_t batch_after_leap = 1;
/// The first batch is a page; what is missing after it is mostly little.
constexpr std::uint32_t batch_behind_first = 4;
constexpr std::uint64_t sign_bit = std::uint64_t{1} << 63;

std::uint64_t to_ordered(std::int64_t value, walking direction) {
    const std::uint64_t ordered = static_cast<std::uint64_t>(value) ^ sign_bit;
    return direction == walking::descending ? ~ordered : ordered;
}

std::int64_t from_ordered(std::uint64_t ordered, walking direction) {
    return static_cast<std::int64_t>((direction == walking::descending ? ~ordered : ordered) ^
                                     sign_bit);
}

class index_postings final : public postings {
public:
    index_postings(const kv::reader& reader, index_part part, walking direction,
                   const place_range& within, std::uint32_t first_batch)
        : reader_(reader),
          part_(std::move(part)),
          direction_(direction),
          within_(within),
          batch_(first_batch) {}

    std::optional<place> seek(place least) override {
        least = std::max(least, within_.first);
        const auto read = std::ranges::lower_bound(places_.begin() + at_, places_.end(), least);
        const auto skipped = read - (places_.begin() + at_);
        at_ = read - places_.begin();
        used_ += skipped < 2 ? 1 : 0;
        if (read != places_.end()) {
            return *read;
        }
        if (is_at_end_ || least > within_.last) {
            return std::nullopt;
        }
        read_from(least);
        return places_.empty() ? std::nullopt : std::optional{places_.front()};
    }

private:
    void read_from(place least) {
        if (!places_.empty()) {
            const bool was_useful = 2 * used_ >= places_.size();
            batch_ = !was_useful     ? batch_after_leap
                     : batches_ == 1 ? std::min(batch_, batch_behind_first)
                                     : std::min(batch_ * 2, batch_max);
        }
        kv::range range{.part = part_.part,
                        .family = part_.family,
                        .from = key_of(least),
                        .to = key_of(within_.last),
                        .limit = batch_,
                        .reverse = direction_ == walking::descending};
        if (range.reverse) {
            std::swap(range.from, range.to);
        }
        range.to += '\0';
        places_.clear();
        at_ = 0;
        used_ = 0;
        for (const kv::row& entry : reader_.scan(range)) {
            places_.push_back(place_of(entry.key));
        }
        is_at_end_ = places_.size() < batch_;
        ++batches_;
    }

    std::string key_of(const place& of) const {
        kv::key_writer out;
        out.append_i64(value_of(of, direction_));
        out.append_i64(id_of(of, direction_));
        return part_.prefix + out.bytes();
    }

    place place_of(std::string_view key) const {
        kv::key_reader in{key.substr(part_.prefix.size())};
        const auto value = in.read_i64();
        const auto id = in.read_i64();
        if (!value || !id || !in.at_end()) {
            throw corrupt_row{"an index entry's key is damaged"};
        }
        return to_place(*value, *id, direction_);
    }

    const kv::reader& reader_;
    index_part part_;
    walking direction_;
    place_range within_;
    std::uint32_t batch_;
    std::vector<place> places_;
    std::ptrdiff_t at_ = 0;
    std::size_t used_ = 0;  ///< of the places read, those that were not leapt over
    std::size_t batches_ = 0;
    bool is_at_end_ = false;
};

class listed_postings final : public postings {
public:
    explicit listed_postings(std::vector<place> places) : places_(std::move(places)) {
        std::ranges::sort(places_);
    }

    std::optional<place> seek(place least) override {
        const auto found = std::ranges::lower_bound(places_.begin() + at_, places_.end(), least);
        at_ = found - places_.begin();
        return found == places_.end() ? std::nullopt : std::optional{*found};
    }

private:
    std::vector<place> places_;
    std::ptrdiff_t at_ = 0;
};

class filtered_postings final : public postings {
public:
    filtered_postings(std::unique_ptr<postings> of, std::vector<entity_id> named, bool keeps_named,
                      walking direction)
        : of_(std::move(of)),
          named_(std::move(named)),
          keeps_named_(keeps_named),
          direction_(direction) {}

    std::optional<place> seek(place least) override {
        auto found = of_->seek(least);
        while (found &&
               std::ranges::binary_search(named_, id_of(*found, direction_)) != keeps_named_) {
            found = of_->seek(next_of(*found));
        }
        return found;
    }

private:
    std::unique_ptr<postings> of_;
    std::vector<entity_id> named_;
    bool keeps_named_;
    walking direction_;
};

class intersection final : public postings {
public:
    explicit intersection(std::vector<std::unique_ptr<postings>> parts)
        : parts_(std::move(parts)) {}

    std::optional<place> seek(place least) override {
        for (std::size_t agreed = 0, turn = 0; agreed < parts_.size();
             turn = (turn + 1) % parts_.size()) {
            const auto found = parts_[turn]->seek(least);
            if (!found) {
                return std::nullopt;
            }
            agreed = *found == least ? agreed + 1 : 1;
            least = *found;
        }
        return least;
    }

private:
    std::vector<std::unique_ptr<postings>> parts_;
};

class unification final : public postings {
public:
    explicit unification(std::vector<std::unique_ptr<postings>> parts) {
        heads_.reserve(parts.size());
        for (auto& each : parts) {
            heads_.push_back({std::move(each), place{}});
        }
    }

    std::optional<place> seek(place least) override {
        std::optional<place> nearest;
        for (head& each : heads_) {
            if (!is_begun_ || (each.at && *each.at < least)) {
                each.at = each.of->seek(least);
            }
            if (each.at && (!nearest || *each.at < *nearest)) {
                nearest = each.at;
            }
        }
        is_begun_ = true;
        return nearest;
    }

private:
    struct head {
        std::unique_ptr<postings> of;
        std::optional<place> at;  ///< nothing: at its end
    };
    std::vector<head> heads_;
    bool is_begun_ = false;
};

}  // namespace

place to_place(std::int64_t value, entity_id id, walking direction) {
    return {to_ordered(value, direction), to_ordered(id, direction)};
}

entity_id id_of(const place& of, walking direction) {
    return from_ordered(of.id, direction);
}

std::int64_t value_of(const place& of, walking direction) {
    return from_ordered(of.at, direction);
}

place next_of(place of) {
    return {of.id == ~std::uint64_t{0} ? of.at + 1 : of.at, of.id + 1};
}

std::unique_ptr<postings> open_index(const kv::reader& reader, index_part part, walking direction,
                                     const place_range& within, std::uint32_t first_batch) {
    return std::make_unique<index_postings>(reader, std::move(part), direction, within,
                                            first_batch);
}

std::unique_ptr<postings> open_places(std::vector<place> places) {
    return std::make_unique<listed_postings>(std::move(places));
}

std::unique_ptr<postings> without(std::unique_ptr<postings> of, std::vector<entity_id> left_out,
                                  walking direction) {
    return std::make_unique<filtered_postings>(std::move(of), std::move(left_out), false,
                                               direction);
}

std::unique_ptr<postings> among(std::unique_ptr<postings> of, std::vector<entity_id> kept,
                                walking direction) {
    return std::make_unique<filtered_postings>(std::move(of), std::move(kept), true, direction);
}

std::unique_ptr<postings> intersect(std::vector<std::unique_ptr<postings>> parts) {
    return parts.size() == 1 ? std::move(parts.front())
                             : std::make_unique<intersection>(std::move(parts));
}

std::unique_ptr<postings> unite(std::vector<std::unique_ptr<postings>> parts) {
    return parts.size() == 1 ? std::move(parts.front())
                             : std::make_unique<unification>(std::move(parts));
}

}  // namespace pinhole::storage::query
