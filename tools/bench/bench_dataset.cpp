// bench_dataset DIR [--posts N]    makes a data set in a new data directory, and prints what it is
// bench_dataset --fingerprint      prints the name of what it makes
//
// Prints one JSON object: `fingerprint`, `posts`, and ids as strings: `caller`, `kim`, `popular`,
// `post`. Exits with 0, 1 (could not), 2 (called wrongly).
#include <cstdio>
#include <exception>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "storage/database.hpp"
#include "tools/bench/dataset.hpp"

namespace pinhole::bench {

namespace {

constexpr std::size_t posts_min = 100, posts_max = 10'000'000;

dataset_names make_in(const std::filesystem::path& directory, const dataset_size& size) {
    if (std::filesystem::exists(directory / "db")) {
        throw std::runtime_error{"there is a database already in " + directory.string()};
    }
    storage::database_options options;
    options.data_dir = directory;
    options.sync = false;  // what a crash cuts short is made again
    options.log = [](kv::log_level level, std::string_view line) {
        if (level >= kv::log_level::error) {  // that it does not sync is known
            std::fprintf(stderr, "%.*s\n", static_cast<int>(line.size()), line.data());
        }
    };
    storage::database database{std::move(options)};
    return make_dataset(database.store(), size);
}

int run(const std::vector<std::string_view>& arguments) {
    if (arguments.size() == 1 && arguments[0] == "--fingerprint") {
        std::puts(dataset_fingerprint().c_str());
        return 0;
    }
    if (arguments.empty() || arguments[0].starts_with('-') ||
        (arguments.size() != 1 && (arguments.size() != 3 || arguments[1] != "--posts"))) {
        std::fputs("bench_dataset DIR [--posts N] | --fingerprint\n", stderr);
        return 2;
    }
    dataset_size size;
    if (arguments.size() == 3) {
        const auto posts = storage::parse_id(arguments[2]).value_or(0);
        size.posts = static_cast<std::size_t>(posts);
    }
    if (size.posts < posts_min || size.posts > posts_max) {
        std::fprintf(stderr, "--posts: from %zu to %zu\n", posts_min, posts_max);
        return 2;
    }
    const dataset_names names = make_in(arguments[0], size);
    std::printf(R"({"fingerprint":"%s","posts":%zu,"caller":"%lld","kim":"%lld","popular":"%lld",)"
                R"("post":"%lld"})"
                "\n",
                dataset_fingerprint().c_str(), size.posts, static_cast<long long>(names.caller),
                static_cast<long long>(names.middling), static_cast<long long>(names.popular),
                static_cast<long long>(names.popular_post));
    return 0;
}

}  // namespace

}  // namespace pinhole::bench

int main(int argc, char** argv) {
    try {
        return pinhole::bench::run({argv + 1, argv + argc});
    } catch (const std::exception& failure) {
        std::fprintf(stderr, "bench_dataset: %s\n", failure.what());
        return 1;
    }
}
