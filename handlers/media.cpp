// Serves the files themselves, where no web server in front does, and moves them when what they
// belong to is deleted or restored.
#include "handlers/answers.hpp"
#include "handlers/handlers.hpp"
#include "server/range.hpp"
#include "storage/base/text.hpp"
#include "storage/files.hpp"

namespace pinhole::handlers {

namespace {

/// An uploaded file must never run as a page of this site, whatever a browser makes of it.
constexpr std::string_view inert_policy =
    "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'";

http::response no_such_media() {
    return to_response(storage::not_found("file").error());
}

http::response serve(const call& c, const storage::file& row, media::open_file opened) {
    const http::file_metadata metadata{
        .etag = '"' + row.sha256.substr(0, 32) + '"',
        .last_modified = std::chrono::floor<std::chrono::seconds>(row.created_at),
        .size_bytes = opened.size_bytes,
        .content_type = row.content_type};
    http::response answer =
        http::serve_file(c.request, metadata, http::unique_fd{opened.fd.release()});
    // A refusal is about this request, not about the file.
    if (answer.code == http::status::ok || answer.code == http::status::partial_content ||
        answer.code == http::status::not_modified) {
        answer.set("Cache-Control", "public, max-age=31536000, immutable");
    }
    answer.set("Content-Security-Policy", std::string{inert_policy});
    answer.set("X-Content-Type-Options", "nosniff");
    answer.set("Cross-Origin-Resource-Policy", "cross-origin");
    return answer;
}

}  // namespace

awaitable<http::response> get_media(call& c) {
    const std::string_view media_path = c.request.parameter("path");
    if (!media::is_media_path(media_path)) {
        co_return no_such_media();
    }
    const std::string url = media::to_media_url(media_path);
    const auto row = co_await c.api.work().read(
        [&](const kv::reader& reader) { return storage::find_media(reader, url); });
    if (!row) {
        co_return to_response(row.error());
    }
    auto opened = co_await c.api.read_pool().run(
        [&] { return c.api.database().media().open_public(media_path); });
    if (!opened) {
        co_return to_response(storage::overloaded());
    }
    if (!*opened) {
        co_return no_such_media();
    }
    co_return serve(c, *row, std::move(**opened));
}

awaitable<result<void>> place_media(call& c, storage::job job) {
    auto& placement = c.api.database().placement();
    for (;;) {
        // A pool task for each step, so that one large account does not hold the pool's threads.
        auto step = co_await c.api.placement_pool().run([&] { return placement.take_step(job); });
        if (!step || (*step && **step == storage::job_step::waits)) {
            c.api.database().wake_jobs();
            co_return storage::fail(storage::error_code::overloaded,
                                    "It is done, but its files are still being moved.");
        }
        if (!*step) {
            co_return std::unexpected{std::move(step->error())};
        }
        if (**step == storage::job_step::done) {
            co_return result<void>{};
        }
    }
}

}  // namespace pinhole::handlers
