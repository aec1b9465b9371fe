#include "server/connection.hpp"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <cassert>
#include <cstring>

#include "server/problem.hpp"
#include "server/response_header.hpp"
#include "server/target.hpp"
#include "server/text.hpp"
#include "server/use_result.hpp"

namespace pinhole::http {
namespace {

namespace asio = boost::asio;

/// Of a body that its handler left unread, so much is read for the sake of the connection.
constexpr std::uint64_t unread_body_bytes_max = 64 * 1024;
/// Method, spaces and version beside the target in a request line that is still incomplete.
constexpr std::size_t request_line_slack_bytes = 64;
constexpr std::size_t request_id_bytes_max = 128;
/// For the log alone: the client was gone before it had an answer. No status of a standard, but
/// the one that operators know from other servers' logs.
constexpr auto client_closed_request = static_cast<status>(499);

/// Whatever tracing systems make up, e.g. `Root=1-…`; it goes into the log, which quotes it.
bool is_usable_request_id(std::string_view id) {
    return !id.empty() && id.size() <= request_id_bytes_max &&
           std::ranges::all_of(id, [](char c) { return c >= 0x21 && c <= 0x7e; });
}

}  // namespace

connection::connection(io_shard& shard, asio::ip::tcp::socket socket, admission::ticket ticket)
    : shard_(shard),
      socket_(std::move(socket)),
      ticket_(std::move(ticket)),
      pace_(shard.options().transfer_grace, shard.options().bytes_per_second_min) {
    shard_.add(*this);
    shard_.metrics().connections_admitted.add();
}

connection::~connection() {
    shard_.remove(*this);
}

asio::awaitable<void> connection::run() {
    for (;;) {
        const auto header_bytes = co_await read_header();
        if (!header_bytes) {
            const std::string_view received(buffer_.get() + begin_, end_ - begin_);
            const auto started = header_began_.value_or(clock::now());
            co_await refuse(header_bytes.error(), received, started);
            break;
        }
        if (*header_bytes == 0) {
            break;
        }
        const std::string_view header(buffer_.get() + begin_, *header_bytes);
        begin_ += *header_bytes;
        const bool keep_alive = co_await serve(header);
        if (!keep_alive) {
            break;
        }
    }
    if (linger_ && !aborted_) {
        co_await linger();
    }
}

void connection::enter(phase next, clock::time_point deadline) {
    phase_ = next;
    deadline_ = deadline;
    timed_out_ = false;
    if (next == phase::idle) {
        shard_.note_idle(idle_place_);
    } else {
        shard_.note_busy(idle_place_);
    }
}

void connection::check_deadline(clock::time_point now) {
    if (aborted_ || now < deadline_) {
        return;
    }
    if (phase_ == phase::write && !timed_out_) {
        // Too few bytes arrived to wake the coroutine, yet enough to keep up the minimum rate?
        account_write(now);
        deadline_ = pace_.deadline(now);
        if (now < deadline_) {
            return;
        }
    }
    if (phase_ != phase::handler) {
        // Cancelled at every sweep until the coroutine has seen it: it may be between two waits.
        timed_out_ = true;
        cancel_wait();
        return;
    }
    give_up_handler();
}

/// A handler can't be interrupted, but its client need not wait any longer. There is no second
/// coroutine to wait for the socket, so the answer gets one try; it is short, and nothing but a
/// `100 Continue` was sent before it.
void connection::give_up_handler() {
    shard_.log().warning("a handler exceeded its time", {{"request_id", request_id_}});
    shard_.metrics().count_refused(refused::handler_timeout);
    response answer = problem(status::service_unavailable, "The server took too long to answer.");
    assert(serving_ != nullptr);
    shard_.routes().apply_cors(*serving_, answer);
    const bool head_only = serving_->method == verb::head;
    const bool told =
        send_and_forget(socket_.native_handle(), answer,
                        {.request_id = request_id_, .date = shard_.date()}, head_only);
    const std::uint64_t bytes_sent = told && !head_only ? answer.body_bytes() : 0;
    log_answer(*serving_, told ? answer.code : client_closed_request, bytes_sent, handler_began_);
    abort();
}

/// A request that has come already is answered: closing over it would reset the connection, and
/// its client could not tell whether it was carried out.
void connection::begin_drain() {
    if (phase_ == phase::idle && !has_bytes_waiting()) {
        cancel_wait();
    }
}

bool connection::has_bytes_waiting() {
    boost::system::error_code ec;
    return socket_.available(ec) > 0;
}

void connection::cancel_wait() {
    boost::system::error_code ignored;  // on a socket that is closed nothing waits any more
    socket_.cancel(ignored);
}

bool connection::close_if_idle() {
    assert(phase_ == phase::idle);
    if (has_bytes_waiting()) {
        return false;
    }
    abort();
    ticket_.leave();
    return true;
}

void connection::abort() {
    aborted_ = true;
    shard_.note_busy(idle_place_);
    boost::system::error_code ignored;  // closing releases the descriptor whatever it reports
    socket_.close(ignored);
}

asio::awaitable<std::expected<std::size_t, refusal>> connection::read_header() {
    header_scanner scanner;
    const auto& options = shard_.options();
    phase_ = phase::idle;
    header_began_.reset();
    for (bool waiting = false;;) {
        if (begin_ < end_) {
            const auto scanned = scan_header(scanner);
            if (!scanned || *scanned > 0) {
                co_return scanned;
            }
        }
        const bool begun = begin_ < end_;
        if (!begun && shard_.draining() && !has_bytes_waiting()) {
            co_return 0;
        }
        if (!waiting || (begun && phase_ == phase::idle)) {
            const bool patient = !begun && !first_request_;
            const auto now = clock::now();
            idle_since_ = now;
            enter(begun ? phase::header : phase::idle,
                  now + (patient ? options.idle_timeout : options.header_timeout));
            waiting = true;
            if (begun) {
                header_began_ = now;
            }
        }
        make_room();
        const auto [ec, bytes] = co_await socket_.async_read_some(
            asio::buffer(buffer_.get() + end_, capacity_ - end_), use_result);
        if (ec) {
            if (timed_out_ && begun) {
                co_return std::unexpected(
                    refusal{status::request_timeout, "The header came too slowly."});
            }
            co_return 0;
        }
        end_ += bytes;
        shard_.metrics().received_bytes.add(bytes);
    }
}

std::expected<std::size_t, refusal> connection::scan_header(header_scanner& scanner) {
    const auto& options = shard_.options();
    skip_empty_lines();
    const std::string_view received(buffer_.get() + begin_, end_ - begin_);
    const auto scanned = scanner.scan(received);
    if (!scanned) {
        return scanned;
    }
    if (*scanned > options.header_bytes_max ||
        (*scanned == 0 && received.size() >= options.header_bytes_max)) {
        return std::unexpected(
            scanner.request_line_complete()
                ? refusal{status::request_header_fields_too_large, "The header is too large."}
                : refusal{status::uri_too_long, "The request line is too long."});
    }
    if (*scanned == 0 && !scanner.request_line_complete() &&
        received.size() > options.target_bytes_max + request_line_slack_bytes) {
        return std::unexpected(refusal{status::uri_too_long, "The request line is too long."});
    }
    return scanned;
}

/// RFC 9112 §2.2: empty lines before a request line are to be ignored.
void connection::skip_empty_lines() {
    while (end_ - begin_ >= 2 && buffer_[begin_] == '\r' && buffer_[begin_ + 1] == '\n') {
        begin_ += 2;
    }
}

/// Leaves room for at least one byte behind `end_`. Called only when nothing points into the
/// buffer.
void connection::make_room() {
    const std::size_t used = end_ - begin_;
    if (used == 0) {
        begin_ = end_ = 0;
        if (capacity_ > header_buffer_bytes) {
            buffer_.reset();  // an idle connection goes back to the small buffer
            capacity_ = 0;
        }
    }
    if (capacity_ - end_ >= header_buffer_bytes / 4) {
        return;
    }
    if (begin_ > 0) {
        std::memmove(buffer_.get(), buffer_.get() + begin_, used);
        begin_ = 0;
        end_ = used;
    }
    if (capacity_ - end_ >= header_buffer_bytes / 4) {
        return;
    }
    const std::size_t larger =
        std::clamp(capacity_ * 2, header_buffer_bytes,
                   std::max(shard_.options().header_bytes_max, header_buffer_bytes));
    if (larger > capacity_) {
        auto grown = std::make_unique_for_overwrite<char[]>(larger);
        if (used > 0) {
            std::memcpy(grown.get(), buffer_.get(), used);
        }
        buffer_ = std::move(grown);
        capacity_ = larger;
    }
    assert(end_ < capacity_);
}

std::expected<message_framing, refusal> connection::admit(std::string_view header,
                                                          message_parser& parser,
                                                          message_line& line) {
    if (const auto wrong = check_header_bytes(header, shard_.options().target_bytes_max)) {
        return std::unexpected(*wrong);
    }
    const auto parsed = parser.parse_header(header);
    if (!parsed) {
        return std::unexpected(parsed.error());
    }
    line = *parsed;
    return check_message(line, parser.fields());
}

asio::awaitable<bool> connection::serve(std::string_view header) {
    const auto started = clock::now();
    first_request_ = false;
    message_parser parser;
    message_line line{};
    const auto framing = admit(header, parser, line);
    if (!framing) {
        co_await refuse(framing.error(), header, started);
        co_return false;
    }
    const auto in_flight = shard_.metrics().enter();
    begin_body(*framing);
    choose_request_id(parser.fields());

    request request(*this);
    request.method = line.method;
    request.target = line.target;
    request.headers = parser.fields();
    request.request_id = request_id_;
    request.remote_address =
        shard_.options().trusted_proxies.client_of(ticket_.address(), request.headers);
    handler_began_ = started;
    serving_ = &request;
    enter(phase::handler, started + shard_.options().handler_timeout);
    response answer = co_await handle(request);
    serving_ = nullptr;
    if (aborted_) {
        co_return false;
    }

    bool keep_alive = can_keep_alive(*framing, answer);
    const bool head_only = line.method == verb::head;
    const bool sent = co_await send_answer(answer, keep_alive, line.version < 11, head_only);
    const bool client_left = body_.failure == body_error::disconnected;
    log_answer(request, client_left ? client_closed_request : answer.code, bytes_sent_, started);
    if (!sent) {
        if (timed_out_) {
            shard_.metrics().count_refused(refused::answer_timeout);
        }
        co_return false;
    }
    if (keep_alive) {
        keep_alive = co_await finish_body();
    }
    // Also when all is read as far as anybody knows: more may have come to the kernel since.
    linger_ = !keep_alive;
    body_buffer_.reset();
    co_return keep_alive;
}

void connection::begin_body(const message_framing& framing) {
    body_ = {.framing = framing.body,
             .content_length = framing.content_length,
             .left = framing.content_length,
             .received = 0,
             .bytes_max = shard_.options().body_bytes_max,
             .continue_pending = framing.expects_continue,
             .done = framing.body == body_framing::none,
             .failure = std::nullopt,
             .chunks = {}};
    pace_ = transfer_pace(shard_.options().transfer_grace, shard_.options().bytes_per_second_min);
    body_begin_ = body_end_ = 0;
}

void connection::choose_request_id(std::span<const header_view> fields) {
    request_id_.clear();
    for (const auto& field : fields) {
        if (equals_ignoring_case(field.name, "x-request-id") && is_usable_request_id(field.value)) {
            request_id_ = field.value;
            return;
        }
    }
    shard_.append_request_id(request_id_);
}

asio::awaitable<response> connection::handle(request& request) {
    auto target = parse_target(origin_form(request.method, request.target));
    if (!target) {
        shard_.metrics().count_refused(refused::malformed);
        auto answer = problem(status::bad_request, std::string(target.error()));
        shard_.routes().apply_cors(request, answer);
        co_return answer;
    }
    request.path = std::move(target->path);
    request.query = std::move(target->query);
    std::exception_ptr thrown;
    try {
        co_return co_await shard_.routes().dispatch(request);
    } catch (...) {
        thrown = std::current_exception();
    }
    auto answer = answer_exception(thrown, request);
    shard_.routes().apply_cors(request, answer);
    co_return answer;
}

response connection::answer_exception(std::exception_ptr thrown, const request& request) {
    std::string what;
    try {
        std::rethrow_exception(thrown);
    } catch (const std::exception& exception) {
        what = exception.what();
    } catch (...) {
        what = "an exception of unknown type";
    }
    shard_.log().error(
        "a handler threw",
        {{"request_id", request.request_id}, {"route", request.log().route}, {"what", what}});
    if (const auto& translate = shard_.options().translate_exception) {
        if (auto answer = translate(thrown)) {
            return std::move(*answer);
        }
    }
    return problem(status::internal_server_error, "The server failed to answer this request.");
}

bool connection::can_keep_alive(const message_framing& framing, const response& answer) const {
    if (!framing.keep_alive || answer.close_connection || shard_.draining() || body_.failure) {
        return false;
    }
    // A client that still waits for `100 Continue` may send the body or not: nobody can tell.
    return body_.done || (!body_.continue_pending && body_.left <= unread_body_bytes_max);
}

/// Reads what the handler left of the body, so that the next request can be found behind it.
asio::awaitable<bool> connection::finish_body() {
    const std::uint64_t received_before = body_.received;
    set_limit(UINT64_MAX);
    while (!body_.done) {
        const auto piece = co_await read_some();
        if (!piece || body_.received - received_before > unread_body_bytes_max) {
            co_return false;
        }
    }
    keep_pipelined_bytes();
    co_return true;
}

void connection::log_answer(const request& request, status code, std::uint64_t bytes_sent,
                            clock::time_point started) {
    request_line line;
    line.request_id = request_id_;
    line.status = static_cast<unsigned>(code);
    line.bytes = bytes_sent;
    line.time_taken = std::chrono::duration_cast<std::chrono::microseconds>(clock::now() - started);
    if (request.method != verb::unknown) {
        const auto method = boost::beast::http::to_string(request.method);
        line.method = {method.data(), method.size()};
    }
    line.route = request.log().route;
    line.user_id = request.log().user_id;
    shard_.log().request(line);
    shard_.metrics().count_answer(request.log().route_number, request.method, line.status,
                                  line.time_taken);
}

}  // namespace pinhole::http
