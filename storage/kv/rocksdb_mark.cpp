#include "storage/kv/rocksdb_mark.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "storage/kv/rocksdb_log_file.hpp"
#include "storage/kv/store.hpp"

namespace pinhole::kv {
namespace {

constexpr const char* file_name = "acknowledged";
constexpr std::string_view manifest_prefix = "MANIFEST-";
/// Within one sector, so that it is never half written; the rest of it is spaces.
constexpr std::size_t line_bytes = 256;

/// FNV-1a: against damage, not against anybody.
std::uint64_t sum_of(std::string_view text) {
    std::uint64_t sum = 0xcbf29ce484222325U;
    for (const char c : text) {
        sum = (sum ^ static_cast<std::uint8_t>(c)) * 0x100000001b3U;
    }
    return sum;
}

std::string to_line(const mark_values& values) {
    std::array<char, line_bytes> text;
    const int bytes = std::snprintf(text.data(), text.size(),
                                    "sequence %" PRIu64 " log %" PRIu64 " removed %" PRIu64
                                    " manifest %" PRIu64 " bytes %" PRIu64,
                                    values.sequence, values.log, values.removed, values.manifest,
                                    values.manifest_bytes);
    std::string line(text.data(), static_cast<std::size_t>(bytes));
    std::snprintf(text.data(), text.size(), " check %016" PRIx64, sum_of(line));
    line += text.data();
    line.resize(line_bytes - 1, ' ');
    return line + '\n';
}

std::optional<mark_values> parse_line(std::string_view line) {
    mark_values values;
    std::string_view rest = line;
    const auto take = [&rest](std::string_view name, std::uint64_t& value) {
        if (!rest.starts_with(name)) {
            return false;
        }
        rest.remove_prefix(name.size());
        const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), value);
        rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
        return error == std::errc();
    };
    const bool understood = take("sequence ", values.sequence) && take(" log ", values.log) &&
                            take(" removed ", values.removed) &&
                            take(" manifest ", values.manifest) &&
                            take(" bytes ", values.manifest_bytes);
    return understood && line == to_line(values) ? std::optional(values) : std::nullopt;
}

std::optional<std::uint64_t> parse_number(std::string_view digits) {
    std::uint64_t number = 0;
    const char* end = digits.data() + digits.size();
    const auto [last, error] = std::from_chars(digits.data(), end, number);
    return error == std::errc() && last == end ? std::optional(number) : std::nullopt;
}

/// "000012.log"
std::optional<std::uint64_t> log_number(std::string_view name) {
    constexpr std::string_view extension = ".log";
    return name.ends_with(extension) ? parse_number(name.substr(0, name.size() - extension.size()))
                                     : std::nullopt;
}

std::optional<std::uint64_t> manifest_number(std::string_view name) {
    return name.starts_with(manifest_prefix) ? parse_number(name.substr(manifest_prefix.size()))
                                             : std::nullopt;
}

std::map<std::uint64_t, std::filesystem::path> logs_in(const std::filesystem::path& directory) {
    std::map<std::uint64_t, std::filesystem::path> logs;
    for (const auto& entry : std::filesystem::directory_iterator(directory)) {
        if (const auto number = log_number(entry.path().filename().string())) {
            logs.emplace(*number, entry.path());
        }
    }
    return logs;
}

std::uint64_t load_little_endian(std::string_view bytes) {
    std::uint64_t value = 0;
    for (std::size_t at = bytes.size(); at > 0; --at) {
        value = (value << 8U) | static_cast<std::uint8_t>(bytes[at - 1]);
    }
    return value;
}

[[noreturn]] void refuse(const std::filesystem::path& file, const std::string& problem,
                         const char* remedy = "") {
    throw storage_failure("the database is damaged: " + file.string() + ' ' + problem +
                          ". Acknowledged writes are missing. Restore it from a backup" + remedy);
}

constexpr const char* truncation =
    ". If there is none, --damaged-wal truncate opens it without the acknowledged writes that the "
    "log has lost";

/// Each record is a batch: the sequence number of its first write, and how many there are. The next
/// one goes on from there, in the next log, too. (It may begin earlier, if the one before failed.)
void check_logs(const std::filesystem::path& directory, const mark_values& known) {
    auto logs = logs_in(directory);
    logs.erase(logs.begin(), logs.upper_bound(known.removed));
    const bool is_needed = known.log > known.removed;
    if (is_needed && !logs.contains(known.log)) {
        std::array<char, 32> name;
        std::snprintf(name.data(), name.size(), "%06" PRIu64 ".log", known.log);
        refuse(directory / name.data(), "is missing", truncation);
    }
    std::optional<std::uint64_t> next;
    std::filesystem::path before;
    for (const auto& [number, path] : logs) {
        scan_log_file(path, [&](std::string_view head) {
            if (head.size() < record_head_bytes) {
                return;  // not a batch: RocksDB says so
            }
            const auto sequence = load_little_endian(head.substr(0, 8));
            if (next && sequence > *next) {
                refuse(before,
                       "ends too early: the write-ahead log after it begins with write " +
                           std::to_string(sequence) + ", not " + std::to_string(*next),
                       truncation);
            }
            next = std::max(next.value_or(0), sequence + load_little_endian(head.substr(8, 4)));
            before = path;
        });
    }
    if (is_needed && next.value_or(0) <= known.sequence) {
        refuse(logs.at(known.log),
               "ends too early: write " + std::to_string(known.sequence) +
                   " was acknowledged and is not in it",
               truncation);
    }
}

void check_manifest(const std::filesystem::path& directory, const mark_values& known) {
    std::ifstream file(directory / "CURRENT");
    std::string name;
    std::getline(file, name);
    const auto number = manifest_number(name);
    if (!number || *number > known.manifest) {
        return;  // damage that RocksDB finds, or made since the note was written
    }
    if (*number < known.manifest) {
        refuse(directory / "CURRENT", "names an old manifest, " + name);
    }
    const auto path = directory / name;
    if (std::filesystem::exists(path) &&
        scan_log_file(path, [](std::string_view) {}) < known.manifest_bytes) {
        refuse(path, "ends too early");
    }
}

std::optional<std::string> read_text(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return file ? std::optional(std::string(std::istreambuf_iterator<char>(file), {}))
                : std::nullopt;
}

}  // namespace

mark::mark(const std::filesystem::path& directory, std::shared_ptr<health_tracker> health)
    : directory_(directory), health_(std::move(health)) {}

void mark::check() const {
    const auto path = directory_ / file_name;
    const auto text = read_text(path);
    if (!text) {
        return;
    }
    const auto known = parse_line(*text);
    if (!known) {
        // Of a file that a power cut found unwritten, zeros or nothing are left.
        if (text->find_first_not_of('\0') != std::string::npos) {
            health_->log(log_level::warning,
                         path.string() +
                             " is damaged: whether the last acknowledged writes are "
                             "there cannot be told; it is written anew");
        }
        return;
    }
    check_manifest(directory_, *known);
    check_logs(directory_, *known);
}

void mark::begin(std::uint64_t sequence) {
    const std::lock_guard lock(mutex_);
    values_.sequence = sequence;
    values_.log = 0;
    // The newest is the one to be written to; what was before it has been read and flushed.
    const auto logs = logs_in(directory_);
    values_.removed =
        logs.empty() ? values_.removed : std::max(values_.removed, logs.rbegin()->first - 1);
    std::ifstream current(directory_ / "CURRENT");
    std::string name;
    std::getline(current, name);
    if (const auto number = manifest_number(name)) {
        values_.manifest = *number;
        std::error_code error;
        const auto bytes = std::filesystem::file_size(directory_ / name, error);
        values_.manifest_bytes = error ? 0 : bytes;
    }
    write(true);
}

bool mark::acknowledge(std::uint64_t sequence) {
    const std::lock_guard lock(mutex_);
    values_.sequence = sequence;
    values_.log = log_now_;
    return write(false);
}

bool mark::is_own(const std::filesystem::path& file) const {
    // With an empty last component, so that "db", "db/" and "./db" are one.
    return (file.parent_path() / "").lexically_normal() == (directory_ / "").lexically_normal();
}

void mark::log_written(std::uint64_t number) {
    const std::lock_guard lock(mutex_);
    log_now_ = number;
}

bool mark::log_will_be_removed(std::uint64_t number) {
    const std::lock_guard lock(mutex_);
    values_.removed = std::max(values_.removed, number);
    return write(true);
}

void mark::manifest_synced(std::uint64_t number, std::uint64_t bytes) {
    const std::lock_guard lock(mutex_);
    if (number == values_.manifest) {
        values_.manifest_bytes = std::max(values_.manifest_bytes, bytes);
    }
}

/// False if it cannot be kept for another reason than a full disk, which only leaves it behind.
bool mark::write(bool durably) {
    if (!file_) {
        file_.reset(::open((directory_ / file_name).c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    }
    const std::string line = to_line(values_);
    const bool written =
        file_ &&
        ::pwrite(file_.get(), line.data(), line.size(), 0) == static_cast<ssize_t>(line.size()) &&
        (!durably || ::fdatasync(file_.get()) == 0);
    if (written || errno == ENOSPC || errno == EDQUOT) {
        return true;
    }
    health_->fail(std::string("writing ") + (directory_ / file_name).string() + ": " +
                  std::strerror(errno));
    return false;
}

namespace {

class marked_log final : public rocksdb::FSWritableFileOwnerWrapper {
public:
    using base = FSWritableFileOwnerWrapper;
    using options = rocksdb::IOOptions;
    using context = rocksdb::IODebugContext;

    marked_log(std::unique_ptr<rocksdb::FSWritableFile> file, mark& mark, std::uint64_t number)
        : base(std::move(file)), mark_(mark), number_(number) {}

    rocksdb::IOStatus Append(const rocksdb::Slice& data, const options& how, context* c) override {
        mark_.log_written(number_);
        return base::Append(data, how, c);
    }
    rocksdb::IOStatus Append(const rocksdb::Slice& data, const options& how,
                             const rocksdb::DataVerificationInfo& checksum, context* c) override {
        mark_.log_written(number_);
        return base::Append(data, how, checksum, c);
    }

private:
    mark& mark_;
    std::uint64_t number_;
};

class marked_manifest final : public rocksdb::FSWritableFileOwnerWrapper {
public:
    using base = FSWritableFileOwnerWrapper;
    using options = rocksdb::IOOptions;
    using context = rocksdb::IODebugContext;

    marked_manifest(std::unique_ptr<rocksdb::FSWritableFile> file, mark& mark, std::uint64_t number)
        : base(std::move(file)), mark_(mark), number_(number) {}

    rocksdb::IOStatus Sync(const options& how, context* c) override {
        return tell(base::Sync(how, c), how, c);
    }
    rocksdb::IOStatus Fsync(const options& how, context* c) override {
        return tell(base::Fsync(how, c), how, c);
    }

private:
    rocksdb::IOStatus tell(rocksdb::IOStatus synced, const options& how, context* c) {
        if (synced.ok()) {
            mark_.manifest_synced(number_, GetFileSize(how, c));
        }
        return synced;
    }

    mark& mark_;
    std::uint64_t number_;
};

class marked_file_system final : public rocksdb::FileSystemWrapper {
public:
    marked_file_system(const std::shared_ptr<rocksdb::FileSystem>& files, mark& mark)
        : FileSystemWrapper(files), mark_(mark) {}

    const char* Name() const override { return "pinhole.marked"; }

    rocksdb::IOStatus NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                      std::unique_ptr<rocksdb::FSWritableFile>* file,
                                      rocksdb::IODebugContext* context) override {
        std::unique_ptr<rocksdb::FSWritableFile> opened;
        auto status = FileSystemWrapper::NewWritableFile(path, options, &opened, context);
        if (!status.ok()) {
            return status;
        }
        const std::filesystem::path file_path(path);
        const std::string name = file_path.filename().string();
        if (!mark_.is_own(file_path)) {
            *file = std::move(opened);
        } else if (const auto log = log_number(name)) {
            *file = std::make_unique<marked_log>(std::move(opened), mark_, *log);
        } else if (const auto manifest = manifest_number(name)) {
            *file = std::make_unique<marked_manifest>(std::move(opened), mark_, *manifest);
        } else {
            *file = std::move(opened);
        }
        return status;
    }

    rocksdb::IOStatus DeleteFile(const std::string& path, const rocksdb::IOOptions& options,
                                 rocksdb::IODebugContext* context) override {
        const std::filesystem::path file_path(path);
        const auto log =
            mark_.is_own(file_path) ? log_number(file_path.filename().string()) : std::nullopt;
        if (log && !mark_.log_will_be_removed(*log)) {
            return rocksdb::IOStatus::IOError("its removal cannot be noted", path);
        }
        return FileSystemWrapper::DeleteFile(path, options, context);
    }

private:
    mark& mark_;
};

}  // namespace

std::shared_ptr<rocksdb::FileSystem> make_marked_files(
    mark& mark, const std::shared_ptr<rocksdb::FileSystem>& files) {
    return std::make_shared<marked_file_system>(files, mark);
}

}  // namespace pinhole::kv
