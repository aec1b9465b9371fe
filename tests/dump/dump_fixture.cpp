#include "tests/dump/dump_fixture.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <sodium.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <set>
#include <span>
#include <stdexcept>

#include "storage/media/media_path.hpp"

namespace pinhole::storage::dump::test {

using nlohmann::json;

std::string read_file(const std::filesystem::path& path) {
    std::ifstream file{path, std::ios::binary};
    if (!file) {
        throw std::runtime_error{"cannot open " + path.string()};
    }
    return {std::istreambuf_iterator{file}, {}};
}

void write_file(const std::filesystem::path& path, std::string_view bytes) {
    std::ofstream file{path, std::ios::binary};
    file << bytes;
    file.close();
    BOOST_REQUIRE(file.good());
}

members read_directory(const std::filesystem::path& directory) {
    members found;
    for (const auto& entry : std::filesystem::recursive_directory_iterator{directory}) {
        if (entry.is_regular_file() && !entry.is_symlink()) {
            found[entry.path().lexically_relative(directory).string()] = read_file(entry.path());
        } else {
            BOOST_TEST(entry.is_directory());
        }
    }
    return found;
}

namespace {

struct archive_closer {
    void operator()(archive* reader) const { archive_read_free(reader); }
};

std::string read_entry(archive* reader) {
    std::string bytes;
    std::array<char, 4096> buffer;
    for (;;) {
        const la_ssize_t got = archive_read_data(reader, buffer.data(), buffer.size());
        if (got < 0) {
            throw std::runtime_error{archive_error_string(reader)};
        }
        if (got == 0) {
            return bytes;
        }
        bytes.append(buffer.data(), static_cast<std::size_t>(got));
    }
}

}  // namespace

archive_content read_archive(const std::filesystem::path& path) {
    const std::unique_ptr<archive, archive_closer> reader{archive_read_new()};
    archive_read_support_format_tar(reader.get());
    archive_read_support_filter_zstd(reader.get());
    if (archive_read_open_filename(reader.get(), path.c_str(), 10'240) != ARCHIVE_OK) {
        throw std::runtime_error{archive_error_string(reader.get())};
    }
    archive_content content;
    for (;;) {
        archive_entry* entry = nullptr;
        const int status = archive_read_next_header(reader.get(), &entry);
        if (status == ARCHIVE_EOF) {
            return content;
        }
        if (status != ARCHIVE_OK) {
            throw std::runtime_error{archive_error_string(reader.get())};
        }
        const std::string name = archive_entry_pathname(entry);
        BOOST_TEST(archive_entry_filetype(entry) == static_cast<unsigned>(AE_IFREG));
        BOOST_TEST(archive_entry_perm(entry) == 0600U);
        BOOST_TEST(archive_entry_uid(entry) == 0);
        BOOST_TEST(archive_entry_mtime(entry) == to_microseconds(at_second(0)) / 1'000'000);
        content.order.push_back(name);
        BOOST_TEST(content.by_path.emplace(name, read_entry(reader.get())).second);
    }
}

std::vector<std::string> raw_lines_of(const members& dump, std::string_view entity) {
    const std::string& text = dump.at(file_name_of(entity));
    std::vector<std::string> lines;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = text.find('\n', at);
        BOOST_REQUIRE(end != std::string::npos);
        lines.push_back(text.substr(at, end - at));
        at = end + 1;
    }
    return lines;
}

std::vector<json> lines_of(const members& dump, std::string_view entity) {
    std::vector<json> rows;
    for (const std::string& line : raw_lines_of(dump, entity)) {
        rows.push_back(json::parse(line));
    }
    return rows;
}

std::vector<std::string> names_in(const std::filesystem::path& directory) {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator{directory}) {
        names.push_back(entry.path().filename().string());
    }
    std::ranges::sort(names);
    return names;
}

std::string sha256_of(std::string_view bytes) {
    std::array<unsigned char, crypto_hash_sha256_BYTES> sum;
    crypto_hash_sha256(sum.data(), reinterpret_cast<const unsigned char*>(bytes.data()),
                       bytes.size());
    return to_hex(sum);
}

std::string find_dangling(const members& dump) {
    const std::map<std::string, std::string> target_of{
        {"post", "posts"}, {"author", "users"}, {"user", "users"}};
    std::map<std::string, std::set<std::string>> ids;
    std::string dangling;
    for_each_dumped([&]<class Row>() {
        const std::string entity{schema<Row>::name};
        if (!dump.contains(file_name_of(entity))) {
            return;
        }
        for (const json& row : lines_of(dump, entity)) {
            for (const auto& [field, target] : target_of) {
                const auto reference = row.find(field);
                if (reference != row.end() &&
                    !ids[target].contains(reference->get<std::string>())) {
                    dangling = row.dump();
                }
            }
            ids[entity].insert(row.at("id").get<std::string>());
        }
    });
    return dangling;
}

dump_options make_dump_options() {
    return {.created_at = at_second(0), .server_version = "0.0-test"};
}

dump_fixture::dump_fixture()
    : targets_(directory_.path() / "targets"), store(open_store(directory_.path())) {
    BOOST_REQUIRE(sodium_init() >= 0);
    std::filesystem::create_directory(targets_);
}

namespace {

void create_post_with_two_files(kv::store& store, post row) {
    file second = row.files.front();
    second.id = row.id + 2;
    second.position = 1;
    second.url = "/media/bb/" + std::to_string(row.id) + ".png";
    row.files.push_back(second);
    create_post(store, row);
}

}  // namespace

media::media_store& dump_fixture::media() {
    if (!media_) {
        media_ = std::make_unique<media::media_store>(data_dir() / "media");
    }
    return *media_;
}

void dump_fixture::fill() {
    user gone = make_user(3, "gone", 3);
    gone.is_deleted = true;
    create(*store, make_user(1, "kim", 1), make_user(2, "lee", 2), gone);
    for (const entity_id id : {10, 20, 30, 40}) {
        post row = make_post(id, id == 30 ? 2 : 1, id);
        row.is_deleted = id == 20;
        create_post_with_two_files(*store, row);
    }
    create_post_with_two_files(*store, make_post(50, 3, 50));
    comment hidden = make_comment(101, 10, 1);
    hidden.is_deleted = true;
    create(*store, make_comment(100, 10, 2), hidden, make_comment(102, 20, 1),
           make_comment(103, 30, 3), make_comment(104, 50, 1));
    like taken_back = make_like(201, 30, 1);
    taken_back.is_deleted = true;
    create(*store, make_like(200, 10, 2), taken_back, make_like(202, 40, 3), make_like(203, 20, 2),
           make_like(204, 50, 2));
}

void dump_fixture::give_bytes(entity_id file_id, const std::string& bytes, bool visible) {
    const auto found = find<file>(*store, file_id);
    BOOST_REQUIRE(found.has_value());
    auto incoming = media().begin();
    BOOST_REQUIRE(incoming.has_value());
    BOOST_REQUIRE(incoming->append(std::as_bytes(std::span{bytes})).has_value());
    const auto published = media().publish(*incoming, "jpg");
    BOOST_REQUIRE(published.has_value());
    media().settle(std::span{&*published, 1});
    if (!visible) {
        BOOST_REQUIRE((media().hide(published->media_path) == media::move_outcome::moved));
    }
    file row = found->row;
    row.url = media::to_media_url(published->media_path);
    row.size = static_cast<std::int64_t>(bytes.size());
    row.sha256 = sha256_of(bytes);
    kv::commit commit;
    append_update(commit, *found, row);
    must_commit(*store, std::move(commit));
}

result<dump_report> dump_fixture::dump_to(dump_sink& sink, const dump_options& options,
                                          const work_watch& watch) {
    const media::media_reader reader{data_dir() / "media"};
    return write_dump(*store->snapshot(kv::read_mode::blocking), &reader, sink, options, watch);
}

members dump_fixture::dump_to_directory(const std::string& name, const dump_options& options) {
    auto sink = make_directory_sink(target(name));
    BOOST_REQUIRE(sink.has_value());
    const auto report = dump_to(**sink, options);
    BOOST_REQUIRE_MESSAGE(report.has_value(), (report ? std::string{} : report.error().message));
    BOOST_REQUIRE(report->is_whole);
    return read_directory(target(name));
}

}  // namespace pinhole::storage::dump::test
