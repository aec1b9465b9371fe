#include "storage/kv/rocksdb_log_file.hpp"

#include <algorithm>
#include <bit>
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

struct piece {
    std::uint8_t type;
    std::string_view header;
    std::string_view bytes;
    std::uint64_t end;  ///< its offset in the file
};

/// Calls `take` for each fragment that is there in its whole length.
template <class Take>
void scan_fragments(const std::filesystem::path& path, const Take& take) {
    std::ifstream file(path, std::ios::binary);
    if (!file) {
        throw storage_failure("cannot open " + path.string());
    }
    std::vector<char> buffer(block_bytes);
    std::string_view block;
    std::uint64_t offset = 0;
    do {
        file.read(buffer.data(), static_cast<std::streamsize>(buffer.size()));
        if (file.bad()) {
            throw storage_failure("cannot read " + path.string());
        }
        block = {buffer.data(), static_cast<std::size_t>(file.gcount())};
        std::size_t at = 0;
        while (block.size() - at >= header_bytes) {
            const auto header = block.substr(at, header_bytes);
            const auto type = static_cast<std::uint8_t>(header[6]);
            const std::size_t length = length_at(header);
            if (type == fragment::none && length == 0) {
                break;  // room that was reserved: RocksDB passes over it
            }
            at += header_bytes;
            if (length > block.size() - at || type > fragment::last) {
                return;
            }
            take(piece{type, header, block.substr(at, length), offset + at + length});
            at += length;
        }
        offset += block.size();
    } while (block.size() == block_bytes);
}

/// CRC-32C, bit by bit: for a file or two, once something is wrong.
std::uint32_t checksum_of(const piece& piece) {
    constexpr std::uint32_t polynomial = 0x82f63b78U;  // reflected
    std::uint32_t sum = ~0U;
    const auto add = [&sum](char byte) {
        sum ^= static_cast<std::uint8_t>(byte);
        for (int bit = 0; bit < 8; ++bit) {
            sum = (sum >> 1U) ^ ((sum & 1U) != 0 ? polynomial : 0U);
        }
    };
    add(static_cast<char>(piece.type));
    std::ranges::for_each(piece.bytes, add);
    return ~sum;
}

/// As it is stored: turned, so that a checksum of bytes with checksums in them is a good one.
std::uint32_t masked(std::uint32_t sum) {
    return std::rotr(sum, 15) + 0xa282ead8U;
}

std::uint32_t stored_checksum(std::string_view header) {
    std::uint32_t sum = 0;
    for (std::size_t at = sizeof sum; at > 0; --at) {
        sum = (sum << 8U) | static_cast<std::uint8_t>(header[at - 1]);
    }
    return sum;
}

}  // namespace

std::uint64_t scan_log_file(const std::filesystem::path& path, const record_function& record) {
    std::string head;
    std::uint64_t end = 0;
    scan_fragments(path, [&](const piece& piece) {
        if (piece.type == fragment::full || piece.type == fragment::first) {
            head.clear();
        }
        head.append(piece.bytes.substr(0, record_head_bytes - head.size()));
        if (piece.type == fragment::full || piece.type == fragment::last) {
            record(head);
            head.clear();
            end = piece.end;
        }
    });
    return end;
}

bool has_damaged_record(const std::filesystem::path& path) {
    bool is_damaged = false;
    scan_fragments(path, [&](const piece& piece) {
        is_damaged = is_damaged || masked(checksum_of(piece)) != stored_checksum(piece.header);
    });
    return is_damaged;
}

}  // namespace pinhole::kv
