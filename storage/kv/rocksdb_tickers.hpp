// The few of RocksDB's running counts that operators look at.
//
// RocksDB's own collection keeps some two hundred of them, and each read of a key pays for a dozen.
// This one forgets all but those named in the .cpp; a cached read pays for one addition.
// Thread-safe. Never blocks.
#pragma once

#include <rocksdb/statistics.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "storage/kv/statistics.hpp"

namespace pinhole::kv {

class tickers final : public rocksdb::Statistics {
public:
    tickers();

    /// Sets the numbers that come from here.
    void read_into(store_counters& counters) const;

    std::uint64_t getTickerCount(std::uint32_t type) const override;
    void recordTick(std::uint32_t type, std::uint64_t count) override;
    void setTickerCount(std::uint32_t type, std::uint64_t count) override;
    std::uint64_t getAndResetTickerCount(std::uint32_t type) override;

    // No histograms.
    void histogramData(std::uint32_t type, rocksdb::HistogramData* data) const override;
    void recordInHistogram(std::uint32_t type, std::uint64_t value) override;
    bool HistEnabledForType(std::uint32_t type) const override;

private:
    static constexpr std::size_t kept_count = 10;
    static constexpr std::size_t lane_count = 16;

    /// Threads share these few, so that two seldom write to one cache line.
    struct alignas(64) lane {
        std::array<std::atomic<std::uint64_t>, kept_count> counts{};
    };
    static std::size_t own_lane();

    std::array<lane, lane_count> lanes_;
};

}  // namespace pinhole::kv
