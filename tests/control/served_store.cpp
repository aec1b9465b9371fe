#include "tests/control/served_store.hpp"

#include <utility>

#include "storage/control/socket.hpp"
#include "storage/kv/rocksdb_store.hpp"

namespace pinhole::test {

namespace {

constexpr std::chrono::minutes patience{1};

}  // namespace

std::unique_ptr<kv::store> open_test_store(const std::filesystem::path& directory) {
    kv::rocksdb_options options;
    options.directory = directory;
    options.families.assign(kv::test::families.begin(), kv::test::families.end());
    options.log = [](kv::log_level, std::string_view) {};
    options.on_failure = [] {};
    return kv::open_rocksdb(options);
}

class counted_store::counted_reader final : public kv::reader {
public:
    counted_reader(const counted_store& counts, std::unique_ptr<kv::reader> inner)
        : counts_(counts), inner_(std::move(inner)) {
        counts_.count(1);
    }
    counted_reader(const counted_reader&) = delete;
    counted_reader& operator=(const counted_reader&) = delete;
    ~counted_reader() override {
        inner_.reset();
        counts_.count(-1);
    }

    std::optional<kv::value_with_stamp> get(const kv::key& key) const override {
        return inner_->get(key);
    }
    std::vector<std::optional<kv::value_with_stamp>> multi_get(
        std::span<const kv::key> keys) const override {
        return inner_->multi_get(keys);
    }
    std::vector<kv::row> scan(const kv::range& range) const override { return inner_->scan(range); }
    std::vector<kv::located_row> walk(kv::family_id family, const kv::key* beyond,
                                      std::uint32_t limit) const override {
        return inner_->walk(family, beyond, limit);
    }
    std::int64_t counter(const kv::key& key) const override { return inner_->counter(key); }
    std::vector<std::int64_t> counters(std::span<const kv::key> keys) const override {
        return inner_->counters(keys);
    }
    std::uint64_t approximate_rows(kv::family_id family) const override {
        return inner_->approximate_rows(family);
    }

private:
    const counted_store& counts_;
    std::unique_ptr<kv::reader> inner_;
};

std::unique_ptr<kv::reader> counted_store::snapshot(kv::read_mode mode) const {
    return std::make_unique<counted_reader>(*this, inner_->snapshot(mode));
}

void counted_store::count(int by) const {
    const std::lock_guard lock{mutex_};
    readers_ += static_cast<std::size_t>(by);
    changed_.notify_all();
}

std::size_t counted_store::readers() const {
    const std::lock_guard lock{mutex_};
    return readers_;
}

bool counted_store::wait_for_readers(std::size_t count) const {
    std::unique_lock lock{mutex_};
    return changed_.wait_for(lock, patience, [&] { return readers_ == count; });
}

void event::happen() {
    const std::lock_guard lock{mutex_};
    happened_ = true;
    changed_.notify_all();
}

bool event::wait() const {
    std::unique_lock lock{mutex_};
    return changed_.wait_for(lock, patience, [this] { return happened_; });
}

bool event::has_happened() const {
    const std::lock_guard lock{mutex_};
    return happened_;
}

control_fixture::control_fixture() {
    std::filesystem::create_directory(data);
    store = std::make_unique<counted_store>(open_test_store(data / "db"));
}

control::service_options control_fixture::options() {
    return {.data_dir = data,
            .store = store.get(),
            .families = kv::test::families,
            .schema_version = test_schema};
}

void control_fixture::serve(control::service_options with) {
    service = std::make_unique<control::service>(std::move(with));
}

std::unique_ptr<control::remote_store> control_fixture::connect() const {
    auto connected = control::remote_store::connect(data, test_schema);
    if (!connected) {
        throw std::runtime_error{"nobody listens"};
    }
    return connected;
}

std::filesystem::path control_fixture::socket_path() const {
    return data / control::socket_name;
}

}  // namespace pinhole::test
