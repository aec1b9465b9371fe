#include "storage/restore/term_builder.hpp"

#include <type_traits>
#include <utility>

#include "storage/schema/keys.hpp"

namespace pinhole::storage {

namespace {

constexpr std::uint64_t terms_between_looks = 4096;

/// Terms are written in the order of their indexes' numbers, and rows come kind by kind.
template <class First, class Second>
constexpr bool has_terms_before =
    schema<First>::inverted.back().number < schema<Second>::inverted.front().number;
static_assert(has_terms_before<user, post> && has_terms_before<post, comment>);

}  // namespace

term_builder::term_builder(kv::bulk_loader& loader, std::filesystem::path scratch,
                           std::size_t memory_bytes)
    : loader_(loader),
      scratch_(std::move(scratch)),
      memory_bytes_(memory_bytes),
      sorter_(make_sorter()),
      rows_(
          [this](row& next) { std::visit([this](const auto& each) { add_terms(each); }, next); }) {}

term_builder::~term_builder() {
    is_ending_ = true;
}

/// Two live at a time: one is written, and one is filled.
std::unique_ptr<dump::posting_sorter> term_builder::make_sorter() const {
    return std::make_unique<dump::posting_sorter>(scratch_, memory_bytes_ / 2);
}

template <class Row>
void term_builder::add_terms(const Row& row) {
    if constexpr (std::is_same_v<Row, comment>) {
        if (!std::exchange(are_first_written_, true)) {
            write_on(false);
        }
    }
    sorter_->begin_row(posting_place(row));
    for_each_inverted<Row>([&](const inverted_index<Row>& i) {
        visit_term_prefixes(i, row, [this](std::string_view term) { sorter_->add(term); });
    });
}

/// Writes the terms there are by now, behind those that are being written.
void term_builder::write_on(bool are_last) {
    auto next = are_last ? nullptr : make_sorter();
    written_ = std::async(std::launch::async,
                          [this, are_last, sorter = std::exchange(sorter_, std::move(next)),
                           before = std::move(written_)]() mutable {
                              sorter->finish();
                              if (before.valid()) {
                                  before.get();
                              }
                              write(*sorter, are_last);
                              sorter.reset();
                          });
}

void term_builder::write(dump::posting_sorter& sorter, bool are_last) {
    std::uint64_t done = 0;
    while (const auto key = sorter.next()) {
        if (++done % terms_between_looks == 0 && is_ending_) {
            return;
        }
        loader_.add(families::terms, global_part, *key, {});
    }
    if (are_last) {
        loader_.end_family(families::terms);
    }
}

void term_builder::end() {
    if (!std::exchange(is_ended_, true)) {
        rows_.drain();
        write_on(true);
    }
}

bool term_builder::wait_for(std::chrono::milliseconds time) {
    if (written_.wait_for(time) != std::future_status::ready) {
        return false;
    }
    written_.get();
    return true;
}

}  // namespace pinhole::storage
