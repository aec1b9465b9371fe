#include "tests/backup/backup_fixture.hpp"

#include <set>

#include "storage/backup/media_list.hpp"
#include "storage/kv/backup.hpp"
#include "storage/migrations.hpp"
#include "storage/read_only_database.hpp"

namespace pinhole::storage::test {

backup_fixture::backup_fixture() {
    BOOST_TEST_MESSAGE("PINHOLE_TEST_SEED=" << seed);
    kv::commit meta;
    append_schema_version(meta);
    must_commit(source.store(), std::move(meta));
    source.add_rows(3, 4);
    write_bytes(source.path() / "secret.key", std::string(64, 'a') + '\n');
}

backup::backup_report backup_fixture::back_up(const std::function<void()>& between) {
    auto folder = backup::backup_folder::open_to_write(dest, source.path());
    BOOST_REQUIRE_MESSAGE(folder.has_value(), (folder ? "" : folder.error().message));
    backup::backup_writer writer{*folder,
                                 {.data_dir = source.path(),
                                  .at = at_second(9'000'000),
                                  .server_version = "test",
                                  .keep = keep},
                                 watch};
    fs::remove_all(at("checkpoint"));
    kv::make_checkpoint(source.store(), at("checkpoint"));
    writer.add_rows(*open_read_only(at("checkpoint")));
    if (between) {
        between();
    }
    return writer.finish();
}

backup::backup_report backup_fixture::back_up_keeping(std::size_t count) {
    keep = count;
    return back_up();
}

backup::backup_folder backup_fixture::opened() const {
    auto folder = backup::backup_folder::open_to_read(dest);
    BOOST_REQUIRE_MESSAGE(folder.has_value(), (folder ? "" : folder.error().message));
    return std::move(*folder);
}

std::string backup_fixture::faults(kv::backup_id id, bool hash) const {
    backup::fault_list found;
    backup::verify_backup(opened(), id, hash, found, {});
    std::string all;
    for (const std::string& line : found.kept()) {
        all += line + '\n';
    }
    return all;
}

result<backup::restore_report> backup_fixture::restore(kv::backup_id id, const fs::path& to,
                                                       bool missing_media) const {
    return backup::restore_backup(opened(), id, to, {.missing_media = missing_media});
}

void backup_fixture::must_restore_to(kv::backup_id id, const fs::path& to) const {
    const auto done = restore(id, to);
    BOOST_REQUIRE_MESSAGE(done.has_value(), (done ? "" : done.error().message));
    BOOST_REQUIRE_MESSAGE(done->is_done, (done->faults.empty() ? "" : done->faults.kept().front()));
    BOOST_TEST(done->faults.empty());
    BOOST_TEST(problems_of(to).empty());
    BOOST_TEST(!fs::exists(to / "restore.building"));
    BOOST_TEST(!fs::exists(to / "media" / "restore.building"));
}

void backup_fixture::check_tidy() const {
    const auto kept = ids();
    std::set<std::string> needed;
    for (const kv::backup_id id : kept) {
        BOOST_TEST(faults(id) == "");
        for (const auto& [path, size] : listed_media(dest, id)) {
            needed.insert(path.substr(path.find('/') + 1));
        }
    }
    std::set<std::string> there;
    for (const auto& entry : fs::recursive_directory_iterator{dest / "media"}) {
        if (!entry.is_directory()) {
            there.insert(entry.path().lexically_relative(dest / "media").string());
        }
    }
    BOOST_TEST((there == needed));
    BOOST_TEST((kv::list_backups(dest / "db") == kept));
    for (const auto& entry : fs::directory_iterator{dest / "backups"}) {
        const auto id = static_cast<kv::backup_id>(std::stoul(entry.path().stem().string()));
        BOOST_TEST(std::ranges::count(kept, id) == 1, entry.path().string());
        BOOST_TEST(entry.path().extension() != ".new");
    }
}

std::map<std::string, std::uint64_t> listed_media(const fs::path& dest, kv::backup_id id) {
    std::map<std::string, std::uint64_t> all;
    backup::media_list_reader list{dest / "backups" / (std::to_string(id) + ".media")};
    while (const auto medium = list.next()) {
        all[(medium->is_public ? "public/" : "hidden/") + medium->path] = medium->size_bytes;
    }
    return all;
}

void flip_bit(const fs::path& file) {
    std::string bytes = bytes_of(file);
    BOOST_REQUIRE(!bytes.empty());
    bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
    // Another file under the name: what is linked to it elsewhere stays as it is.
    fs::remove(file);
    write_bytes(file, bytes);
}

}  // namespace pinhole::storage::test
