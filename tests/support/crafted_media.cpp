#include "tests/support/crafted_media.hpp"

#include <zlib.h>

#include <array>
#include <stdexcept>

#include "tests/support/media_samples.hpp"

namespace pinhole::test {
namespace {

using namespace std::literals;

std::string big_endian(std::uint64_t value, int bytes) {
    std::string text;
    for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) {
        text.push_back(static_cast<char>(value >> shift & 0xff));
    }
    return text;
}

std::uint64_t number_at(std::string_view bytes, std::size_t at) {
    std::uint64_t value = 0;
    for (const char c : bytes.substr(at, 4)) {
        value = value << 8 | static_cast<unsigned char>(c);
    }
    return value;
}

std::string change_below(std::string_view boxes, const std::string_view* path,
                         const std::string_view* path_end,
                         const std::function<std::string(std::string_view)>& change) {
    if (path == path_end) {
        return change(boxes);
    }
    for (std::size_t at = 0; at + 8 <= boxes.size();) {
        const std::uint64_t size = number_at(boxes, at);
        if (size < 8) {
            break;
        }
        if (boxes.substr(at + 4, 4) == *path) {
            return std::string(boxes.substr(0, at)) +
                   box(*path,
                       change_below(boxes.substr(at + 8, size - 8), path + 1, path_end, change)) +
                   std::string(boxes.substr(at + size));
        }
        at += size;
    }
    throw std::runtime_error("no box " + std::string(*path));
}

std::string item_entry(const heif_item& item) {
    const std::string content_type = item.type == "mime" ? "application/rdf+xml\0"s : ""s;
    return box("infe",
               "\2\0\0\0"s + big_16(item.id) + big_16(0) + item.type + "\0"s + content_type);
}

/// Version 1 of `iloc` with offsets and lengths of four bytes.
std::string item_place(const heif_item& item, std::uint64_t picture_at, std::size_t picture_bytes,
                       std::string& inline_data) {
    auto extents = item.extents;
    if (!item.inline_data.empty()) {
        extents = {{inline_data.size(), item.inline_data.size()}};
        inline_data += item.inline_data;
    } else if (extents.empty()) {
        extents = {{picture_at, picture_bytes}};
    }
    std::string place = big_16(item.id) + big_16(item.inline_data.empty() ? 0 : 1) + big_16(0) +
                        big_16(extents.size());
    for (const auto& [offset, length] : extents) {
        place += big_32(offset) + big_32(length);
    }
    return place;
}

}  // namespace

std::string big_16(std::uint64_t value) {
    return big_endian(value, 2);
}

std::string big_32(std::uint64_t value) {
    return big_endian(value, 4);
}

std::string box(std::string_view type, std::string_view body) {
    return big_32(8 + body.size()) + std::string(type) + std::string(body);
}

std::string with_box_changed(std::string_view boxes, std::initializer_list<std::string_view> path,
                             const std::function<std::string(std::string_view)>& change) {
    return change_below(boxes, path.begin(), path.end(), change);
}

std::string_view find_box(std::string_view bytes, std::string_view type) {
    const std::size_t at = bytes.find(type);
    if (at == std::string_view::npos || at < 4) {
        throw std::runtime_error("no box " + std::string(type));
    }
    return bytes.substr(at - 4, number_at(bytes, at - 4));
}

std::string with_big_32(std::string bytes, std::string_view marker, std::size_t offset,
                        std::uint32_t value) {
    const std::size_t at = bytes.find(marker);
    if (at == std::string::npos) {
        throw std::runtime_error("no " + std::string(marker));
    }
    return bytes.replace(at + marker.size() + offset, 4, big_32(value));
}

std::string png_chunk(std::string_view type, std::string_view body) {
    const std::string typed = std::string(type) + std::string(body);
    const uLong crc =
        crc32(0, reinterpret_cast<const Bytef*>(typed.data()), static_cast<uInt>(typed.size()));
    return big_32(body.size()) + typed + big_32(crc);
}

std::string deflate_zeros(std::size_t size) {
    z_stream stream{};
    if (deflateInit(&stream, Z_BEST_COMPRESSION) != Z_OK) {
        throw std::runtime_error("deflateInit");
    }
    std::array<Bytef, 64 * 1024> zeros{};
    std::array<Bytef, 64 * 1024> out;
    std::string compressed;
    int result = Z_OK;
    while (result == Z_OK) {
        if (stream.avail_in == 0 && size > 0) {
            stream.next_in = zeros.data();
            stream.avail_in = static_cast<uInt>(std::min(size, zeros.size()));
            size -= stream.avail_in;
        }
        stream.next_out = out.data();
        stream.avail_out = out.size();
        result = deflate(&stream, size == 0 ? Z_FINISH : Z_NO_FLUSH);
        compressed.append(reinterpret_cast<const char*>(out.data()), out.size() - stream.avail_out);
    }
    deflateEnd(&stream);
    return compressed;
}

std::string ebml(std::string_view id, std::string_view body) {
    return std::string(id) + "\x01"s + big_endian(body.size(), 7) + std::string(body);
}

std::string heif_file(const std::vector<heif_item>& items, std::size_t padding_bytes) {
    const std::string_view sample = sample_heic();
    const std::string_view data = find_box(sample, "mdat").substr(8);
    const std::string_view picture = data.substr(0, 4 + number_at(data, 0));  // one slice
    const std::string start = box("ftyp", "heic\0\0\0\0mif1heic"s);
    const std::size_t picture_at = start.size() + 8;

    // One set of properties for each item: the coded picture's header and a claim of dimensions.
    std::string properties{find_box(sample, "hvcC")};
    std::string owners;
    std::string entries;
    std::string places;
    std::string references;
    std::string inline_data;
    std::uint64_t property = 1;
    std::uint64_t owner_count = 0;
    for (const heif_item& item : items) {
        entries += item_entry(item);
        places += item_place(item, picture_at, picture.size(), inline_data);
        if (!item.tiles.empty()) {
            std::string body = big_16(item.id) + big_16(item.tiles.size());
            for (const std::uint64_t tile : item.tiles) {
                body += big_16(tile);
            }
            references += box("dimg", body);
        }
        if (item.type == "Exif" || item.type == "mime") {
            references += box("cdsc", big_16(item.id) + big_16(1) + big_16(items.front().id));
        } else {
            properties +=
                box("ispe", big_32(0) + big_32(item.claimed_width) + big_32(item.claimed_height));
            ++property;
            ++owner_count;
            owners += big_16(item.id) + "\2\x81"s + static_cast<char>(property);
        }
    }
    const std::string meta =
        "\0\0\0\0"s + box("hdlr", std::string(8, '\0') + "pict" + std::string(13, '\0')) +
        box("pitm", big_32(0) + big_16(items.front().id)) +
        box("iinf", big_32(0) + big_16(items.size()) + entries) +
        box("iloc", "\1\0\0\0\x44\0"s + big_16(items.size()) + places) +
        (references.empty() ? ""s : box("iref", big_32(0) + references)) +
        box("iprp",
            box("ipco", properties) + box("ipma", big_32(0) + big_32(owner_count) + owners)) +
        (inline_data.empty() ? ""s : box("idat", inline_data));
    return start + box("mdat", std::string(picture) + std::string(padding_bytes, '\0')) +
           box("meta", meta);
}

}  // namespace pinhole::test
