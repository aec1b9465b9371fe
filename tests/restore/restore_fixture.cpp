#include "tests/restore/restore_fixture.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>

#include "storage/accounts.hpp"
#include "storage/check.hpp"
#include "storage/comments.hpp"
#include "storage/dump/verify.hpp"
#include "storage/files.hpp"
#include "storage/jobs.hpp"
#include "storage/likes.hpp"
#include "storage/media/media_reader.hpp"
#include "storage/posts.hpp"
#include "storage/ranking.hpp"

namespace pinhole::storage::test {

namespace {

/// Of all kinds that a text can be made of: escapes of JSON, what a terminal minds, one to four
/// bytes, what has no upper case and what changes its length with it.
constexpr std::array characters{"a",  "Z",      " ",      "\"",         "\\",         "/", "\n",
                                "\t", "\x01",   "\x7f",   "\x1b",       "é",          "ß", "Ω",
                                "바", "\u2028", "\uFFFF", "\U0001F600", "\U0010FFFF", "ı", "0"};
const timestamp dumped_at = at_second(9'000'000);

std::string escaped(std::string_view bytes) {
    return hex(bytes);
}

}  // namespace

source_directory::source_directory(fs::path directory, std::uint64_t seed)
    : directory_(std::move(directory)),
      random_(seed),
      store_((fs::create_directories(directory_), open_store(directory_))),
      media_(directory_ / "media"),
      placement_(*store_, media_, [](kv::log_level, std::string_view) {}) {}

std::string source_directory::text(std::size_t code_points_max, bool may_be_empty) {
    std::size_t length = random_.one_in(20) ? code_points_max : random_.pick(40);
    length = std::max<std::size_t>(std::min(length, code_points_max), may_be_empty ? 0 : 1);
    std::string made;
    for (std::size_t i = 0; i < length; ++i) {
        made += characters[random_.pick(characters.size())];
    }
    return made;
}

timestamp source_directory::next_moment() {
    second_ += static_cast<std::int64_t>(random_.pick(100));
    return from_microseconds(to_microseconds(at_second(second_)) +
                             static_cast<std::int64_t>(random_.pick(1'000'000)));
}

/// A unit of work that may be refused: what it wants to change is gone already, say.
template <class Function>
bool source_directory::try_write(const Function& function) {
    auto plan = function(*store_->snapshot(kv::read_mode::blocking));
    if (!plan) {
        return false;
    }
    if (!plan->commit.empty()) {
        must_commit(*store_, std::move(plan->commit));
    }
    return true;
}

void source_directory::add_user() {
    user row = make_user(take_id(), "user" + std::to_string(users_.size()));
    row.password = random_.one_in(2) ? "!" : "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA";
    row.name = text(64);
    row.bio = text(150);
    row.website = random_.one_in(2) ? "https://example.org/~" + std::to_string(row.id) : "";
    row.is_staff = random_.one_in(5);
    row.created_at = row.updated_at = next_moment();
    create(*store_, row);
    users_.push_back(row.id);
}

file source_directory::make_file(entity_id post, std::int64_t position, timestamp at) {
    auto incoming = media_.begin();
    BOOST_REQUIRE(incoming.has_value());
    const std::string bytes = random_.bytes(random_.one_in(8) ? 300'000 : 2'000);
    BOOST_REQUIRE(incoming->append(bytes).has_value());
    file row;
    row.sha256 = media::to_text(incoming->sha256());
    const auto published = media_.publish(*incoming, "jpg");
    BOOST_REQUIRE(published.has_value());
    media_.settle({&*published, 1});
    row.id = take_id();
    row.post.id = post;
    row.position = position;
    row.type = random_.one_in(4) ? "video" : "image";
    row.url = media::to_media_url(published->media_path);
    row.content_type = row.type + "/jpeg";
    row.size = static_cast<std::int64_t>(bytes.size());
    row.width = static_cast<std::int64_t>(random_.pick(5'000));
    row.height = 10;
    row.created_at = row.updated_at = at;
    files_.push_back(row.id);
    return row;
}

void source_directory::add_post() {
    post row;
    row.id = take_id();
    row.author.id = some_user();
    row.content = text(2'200);
    row.created_at = row.updated_at = next_moment();
    const auto files = static_cast<std::int64_t>(random_.pick(4)) + 1;
    for (std::int64_t position = 0; position < files; ++position) {
        row.files.push_back(make_file(row.id, position, row.created_at));
    }
    if (try_write([&](const kv::reader& reader) { return plan_create_post(reader, row); })) {
        posts_.push_back(row.id);
        react_to(row.id);
        return;
    }
    for (const file& each : row.files) {
        media_.remove(each.url.substr(std::string_view{"/media/"}.size()));
    }
}

void source_directory::react_to(entity_id post) {
    for (const entity_id who : users_) {
        if (random_.one_in(2)) {
            like row = make_like(take_id(), post, who);
            row.created_at = row.updated_at = next_moment();
            try_write([&](const kv::reader& reader) { return plan_like(reader, row); });
        }
        if (random_.one_in(3)) {
            comment row = make_comment(take_id(), post, who);
            row.content = text(2'200, false);
            row.created_at = row.updated_at = next_moment();
            if (try_write(
                    [&](const kv::reader& reader) { return plan_create_comment(reader, row); })) {
                comments_.push_back(row.id);
            }
        }
        if (random_.one_in(6)) {
            try_write([&](const kv::reader& reader) {
                return plan_unlike(reader, who, post, next_moment(), {});
            });
        }
    }
}

void source_directory::delete_some() {
    for (const entity_id id : files_) {
        if (random_.one_in(5)) {
            const auto row = find<file>(*store_, id);
            const auto parent = row ? find<post>(*store_, row->row.post.id) : std::nullopt;
            try_write([&](const kv::reader& reader) {
                return plan_delete_file(reader, parent ? parent->row.author.id : 0, id,
                                        next_moment(), {});
            });
        }
    }
    for (const entity_id id : comments_) {
        if (random_.one_in(5)) {
            try_write([&](const kv::reader& reader) {
                return plan_delete_comment(reader, find<comment>(*store_, id)->row.author.id, id,
                                           next_moment(), {});
            });
        }
    }
    for (const entity_id id : posts_) {
        if (random_.one_in(5)) {
            try_write([&](const kv::reader& reader) {
                return plan_delete_post(reader, find<post>(*store_, id)->row.author.id, id,
                                        next_moment(), {});
            });
        }
    }
    const entity_id gone = some_user();
    try_write([&](const kv::reader& reader) {
        return plan_delete_account(reader, gone, find<user>(*store_, gone)->row.password,
                                   next_moment(), {});
    });
}

void source_directory::finish_jobs() {
    for (;;) {
        const auto jobs = list_jobs(*store_->snapshot(kv::read_mode::blocking), 100);
        if (jobs.empty()) {
            break;
        }
        for (const pending_job& each : jobs) {
            if (each.job.kind == job_kind::settle_counts) {
                auto step =
                    plan_settle_counts_step(*store_->snapshot(kv::read_mode::blocking), each, 7);
                must_commit(*store_, std::move(step.commit));
            } else {
                BOOST_REQUIRE(placement_.take_step(each.job).has_value());
                drain(*store_);
            }
        }
    }
    BOOST_REQUIRE(rank_unranked(*store_));
}

void source_directory::add_rows(std::size_t users, std::size_t posts) {
    for (std::size_t i = 0; i < users; ++i) {
        add_user();
    }
    for (std::size_t i = 0; i < posts; ++i) {
        add_post();
    }
    delete_some();
    finish_jobs();
}

void source_directory::dump_to(const fs::path& target, bool with_media) const {
    auto sink = dump::make_sink(target, dumped_at);
    BOOST_REQUIRE(sink.has_value());
    const media::media_reader media{directory_ / "media"};
    const auto written = dump::write_dump(
        *store_->snapshot(kv::read_mode::blocking), &media, **sink,
        {.created_at = dumped_at, .server_version = "test", .with_media = with_media}, {});
    BOOST_REQUIRE_MESSAGE(written.has_value(), (written ? "" : written.error().message));
    BOOST_REQUIRE(written->is_whole);
}

database_options options_for(const fs::path& data_dir) {
    database_options options;
    options.data_dir = data_dir;
    options.secret_key = test_master;
    options.block_cache_bytes = std::size_t{16} << 20U;
    return options;
}

std::vector<std::string> rows_of(const fs::path& data_dir) {
    std::vector<std::string> all;
    const auto store = open_store(data_dir);
    const auto reader = store->snapshot(kv::read_mode::blocking);
    for (const kv::family_spec& family : families::all) {
        if (family.id == families::meta) {
            continue;
        }
        for (const kv::located_row& each : reader->walk(family.id, nullptr, 10'000'000)) {
            if (family.id == families::counters && each.row.value == "0") {
                continue;
            }
            all.push_back(std::string{family.name} + ' ' + std::to_string(each.part) + ' ' +
                          escaped(each.row.key) + ' ' + escaped(each.row.value));
        }
    }
    return all;
}

std::vector<std::string> problems_of(const fs::path& data_dir) {
    const auto store = open_store(data_dir);
    return check_rows(*store->snapshot(kv::read_mode::blocking)).details();
}

std::map<std::string, std::string> tree_of(const fs::path& folder) {
    std::map<std::string, std::string> tree;
    if (!fs::exists(folder)) {
        return tree;
    }
    for (const auto& entry : fs::recursive_directory_iterator{folder}) {
        const std::string name = entry.path().lexically_relative(folder).string();
        if (entry.path().filename() == "LOCK") {
            continue;
        }
        const auto mode = static_cast<unsigned>(entry.symlink_status().permissions());
        tree[name] = std::to_string(mode) + (entry.is_directory() ? " folder" : " ") +
                     (entry.is_regular_file() ? bytes_of(entry.path()) : "");
    }
    return tree;
}

std::map<std::string, std::string> media_of(const fs::path& data_dir) {
    std::map<std::string, std::string> files;
    for (const char* tree : {"public", "hidden"}) {
        for (const auto& [name, content] : tree_of(data_dir / "media" / tree)) {
            if (!content.ends_with(" folder")) {
                files[std::string{tree} + '/' + name] = content;
            }
        }
    }
    return files;
}

restore_fixture::restore_fixture(std::size_t users, std::size_t posts) {
    BOOST_TEST_MESSAGE("PINHOLE_TEST_SEED=" << seed);
    source.add_rows(users, posts);
    source.dump_to(dump);
}

std::vector<std::string> lines_of(const fs::path& file) {
    std::vector<std::string> lines;
    std::ifstream in{file, std::ios::binary};
    for (std::string line; std::getline(in, line);) {
        lines.push_back(line);
    }
    return lines;
}

void write_lines(const fs::path& file, const std::vector<std::string>& lines) {
    std::string all;
    for (const std::string& line : lines) {
        all += line + '\n';
    }
    write_bytes(file, all);
}

std::string bytes_of(const fs::path& file) {
    std::ifstream in{file, std::ios::binary};
    return {std::istreambuf_iterator<char>{in}, {}};
}

void write_bytes(const fs::path& file, std::string_view bytes) {
    std::ofstream out{file, std::ios::binary | std::ios::trunc};
    out << bytes;
    out.close();
    BOOST_REQUIRE(out.good());
}

void seal(const fs::path& dump) {
    dump::manifest sums{.created_at = dumped_at, .server_version = "test"};
    dump::for_each_dumped([&]<class Row>() {
        const fs::path path = dump / dump::file_name_of(schema<Row>::name);
        if (fs::exists(path)) {
            const std::string bytes = bytes_of(path);
            media::sha256_hash hash;
            hash.update(std::as_bytes(std::span{bytes}));
            sums.entities[std::string{schema<Row>::name}] = {
                .rows = static_cast<std::uint64_t>(std::ranges::count(bytes, '\n')),
                .sha256 = media::to_text(hash.digest())};
        }
    });
    for (const auto& [name, content] : tree_of(dump / "media")) {
        if (!content.ends_with(" folder")) {
            ++sums.media.files;
            sums.media.bytes += fs::file_size(dump / "media" / name);
        }
    }
    write_bytes(dump / dump::manifest_name, dump::to_json(sums));
}

void make_subset(const fs::path& dump, const fs::path& made, generator& random) {
    using nlohmann::json;
    const auto text_of = [](const json& row, const char* field) {
        return row.at(field).get<std::string>();
    };
    fs::copy(dump, made, fs::copy_options::recursive);
    std::set<std::string> dropped;
    std::set<std::string> needed;
    std::set<std::string> posts_with_files;
    const auto filter = [&](const char* file, const std::function<bool(const json&)>& is_kept) {
        std::vector<std::string> kept;
        for (const std::string& line : lines_of(made / file)) {
            const json row = json::parse(line);
            if (is_kept(row)) {
                kept.push_back(line);
            } else {
                dropped.insert(text_of(row, "id"));
            }
        }
        write_lines(made / file, kept);
    };
    const auto need = [&](std::string who) {
        needed.insert(std::move(who));
        return true;
    };
    filter("posts.jsonl",
           [&](const json& row) { return !random.one_in(3) && need(text_of(row, "author")); });
    filter("files.jsonl", [&](const json& row) {
        const bool is_post_kept = !dropped.contains(text_of(row, "post"));
        const bool is_needed =
            !row["is_deleted"].get<bool>() && !posts_with_files.contains(text_of(row, "post"));
        if (is_post_kept && (is_needed || !random.one_in(3))) {
            if (is_needed) {
                posts_with_files.insert(text_of(row, "post"));
            }
            return true;
        }
        fs::remove(made / text_of(row, "url").substr(1));
        return false;
    });
    filter("comments.jsonl", [&](const json& row) {
        return !dropped.contains(text_of(row, "post")) && !random.one_in(3) &&
               need(text_of(row, "author"));
    });
    filter("likes.jsonl", [&](const json& row) {
        return !dropped.contains(text_of(row, "post")) && !random.one_in(3) &&
               need(text_of(row, "user"));
    });
    filter("users.jsonl", [&](const json& row) {
        return needed.contains(text_of(row, "id")) || !random.one_in(2);
    });
    seal(made);
}

void rank_all(const fs::path& data_dir) {
    const auto store = open_store(data_dir);
    BOOST_REQUIRE(rank_unranked(*store));
}

std::string faults_of(const restore_report& report) {
    std::string all;
    for (const auto& fault : report.faults.kept()) {
        all += to_string(fault) + '\n';
    }
    return all;
}

restore_report must_restore(const fs::path& dump, const fs::path& target,
                            const restore_options& options) {
    auto done = restore_dump(dump, target, options);
    BOOST_REQUIRE_MESSAGE(done.has_value(), (done ? "" : done.error().message));
    BOOST_REQUIRE_MESSAGE(done->faults.empty(), faults_of(*done));
    BOOST_TEST(done->is_done == !options.dry_run);
    return std::move(*done);
}

void must_refuse(const fs::path& dump, const fs::path& target, const std::string& place,
                 std::string_view problem) {
    const auto before = tree_of(target);
    const bool was_there = fs::exists(target);
    const auto names_it = [&](const dump::fault_list& faults) {
        std::string all;
        for (const auto& fault : faults.kept()) {
            const std::string text = to_string(fault);
            all += text + '\n';
            if (text.starts_with(place.empty() ? place : place + ": ") && text.contains(problem)) {
                return std::string{};
            }
        }
        return "no fault " + place + ": " + std::string{problem} + " in\n" + all;
    };
    const auto verified = dump::verify_dump(dump);
    BOOST_TEST(names_it(verified.faults) == "");
    const auto done = restore_dump(dump, target);
    BOOST_REQUIRE_MESSAGE(done.has_value(), (done ? "" : done.error().message));
    BOOST_TEST(!done->is_done);
    BOOST_TEST(names_it(done->faults) == "");
    BOOST_TEST((tree_of(target) == before));
    BOOST_TEST(fs::exists(target) == was_there);
}

}  // namespace pinhole::storage::test
