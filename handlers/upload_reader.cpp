#include "handlers/upload_reader.hpp"

#include <algorithm>

#include "handlers/answers.hpp"
#include "handlers/handlers.hpp"
#include "handlers/idempotency.hpp"
#include "storage/kv/key_codec.hpp"
#include "storage/media/location.hpp"
#include "storage/posts.hpp"

namespace pinhole::handlers {

namespace {

using event = http::multipart_parser::event;
using storage::error_code;

/// Few enough hops to the pool, little enough memory for each upload.
constexpr std::size_t write_buffer_bytes = 256 * 1024;
/// Content this much longer than any valid one is not collected any further.
constexpr std::size_t content_bytes_max = 16 * 1024;
constexpr std::size_t parts_max = 64;

using probed = std::expected<media::media_info, media::probe_error>;

/// In this order, so that what was looked at is what is kept.
std::expected<probed, media::store_failure> clean_and_probe(media::incoming_file& file,
                                                            media::format format,
                                                            const media::probe_limits& limits) {
    std::optional<media::probe_error> refused;
    const auto rewritten = file.rewrite([&](int fd) {
        const auto removed = media::remove_location(fd, format);
        if (!removed) {
            refused = removed.error();
        }
        return removed && removed->changed;
    });
    if (!rewritten) {
        return std::unexpected{rewritten.error()};
    }
    if (refused) {
        return probed{std::unexpect, std::move(*refused)};
    }
    return media::probe(file.path(), limits);
}

http::response malformed(std::string why) {
    return to_response(storage::error{error_code::malformed, std::move(why), {}});
}

}  // namespace

received_files::~received_files() {
    if (files_.empty()) {
        return;
    }
    // A move_only_function owns them; refused by a full pool they go here and now.
    pool_->try_submit([files = std::move(files_)]() mutable { files.clear(); });
}

upload_reader::~upload_reader() {
    drop_incoming();
}

/// Freeing a large file can take a disk long.
void upload_reader::drop_incoming() {
    if (incoming_) {
        c_.api.placement_pool().try_submit(
            [incoming = std::exchange(incoming_, std::nullopt)]() mutable { incoming.reset(); });
    }
}

awaitable<std::expected<received_upload, http::response>> upload_reader::receive() {
    const auto boundary = http::parse_multipart_boundary(c_.request.header("content-type"));
    if (!boundary) {
        co_return std::unexpected{http::problem_with(http::status::unsupported_media_type,
                                                     boundary.error(), "accepted",
                                                     R"(["multipart/form-data"])")};
    }
    c_.request.body().set_limit(c_.api.options().upload_bytes_max);
    http::multipart_parser parser{*boundary, {.parts_max = parts_max}};
    for (;;) {
        const auto bytes = co_await c_.request.body().read_some();
        if (!bytes) {
            co_return std::unexpected{http::to_response(bytes.error())};
        }
        if (bytes->empty()) {
            break;
        }
        parser.feed(*bytes);
        for (;;) {
            const auto next = parser.next();
            if (!next) {
                co_return std::unexpected{malformed(next.error())};
            }
            if (*next == event::need_more || *next == event::end) {
                break;
            }
            if (auto refused = co_await handle(*next, parser)) {
                co_return std::unexpected{std::move(*refused)};
            }
        }
    }
    if (const auto finished = parser.finish(); !finished) {
        co_return std::unexpected{malformed(finished.error())};
    }
    if (auto refused = find_problem()) {
        co_return std::unexpected{std::move(*refused)};
    }
    upload_.fingerprint = fingerprint();
    co_return std::move(upload_);
}

awaitable<std::optional<http::response>> upload_reader::handle(event event,
                                                               http::multipart_parser& parser) {
    switch (event) {
        case event::part_begin:
            co_return begin_part(parser.header());
        case event::data:
            co_return co_await take_data(parser.data());
        case event::part_end:
            co_return co_await end_part();
        case event::need_more:
        case event::end:
            break;
    }
    co_return std::nullopt;
}

std::optional<http::response> upload_reader::begin_part(const http::part_header& header) {
    target_ = target::none;
    if (header.name == "content") {
        if (std::exchange(content_given_, true)) {
            faults_.push_back({"content", "repeated", "is given more than once"});
            return std::nullopt;
        }
        target_ = target::content;
        return std::nullopt;
    }
    if (header.name != "files") {
        faults_.push_back({header.name.substr(0, 64), "unknown_field",
                           "is unknown; allowed are: content, files"});
        return std::nullopt;
    }
    if (file_parts_ == storage::files_per_post_max) {
        const auto is_said = [](const auto& fault) { return fault.code == "too_many"; };
        if (std::ranges::none_of(faults_, is_said)) {
            faults_.push_back({"files", "too_many", "must be 1 to 10 files"});
        }
        return std::nullopt;
    }
    target_ = target::file;
    ++file_parts_;
    buffer_.clear();
    file_bytes_ = 0;
    format_.reset();
    return std::nullopt;
}

awaitable<std::optional<http::response>> upload_reader::take_data(std::span<const char> data) {
    if (target_ == target::content) {
        const std::size_t room =
            content_bytes_max - std::min(content_bytes_max, upload_.content.size());
        upload_.content.append(data.data(), std::min(room, data.size()));
        content_overflows_ = content_overflows_ || data.size() > room;
        co_return std::nullopt;
    }
    if (target_ == target::none) {
        co_return std::nullopt;
    }
    file_bytes_ += data.size();
    buffer_.append(data.data(), data.size());
    if (!format_ && buffer_.size() >= media::sniff_bytes_max) {
        if (auto refused = judge_first_bytes()) {
            co_return refused;
        }
    }
    if (format_ && file_bytes_ > file_bytes_max_) {
        co_return refuse_file(
            error_code::too_large,
            {media::probe_failure::too_many_bytes, "The file has more bytes than allowed.", {}});
    }
    if (buffer_.size() >= write_buffer_bytes) {
        co_return co_await store_buffer(false);
    }
    co_return std::nullopt;
}

std::optional<http::response> upload_reader::judge_first_bytes() {
    format_ = media::sniff(std::string_view{buffer_});
    if (!format_) {
        return refuse_file(error_code::unsupported_media,
                           {media::probe_failure::unsupported_type,
                            "The file is of a type that is not accepted.",
                            {}});
    }
    const media::probe_limits& limits = c_.api.options().media_limits;
    file_bytes_max_ = media::is_image(*format_) ? limits.image_bytes_max : limits.video_bytes_max;
    return std::nullopt;
}

awaitable<std::optional<http::response>> upload_reader::end_part() {
    if (target_ != target::file) {
        co_return std::nullopt;
    }
    if (file_bytes_ == 0) {
        faults_.push_back({file_field(), "empty", "is empty"});
        co_return std::nullopt;
    }
    if (!format_) {
        if (auto refused = judge_first_bytes()) {
            co_return refused;
        }
    }
    if (auto refused = co_await store_buffer(true)) {
        co_return refused;
    }
    if (info_) {
        upload_.files.all().push_back({std::move(*incoming_), *info_});
        incoming_.reset();
    } else {
        drop_incoming();
    }
    co_return std::nullopt;
}

/// Writes what is buffered to the file's place on disk; after the last piece, looks at the whole.
awaitable<std::optional<http::response>> upload_reader::store_buffer(bool is_last) {
    media::media_store& store = c_.api.database().media();
    // What is still to come, so that this upload never brings the store itself to a full disk. Its
    // length unknown, that is the rest of the largest file that the present one may be.
    const auto length = c_.request.body().content_length();
    const std::uint64_t left =
        length ? *length - stored_bytes_ : file_bytes_max_ - (file_bytes_ - buffer_.size());
    const std::uint64_t needed = c_.api.options().upload_reserve_bytes + left;
    std::vector<received_file>& files = upload_.files.all();
    const auto work = [&]() -> std::expected<std::optional<probed>, media::store_failure> {
        if (store.free_bytes() < needed) {
            return std::unexpected{media::store_failure::storage_full};
        }
        if (!incoming_) {
            // However many files it brings, an upload holds one descriptor of them.
            if (!files.empty()) {
                if (const auto sealed = files.back().bytes.seal(); !sealed) {
                    return std::unexpected{sealed.error()};
                }
            }
            auto begun = store.begin();
            if (!begun) {
                return std::unexpected{begun.error()};
            }
            incoming_.emplace(std::move(*begun));
        }
        if (const auto appended = incoming_->append(std::string_view{buffer_}); !appended) {
            return std::unexpected{appended.error()};
        }
        if (!is_last) {
            return std::nullopt;
        }
        return clean_and_probe(*incoming_, *format_, c_.api.options().media_limits);
    };
    // Checking may take seconds, and what only writes must not wait for it.
    auto& pool = is_last ? c_.api.media_pool() : c_.api.upload_pool();
    const auto done = co_await pool.run(work);
    stored_bytes_ += buffer_.size();
    buffer_.clear();
    if (!done) {
        co_return to_response(storage::overloaded());
    }
    if (!*done) {
        co_return to_response(storage::disk_full());
    }
    if (!is_last) {
        co_return std::nullopt;
    }
    const probed& seen = ***done;
    if (!seen) {
        c_.api.log().info("upload refused", {{"request_id", c_.request.request_id},
                                             {"reason", seen.error().message},
                                             {"detail", seen.error().detail}});
        if (seen.error().code == media::probe_failure::unsupported_type) {
            co_return refuse_file(error_code::unsupported_media, seen.error());
        }
        // A file that ended before its type was known was not measured as it came.
        if (seen.error().code == media::probe_failure::too_many_bytes) {
            co_return refuse_file(error_code::too_large, seen.error());
        }
        // What else is wrong with the upload is still to be found out.
        faults_.push_back(to_fault(seen.error()));
        info_.reset();
        co_return std::nullopt;
    }
    info_ = *seen;
    co_return std::nullopt;
}

storage::field_fault upload_reader::to_fault(const media::probe_error& refused) const {
    const auto code = [&]() -> std::string {
        switch (refused.code) {
            case media::probe_failure::unsupported_type:
                return "unsupported_type";
            case media::probe_failure::corrupt:
                return "corrupt";
            case media::probe_failure::too_many_bytes:
                return "too_large";
            case media::probe_failure::too_large:
                return "too_many_pixels";
            case media::probe_failure::too_long:
                return "too_long";
        }
        return "invalid";
    };
    return {file_field(), code(), refused.message};
}

/// Refuses a file that must not be read any further, and with it the upload.
http::response upload_reader::refuse_file(error_code code, const media::probe_error& refused) {
    faults_.insert(faults_.begin(), to_fault(refused));
    return to_response(storage::error{code, refused.message, faults_});
}

std::optional<http::response> upload_reader::find_problem() {
    if (content_overflows_) {
        faults_.push_back({"content", "too_long",
                           "must be at most " +
                               std::to_string(storage::post_content_rule.chars_max) +
                               " characters"});
    } else if (auto fault = storage::find_fault(
                   "content", storage::rule_of<storage::post>("content"), upload_.content)) {
        faults_.push_back(std::move(*fault));
    }
    const auto is_about_files = [](const storage::field_fault& fault) {
        return fault.field.starts_with("files");
    };
    if (upload_.files.all().empty() && std::ranges::none_of(faults_, is_about_files)) {
        faults_.push_back({"files", "required", "must be 1 to 10 files"});
    }
    if (faults_.empty()) {
        return std::nullopt;
    }
    return to_response(storage::error{
        error_code::invalid, "The upload has a field that is not valid: " + faults_.front().field,
        faults_});
}

std::string upload_reader::fingerprint() const {
    kv::key_writer out;
    out.append_string(upload_.content);
    for (const received_file& file : upload_.files.all()) {
        const auto digest = file.bytes.received_sha256();
        out.append_string({reinterpret_cast<const char*>(digest.data()), digest.size()});
    }
    return fingerprint_of(out.bytes());
}

std::string upload_reader::file_field() const {
    return "files[" + std::to_string(file_parts_ - 1) + ']';
}

}  // namespace pinhole::handlers
