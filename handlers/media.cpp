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

http::response damaged_media() {
    return http::problem(http::status::internal_server_error,
                         "The file is damaged on the server's disk.");
}

void report_damage(const call& c, const storage::file& row, std::string_view problem) {
    c.api.log().error(std::string{problem} + ": restore it from a backup",
                      {{"path", row.url}, {"file", std::to_string(row.id)}});
}

/// Whether the bytes are those of the row. Read wholly the first time, on threads of their own,
/// since a long video takes its time. Rows without a digest (imported) have nothing to compare.
awaitable<result<bool>> holds_its_bytes(const call& c, const storage::file& row, int fd) {
    if (row.sha256.empty()) {
        co_return true;
    }
    media::verified_files& files = c.api.verified_media();
    auto found = files.find(media::identify(fd));
    if (!found) {
        const auto verified = co_await c.api.verify_pool().run(
            [&] { return files.verify(fd, static_cast<std::uint64_t>(row.size), row.sha256); });
        if (!verified) {
            co_return std::unexpected{storage::overloaded()};
        }
        found = *verified;
    }
    if (*found == media::verdict::found_damaged) {
        report_damage(c, row, "a media file is not what was uploaded");
    }
    co_return *found == media::verdict::intact;
}

struct found_media {
    storage::file row;
    media::open_file opened;
};

/// The row, and its file opened; nothing where the bytes are gone that should be there.
awaitable<result<std::optional<found_media>>> find_media(const call& c,
                                                         std::string_view media_path) {
    const std::string url = media::to_media_url(media_path);
    const auto find_row = [&](const kv::reader& reader) {
        return storage::find_media(reader, url);
    };
    // Twice: what is being deleted or restored has its row and its bytes moved one after the other.
    for (int attempt = 0; attempt < 2; ++attempt) {
        auto row = co_await c.api.work().read(find_row);
        if (!row) {
            co_return std::unexpected{std::move(row.error())};
        }
        const auto& store = c.api.database().media();
        bool is_hidden = false;
        auto opened = co_await c.api.read_pool().run([&] {
            auto file = store.open_public(media_path);
            is_hidden = !file && store.open_any(media_path).has_value();
            return file;
        });
        if (!opened) {
            co_return std::unexpected{storage::overloaded()};
        }
        if (*opened) {
            co_return found_media{std::move(*row), std::move(**opened)};
        }
        if (is_hidden) {
            co_return std::unexpected{storage::not_found("file").error()};
        }
        if (attempt > 0) {
            report_damage(c, *row, "the bytes of a media file are missing");
        }
    }
    co_return std::nullopt;
}

}  // namespace

awaitable<http::response> get_media(call& c) {
    const std::string_view media_path = c.request.parameter("path");
    if (!media::is_media_path(media_path)) {
        co_return no_such_media();
    }
    auto found = co_await find_media(c, media_path);
    if (!found) {
        co_return to_response(found.error());
    }
    if (!*found) {
        co_return damaged_media();
    }
    http::response answer = serve(c, (*found)->row, std::move((*found)->opened));
    // Only what sends bytes needs them to be right: a 304 says that the client has them already.
    if (const auto* slice = std::get_if<http::file_slice>(&answer.body)) {
        const auto is_intact = co_await holds_its_bytes(c, (*found)->row, slice->file.get());
        if (!is_intact) {
            co_return to_response(is_intact.error());
        }
        if (!*is_intact) {
            co_return damaged_media();
        }
    }
    co_return answer;
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
