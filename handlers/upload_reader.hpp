// Receives a post's multipart body: text into memory within its limit, files straight to disk,
// each judged by its content as soon as its first bytes are there.
//
// Memory stays at one write buffer whatever comes in. Disk work runs on the media pool.
// Thread-safety: one request's. Never blocks the calling thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "handlers/dispatch.hpp"
#include "server/multipart.hpp"
#include "storage/media/media_store.hpp"
#include "storage/media/probe.hpp"

namespace pinhole::handlers {

struct received_file {
    media::incoming_file bytes;
    media::media_info info;
};

/// Files on their way. Those still here at the end are removed on the placement pool: freeing a
/// large file can take a disk long.
class received_files {
public:
    explicit received_files(http::blocking_pool& pool) : pool_(&pool) {}
    received_files(received_files&&) = default;
    received_files& operator=(received_files&&) = delete;
    ~received_files();

    std::vector<received_file>& all() { return files_; }
    const std::vector<received_file>& all() const { return files_; }

private:
    http::blocking_pool* pool_;
    std::vector<received_file> files_;
};

struct received_upload {
    explicit received_upload(http::blocking_pool& pool) : files(pool) {}

    std::string content;
    received_files files;
    /// Over the content and every file's bytes as they came, not over the multipart framing: a
    /// client that retries picks another boundary.
    std::string fingerprint;
};

class upload_reader {
public:
    explicit upload_reader(call& c) : c_(c), upload_(c.api.placement_pool()) {}
    upload_reader(const upload_reader&) = delete;
    upload_reader& operator=(const upload_reader&) = delete;
    ~upload_reader();

    /// Reads the whole body. On failure, what was stored of it is gone again.
    awaitable<std::expected<received_upload, http::response>> receive();

private:
    enum class target : std::uint8_t { none, content, file };

    awaitable<std::optional<http::response>> handle(http::multipart_parser::event event,
                                                    http::multipart_parser& parser);
    std::optional<http::response> begin_part(const http::part_header& header);
    awaitable<std::optional<http::response>> take_data(std::span<const char> data);
    awaitable<std::optional<http::response>> end_part();
    std::optional<http::response> judge_first_bytes();
    awaitable<std::optional<http::response>> store_buffer(bool is_last);
    storage::field_fault to_fault(const media::probe_error& refused) const;
    http::response refuse_file(storage::error_code code, const media::probe_error& refused);
    void drop_incoming();
    std::optional<http::response> find_problem();
    std::string fingerprint() const;
    std::string file_field() const;

    call& c_;
    received_upload upload_;
    std::vector<storage::field_fault> faults_;
    bool content_given_ = false;
    bool content_overflows_ = false;
    std::size_t file_parts_ = 0;      ///< begun so far
    std::uint64_t stored_bytes_ = 0;  ///< of all files, on disk so far

    target target_ = target::none;
    std::string buffer_;  ///< of the present file: bytes not on disk yet
    std::uint64_t file_bytes_ = 0;
    std::uint64_t file_bytes_max_ = 0;
    std::optional<media::format> format_;  ///< of the present file, once judged
    std::optional<media::incoming_file> incoming_;
    std::optional<media::media_info> info_;
};

}  // namespace pinhole::handlers
