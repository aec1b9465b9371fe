// The bulk loader on RocksDB (bulk_loader.hpp): a writer of tables for each family, and their
// ingestion into a database that holds one commit. The database is opened on a thread of its own
// once the first family has ended, while others are still written: to make it takes some fifty
// syncs.
//
// Stamps. The one commit is the database's first, so its stamp, the sequence number of its first
// write, is 1, which is what every added row gets. The next commit's is larger. RocksDB gives
// ingested tables that overlap nothing the sequence number 0, which nobody sees.
#include <rocksdb/sst_file_writer.h>

#include <array>
#include <cassert>
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

void must(const rocksdb::Status& status, const std::string& what) {
    if (!status.ok()) {
        throw storage_failure(what + ": " + status.ToString());
    }
}

/// The tables of one family.
class table_writer {
public:
    table_writer(const family_spec& spec, const std::filesystem::path& directory,
                 const rocksdb::Options& options)
        : kind_(spec.kind),
          front_((directory / to_column_family_name(spec)).string()),
          options_(options) {}

    family_kind kind() const { return kind_; }
    const std::vector<std::string>& paths() const { return paths_; }

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

    void end() {
        if (writer_) {
            must(writer_->Finish(), "ending a table");
            writer_.reset();
        }
    }

    std::string& scratch() { return scratch_; }

private:
    bool is_full() const {
        return writer_->FileSize() >= table_bytes_max ||
               (kind_ != family_kind::postings && keys_ >= table_keys_max);
    }

    family_kind kind_;
    std::string front_;
    rocksdb::Options options_;
    std::unique_ptr<rocksdb::SstFileWriter> writer_;
    std::vector<std::string> paths_;
    std::string scratch_;
    unsigned keys_ = 0;  ///< in the table
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
        std::filesystem::create_directories(tables_);
        std::array<char, stamp_bytes> stamp{};
        store_u64(stamp.data(), stamp_of_all);
        stamp_.assign(stamp.data(), stamp.size());
        const auto database = make_database_options(options_, cache_, health_);
        for (const auto& spec : options_.families) {
            const rocksdb::Options both(database, make_family_options(spec.kind, cache_));
            writers_[spec.id] = std::make_unique<table_writer>(spec, tables_, both);
        }
    }

    void add(family_id family, part_id part, std::string_view bytes,
             std::string_view value) override {
        table_writer& writer = *writers_[family];
        assert(writer.kind() != family_kind::counters);
        const physical_key key(part, bytes);
        if (writer.kind() == family_kind::postings) {
            writer.add(key, posting_value);
            return;
        }
        writer.add(key, writer.scratch().assign(stamp_).append(value));
    }

    void add_sum(family_id family, part_id part, std::string_view bytes,
                 std::int64_t sum) override {
        table_writer& writer = *writers_[family];
        assert(writer.kind() == family_kind::counters);
        writer.add(physical_key(part, bytes), encode_sum(sum));
    }

    void end_family(family_id family) override {
        std::call_once(is_opening_, [this] {
            opened_ = std::async(std::launch::async, [this] {
                return std::make_unique<opened_store>(options_, health_);
            });
        });
        writers_[family]->end();
    }

    void finish(commit first) override {
        assert(!first.empty());
        for (const auto& spec : options_.families) {
            end_family(spec.id);
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
    void ingest(const database& opened) const {
        std::vector<rocksdb::IngestExternalFileArg> all;
        for (const auto& spec : options_.families) {
            if (!writers_[spec.id]->paths().empty()) {
                rocksdb::IngestExternalFileArg each;
                each.column_family = opened.family_of(spec.id).handle;
                each.external_files = writers_[spec.id]->paths();
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
    std::string stamp_;
    std::array<std::unique_ptr<table_writer>, 256> writers_;
    std::once_flag is_opening_;
    std::future<std::unique_ptr<opened_store>> opened_;  ///< last: it uses the rest
};

}  // namespace

std::unique_ptr<bulk_loader> make_bulk_loader(const bulk_load_options& options) {
    return std::make_unique<rocksdb_bulk_loader>(options);
}

}  // namespace pinhole::kv
