// The half of a connection that sends answers; see connection.hpp.
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <cerrno>

#include "server/connection.hpp"
#include "server/response_header.hpp"
#include "server/use_result.hpp"

namespace pinhole::http {
namespace {

namespace asio = boost::asio;

/// What a sender that is no longer listened to may push between two looks at its connection.
constexpr std::size_t linger_bytes_max = 1024 * 1024;

}  // namespace

asio::awaitable<bool> connection::send_answer(response& answer, bool keep_alive, bool http_1_0,
                                              bool head_only) {
    bytes_sent_ = 0;
    wire_header_.clear();
    append_response_header(wire_header_, answer,
                           {.request_id = request_id_,
                            .date = shard_.date(),
                            .keep_alive = keep_alive,
                            .say_keep_alive = http_1_0});
    const bool with_body = !head_only && may_have_body(answer.code);
    const auto* text = std::get_if<std::string>(&answer.body);
    const auto* file = std::get_if<file_slice>(&answer.body);
    const bool with_file = with_body && file != nullptr && file->length > 0;
    send_parts parts{wire_header_, with_body && text != nullptr ? *text : std::string_view()};

    pace_ = transfer_pace(shard_.options().transfer_grace, shard_.options().bytes_per_second_min);
    begin_write();
    // The kernel holds the header back until the file's first bytes can go with it.
    const int flags = with_file ? MSG_MORE : 0;
    const auto outcome = send_now(parts, flags);
    bool sent = outcome == send_outcome::done;
    if (outcome == send_outcome::would_block) {
        sent = co_await send_rest(parts, flags);
    }
    if (sent && with_file) {
        co_return co_await send_file(*file);
    }
    if (sent && with_body && text != nullptr) {
        bytes_sent_ = text->size();
    }
    co_return sent;
}

connection::send_outcome connection::send_now(send_parts& parts, int flags) {
    for (;;) {
        std::array<iovec, 2> pieces{};
        std::size_t count = 0;
        std::size_t total = 0;
        for (const auto part : parts) {
            if (!part.empty()) {
                pieces[count++] = {.iov_base = const_cast<char*>(part.data()),
                                   .iov_len = part.size()};
                total += part.size();
            }
        }
        if (total == 0) {
            return send_outcome::done;
        }
        msghdr message{};
        message.msg_iov = pieces.data();
        message.msg_iovlen = count;
        const ssize_t sent =
            ::sendmsg(socket_.native_handle(), &message, flags | MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0) {
            if (errno == EINTR) {
                continue;
            }
            return errno == EAGAIN || errno == EWOULDBLOCK ? send_outcome::would_block
                                                           : send_outcome::failed;
        }
        unacknowledged_bytes_ += static_cast<std::uint64_t>(sent);
        shard_.metrics().sent_bytes.add(static_cast<std::uint64_t>(sent));
        auto left = static_cast<std::size_t>(sent);
        for (auto& part : parts) {
            const auto used = std::min(left, part.size());
            part.remove_prefix(used);
            left -= used;
        }
        if (static_cast<std::size_t>(sent) == total) {
            return send_outcome::done;
        }
    }
}

asio::awaitable<bool> connection::send_rest(send_parts parts, int flags) {
    for (;;) {
        const auto outcome = send_now(parts, flags);
        if (outcome != send_outcome::would_block) {
            co_return outcome == send_outcome::done;
        }
        const bool writable = co_await wait_writable();
        if (!writable) {
            co_return false;
        }
    }
}

void connection::begin_write() {
    write_accounted_at_ = clock::now();
    enter(phase::write, pace_.deadline(write_accounted_at_));
}

asio::awaitable<bool> connection::wait_writable() {
    begin_write();
    const auto [ec] = co_await socket_.async_wait(asio::socket_base::wait_write, use_result);
    account_write(clock::now());
    co_return !ec;
}

/// What counts is what the client's side has acknowledged. Bytes that enter the kernel's buffer
/// tell nothing: it takes megabytes at once, and then none for as long as a third of them needs.
void connection::account_write(clock::time_point now) {
    int queued_bytes = 0;
    const bool known = ::ioctl(socket_.native_handle(), SIOCOUTQ, &queued_bytes) == 0;
    const auto queued =
        known ? std::min(static_cast<std::uint64_t>(queued_bytes), unacknowledged_bytes_)
              : unacknowledged_bytes_;
    pace_.account(now - write_accounted_at_, unacknowledged_bytes_ - queued);
    unacknowledged_bytes_ = queued;
    write_accounted_at_ = now;
}

/// Closes so that the client can still read the answer: closing with unread bytes in the kernel's
/// buffer resets the connection, and the reset overtakes the answer (RFC 9112 §9.6).
asio::awaitable<void> connection::linger() {
    boost::system::error_code ec;
    socket_.shutdown(asio::socket_base::shutdown_send, ec);
    if (ec) {
        co_return;
    }
    // Time alone bounds it: a fast sender would use up any number of bytes before it listens.
    enter(phase::linger, clock::now() + shard_.options().linger_timeout);
    for (;;) {
        const auto [wait_ec] =
            co_await socket_.async_wait(asio::socket_base::wait_read, use_result);
        if (wait_ec) {
            co_return;
        }
        // tcp(7): MSG_TRUNC has the kernel discard the bytes instead of copying them out.
        const ssize_t bytes =
            ::recv(socket_.native_handle(), nullptr, linger_bytes_max, MSG_TRUNC | MSG_DONTWAIT);
        if (bytes == 0 || (bytes < 0 && errno != EAGAIN && errno != EINTR)) {
            co_return;
        }
    }
}

}  // namespace pinhole::http
