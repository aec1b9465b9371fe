#include "tests/maintenance/maintained.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>

#include "storage/media/sha256.hpp"
#include "storage/posts.hpp"
#include "storage/ranking.hpp"

namespace pinhole::storage::test {

namespace {

std::string sha256_of(std::string_view bytes) {
    media::sha256_hash hash;
    hash.update(std::as_bytes(std::span{bytes.data(), bytes.size()}));
    return media::to_text(hash.digest());
}

/// Different for each file, and of different lengths.
std::string bytes_of(entity_id id) {
    return "the bytes of file " + std::string(static_cast<std::size_t>(id % 50), '*') +
           std::to_string(id);
}

}  // namespace

maintained::maintained(std::filesystem::path data_dir)
    : data_dir_(std::move(data_dir)),
      store_((std::filesystem::create_directories(data_dir_), open_store(data_dir_))),
      media_(data_dir_ / "media"),
      placement_(*store_, media_, [](kv::log_level, std::string_view) {}) {}

media::published_file maintained::publish(std::string_view bytes) {
    auto incoming = media_.begin();
    BOOST_REQUIRE(incoming.has_value());
    BOOST_REQUIRE(incoming->append(bytes).has_value());
    const auto published = media_.publish(*incoming, "jpg");
    BOOST_REQUIRE(published.has_value());
    return *published;
}

post maintained::add_post(entity_id id, entity_id author, std::size_t files, std::int64_t second) {
    post row = make_post(id, author, second);
    const file pattern = row.files.front();
    row.files.clear();
    std::vector<media::published_file> published;
    for (std::size_t position = 0; position < files; ++position) {
        file& each = row.files.emplace_back(pattern);
        each.id = id + 1 + static_cast<entity_id>(position);
        each.position = static_cast<std::int64_t>(position);
        const std::string bytes = bytes_of(each.id);
        published.push_back(publish(bytes));
        each.url = media::to_media_url(published.back().media_path);
        each.size = static_cast<std::int64_t>(bytes.size());
        each.sha256 = sha256_of(bytes);
    }
    write(*store_, [&](const kv::reader& reader) { return plan_create_post(reader, row); });
    media_.settle(published);
    return row;
}

void carry_out(kv::store& store, media_placement& placement, const job& job) {
    for (bool is_last = false; !is_last;) {
        if (job.kind != job_kind::settle_counts) {
            const auto step = placement.take_step(job);
            BOOST_REQUIRE(step.has_value());
            BOOST_REQUIRE((*step != job_step::waits));
            is_last = *step == job_step::done;
            continue;
        }
        const auto snapshot = store.snapshot(kv::read_mode::blocking);
        const auto seen = find_job(*snapshot, job);
        if (!seen) {
            return;
        }
        settle_step step = plan_settle_counts_step(*snapshot, *seen, 100);
        const kv::outcome outcome = store.submit_and_wait(std::move(step.commit));
        is_last = step.is_last && outcome == kv::outcome::ok;
    }
    drain(store);
}

void maintained::settle() {
    for (const pending_job& each :
         read(*store_, [](const kv::reader& reader) { return list_jobs(reader, 1'000'000); })) {
        carry_out(*store_, placement_, each.job);
    }
    BOOST_REQUIRE(rank_unranked(*store_));
}

check_report maintained::check(bool hash) {
    return check_all(*store_, media_root(), {.hash = hash});
}

void maintained::must_be_sound() {
    BOOST_TEST(check().details() == std::vector<std::string>{}, boost::test_tools::per_element());
}

repair_report maintained::repair(bool yes, bool hash) {
    return storage::repair(*store_, media_root(), &placement_,
                           {.yes = yes, .hash = hash, .quarantine = data_dir_ / "quarantine"});
}

std::vector<std::string> maintained::rows() const {
    std::vector<std::string> lines;
    const auto reader = store_->snapshot(kv::read_mode::blocking);
    for (const kv::family_spec& family : families::all) {
        for (const auto& each : reader->walk(family.id, nullptr, UINT32_MAX)) {
            std::string& line = lines.emplace_back(family.name);
            line += '/' + std::to_string(each.part) + '/' + hex(each.row.key) + '=' +
                    hex(each.row.value) + '@' + std::to_string(each.row.stamp);
        }
    }
    return lines;
}

std::vector<std::string> maintained::files() const {
    std::vector<std::string> lines;
    for (const auto& each : std::filesystem::recursive_directory_iterator{data_dir_}) {
        const std::string path = each.path().lexically_relative(data_dir_).string();
        if (each.is_regular_file() && !path.starts_with("db/")) {
            std::ifstream in{each.path(), std::ios::binary};
            lines.push_back(path + '=' + std::string{std::istreambuf_iterator<char>{in}, {}});
        }
    }
    std::ranges::sort(lines);
    return lines;
}

void write_file(const std::filesystem::path& path, std::string_view bytes) {
    std::filesystem::create_directories(path.parent_path());
    std::ofstream out{path, std::ios::binary};
    out << bytes;
    BOOST_REQUIRE(out.good());
}

}  // namespace pinhole::storage::test
