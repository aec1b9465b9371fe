#include "storage/kv/rocksdb_store.hpp"

#include <cassert>
#include <filesystem>
#include <utility>

#include "storage/kv/checkpoint.hpp"
#include "storage/kv/rocksdb_checkpoint.hpp"
#include "storage/kv/rocksdb_committer.hpp"
#include "storage/kv/rocksdb_database.hpp"
#include "storage/kv/rocksdb_health.hpp"
#include "storage/kv/rocksdb_reader.hpp"
#include "storage/kv/rocksdb_statistics.hpp"
#include "storage/kv/statistics.hpp"

namespace pinhole::kv {
namespace {

/// For reading alone; nothing if there is no whole database yet.
std::shared_ptr<database> open_what_is_there(const rocksdb_options& options,
                                             const std::shared_ptr<health_tracker>& health) {
    if (!std::filesystem::exists(options.directory / "CURRENT")) {
        return nullptr;
    }
    try {
        return std::make_shared<database>(options, health, open_mode::read_only);
    } catch (const missing_family&) {
        return nullptr;
    }
}

/// For reading alone where the disk is full: what is there can still be served.
std::shared_ptr<database> open_database(const rocksdb_options& options,
                                        const std::shared_ptr<health_tracker>& health) {
    try {
        return std::make_shared<database>(options, health);
    } catch (const no_room&) {
        auto opened = open_what_is_there(options, health);
        if (opened == nullptr) {
            throw;
        }
        health->set_database_full(true);
        return opened;
    }
}

class rocksdb_store final : public store,
                            public checkpoint_maker,
                            public statistics_source,
                            public counters_source {
public:
    explicit rocksdb_store(const rocksdb_options& options)
        : health_(std::make_shared<health_tracker>(options.log, options.on_failure)),
          database_(open_database(options, health_)),
          committer_(database_, *health_, options) {}
    ~rocksdb_store() override {
        assert(database_.get()->readers() == 0 && "a reader outlives the store");
    }
    rocksdb_store(const rocksdb_store&) = delete;
    rocksdb_store& operator=(const rocksdb_store&) = delete;

    std::unique_ptr<reader> snapshot(read_mode mode) const override {
        return std::make_unique<rocksdb_reader>(database_.get(), mode);
    }

    void submit(kv::commit commit, completion done) override {
        committer_.submit(std::move(commit), std::move(done));
    }

    kv::health health() const override { return health_->current(); }
    kv::capabilities capabilities() const override { return {}; }
    store_statistics statistics() const override { return read_statistics(*database_.get()); }

    store_counters counters() const override {
        store_counters counters;
        database_.get()->counts().read_into(counters);
        committer_.read_into(counters);
        return counters;
    }

    void make_checkpoint(const std::filesystem::path& directory) const override {
        kv::make_checkpoint(*database_.get(), directory);
    }

private:
    std::shared_ptr<health_tracker> health_;
    // In this order: the commit thread ends before the database closes.
    current_database database_;
    committer committer_;
};

}  // namespace

std::unique_ptr<store> open_rocksdb(const rocksdb_options& options) {
    return std::make_unique<rocksdb_store>(options);
}

}  // namespace pinhole::kv
