// The server's clock set forward and back, by minutes and by decades, while it runs and between
// runs: what is made stays in order, and nothing that measures time by itself is moved.
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <ctime>
#include <iomanip>
#include <set>
#include <sstream>

#include "tests/api/entity_checks.hpp"
#include "tests/time/moved_clock.hpp"

namespace pinhole::test {

namespace {

constexpr seconds year = days(365);

/// Makes one of each kind and looks at the ids and the dates that they get.
class maker {
public:
    explicit maker(clocked_server& server)
        : server_(server), user_(sign_up(server.port(), "maker")) {
        post_ = create_post(user_, "edited again and again");
        note(post_);
    }

    void make() {
        const json post = create_post(user_);
        note(post);
        note(post.at("files").at(0), false);
        note(create_comment(user_, post));
        note(create_like(user_, post));
        note(parse(user_.post("/api/v1/auth/signup",
                              {{"username", unique_name("made")}, {"password", default_password}}),
                   201)
                 .at("user"));
        edit();
    }

    api_client& user() { return user_; }
    std::size_t made() const { return ids_.size(); }

private:
    static std::uint64_t number(const json& row) { return std::stoull(text(row, "id")); }

    /// A file's id is made before its post's, a row's date when it is begun.
    void note(const json& row, bool is_newest = true) {
        const std::uint64_t id = number(row);
        const wall_time made = parse_time(text(row, "created_at"));
        BOOST_TEST(ids_.insert(id).second, "the id " << id << " came twice");
        if (is_newest) {
            BOOST_TEST(id == *ids_.rbegin(), "the id " << id << " came late");
        }
        // Nothing new slips in behind what was there, but where somebody mends a wrong clock.
        const wall_time now = server_.now();
        if (now > newest_ || newest_ - now > hours(1)) {
            BOOST_TEST((std::chrono::abs(made - now) < slack), text(row, "created_at"));
        } else {
            BOOST_TEST((made >= newest_), text(row, "created_at"));
            BOOST_TEST((made - newest_ < slack), text(row, "created_at"));
        }
        newest_ = made;
    }

    void edit() {
        const json after =
            parse(user_.patch(path_of_post(post_), {{"content", unique_name("edit")}}), 200);
        BOOST_TEST((parse_time(text(after, "updated_at")) > parse_time(text(post_, "updated_at"))));
        BOOST_TEST(text(after, "created_at") == text(post_, "created_at"));
        post_ = after;
    }

    clocked_server& server_;
    api_client user_;
    json post_;
    std::set<std::uint64_t> ids_;
    wall_time newest_{};
};

wall_time parse_http_date(const std::string& text) {
    std::tm parts{};
    std::istringstream in(text);
    in.imbue(std::locale::classic());
    in >> std::get_time(&parts, "%a, %d %b %Y %H:%M:%S GMT");
    BOOST_TEST_REQUIRE(!in.fail(), text);
    return wall_time{} + seconds(::timegm(&parts));
}

const std::vector<seconds> moves{seconds(0),         minutes(30), seconds(0), hours(2),
                                 minutes(70),        days(1),     2 * year,   -year,
                                 -year - minutes(1), seconds(0),  8 * year,   seconds(0)};

/// A new run knows the dates of all rows, not only the last: none of these is within an hour
/// before something but what comes right before it.
const std::vector<seconds> moves_between_runs{
    seconds(0), minutes(30), seconds(0),         hours(2), minutes(70), days(1),
    2 * year,   -year,       -year - minutes(1), hours(4), 8 * year,    days(1) + hours(4)};

/// Logins are not what is tested.
std::vector<std::string> lasting_logins() {
    return {"--token-life", "3650d"};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(clock_moves, *boost::unit_test::precondition(can_move_clock))

BOOST_AUTO_TEST_CASE(ids_and_dates_stay_in_order_while_the_clock_moves) {
    clocked_server server(lasting_logins());
    maker maker(server);
    for (const seconds move : moves) {
        BOOST_TEST_CONTEXT("the clock moved by " << move.count() << " s") {
            server.set_clock(move);
            maker.make();
            maker.make();
        }
    }
    BOOST_TEST(find_wrong_count(maker.user()) == "");
    server.stop();
}

BOOST_AUTO_TEST_CASE(ids_and_dates_stay_in_order_when_the_clock_moves_between_runs) {
    clocked_server server(lasting_logins());
    maker maker(server);
    bool kill = true;
    for (const seconds move : moves_between_runs) {
        BOOST_TEST_CONTEXT("the clock moved by " << move.count() << " s") {
            maker.make();
            server.set_clock(move);
            server.restart(kill ? SIGKILL : SIGTERM);
            kill = !kill;
            maker.user().move_to(server.port());
            maker.make();
        }
    }
    BOOST_TEST(find_wrong_count(maker.user()) == "");
    server.stop();
}

/// The id ceiling lies up to twenty seconds ahead of what was dated last: dates went by it.
BOOST_AUTO_TEST_CASE(
    after_a_restart_with_the_clock_set_back_new_rows_were_listed_behind_older_ones) {
    clocked_server server;
    auto user = sign_up(server.port());
    std::vector<std::string> expected;
    for (int round = 0; round < 4; ++round) {
        server.set_clock(minutes(-5 * round));
        if (round > 0) {
            server.restart(SIGKILL);
            user.move_to(server.port());
        }
        expected.insert(expected.begin(), text(create_post(user), "id"));
        BOOST_TEST(ids_of(walk(user, "/api/v1/posts")) == expected,
                   boost::test_tools::per_element());
    }
    server.stop();
}

BOOST_AUTO_TEST_CASE(walks_show_each_row_once_while_the_clock_moves) {
    clocked_server server(lasting_logins());
    auto user = sign_up(server.port());
    std::vector<std::string> posts;
    for (const seconds move : moves) {
        server.set_clock(move);
        posts.push_back(text(create_post(user), "id"));
    }
    std::multiset<std::string> seen;
    std::size_t step = 0;
    std::string url = "/api/v1/posts?page_size=2";
    while (!url.empty()) {
        server.set_clock(moves[step++ % moves.size()]);
        create_post(user, "in between");
        const json page = user.get_json(url);
        for (const json& row : page.at("results")) {
            seen.insert(text(row, "id"));
        }
        // What comes in behind the cursor is shown too, so that a walk need not end by itself.
        url = page.at("next").is_null() || step > 100 ? std::string() : text(page, "next");
    }
    for (const std::string& id : posts) {
        BOOST_TEST(seen.count(id) == 1U, id << " was shown " << seen.count(id) << " times");
    }
    BOOST_TEST(step <= 100U);
    server.stop();
}

BOOST_AUTO_TEST_CASE(the_date_header_and_the_log_follow_the_clock) {
    clocked_server server;
    api_client client(server.port());
    for (const seconds move : {seconds(0), seconds(days(400)), -year, seconds(0)}) {
        server.set_clock(move);
        BOOST_TEST(eventually([&] {
            const auto date = parse_http_date(client.get("/healthz").header("Date"));
            return std::chrono::abs(date - server.now()) < slack;
        }));
        const std::string trace = unique_name("clock-");
        client.get("/healthz", {{"X-Request-Id", trace}});
        server.expect_log(trace);
        std::istringstream lines(server.log_text());
        for (std::string line; std::getline(lines, line);) {
            if (line.contains(trace)) {
                const json entry = json::parse(line);
                BOOST_TEST(
                    (std::chrono::abs(parse_time(text(entry, "time")) - server.now()) < slack),
                    line);
                BOOST_TEST(entry.at("microseconds").get<std::int64_t>() >= 0);
                BOOST_TEST(entry.at("microseconds").get<std::int64_t>() < 120'000'000);
            }
        }
    }
    server.stop();
}

BOOST_AUTO_TEST_CASE(deadlines_do_not_come_early_or_never_when_the_clock_moves) {
    clocked_server server({"--header-timeout", "1s", "--token-life", "3650d"});
    auto user = sign_up(server.port());
    const auto form = post_form("slow");
    for (const seconds move : {2 * year, -year}) {
        BOOST_TEST_CONTEXT("the clock moved by " << move.count() << " s") {
            http_client idle(server.port());
            check_status(idle.request("GET", "/healthz"), 200);
            http_client upload(server.port());
            upload.send("POST /api/v1/posts HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer " +
                        user.token() + "\r\nContent-Type: " + form.content_type() +
                        "\r\nContent-Length: " + std::to_string(form.text().size()) +
                        "\r\nExpect: 100-continue\r\n\r\n");
            BOOST_TEST(upload.receive().status == 100U);
            http_client half(server.port());
            half.send("GET /healthz HTTP/1.1\r\n");
            server.set_clock(move);
            check_status(idle.request("GET", "/healthz"), 200);
            upload.send(form.text());
            check_status(upload.receive(), 201);
            // The time for a header is over soon, whatever the clock says.
            BOOST_TEST(half.receive_until_closed().contains(" 408 "));
        }
    }
    server.stop();
}

/// One who is told to wait must not wait for a year, nor be let in because a year has passed.
BOOST_AUTO_TEST_CASE(rate_limits_are_not_moved_by_the_clock) {
    clocked_server server({"--rate-limits", "on"});
    sign_up(server.port(), "guessed");
    api_client guesser(server.port());
    const auto guess = [&] {
        return guesser.post("/api/v1/auth/login",
                            {{"username", "nobody.at.all"}, {"password", "a wrong guess"}});
    };
    BOOST_TEST(eventually([&] { return guess().status == 429; }));
    for (const seconds move : {seconds(0), year, -year, seconds(0)}) {
        BOOST_TEST_CONTEXT("the clock moved by " << move.count() << " s") {
            server.set_clock(move);
            const auto answer = guess();
            check_status(answer, 429);
            BOOST_TEST(std::stoi(answer.header("Retry-After")) >= 1);
            BOOST_TEST(std::stoi(answer.header("Retry-After")) <= 30);
        }
    }
    server.stop();
}

BOOST_AUTO_TEST_CASE(a_clock_that_cannot_be_right_spoils_nothing) {
    clocked_server server;
    auto user = sign_up(server.port());
    const json post = create_post(user);
    const std::string media = text(post.at("files").at(0), "url");
    for (const seconds move : {-50 * year, 70 * year}) {
        for (const bool restarts : {false, true}) {
            BOOST_TEST_CONTEXT("by " << move.count() << " s, with a restart: " << restarts) {
                server.set_clock(move);
                if (restarts) {
                    server.restart(SIGTERM);
                    user.move_to(server.port());
                }
                for (const auto& refused :
                     {user.get("/api/v1/users/me"), user.get("/readyz"), user.upload(post_form("")),
                      user.patch(path_of_post(post), {{"content", "undated"}}),
                      user.remove(path_of_post(post)),
                      user.post("/api/v1/auth/login",
                                {{"username", user.username()}, {"password", default_password}})}) {
                    check_status(refused, 503);
                    BOOST_TEST(refused.has_header("Retry-After"));
                }
                check_status(user.get("/healthz"), 200);
                check_status(user.get(media), 200);
                check_status(user.get("/api/v1/openapi.json"), 200);
                server.expect_log("which cannot be");
                server.set_clock(seconds(0));
                check_status(user.get("/readyz"), 200);
                BOOST_TEST(user.get_json(path_of_post(post)) == post);
                // Ids are reserved within a second or so.
                BOOST_TEST(
                    eventually([&] { return user.upload(post_form("right")).status == 201; }));
            }
        }
    }
    server.expect_log("the clock agrees with the ids again");
    server.stop();
}

/// Far ahead, but not so far that anybody could tell: it is followed, and ids stay ahead for good.
BOOST_AUTO_TEST_CASE(a_clock_that_was_decades_ahead_leaves_ids_in_order_and_a_warning) {
    clocked_server server(lasting_logins());
    auto user = sign_up(server.port());
    server.set_clock(60 * year);
    auto early = sign_up(server.port());
    server.expect_log("the clock went forward by 21900 days at once");
    // The ceiling must have followed, or nothing would be left behind.
    std::string last;
    const auto wrong_id = [&] {
        last = text(create_post(early), "id");
        return std::stoull(last) >> 22U > 60ULL * 365 * 24 * 3600 * 1000;
    };
    BOOST_TEST(eventually(wrong_id));
    server.set_clock(seconds(0));
    server.expect_log("days before the newest id");
    for (const int signal : {0, SIGKILL, SIGTERM}) {
        if (signal != 0) {
            server.restart(signal);
            user.move_to(server.port());
        }
        for (int i = 0; i < 3; ++i) {
            const json post = create_post(user);
            BOOST_TEST(std::stoull(text(post, "id")) > std::stoull(last));
            BOOST_TEST(
                (std::chrono::abs(parse_time(text(post, "created_at")) - server.now()) < slack));
            last = text(post, "id");
        }
    }
    server.stop();
    std::size_t warnings = 0;
    std::istringstream lines(server.log_text());
    for (std::string line; std::getline(lines, line);) {
        warnings += line.contains("days before the newest id") ? 1 : 0;
    }
    BOOST_TEST(warnings == 3U);  // one for each time that it began, or the server
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::test
