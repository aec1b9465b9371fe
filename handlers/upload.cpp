// POST /posts: all files and the post exist, or nothing does.
#include "handlers/answers.hpp"
#include "handlers/handlers.hpp"
#include "handlers/idempotency.hpp"
#include "handlers/upload_reader.hpp"
#include "storage/base/text.hpp"
#include "storage/posts.hpp"

namespace pinhole::handlers {

namespace {

using storage::error_code;
using published_files = std::vector<media::published_file>;

/// Makes the bytes durable under their final names. The row must follow, or a withdrawal.
awaitable<result<published_files>> publish(call& c, received_upload& upload) {
    std::vector<media::publish_request> requests;
    for (received_file& file : upload.files.all()) {
        requests.push_back({&file.bytes, media::extension(file.info.format)});
    }
    auto published = co_await c.api.upload_pool().run(
        [&] { return c.api.database().media().publish_all(requests); });
    if (!published) {
        co_return std::unexpected{storage::overloaded()};
    }
    if (!*published) {
        co_return std::unexpected{storage::disk_full()};
    }
    co_return std::move(**published);
}

/// The post's row with its files'; nothing while no ids can be had.
std::optional<storage::post> make_row(call& c, const received_upload& upload,
                                      const published_files& published,
                                      const std::vector<std::string>& digests) {
    auto& ids = c.api.database().ids();
    // Not when the request was taken: a slow upload would slip in behind newer posts, where nobody
    // who pages looks again.
    const auto made = ids.next_dated(storage::now());
    if (!made) {
        return std::nullopt;
    }
    const storage::timestamp at = made->created_at;
    storage::post row{.id = made->id,
                      .author = {c.who.user},
                      .content = upload.content,
                      .created_at = at,
                      .updated_at = at};
    for (std::size_t i = 0; i < published.size(); ++i) {
        const auto id = ids.next();
        if (!id) {
            return std::nullopt;
        }
        const media::media_info& info = upload.files.all()[i].info;
        row.files.push_back({.id = *id,
                             .post = {made->id},
                             .position = static_cast<std::int64_t>(i),
                             .type = info.kind == media::media_kind::image ? "image" : "video",
                             .url = media::to_media_url(published[i].media_path),
                             .content_type = std::string{info.content_type},
                             .size = static_cast<std::int64_t>(published[i].size_bytes),
                             .width = info.width,
                             .height = info.height,
                             .sha256 = digests[i],
                             .created_at = at,
                             .updated_at = at});
    }
    return row;
}

/// Drops the markers, or takes the files back. Nobody waits: if the pool is too busy, the sweep at
/// the next start does the same.
void finish(call& c, published_files published, bool is_committed) {
    auto& store = c.api.database().media();
    const bool queued = c.api.placement_pool().try_submit(
        [&store, &log = c.api.log(), published = std::move(published), is_committed] {
            try {
                is_committed ? store.settle(published) : store.withdraw(published);
            } catch (const std::exception& failure) {
                log.error("tidying up after an upload failed; the next start does it",
                          {{"detail", failure.what()}});
            }
        });
    if (!queued) {
        c.api.log().warning("an upload's markers are left for the next start to tidy up");
    }
}

awaitable<result<storage::idempotent_answer>> commit(call& c, const held_key& key,
                                                     const storage::post& row,
                                                     const std::string& fingerprint) {
    auto plan = [&](const kv::reader& reader) { return storage::plan_create_post(reader, row); };
    auto render = [](const storage::post_view& view) {
        return storage::idempotent_answer{
            .status = 201,
            .location = "/api/v1/posts/" + std::to_string(view.row.id),
            .body = storage::to_json(view)};
    };
    co_return co_await write_as_caller(c, [&](const kv::reader& reader) {
        return plan_once(reader, c, key, fingerprint, plan, render);
    });
}

}  // namespace

awaitable<http::response> create_post(call& c) {
    const auto key = hold_key(c, "post");
    if (!key) {
        co_return to_response(key.error());
    }
    upload_reader reader{c};
    auto upload = co_await reader.receive();
    if (!upload) {
        co_return std::move(upload.error());
    }
    const auto earlier = co_await c.api.work().read([&](const kv::reader& snapshot) {
        return find_earlier_answer(snapshot, c, *key, upload->fingerprint);
    });
    if (!earlier) {
        co_return to_response(earlier.error());
    }
    if (*earlier) {
        co_return to_response(**earlier);
    }
    std::vector<std::string> digests;
    for (const received_file& file : upload->files.all()) {
        digests.push_back(storage::to_hex(file.bytes.sha256()));
    }
    auto published = co_await publish(c, *upload);
    if (!published) {
        co_return to_response(published.error());
    }
    const auto row = make_row(c, *upload, *published, digests);
    if (!row) {
        finish(c, std::move(*published), false);
        co_return no_id_answer(c);
    }
    const auto answer = co_await commit(c, *key, *row, upload->fingerprint);
    const bool may_exist = answer || answer.error().code == error_code::unavailable;
    if (answer || !may_exist) {
        finish(c, std::move(*published), answer.has_value());
    }
    co_return answer ? to_response(*answer) : to_response(answer.error());
}

}  // namespace pinhole::handlers
