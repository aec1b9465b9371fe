#include "storage/control/remote_store.hpp"

#include <algorithm>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "storage/control/remote_committer.hpp"
#include "storage/control/wire.hpp"

namespace pinhole::storage::control {

namespace {

/// What the server says cannot be understood. Its own kind of failure, so that a caller sees what
/// kv::reader promises.
template <class Read>
auto read_answer(const std::string& answer, const Read& read) {
    try {
        frame_reader in{answer};
        return read(in);
    } catch (const malformed_frame& malformed) {
        throw kv::storage_failure{std::string{"the server's answer: "} + malformed.what()};
    }
}

class remote_reader final : public kv::reader {
public:
    explicit remote_reader(std::shared_ptr<client> server) : server_(std::move(server)) {
        id_ = read_answer(server_->ask(make_request(request::snapshot)),
                          [](frame_reader& in) { return in.read_u32(); });
    }
    remote_reader(const remote_reader&) = delete;
    remote_reader& operator=(const remote_reader&) = delete;
    ~remote_reader() override {
        try {
            server_->ask(ask_of_snapshot(request::release));
        } catch (const std::exception&) {
            return;  // a server that is gone holds nothing
        }
    }

    std::optional<kv::value_with_stamp> get(const kv::key& key) const override {
        frame_writer out = ask_of_snapshot(request::get);
        append_key(out, key);
        return read_answer(server_->ask(out), read_value);
    }

    std::vector<std::optional<kv::value_with_stamp>> multi_get(
        std::span<const kv::key> keys) const override {
        std::vector<std::optional<kv::value_with_stamp>> found;
        found.reserve(keys.size());
        ask_for_keys(request::multi_get, keys,
                     [&](frame_reader& in) { found.push_back(read_value(in)); });
        return found;
    }

    std::int64_t counter(const kv::key& key) const override { return counters({&key, 1}).front(); }

    std::vector<std::int64_t> counters(std::span<const kv::key> keys) const override {
        std::vector<std::int64_t> sums;
        sums.reserve(keys.size());
        ask_for_keys(request::counters, keys,
                     [&](frame_reader& in) { sums.push_back(in.read_i64()); });
        return sums;
    }

    std::vector<kv::row> scan(const kv::range& range) const override {
        std::vector<kv::row> rows;
        kv::range left = range;
        bool has_more = range.limit > 0;
        while (has_more) {
            // As in the server: forward, the row before comes again, since the key behind it may
            // be too long to be asked for.
            const bool repeats = !rows.empty() && !range.reverse;
            const auto missing = range.limit - static_cast<std::uint32_t>(rows.size());
            left.limit = missing + (repeats ? 1 : 0);
            frame_writer out = ask_of_snapshot(request::scan);
            append_range(out, left);
            has_more = read_answer(server_->ask(out), [&](frame_reader& in) {
                const std::uint32_t count = in.read_u32();
                for (std::uint32_t i = 0; i < count; ++i) {
                    kv::row row = read_row(in);
                    if (i > 0 || !repeats) {
                        rows.push_back(std::move(row));
                    }
                }
                return in.read_u8() != 0;
            });
            if (has_more) {
                (range.reverse ? left.to : left.from) = rows.back().key;
            }
        }
        return rows;
    }

    std::vector<kv::located_row> walk(kv::family_id family, const kv::key* beyond,
                                      std::uint32_t limit) const override {
        std::vector<kv::located_row> rows;
        std::optional<kv::key> last = beyond != nullptr ? std::optional{*beyond} : std::nullopt;
        bool has_more = limit > 0;
        while (has_more) {
            frame_writer out = ask_of_snapshot(request::walk);
            out.append_u8(family);
            out.append_u8(last ? 1 : 0);
            if (last) {
                append_key(out, *last);
            }
            out.append_u32(limit - static_cast<std::uint32_t>(rows.size()));
            has_more = read_answer(server_->ask(out), [&](frame_reader& in) {
                const std::uint32_t count = in.read_u32();
                for (std::uint32_t i = 0; i < count; ++i) {
                    const kv::part_id part = in.read_i64();
                    rows.push_back({part, read_row(in)});
                }
                return in.read_u8() != 0;
            });
            if (has_more) {
                last = {rows.back().part, family, rows.back().row.key};
            }
        }
        return rows;
    }

    std::uint64_t approximate_rows(kv::family_id family) const override {
        frame_writer out = ask_of_snapshot(request::approximate);
        out.append_u8(family);
        return read_answer(server_->ask(out), [](frame_reader& in) { return in.read_u64(); });
    }

private:
    frame_writer ask_of_snapshot(request what) const {
        frame_writer out = make_request(what);
        out.append_u32(id_);
        return out;
    }

    /// Calls `read_one` for each of the keys, in their order.
    template <class ReadOne>
    void ask_for_keys(request what, std::span<const kv::key> keys, const ReadOne& read_one) const {
        while (!keys.empty()) {
            const auto some = keys.first(std::min(keys.size(), keys_max));
            frame_writer out = ask_of_snapshot(what);
            out.append_u32(static_cast<std::uint32_t>(some.size()));
            for (const kv::key& key : some) {
                append_key(out, key);
            }
            read_answer(server_->ask(out), [&](frame_reader& in) {
                for (std::size_t i = 0; i < some.size(); ++i) {
                    read_one(in);
                }
            });
            keys = keys.subspan(some.size());
        }
    }

    std::shared_ptr<client> server_;
    std::uint32_t id_ = 0;
};

}  // namespace

std::unique_ptr<remote_store> remote_store::connect(const std::filesystem::path& data_dir,
                                                    std::int64_t schema_version) {
    auto reads = client::connect(data_dir, schema_version);
    auto commits = reads ? client::connect(data_dir, schema_version) : nullptr;
    if (!commits) {
        return nullptr;
    }
    return std::unique_ptr<remote_store>{
        new remote_store{data_dir, schema_version, std::move(reads), std::move(commits)}};
}

remote_store::remote_store(std::filesystem::path data_dir, std::int64_t schema_version,
                           std::shared_ptr<client> reads, std::shared_ptr<client> commits)
    : data_dir_(std::move(data_dir)),
      schema_version_(schema_version),
      reads_(std::move(reads)),
      committer_(std::make_unique<remote_committer>(std::move(commits))) {}

remote_store::~remote_store() = default;

std::unique_ptr<kv::reader> remote_store::snapshot(kv::read_mode) const {
    return std::make_unique<remote_reader>(reads_);
}

void remote_store::submit(kv::commit commit, completion done) {
    committer_->submit(commit, std::move(done));
}

kv::health remote_store::health() const {
    try {
        return read_answer(reads_->ask(make_request(request::health)),
                           [](frame_reader& in) { return static_cast<kv::health>(in.read_u8()); });
    } catch (const kv::storage_failure&) {
        return kv::health::failed;
    }
}

kv::store_statistics remote_store::statistics() const {
    return read_answer(reads_->ask(make_request(request::statistics)), read_statistics);
}

dated_id remote_store::make_id() const {
    return read_answer(reads_->ask(make_request(request::make_id)), [](frame_reader& in) {
        const entity_id id = in.read_i64();
        return dated_id{id, from_microseconds(in.read_i64())};
    });
}

/// What is held is held by its connection, so each has one of its own.
std::shared_ptr<client> remote_store::connect_again() const {
    auto connected = client::connect(data_dir_, schema_version_);
    if (!connected) {
        throw server_unusable{"the server has ended"};
    }
    return connected;
}

remote_checkpoint remote_store::make_checkpoint() const {
    auto connection = connect_again();
    return read_answer(connection->ask(make_request(request::checkpoint)), [&](frame_reader& in) {
        const std::filesystem::path path{in.read_string()};
        return remote_checkpoint{path, from_microseconds(in.read_i64()), connection};
    });
}

std::shared_ptr<void> remote_store::hold_purge() const {
    auto connection = connect_again();
    connection->ask(make_request(request::hold_purge));
    return connection;
}

}  // namespace pinhole::storage::control
