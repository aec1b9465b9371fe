// One connection to the control socket: answers requests until the other end leaves. Everything
// that it was given goes with it. Of one thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "storage/control/service.hpp"
#include "storage/control/wire.hpp"

namespace pinhole::storage::control {

/// A connection that asks for more of them is refused.
inline constexpr std::size_t snapshots_max = 256;

class session {
public:
    explicit session(const service_options& options) : options_(options) {}
    session(const session&) = delete;
    session& operator=(const session&) = delete;
    ~session();

    /// The answer to one request. Errors: throws malformed_frame.
    std::string answer_to(std::string_view payload);

private:
    void carry_out(request what, frame_reader& in, frame_writer& out);
    const kv::reader& read_snapshot(frame_reader& in) const;
    std::vector<kv::key> read_keys(frame_reader& in, bool of_counters) const;
    kv::family_id read_family(frame_reader& in) const;
    /// Whether the family's kind is that of counters. Errors: malformed_frame if there is none.
    bool holds_counters(kv::family_id family) const;

    void make_snapshot(frame_reader& in, frame_writer& out);
    void release(frame_reader& in);
    void get(frame_reader& in, frame_writer& out) const;
    void multi_get(frame_reader& in, frame_writer& out) const;
    void scan(frame_reader& in, frame_writer& out) const;
    void walk(frame_reader& in, frame_writer& out) const;
    void counters(frame_reader& in, frame_writer& out) const;
    void approximate(frame_reader& in, frame_writer& out) const;
    void submit(frame_reader& in, frame_writer& out) const;
    void make_id(frame_writer& out) const;
    void make_checkpoint(frame_writer& out);
    void hold_purge();
    void append_statistics_of_store(frame_writer& out) const;

    const service_options& options_;
    std::unordered_map<std::uint32_t, std::unique_ptr<kv::reader>> snapshots_;
    std::uint32_t last_snapshot_ = 0;
    std::vector<std::filesystem::path> checkpoints_;
    std::vector<std::shared_ptr<void>> holds_;
};

}  // namespace pinhole::storage::control
