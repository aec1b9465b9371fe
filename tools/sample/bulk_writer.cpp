#include "tools/sample/bulk_writer.hpp"

#include <algorithm>
#include <string>
#include <tuple>
#include <utility>
#include <variant>

#include "storage/schema/entities.hpp"

namespace pinhole::sample {

namespace {

constexpr std::size_t rows_max = 2'000;
/// Of what the store lets wait (64 MiB), all under way take less than half.
constexpr std::size_t operations_max = 40'000;
constexpr std::size_t under_way_max = 4;

std::tuple<kv::family_id, kv::part_id, const std::string&> place_of(
    const kv::operation& operation) {
    const kv::key& key =
        std::visit([](const auto& each) -> const kv::key& { return each.key; }, operation);
    return {key.family, key.part, key.bytes};
}

}  // namespace

void bulk_writer::row_done() {
    if (++rows_ >= rows_max || commit_.operations.size() >= operations_max) {
        submit();
    }
}

void bulk_writer::finish() {
    submit();
    wait_for(0);
    throw_if_refused();
}

void bulk_writer::submit() {
    wait_for(under_way_max - 1);
    throw_if_refused();
    // Neighbours one after another: the store finds their place in half the time, but for that
    // of postings, which it remembers. Any order will do, since new rows put nothing twice.
    const auto postings = std::ranges::partition(commit_.operations, [](const auto& each) {
        return std::get<0>(place_of(each)) != storage::families::terms;
    });
    std::ranges::sort(commit_.operations.begin(), postings.begin(), {}, place_of);
    {
        const std::lock_guard lock{mutex_};
        ++under_way_;
    }
    store_.submit(std::exchange(commit_, {}), [this](kv::outcome outcome) {
        const std::lock_guard lock{mutex_};
        --under_way_;
        worst_ = std::max(worst_, outcome);
        decided_.notify_one();
    });
    rows_ = 0;
}

void bulk_writer::wait_for(std::size_t at_most) {
    std::unique_lock lock{mutex_};
    decided_.wait(lock, [&] { return under_way_ <= at_most; });
}

void bulk_writer::throw_if_refused() {
    const std::lock_guard lock{mutex_};
    if (worst_ != kv::outcome::ok) {
        throw kv::storage_failure{worst_ == kv::outcome::exists
                                      ? "the store is not new: some of the rows are there"
                                      : "the store refused a commit: is the disk full?"};
    }
}

}  // namespace pinhole::sample
