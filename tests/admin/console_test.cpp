// How progress looks in each form, and texts of strangers.
#include "tools/admin/console.hpp"

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>
#include <random>
#include <string>

#include "storage/base/text.hpp"
#include "tests/support/seed.hpp"
#include "tools/admin/display.hpp"

namespace pinhole::test {

namespace {

using namespace admin;
using namespace std::chrono_literals;

/// A console whose time is the test's.
struct fake_console {
    std::chrono::steady_clock::time_point now{};
    std::string notes;
    std::string results;
    std::stop_source stop;

    console_options options(progress_form form) {
        console_options made;
        made.progress = form;
        made.json = form == progress_form::json;
        made.quiet = form == progress_form::none;
        made.write_note = [this](std::string_view text) { notes += text; };
        made.write_result = [this](std::string_view text) { results += text; };
        made.now = [this] { return now; };
        made.columns = [] { return 80U; };
        return made;
    }

    void work(console& out, std::string_view phase, std::uint64_t total, bool counts_bytes) {
        const auto watch = out.watch(stop.get_token());
        for (std::uint64_t done = 0; done <= total; done += total / 20) {
            watch.advance({phase, done, total, counts_bytes});
            now += 1s;
        }
    }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(console_and_display, fake_console)

BOOST_AUTO_TEST_CASE(lines_come_now_and_then) {
    console out{options(progress_form::lines)};
    work(out, "users", 20'000, false);
    work(out, "media", 20ULL << 20U, true);
    out.result("done\n");
    BOOST_TEST(notes ==
               "users:  50 %  10,000 of 20,000, 1,000/s, 10 s left\n"
               "users: 100 %  20,000 of 20,000, 1,000/s\n"
               "users: 20,000 in 21.0 s\n"
               "media:  50 %  10.0 MiB of 20.0 MiB, 1.0 MiB/s, 10 s left\n"
               "media: 100 %  20.0 MiB of 20.0 MiB, 1.0 MiB/s\n"
               "media: 20.0 MiB in 21.0 s\n");
    BOOST_TEST(results == "done\n");
}

BOOST_AUTO_TEST_CASE(a_bar_stays_on_its_line) {
    console out{options(progress_form::bar)};
    work(out, "users", 20'000, false);
    out.note("a note");
    BOOST_TEST(notes.starts_with("\rusers "));
    BOOST_TEST(notes.contains(" 50 %  10,000 of 20,000, 1,000/s, 10 s left\x1b[K"));
    BOOST_TEST(notes.ends_with("\rusers: 20,000 in 21.0 s\x1b[K\na note\n"));
    BOOST_TEST(std::ranges::count(notes, '\n') == 2);
    std::size_t begin = 1;
    for (auto end = notes.find("\x1b[K"); end != std::string::npos;
         end = notes.find("\x1b[K", begin)) {
        BOOST_TEST(end - begin < 80U);
        begin = end + 4;
    }
}

BOOST_AUTO_TEST_CASE(json_lines_are_json) {
    console out{options(progress_form::json)};
    work(out, "users", 20'000, false);
    out.note("a \"note\"");
    out.error("an error");
    std::istringstream lines(notes);
    std::vector<nlohmann::json> all;
    for (std::string line; std::getline(lines, line);) {
        all.push_back(nlohmann::json::parse(line));
    }
    BOOST_REQUIRE(all.size() > 3U);
    BOOST_TEST(all.front()["progress"]["phase"] == "users");
    BOOST_TEST(all[all.size() - 3]["progress"]["done"] == 20'000);
    BOOST_TEST(all[all.size() - 2]["note"] == "a \"note\"");
    BOOST_TEST(all.back()["error"] == "an error");
}

BOOST_AUTO_TEST_CASE(quiet_is_quiet_but_for_errors) {
    console out{options(progress_form::none)};
    work(out, "users", 20'000, false);
    out.note("a note");
    BOOST_TEST(notes.empty());
    out.error("an error");
    BOOST_TEST(notes == "an error\n");
}

BOOST_AUTO_TEST_CASE(a_stop_ends_the_work) {
    console out{options(progress_form::none)};
    stop.request_stop();
    BOOST_CHECK_THROW(work(out, "users", 20'000, false), storage::work_interrupted);
}

BOOST_AUTO_TEST_CASE(an_unknown_total_has_no_percentage) {
    console out{options(progress_form::lines)};
    const auto watch = out.watch({});
    watch.advance({"media", 0, 0, true});
    now += 10s;
    watch.advance({"media", 10ULL << 20U, 0, true});
    BOOST_TEST(notes == "media: 10.0 MiB, 1.0 MiB/s\n");
}

BOOST_AUTO_TEST_CASE(sizes_and_numbers_are_readable) {
    BOOST_TEST(with_separators(0) == "0");
    BOOST_TEST(with_separators(999) == "999");
    BOOST_TEST(with_separators(1'000) == "1,000");
    BOOST_TEST(with_separators(1'234'567) == "1,234,567");
    BOOST_TEST(to_size_text(1023) == "1023 B");
    BOOST_TEST(to_size_text(1024) == "1.0 KiB");
    BOOST_TEST(to_size_text((1ULL << 20U) - 1) == "1.0 MiB");
    BOOST_TEST(to_size_text(3'650'722'201) == "3.4 GiB");
}

BOOST_AUTO_TEST_CASE(wide_and_narrow_characters_are_counted) {
    BOOST_TEST(count_columns("sea") == 3U);
    BOOST_TEST(count_columns("바다") == 4U);
    BOOST_TEST(count_columns("e\xCC\x81") == 1U);  // with a combining accent
    BOOST_TEST(count_columns("🌊") == 2U);
    BOOST_TEST(fit_columns("바다사진", 8) == "바다사진");
    BOOST_TEST(fit_columns("바다사진", 7) == "바다사…");
    BOOST_TEST(fit_columns("바다사진", 6) == "바다…");
    BOOST_TEST(pad_right("바다", 6) == "바다  ");
    BOOST_TEST(pad_left("바다", 6) == "  바다");
}

BOOST_AUTO_TEST_CASE(no_text_controls_a_terminal) {
    BOOST_TEST(to_printable("a\x1b[2Jb") == "a\xEF\xBF\xBD[2Jb");
    BOOST_TEST(to_printable("one\r\ntwo\tthree") == "one  two three");
    BOOST_TEST(to_printable("\xC2\x9B"
                            "31m") ==
               "\xEF\xBF\xBD"
               "31m");  // C1: CSI in one byte
    BOOST_TEST(to_printable("a\xE2\x80\xAE"
                            "b") ==
               "a\xEF\xBF\xBD"
               "b");  // right-to-left override
    BOOST_TEST(to_printable("\xFF\xC0") == "\xEF\xBF\xBD\xEF\xBF\xBD");
    const auto seed = pinhole::test::make_seed();
    BOOST_TEST_INFO_SCOPE("PINHOLE_TEST_SEED=" << seed);
    std::mt19937 random(seed);
    for (int round = 0; round < 2'000; ++round) {
        std::string text(random() % 60, '\0');
        for (char& byte : text) {
            byte = static_cast<char>(random() % 256);
        }
        const std::string printable = to_printable(text);
        BOOST_TEST(storage::count_code_points(printable).has_value());
        for (const char byte : printable) {
            BOOST_REQUIRE((static_cast<unsigned char>(byte) >= 0x20 && byte != 0x7f));
        }
        const std::size_t columns = 1 + random() % 40;
        BOOST_TEST(count_columns(fit_columns(printable, columns)) <= columns);
        BOOST_TEST(count_columns(pad_left(printable, columns)) >= columns);
    }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::test
