// maintenance_child DIR WORD POINT: purges, repairs or reindexes the data directory, and kills
// itself with SIGKILL at a point: 2n-1 is just before its nth commit is submitted, 2n just after it
// is durable. With 0 it runs to its end. Writes the number of its commits to DIR/commits.
#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <string>
#include <string_view>

#include "storage/maintenance/purge.hpp"
#include "storage/maintenance/repair.hpp"
#include "storage/reindex.hpp"
#include "tests/maintenance/maintained.hpp"

namespace pinhole::storage::test {

namespace {

class mortal_store : public kv::store {
public:
    mortal_store(kv::store& inner, unsigned point) : inner_(inner), point_(point) {}

    std::unique_ptr<kv::reader> snapshot(kv::read_mode mode) const override {
        return inner_.snapshot(mode);
    }
    void submit(kv::commit commit, completion done) override {
        const unsigned number = ++commits_;
        if (point_ == 2 * number - 1) {
            std::raise(SIGKILL);
        }
        inner_.submit(std::move(commit),
                      [this, number, done = std::move(done)](kv::outcome outcome) mutable {
                          if (point_ == 2 * number) {
                              std::raise(SIGKILL);
                          }
                          done(outcome);
                      });
    }
    kv::health health() const override { return inner_.health(); }
    kv::capabilities capabilities() const override { return inner_.capabilities(); }

    unsigned commits() const { return commits_; }

private:
    kv::store& inner_;
    unsigned point_;
    std::atomic<unsigned> commits_ = 0;
};

int run(const std::filesystem::path& directory, std::string_view word, unsigned point) {
    const auto inner = open_store(directory);
    mortal_store store{*inner, point};
    media::media_store media{directory / "media"};
    media_placement placement{store, media, [](kv::log_level, std::string_view) {}};
    if (word == "purge") {
        purge(store, &placement, {.before = at_second(600)});
    } else if (word == "repair") {
        repair(store, directory / "media", &placement,
               {.yes = true, .hash = true, .quarantine = directory / "quarantine"});
    } else if (word == "reindex") {
        reindex(store);
    } else {
        return 2;
    }
    std::ofstream{directory / "commits"} << store.commits();
    return 0;
}

}  // namespace

}  // namespace pinhole::storage::test

int main(int argc, char** argv) {
    if (argc != 4) {
        std::fputs("maintenance_child DIR WORD POINT\n", stderr);
        return 2;
    }
    try {
        return pinhole::storage::test::run(argv[1], argv[2],
                                           static_cast<unsigned>(std::stoul(argv[3])));
    } catch (const std::exception& failure) {
        std::fprintf(stderr, "maintenance_child: %s\n", failure.what());
        return 1;
    }
}
