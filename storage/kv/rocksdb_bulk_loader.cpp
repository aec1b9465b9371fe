// The bulk loader on RocksDB (bulk_loader.hpp): a writer of tables for each family, and their
// ingestion into a database that holds one commit. The database is opened on a thread of its own
// once the first family has ended, while others are still written: to make it takes some fifty
// syncs.
//
// Stamps. The one commit is the database's first, so its stamp, the sequence number of its first
// write, is 1, which is what every added row gets. The next commit's is larger. RocksDB gives
// ingested tables that overlap nothing the sequence number 0, which nobody sees.
#include <rocksdb/sst_file_writer.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <deque>
#include <future>
#include <mutex>
#include <string>
#include <utility>

#include "storage/kv/bulk_loader.hpp"
#include "storage/kv/rocksdb_committer.hpp"
#include "storage/kv/rocksdb_database.hpp"
#include "storage/kv/rocksdb_format.hpp"
#include "storage/kv/rocksdb_health.hpp"
#include "storage/kv/rocksdb_store.hpp"
#include "storage/kv/rocksdb_tuning.hpp"

namespace pinhole::kv {
namespace {

/// As those that compactions make.
constexpr std::uint64_t table_bytes_max = std::uint64_t{32} << 20U;
/// The hash of each of a table's keys is kept until its end, when its filter is made of them: 16
/// MiB for so many.
constexpr unsigned table_keys_max = 1U << 21U;
/// Asking a table for its size is not free.
constexpr unsigned keys_between_looks = 1024;
constexpr stamp stamp_of_all = 1;
/// Nobody reads yet.
constexpr std::size_t cache_bytes = std::size_t{8} << 20U;

void must(const rocksdb::Status& status, const char* what) {
    if (!status.ok()) {
        throw storage_failure(std::string{what} + ": " + status.ToString());
    }
}

/// The tables of one range of a family.
class table_writer {
public:
    /// `front`: what the tables' paths begin with.
    table_writer(family_kind kind, std::string front, const rocksdb::Options& options)
        : kind_(kind), front_(std::move(front)), options_(options), stamped_(stamp_bytes, '\0') {
        store_u64(stamped_.data(), stamp_of_all);
    }

    const std::vector<std::string>& paths() const { return paths_; }

    /// Requires: no counters.
    void add(part_id part, std::string_view bytes, std::string_view value) {
        assert(kind_ != family_kind::counters);
        if (kind_ == family_kind::postings) {
            add(physical_key(part, bytes), posting_value);
            return;
        }
        stamped_.resize(stamp_bytes);
        add(physical_key(part, bytes), stamped_.append(value));
    }
    void add_sum(part_id part, std::string_view bytes, std::int64_t sum) {
        assert(kind_ == family_kind::counters);
        add(physical_key(part, bytes), encode_sum(sum));
    }

    void end() {
        if (writer_) {
            must(writer_->Finish(), "ending a table");
            writer_.reset();
        }
    }

private:
    void add(const physical_key& key, std::string_view value) {
        if (!writer_) {
            paths_.push_back(front_ + '-' + std::to_string(paths_.size()) + ".sst");
            writer_ = std::make_unique<rocksdb::SstFileWriter>(rocksdb::EnvOptions(options_),
                                                               options_, nullptr, false);
            must(writer_->Open(paths_.back()), "making a table");
            keys_ = 0;
        }
        must(writer_->Put(key.slice(), rocksdb::Slice(value.data(), value.size())),
             "writing a table");
        ++keys_;
        if (keys_ % keys_between_looks == 0 && is_full()) {
            end();
        }
    }

    bool is_full() const {
        return writer_->FileSize() >= table_bytes_max ||
               (kind_ != family_kind::postings && keys_ >= table_keys_max);
    }

    family_kind kind_;
    std::string front_;
    rocksdb::Options options_;
    std::unique_ptr<rocksdb::SstFileWriter> writer_;
    std::vector<std::string> paths_;
    std::string stamped_;  ///< the stamp, and behind it a value
    unsigned keys_ = 0;    ///< in the table
};

/// The store, open for the one commit and the tables.
class opened_store {
public:
    opened_store(const rocksdb_options& options, const std::shared_ptr<health_tracker>& health)
        : database_(std::make_shared<database>(options, health)),
          committer_(database_, *health, options) {}

    outcome submit_and_wait(commit commit) {
        auto decided = std::make_shared<std::promise<outcome>>();
        auto result = decided->get_future();
        committer_.submit(std::move(commit), [decided](outcome what) { decided->set_value(what); });
        return result.get();
    }

    std::shared_ptr<database> get() const { return database_.get(); }

private:
    // In this order: the commit thread ends before the database closes.
    current_database database_;
    committer committer_;
};

class table_range final : public bulk_loader::range {
public:
    explicit table_range(table_writer& writer) : writer_(writer) {}

    void add(part_id part, std::string_view bytes, std::string_view value) override {
        writer_.add(part, bytes, value);
    }
    void end() override { writer_.end(); }

private:
    table_writer& writer_;
};

class rocksdb_bulk_loader final : public bulk_loader {
public:
    explicit rocksdb_bulk_loader(const bulk_load_options& options)
        : tables_(options.tables),
          health_(std::make_shared<health_tracker>(options.log, [] {})),
          cache_(rocksdb::NewLRUCache(cache_bytes)) {
        options_.directory = options.directory;
        options_.families = options.families;
        options_.block_cache_bytes = cache_bytes;
        options_.log = options.log;
        options_.on_failure = [] {};
        options_.reserve_bytes = 0;
        options_.ingests_tables = true;
        database_options_ = make_database_options(options_, cache_, health_);
        std::filesystem::create_directories(tables_);
        for (const auto& spec : options_.families) {
            add_writer(spec);
        }
    }

    std::unique_ptr<range> new_range(family_id family) override {
        const auto spec = std::ranges::find(options_.families, family, &family_spec::id);
        const std::lock_guard lock{mutex_};
        return std::make_unique<table_range>(add_writer(*spec));
    }

    void add(family_id family, part_id part, std::string_view bytes,
             std::string_view value) override {
        writers_[family].front().add(part, bytes, value);
    }

    void add_sum(family_id family, part_id part, std::string_view bytes,
                 std::int64_t sum) override {
        writers_[family].front().add_sum(part, bytes, sum);
    }

    void end_family(family_id family) override {
        std::call_once(is_opening_, [this] {
            opened_ = std::async(std::launch::async, [this] {
                return std::make_unique<opened_store>(options_, health_);
            });
        });
        writers_[family].front().end();
    }

    void finish(commit first) override {
        assert(!first.empty());
        for (const auto& spec : options_.families) {
            end_family(spec.id);
            std::ranges::for_each(writers_[spec.id], &table_writer::end);
        }
        const auto store = opened_.get();
        if (store->submit_and_wait(std::move(first)) != outcome::ok) {
            throw storage_failure("the first commit of the store in " +
                                  options_.directory.string() +
                                  " was not taken: is the disk full?");
        }
        ingest(*store->get());
        std::filesystem::remove_all(tables_);
    }

private:
    table_writer& add_writer(const family_spec& spec) {
        auto& writers = writers_[spec.id];
        const std::string name = to_column_family_name(spec) + '-' + std::to_string(writers.size());
        rocksdb::Options both(database_options_, make_family_options(spec.kind, cache_));
        both.table_properties_collector_factories.clear();  // they look for deletions
        return writers.emplace_back(spec.kind, (tables_ / name).string(), both);
    }

    std::vector<std::string> tables_of(family_id family) const {
        std::vector<std::string> paths;
        for (const table_writer& each : writers_[family]) {
            paths.insert(paths.end(), each.paths().begin(), each.paths().end());
        }
        return paths;
    }

    void ingest(const database& opened) const {
        std::vector<rocksdb::IngestExternalFileArg> all;
        for (const auto& spec : options_.families) {
            if (auto paths = tables_of(spec.id); !paths.empty()) {
                rocksdb::IngestExternalFileArg each;
                each.column_family = opened.family_of(spec.id).handle;
                each.external_files = std::move(paths);
                each.options.move_files = true;
                each.options.write_global_seqno = false;
                all.push_back(std::move(each));
            }
        }
        if (!all.empty()) {
            must(opened.rocks().IngestExternalFiles(all), "taking tables into the store");
        }
    }

    rocksdb_options options_;
    std::filesystem::path tables_;
    std::shared_ptr<health_tracker> health_;
    std::shared_ptr<rocksdb::Cache> cache_;
    rocksdb::DBOptions database_options_;
    std::mutex mutex_;
    std::array<std::deque<table_writer>, 256> writers_;  ///< of a family: its own, and its ranges'
    std::once_flag is_opening_;
    std::future<std::unique_ptr<opened_store>> opened_;  ///< last: it uses the rest
};

}  // namespace

std::unique_ptr<bulk_loader> make_bulk_loader(const bulk_load_options& options) {
    return std::make_unique<rocksdb_bulk_loader>(options);
}

}  // namespace pinhole::kv
