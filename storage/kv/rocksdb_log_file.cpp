#include "storage/kv/rocksdb_log_file.hpp"

#include <fstream>
#include <string>
#include <vector>

#include "storage/kv/store.hpp"

namespace pinhole::kv {
namespace {

// rocksdb/db/log_format.h: blocks of 32 KiB, in which fragments follow each other: a checksum of
// four bytes, the length in two (little-endian), the type in one, the bytes. What is too small for
// a header at a block's end is padding.
constexpr std::size_t block_bytes = 32 * 1024;
constexpr std::size_t header_bytes = 7;
enum fragment : std::uint8_t { none = 0, full = 1, first = 2, middle = 3, last = 4 };

std::size_t length_at(std::string_view header) {
    return static_cast<std::uint8_t>(header[4]) +
           (std::size_t{static_cast<std::uint8_t>(header[5])} << 8U);
}

/// Puts fragments together to records.
class record_scanner {
public:
    explicit record_scanner(const record_function& record) : record_(record) {}

    /// False where the file goes no further.
    bool scan_block(std::string_view block, std::uint64_t offset) {
        std::size_t at = 0;
        while (block.size() - at >= header_bytes) {
            const auto header = block.substr(at, header_bytes);
            const auto type = static_cast<std::uint8_t>(header[6]);
            const std::size_t length = length_at(header);
            if (type == fragment::none && length == 0) {
                return true;  // room that was reserved: RocksDB passes over it
            }
            at += header_bytes;
            if (length > block.size() - at || type > fragment::last) {
                return false;
            }
            take(type, block.substr(at, length));
            at += length;
            if (type == fragment::full || type == fragment::last) {
                end_ = offset + at;
            }
        }
        return block.size() == block_bytes;
    }

    std::uint64_t end() const { return end_; }

private:
    void take(std::uint8_t type, std::string_view bytes) {
        if (type == fragment::full || type == fragment::first) {
            head_.clear();
        }
        head_.append(bytes.substr(0, record_head_bytes - head_.size()));
        if (type == fragment::full || type == fragment::last) {
            record_(head_);
            head_.clear();
        }
    }

    const record_function& record_;
    std::string head_;
    std::uint64_t end_ = 0;
};

}  // namespace

std::uint64_t scan_log_file(const std::filesystem::path& path, const record_function& record) {
    std::ifstream file(path, std::ios::binary);
    if (!file) {
        throw storage_failure("cannot open " + path.string());
    }
    record_scanner scanner(record);
    std::vector<char> block(block_bytes);
    for (std::uint64_t offset = 0;; offset += block_bytes) {
        file.read(block.data(), static_cast<std::streamsize>(block.size()));
        if (file.bad()) {
            throw storage_failure("cannot read " + path.string());
        }
        const std::string_view got(block.data(), static_cast<std::size_t>(file.gcount()));
        if (got.empty() || !scanner.scan_block(got, offset)) {
            return scanner.end();
        }
    }
}

}  // namespace pinhole::kv
