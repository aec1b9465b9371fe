// Building blocks for files that no encoder would write: boxes, chunks and elements put together by
// hand. The sizes of what is built are right; what it says need not be.
//
// Thread-safety: pure functions, but for the samples that `heif_file` starts from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pinhole::test {

std::string big_16(std::uint64_t value);
std::string big_32(std::uint64_t value);

/// An ISO base media box (14496-12, 4.2).
std::string box(std::string_view type, std::string_view body);

/// A file of boxes with the body of one of them changed, the sizes around it, too. `path` names the
/// boxes from the outermost; of several of a name the first is taken. Nothing before the changed
/// box moves. Requires: the box is there.
std::string with_box_changed(std::string_view boxes, std::initializer_list<std::string_view> path,
                             const std::function<std::string(std::string_view body)>& change);

/// The first box of that type, wherever it is, with its header.
std::string_view find_box(std::string_view bytes, std::string_view type);

/// The bytes with four of them overwritten that lie `offset` behind the first `marker`.
std::string with_big_32(std::string bytes, std::string_view marker, std::size_t offset,
                        std::uint32_t value);

/// A chunk of a PNG, with its checksum.
std::string png_chunk(std::string_view type, std::string_view body);

/// zlib's compression of so many zero bytes.
std::string deflate_zeros(std::size_t size);

/// An EBML element (RFC 8794); the size takes eight bytes.
std::string ebml(std::string_view id, std::string_view body);

struct heif_item {
    std::uint64_t id;
    std::string type;
    /// Places in the file; none: all of the coded picture.
    std::vector<std::pair<std::uint64_t, std::uint64_t>> extents = {};
    std::string inline_data = {};  ///< instead of extents
    std::vector<std::uint64_t> tiles = {};
    std::uint32_t claimed_width = 320;
    std::uint32_t claimed_height = 240;
};

/// A HEIC whose items are these, the first one being the image. They share one coded picture of
/// 320 x 240, behind which lie `padding_bytes` zeros in the file.
std::string heif_file(const std::vector<heif_item>& items, std::size_t padding_bytes = 0);

}  // namespace pinhole::test
