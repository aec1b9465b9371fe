// seed: believable sample data, with pictures that a browser shows.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>

#include "storage/media/media_store.hpp"
#include "storage/query/catalog.hpp"
#include "tools/admin/admin_store.hpp"
#include "tools/admin/checks.hpp"
#include "tools/admin/seed_writer.hpp"
#include "tools/admin/words.hpp"
#include "tools/sample/password.hpp"

namespace pinhole::admin {

namespace {

constexpr std::uint32_t things_max = 1'000'000;

struct seed_options {
    std::uint32_t users = 0;
    std::uint32_t posts = 0;
    std::uint64_t seed = 1;
    std::string until;
    bool force = false;
};

/// Midnight (UTC) of the day given, or of today.
storage::timestamp parse_until(const std::string& text) {
    using namespace std::chrono;
    if (text.empty()) {
        return floor<days>(storage::now());
    }
    int year = 0;
    unsigned month = 0;
    unsigned day = 0;
    char end = 0;
    // NOLINTNEXTLINE(cert-err34-c): what it makes of nonsense is judged below
    const int found = std::sscanf(text.c_str(), "%4d-%2u-%2u%c", &year, &month, &day, &end);
    const year_month_day date{std::chrono::year{year}, std::chrono::month{month},
                              std::chrono::day{day}};
    const storage::timestamp until = sys_days{date.ok() ? date : year_month_day{}};
    if (found != 3 || !date.ok() || year < 2025 || !storage::is_plausible(until)) {
        throw usage_error{"--until needs a day such as 2026-11-01, from 2025 on"};
    }
    return until;
}

bool has_rows(const kv::store& store) {
    const auto reader = store.snapshot(kv::read_mode::blocking);
    return std::ranges::any_of(storage::query::all_entities(), [&](const auto& entity) {
        return !reader->walk(entity.family, nullptr, 1).empty();
    });
}

exit_code seed(word_context& context, const seed_options& options) {
    const seed_size size{.users = options.users,
                         .posts = options.posts,
                         .seed = options.seed,
                         .until = parse_until(options.until)};
    const auto opened = open_local_or_remote(context, missing_database::create);
    if (!options.force && has_rows(opened->store())) {
        throw refusal{"the database has rows: --force adds sample data to them"};
    }
    std::optional<media::media_store> beside;  // of a running server
    media::media_store& media = opened->local() != nullptr
                                    ? opened->local()->media()
                                    : beside.emplace(context.data_dir / "media");
    const seeded written = seed_writer{opened->store(), media, size}.write(context.watch());
    if (context.out.is_json()) {
        context.out.result(fmt::format(
            R"({{"users":{},"posts":{},"comments":{},"likes":{},"files":{},"password":"{}"}})"
            "\n",
            written.users, written.posts, written.comments, written.likes, written.files,
            sample::password));
    } else {
        context.out.result(fmt::format(
            "{} users, {} posts with {} pictures, {} comments, {} likes. Everybody's password is "
            "\"{}\".\n",
            written.users, written.posts, written.files, written.comments, written.likes,
            sample::password));
    }
    return exit_code::done;
}

}  // namespace

void add_seed(word_list& words) {
    const auto options = std::make_shared<seed_options>();
    CLI::App& word = words.add(
        "seed",
        "Fills a new database with sample data: people, posts with pictures, likes, comments",
        [options](word_context& context) { return seed(context, *options); });
    word.add_option("--users", options->users, "How many people")
        ->required()
        ->check(decimal())
        ->check(CLI::Range(1U, things_max));
    word.add_option("--posts", options->posts, "How many posts; five times as many likes at most")
        ->required()
        ->check(decimal())
        ->check(CLI::Range(0U, things_max));
    word.add_option("--seed", options->seed,
                    "The same number gives the same data, but for the names of files")
        ->capture_default_str();
    word.add_option("--until", options->until,
                    "The day at whose beginning (UTC) the half year of the data ends; today unless "
                    "it is said")
        ->type_name("YYYY-MM-DD");
    word.add_flag("--force", options->force, "Also into a database that has rows");
}

}  // namespace pinhole::admin
