// RocksDB's way of telling us things: its log lines and its background errors.
//
// It must not keep a log file of its own: Debian's build has assertions on, and one of them aborts
// the process when that file cannot be written because the disk is full.
// Thread-safety: called from any of RocksDB's threads.
#pragma once

#include <rocksdb/env.h>
#include <rocksdb/listener.h>

#include <cstdarg>
#include <memory>

#include "storage/kv/rocksdb_health.hpp"

namespace pinhole::kv {

/// Hands RocksDB's warnings and errors to our log.
class log_bridge final : public rocksdb::Logger {
public:
    explicit log_bridge(std::shared_ptr<const health_tracker> health);

    using rocksdb::Logger::Logv;
    void Logv(rocksdb::InfoLogLevel level, const char* format, va_list arguments) override;

private:
    std::shared_ptr<const health_tracker> health_;
};

/// Turns background errors into health.
class error_listener final : public rocksdb::EventListener {
public:
    explicit error_listener(std::shared_ptr<health_tracker> health);

    void OnBackgroundError(rocksdb::BackgroundErrorReason reason, rocksdb::Status* error) override;

private:
    std::shared_ptr<health_tracker> health_;
};

}  // namespace pinhole::kv
