// Every RocksDB option that differs from its default, each with its reason.
//
// It knows the kinds of families, not their content. Thread-safety: pure functions.
#pragma once

#include <rocksdb/options.h>

#include <memory>

#include "storage/kv/rocksdb_health.hpp"
#include "storage/kv/rocksdb_store.hpp"

namespace pinhole::kv {

rocksdb::DBOptions make_database_options(const rocksdb_options& options,
                                         const std::shared_ptr<rocksdb::Cache>& cache,
                                         const std::shared_ptr<health_tracker>& health);

rocksdb::ColumnFamilyOptions make_family_options(family_kind kind,
                                                 const std::shared_ptr<rocksdb::Cache>& cache);

}  // namespace pinhole::kv
