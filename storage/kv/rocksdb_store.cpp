#include "storage/kv/rocksdb_store.hpp"

#include <utility>

#include "storage/kv/rocksdb_committer.hpp"
#include "storage/kv/rocksdb_database.hpp"
#include "storage/kv/rocksdb_health.hpp"
#include "storage/kv/rocksdb_reader.hpp"

namespace pinhole::kv {
namespace {

class rocksdb_store final : public store {
public:
    explicit rocksdb_store(const rocksdb_options& options)
        : health_(std::make_shared<health_tracker>(options.log, options.on_failure)),
          database_(options, health_),
          committer_(database_, options) {}

    std::unique_ptr<reader> snapshot(read_mode mode) const override {
        return std::make_unique<rocksdb_reader>(database_, mode);
    }

    void submit(kv::commit commit, completion done) override {
        committer_.submit(std::move(commit), std::move(done));
    }

    kv::health health() const override { return health_->current(); }
    kv::capabilities capabilities() const override { return {}; }

private:
    std::shared_ptr<health_tracker> health_;
    // In this order: the commit thread ends before the database closes.
    database database_;
    committer committer_;
};

}  // namespace

std::unique_ptr<store> open_rocksdb(const rocksdb_options& options) {
    return std::make_unique<rocksdb_store>(options);
}

}  // namespace pinhole::kv
