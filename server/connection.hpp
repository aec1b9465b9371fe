// One client connection: reads requests, has them handled, sends the answers, one after another.
//
// A single coroutine does it all; the body_reader that handlers see is the connection itself. It
// holds a small buffer for headers and, while a body is read, a larger one; both are bounded. The
// shard's timer calls `check_deadline`, and an expired deadline cancels what the coroutine awaits.
// Thread-safety: the shard's thread only. Blocking: never.
#pragma once

#include <sys/types.h>

#include <array>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "server/admission.hpp"
#include "server/body_reader.hpp"
#include "server/chunk_decoder.hpp"
#include "server/io_shard.hpp"
#include "server/message_guard.hpp"
#include "server/message_parser.hpp"
#include "server/request.hpp"
#include "server/transfer_pace.hpp"

namespace pinhole::http {

class connection final : public body_reader {
public:
    connection(io_shard& shard, boost::asio::ip::tcp::socket socket, admission::ticket ticket);
    connection(const connection&) = delete;
    connection& operator=(const connection&) = delete;
    ~connection() override;

    /// Serves until either side wants no more.
    boost::asio::awaitable<void> run();

    void check_deadline(std::chrono::steady_clock::time_point now);
    void begin_drain();
    void abort();
    /// Makes room for somebody else. False if a request has begun to come.
    /// Requires: it waits for one.
    bool close_if_idle();
    /// Since when it waits for a request. Requires: it does.
    std::chrono::steady_clock::time_point idle_since() const { return idle_since_; }

    std::optional<std::uint64_t> content_length() const override;
    void set_limit(std::uint64_t bytes_max) override { body_.bytes_max = bytes_max; }
    boost::asio::awaitable<std::expected<std::span<const char>, body_error>> read_some() override;

    std::size_t index_in_shard = 0;  ///< the shard's own note

private:
    using clock = std::chrono::steady_clock;

    /// Most headers fit; what an idle connection costs.
    static constexpr std::size_t header_buffer_bytes = 2 * 1024;

    /// What the coroutine waits for: decides what an expired deadline means.
    enum class phase : std::uint8_t { idle, header, handler, body, write, disk, linger };

    /// The body of the current request, as far as it is read.
    struct body_state {
        body_framing framing = body_framing::none;
        std::uint64_t content_length = 0;
        std::uint64_t left = 0;  ///< of a body with Content-Length
        std::uint64_t received = 0;
        std::uint64_t bytes_max = 0;
        bool continue_pending = false;  ///< the client waits for `100 Continue`
        bool done = true;
        std::optional<body_error> failure;
        chunk_decoder chunks;
    };

    /// Bytes still to be sent, in order.
    using send_parts = std::array<std::string_view, 2>;
    enum class send_outcome : std::uint8_t { done, would_block, failed };

    // Reading headers.
    boost::asio::awaitable<std::expected<std::size_t, refusal>> read_header();
    std::expected<std::size_t, refusal> scan_header(header_scanner& scanner);
    void make_room();
    void skip_empty_lines();

    // Serving one request.
    boost::asio::awaitable<bool> serve(std::string_view header);
    std::expected<message_framing, refusal> admit(std::string_view header, message_parser& parser,
                                                  message_line& line);
    void begin_body(const message_framing& framing);
    void choose_request_id(std::span<const header_view> fields);
    boost::asio::awaitable<response> handle(request& request);
    response answer_exception(std::exception_ptr thrown, const request& request);
    bool can_keep_alive(const message_framing& framing, const response& answer) const;
    boost::asio::awaitable<void> refuse(refusal reason, std::string_view received,
                                        clock::time_point started);
    boost::asio::awaitable<bool> finish_body();
    void give_up_handler();
    void log_answer(const request& request, status code, std::uint64_t bytes_sent,
                    clock::time_point started);

    // Bodies.
    boost::asio::awaitable<std::expected<std::span<const char>, body_error>> read_plain();
    boost::asio::awaitable<std::expected<std::span<const char>, body_error>> read_chunked();
    boost::asio::awaitable<std::expected<std::size_t, body_error>> receive(char* to,
                                                                           std::size_t bytes);
    boost::asio::awaitable<bool> send_continue();
    std::unexpected<body_error> fail_body(body_error error);
    void keep_pipelined_bytes();

    // Answers.
    boost::asio::awaitable<bool> send_answer(response& answer, bool keep_alive, bool http_1_0,
                                             bool head_only);
    send_outcome send_now(send_parts& parts, int flags);
    boost::asio::awaitable<bool> send_rest(send_parts parts, int flags);
    boost::asio::awaitable<bool> send_file(const file_slice& slice);
    boost::asio::awaitable<bool> fetch_window(int file, off_t offset, std::uint64_t bytes);
    void begin_write();
    boost::asio::awaitable<bool> wait_writable();
    void account_write(clock::time_point now);
    boost::asio::awaitable<void> linger();

    void enter(phase next, clock::time_point deadline);
    void cancel_wait();
    bool has_bytes_waiting();

    io_shard& shard_;
    boost::asio::ip::tcp::socket socket_;
    admission::ticket ticket_;
    idle_place idle_place_{*this};

    phase phase_ = phase::idle;
    clock::time_point deadline_ = clock::time_point::max();
    clock::time_point idle_since_;
    bool timed_out_ = false;
    bool aborted_ = false;
    bool linger_ = false;
    bool first_request_ = true;
    std::optional<clock::time_point> header_began_;  ///< of a header that comes in pieces
    const request* serving_ = nullptr;               ///< while its handler runs
    clock::time_point handler_began_;

    // Header bytes, and whatever came in the same reads: [begin_, end_) is not used up yet.
    std::unique_ptr<char[]> buffer_;
    std::size_t capacity_ = 0;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;

    // Body bytes behind those: [body_begin_, body_end_) is not used up yet (chunked bodies only).
    std::unique_ptr<char[]> body_buffer_;
    std::size_t body_capacity_ = 0;
    std::size_t body_begin_ = 0;
    std::size_t body_end_ = 0;

    body_state body_;
    transfer_pace pace_;
    clock::time_point write_accounted_at_;
    std::uint64_t unacknowledged_bytes_ = 0;  ///< sent, and not known to have arrived
    std::uint64_t bytes_sent_ = 0;            ///< of the current answer's body
    std::string request_id_;
    std::string wire_header_;
};

}  // namespace pinhole::http
