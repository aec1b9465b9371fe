// A Django fixture as a dump without a manifest: whoever reads it sees the members that a dump has.
// The fixture is converted when the first of them is asked for.
//
// For one thread. Blocks: for as long as the conversion takes, and on the disk.
// Errors: throws dump::unreadable_dump, without a message, where the fixture has faults, which
// stand in the conversion's list; otherwise as conversion.hpp.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "storage/django/conversion.hpp"
#include "storage/dump/archive_reader.hpp"

namespace pinhole::storage::django {

class converted_dump final : public dump::archive_reader {
public:
    /// `convert` makes the conversion, run to its end; nothing if there is a fault.
    using convert_function = std::function<conversion*()>;
    explicit converted_dump(convert_function convert) : convert_(std::move(convert)) {}

    std::optional<dump::archive_member> next() override;
    std::size_t read(std::span<char> buffer) override;

private:
    void begin();

    convert_function convert_;
    conversion* made_ = nullptr;
    std::vector<converted_rows> rows_;
    std::size_t next_rows_ = 0;
    std::optional<spooled_medium> medium_;
    int fd_ = -1;  ///< of the rows at hand
    std::uint64_t at_ = 0;
    std::uint64_t end_ = 0;
};

}  // namespace pinhole::storage::django
