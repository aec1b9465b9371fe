// The half of a connection that reads request bodies; see connection.hpp.
#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <cstring>
#include <utility>

#include "server/connection.hpp"
#include "server/use_result.hpp"

namespace pinhole::http {
namespace {

namespace asio = boost::asio;

constexpr std::size_t body_buffer_bytes = 64 * 1024;

refused to_refused(body_error error) {
    switch (error) {
        case body_error::too_large:
            return refused::body_too_large;
        case body_error::malformed:
            return refused::body_malformed;
        case body_error::timed_out:
            return refused::body_timeout;
        case body_error::disconnected:
            break;
    }
    return refused::body_disconnected;
}

}  // namespace

std::optional<std::uint64_t> connection::content_length() const {
    if (body_.framing == body_framing::chunked) {
        return std::nullopt;
    }
    return body_.content_length;
}

std::unexpected<body_error> connection::fail_body(body_error error) {
    body_.failure = error;
    shard_.metrics().count_refused(to_refused(error));
    return std::unexpected(error);
}

asio::awaitable<std::expected<std::span<const char>, body_error>> connection::read_some() {
    if (body_.failure) {
        co_return std::unexpected(*body_.failure);
    }
    if (body_.done) {
        co_return std::span<const char>();
    }
    auto piece = body_.framing == body_framing::chunked ? read_chunked() : read_plain();
    co_return co_await std::move(piece);
}

asio::awaitable<std::expected<std::span<const char>, body_error>> connection::read_plain() {
    if (body_.content_length > body_.bytes_max) {
        co_return fail_body(body_error::too_large);
    }
    std::span<const char> piece;
    if (begin_ < end_) {
        piece = {buffer_.get() + begin_, std::min<std::uint64_t>(end_ - begin_, body_.left)};
        begin_ += piece.size();
    } else {
        if (!body_buffer_) {
            body_capacity_ = std::min<std::uint64_t>(body_buffer_bytes, body_.left);
            body_buffer_ = std::make_unique_for_overwrite<char[]>(body_capacity_);
        }
        const auto bytes = co_await receive(body_buffer_.get(),
                                            std::min<std::uint64_t>(body_capacity_, body_.left));
        if (!bytes) {
            co_return std::unexpected(bytes.error());
        }
        piece = {body_buffer_.get(), *bytes};
    }
    body_.left -= piece.size();
    body_.received += piece.size();
    body_.done = body_.left == 0;
    co_return piece;
}

asio::awaitable<std::expected<std::span<const char>, body_error>> connection::read_chunked() {
    if (!body_buffer_) {
        // As large as the header buffer, so that what is left over at the end fits in there.
        body_capacity_ = std::max(shard_.options().header_bytes_max, header_buffer_bytes);
        body_buffer_ = std::make_unique_for_overwrite<char[]>(body_capacity_);
        body_end_ = end_ - begin_;
        std::copy_n(buffer_.get() + begin_, body_end_, body_buffer_.get());
        begin_ = end_;
    }
    for (;;) {
        if (body_begin_ < body_end_) {
            const auto step =
                body_.chunks.decode({body_buffer_.get() + body_begin_, body_end_ - body_begin_});
            if (!step) {
                co_return fail_body(step.error());
            }
            body_begin_ += step->consumed;
            body_.received += step->data.size();
            body_.done = step->done;
            if (body_.received > body_.bytes_max) {
                co_return fail_body(body_error::too_large);
            }
            if (body_.done || !step->data.empty()) {
                co_return std::span<const char>(step->data);
            }
        }
        const auto bytes = co_await receive(body_buffer_.get(), body_capacity_);
        if (!bytes) {
            co_return std::unexpected(bytes.error());
        }
        body_begin_ = 0;
        body_end_ = *bytes;
    }
}

asio::awaitable<std::expected<std::size_t, body_error>> connection::receive(char* to,
                                                                            std::size_t bytes) {
    if (body_.continue_pending) {
        body_.continue_pending = false;
        const bool told = co_await send_continue();
        if (!told) {
            const bool too_slow = timed_out_;
            enter(phase::handler, clock::now() + shard_.options().handler_timeout);
            co_return fail_body(too_slow ? body_error::timed_out : body_error::disconnected);
        }
    }
    const auto asked = clock::now();
    enter(phase::body, pace_.deadline(asked));
    const auto [ec, received] =
        co_await socket_.async_read_some(asio::buffer(to, bytes), use_result);
    const auto answered = clock::now();
    const bool too_slow = timed_out_;
    enter(phase::handler, answered + shard_.options().handler_timeout);
    if (ec) {
        co_return fail_body(too_slow ? body_error::timed_out : body_error::disconnected);
    }
    pace_.account(answered - asked, received);
    shard_.metrics().received_bytes.add(received);
    co_return received;
}

asio::awaitable<bool> connection::send_continue() {
    begin_write();
    send_parts parts{"HTTP/1.1 100 Continue\r\n\r\n", {}};
    co_return co_await send_rest(parts, 0);
}

/// Bytes of the next request that a chunked body's last read brought along go back to its buffer.
void connection::keep_pipelined_bytes() {
    const std::size_t bytes = body_end_ - body_begin_;
    if (bytes == 0) {
        return;
    }
    if (capacity_ < bytes) {
        buffer_ = std::make_unique_for_overwrite<char[]>(body_capacity_);
        capacity_ = body_capacity_;
    }
    std::memcpy(buffer_.get(), body_buffer_.get() + body_begin_, bytes);
    begin_ = 0;
    end_ = bytes;
    body_begin_ = body_end_ = 0;
}

}  // namespace pinhole::http
