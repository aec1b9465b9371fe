// Freezes an open database into a directory, and opens such a directory: how RocksDB is asked for
// it. See checkpoint.hpp.
#pragma once

#include <filesystem>
#include <memory>
#include <utility>

#include "storage/kv/checkpoint.hpp"
#include "storage/kv/rocksdb_database.hpp"
#include "storage/kv/rocksdb_reader.hpp"

namespace pinhole::kv {

/// Errors: throws storage_failure.
void make_checkpoint(const database& database, const std::filesystem::path& directory);

class rocksdb_read_only_store final : public read_only_store {
public:
    explicit rocksdb_read_only_store(std::shared_ptr<const database> database)
        : database_(std::move(database)) {}

    std::unique_ptr<reader> snapshot() const override {
        return std::make_unique<rocksdb_reader>(database_, read_mode::blocking);
    }

    const database& opened() const { return *database_; }

private:
    std::shared_ptr<const database> database_;
};

}  // namespace pinhole::kv
