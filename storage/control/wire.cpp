#include "storage/control/wire.hpp"

#include <array>
#include <type_traits>
#include <utility>

#include "storage/kv/byte_order.hpp"

namespace pinhole::storage::control {

namespace {

constexpr std::string_view magic = "pinhole!";

/// Of an operation: its kind, part, family and the length of the key.
constexpr std::size_t operation_bytes_min = 1 + 8 + 1 + 4;

template <std::size_t Kind = 0>
kv::operation make_operation(std::uint8_t kind) {
    if constexpr (Kind < std::variant_size_v<kv::operation>) {
        return kind == Kind ? kv::operation{std::in_place_index<Kind>}
                            : make_operation<Kind + 1>(kind);
    } else {
        throw malformed_frame{"an operation of an unknown kind"};
    }
}

void append_rest(frame_writer& out, const kv::check& each) {
    out.append_u64(each.stamp);
}
void append_rest(frame_writer& out, const kv::insert& each) {
    out.append_string(each.value);
}
void append_rest(frame_writer& out, const kv::put& each) {
    out.append_string(each.value);
}
void append_rest(frame_writer&, const kv::erase&) {}
void append_rest(frame_writer& out, const kv::add& each) {
    out.append_i64(each.delta);
}
void append_rest(frame_writer& out, const kv::enqueue& each) {
    out.append_string(each.behind);
}

void read_rest(frame_reader& in, kv::check& each) {
    each.stamp = in.read_u64();
}
void read_rest(frame_reader& in, kv::insert& each) {
    each.value = in.read_string();
}
void read_rest(frame_reader& in, kv::put& each) {
    each.value = in.read_string();
}
void read_rest(frame_reader&, kv::erase&) {}
void read_rest(frame_reader& in, kv::add& each) {
    each.delta = in.read_i64();
}
void read_rest(frame_reader& in, kv::enqueue& each) {
    each.behind = in.read_string();
}

}  // namespace

void frame_writer::append_u32(std::uint32_t value) {
    std::array<char, 8> bytes{};
    kv::store_u64(bytes.data(), value);
    bytes_.append(bytes.data() + 4, 4);
}

void frame_writer::append_u64(std::uint64_t value) {
    std::array<char, 8> bytes{};
    kv::store_u64(bytes.data(), value);
    bytes_.append(bytes.data(), bytes.size());
}

void frame_writer::append_string(std::string_view bytes) {
    append_u32(static_cast<std::uint32_t>(bytes.size()));
    bytes_ += bytes;
}

std::string_view frame_reader::take(std::size_t bytes) {
    if (rest_.size() < bytes) {
        throw malformed_frame{"a frame ends too early"};
    }
    const std::string_view taken = rest_.substr(0, bytes);
    rest_.remove_prefix(bytes);
    return taken;
}

std::uint8_t frame_reader::read_u8() {
    return static_cast<std::uint8_t>(take(1).front());
}

std::uint32_t frame_reader::read_u32() {
    std::array<char, 8> bytes{};
    take(4).copy(bytes.data() + 4, 4);
    return static_cast<std::uint32_t>(kv::load_u64(bytes.data()));
}

std::uint64_t frame_reader::read_u64() {
    return kv::load_u64(take(8).data());
}

std::string_view frame_reader::read_string() {
    return take(read_u32());
}

std::size_t frame_reader::read_count(std::size_t bytes_each_min) {
    const std::uint32_t count = read_u32();
    if (count > rest_.size() / bytes_each_min) {
        throw malformed_frame{"a frame announces more than it holds"};
    }
    return count;
}

void frame_reader::require_end() const {
    if (!rest_.empty()) {
        throw malformed_frame{"a frame goes on behind its end"};
    }
}

std::string encode_greeting(const greeting& greeting) {
    frame_writer out;
    out.append_raw(magic);
    out.append_u32(greeting.protocol);
    out.append_i64(greeting.schema);
    out.append_u8(static_cast<std::uint8_t>(greeting.welcome));
    return out.take();
}

greeting decode_greeting(std::string_view bytes) {
    if (!bytes.starts_with(magic)) {
        throw malformed_frame{"what answers is not a Pinhole server"};
    }
    frame_reader in{bytes.substr(magic.size())};
    greeting read;
    read.protocol = in.read_u32();
    read.schema = in.read_i64();
    read.welcome = static_cast<welcome>(in.read_u8());
    in.require_end();
    return read;
}

void append_key(frame_writer& out, const kv::key& key) {
    out.append_i64(key.part);
    out.append_u8(key.family);
    out.append_string(key.bytes);
}

kv::key read_key(frame_reader& in) {
    kv::key key;
    key.part = in.read_i64();
    key.family = in.read_u8();
    key.bytes = in.read_string();
    return key;
}

void append_value(frame_writer& out, const std::optional<kv::value_with_stamp>& value) {
    out.append_u8(value ? 1 : 0);
    if (value) {
        out.append_u64(value->stamp);
        out.append_string(value->value);
    }
}

std::optional<kv::value_with_stamp> read_value(frame_reader& in) {
    if (in.read_u8() == 0) {
        return std::nullopt;
    }
    kv::value_with_stamp value;
    value.stamp = in.read_u64();
    value.value = in.read_string();
    return value;
}

void append_range(frame_writer& out, const kv::range& range) {
    out.append_i64(range.part);
    out.append_u8(range.family);
    out.append_string(range.from);
    out.append_string(range.to);
    out.append_u32(range.limit);
    out.append_u8(range.reverse ? 1 : 0);
}

kv::range read_range(frame_reader& in) {
    kv::range range;
    range.part = in.read_i64();
    range.family = in.read_u8();
    range.from = in.read_string();
    range.to = in.read_string();
    range.limit = in.read_u32();
    range.reverse = in.read_u8() != 0;
    return range;
}

void append_row(frame_writer& out, const kv::row& row) {
    out.append_string(row.key);
    out.append_string(row.value);
    out.append_u64(row.stamp);
}

kv::row read_row(frame_reader& in) {
    kv::row row;
    row.key = in.read_string();
    row.value = in.read_string();
    row.stamp = in.read_u64();
    return row;
}

void append_commit(frame_writer& out, const kv::commit& commit) {
    out.append_u8(commit.frees_room ? 1 : 0);
    out.append_u32(static_cast<std::uint32_t>(commit.operations.size()));
    for (const kv::operation& operation : commit.operations) {
        out.append_u8(static_cast<std::uint8_t>(operation.index()));
        std::visit(
            [&](const auto& each) {
                append_key(out, each.key);
                append_rest(out, each);
            },
            operation);
    }
}

kv::commit read_commit(frame_reader& in, std::size_t& operations_left) {
    kv::commit commit;
    commit.frees_room = in.read_u8() != 0;
    const std::size_t count = in.read_count(operation_bytes_min);
    if (count > operations_left) {
        throw malformed_frame{"a frame has too many operations"};
    }
    operations_left -= count;
    commit.operations.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
        kv::operation& operation = commit.operations.emplace_back(make_operation(in.read_u8()));
        std::visit(
            [&](auto& each) {
                each.key = read_key(in);
                read_rest(in, each);
            },
            operation);
    }
    return commit;
}

void append_statistics(frame_writer& out, const kv::store_statistics& statistics) {
    out.append_u32(static_cast<std::uint32_t>(statistics.families.size()));
    for (const kv::family_statistics& family : statistics.families) {
        out.append_string(family.name);
        out.append_u64(family.approximate_rows);
        out.append_u64(family.disk_bytes);
        out.append_u64(family.memory_bytes);
        out.append_u64(family.files);
    }
    out.append_u64(statistics.cache_bytes);
    out.append_u64(statistics.cache_bytes_max);
    out.append_u64(statistics.log_bytes);
    out.append_u64(statistics.compaction_pending_bytes);
    out.append_u64(statistics.compactions_running);
    out.append_u64(statistics.flushes_running);
}

kv::store_statistics read_statistics(frame_reader& in) {
    kv::store_statistics statistics;
    const std::size_t count = in.read_count(4 + 4 * 8);
    for (std::size_t i = 0; i < count; ++i) {
        kv::family_statistics& family = statistics.families.emplace_back();
        family.name = in.read_string();
        family.approximate_rows = in.read_u64();
        family.disk_bytes = in.read_u64();
        family.memory_bytes = in.read_u64();
        family.files = in.read_u64();
    }
    statistics.cache_bytes = in.read_u64();
    statistics.cache_bytes_max = in.read_u64();
    statistics.log_bytes = in.read_u64();
    statistics.compaction_pending_bytes = in.read_u64();
    statistics.compactions_running = in.read_u64();
    statistics.flushes_running = in.read_u64();
    return statistics;
}

}  // namespace pinhole::storage::control
