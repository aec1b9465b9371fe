#include "storage/kv/rocksdb_events.hpp"

#include <array>
#include <cstdio>
#include <string>
#include <string_view>
#include <utility>

namespace pinhole::kv {
namespace {

/// Longer lines (RocksDB dumps whole option sets) are cut.
constexpr std::size_t line_bytes_max = 1024;

log_level to_log_level(rocksdb::InfoLogLevel level) {
    switch (level) {
        case rocksdb::InfoLogLevel::FATAL_LEVEL:
            return log_level::error;
        // What follows from an error is for us to say, once and in the operator's words.
        case rocksdb::InfoLogLevel::ERROR_LEVEL:
        case rocksdb::InfoLogLevel::WARN_LEVEL:
            return log_level::warning;
        default:
            return log_level::debug;
    }
}

}  // namespace

log_bridge::log_bridge(std::shared_ptr<const health_tracker> health)
    : Logger(rocksdb::InfoLogLevel::WARN_LEVEL), health_(std::move(health)) {}

void log_bridge::Logv(rocksdb::InfoLogLevel level, const char* format, va_list arguments) {
    if (level < GetInfoLogLevel()) {
        return;
    }
    std::array<char, line_bytes_max> line;
    const int bytes = std::vsnprintf(line.data(), line.size(), format, arguments);
    if (bytes < 0) {
        health_->log(to_log_level(level), "rocksdb: (a line that cannot be formatted)");
        return;
    }
    // A checkpoint keeps files from being deleted twice at a time, which RocksDB warns of.
    if (std::string_view{line.data()}.find("File Deletions ") != std::string_view::npos) {
        level = rocksdb::InfoLogLevel::DEBUG_LEVEL;
    }
    std::string text = std::string("rocksdb: ") + line.data();
    while (text.back() == '\n') {
        text.pop_back();
    }
    health_->log(to_log_level(level), text);
}

error_listener::error_listener(std::shared_ptr<health_tracker> health)
    : health_(std::move(health)) {}

void error_listener::OnBackgroundError(rocksdb::BackgroundErrorReason /*reason*/,
                                       rocksdb::Status* error) {
    if (error->IsNoSpace()) {
        health_->set_database_full(true);
        return;
    }
    const auto message = "background error: " + error->ToString();
    // Soft errors are those that RocksDB retries and writes go on during.
    if (error->severity() < rocksdb::Status::Severity::kHardError) {
        health_->log(log_level::warning, message);
        return;
    }
    health_->fail(message);
}

}  // namespace pinhole::kv
