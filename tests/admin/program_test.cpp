// The program around its words: help, exit statuses, completion, and how it finds the database.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <fstream>
#include <functional>
#include <future>
#include <sstream>

#include "storage/control/remote_store.hpp"
#include "storage/control/socket.hpp"
#include "storage/schema/entities.hpp"
#include "tests/admin/admin_fixture.hpp"
#include "tools/admin/program.hpp"
#include "tools/admin/words.hpp"

namespace pinhole::test {

namespace {

/// Calls `look` with each word, and the words above it.
void for_each_word(
    const std::function<void(const CLI::App& word, const std::vector<std::string>& path)>& look) {
    CLI::App program{"", std::string{admin::program_name}};
    admin::word_list words{program};
    admin::add_all_words(words);
    const std::function<void(const CLI::App&, std::vector<std::string>)> visit =
        [&](const CLI::App& word, const std::vector<std::string>& path) {
            for (const CLI::App* child : word.get_subcommands({})) {
                auto below = path;
                below.push_back(child->get_name());
                look(*child, below);
                visit(*child, below);
            }
        };
    visit(program, {});
}

std::string run_bash(const std::string& script) {
    const std::string whole = "PATH=" + admin_program().parent_path().string() + ":$PATH\n" +
                              "source <(pinhole-admin completion bash)\n" + script;
    std::FILE* const out = ::popen(("bash -c '" + whole + "' 2>&1").c_str(), "r");
    BOOST_REQUIRE(out != nullptr);
    std::string text;
    for (int byte = std::fgetc(out); byte != EOF; byte = std::fgetc(out)) {
        text += static_cast<char>(byte);
    }
    BOOST_TEST(::pclose(out) == 0);
    return text;
}

/// What bash would offer behind this line, whose last word is what was typed so far.
std::vector<std::string> complete(const std::vector<std::string>& line) {
    std::string words;
    for (const std::string& word : line) {
        words += " \"" + word + '"';
    }
    std::istringstream offered(run_bash(
        "COMP_WORDS=(pinhole-admin" + words + ")\nCOMP_CWORD=" + std::to_string(line.size()) +
        "\n_pinhole_admin\nprintf \"%s\\n\" \"${COMPREPLY[@]}\"\n"));
    std::vector<std::string> found;
    for (std::string each; std::getline(offered, each);) {
        if (!each.empty()) {
            found.push_back(each);
        }
    }
    return found;
}

bool offers(const std::vector<std::string>& line, const std::string& wanted) {
    const auto found = complete(line);
    return std::ranges::find(found, wanted) != found.end();
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(program, admin_fixture)

BOOST_AUTO_TEST_CASE(every_word_and_option_is_explained) {
    int words = 0;
    const std::string all = run_admin({"--help"}).out;
    BOOST_TEST(all.contains("130  interrupted"));
    for_each_word([&](const CLI::App& word, const std::vector<std::string>& path) {
        BOOST_TEST_INFO_SCOPE(word.get_name());
        ++words;
        auto arguments = path;
        arguments.emplace_back("--help");
        const admin_end help = run_admin(arguments);
        BOOST_TEST(help.exit_status == 0);
        BOOST_TEST(help.err.empty());
        BOOST_TEST(!word.get_description().empty());
        BOOST_TEST(help.out.contains(word.get_description()));
        BOOST_TEST(help.out.contains("Exit status:"));
        BOOST_TEST(help.out.contains("--data-dir"));
        for (const CLI::Option* option : word.get_options()) {
            BOOST_TEST_INFO_SCOPE(option->get_name());
            BOOST_TEST(!option->get_description().empty());
            BOOST_TEST(help.out.contains(option->get_name()));
        }
        if (path.size() == 1) {
            BOOST_TEST(all.contains("  " + word.get_name() + ' '));
        }
    });
    BOOST_TEST(words >= 7);
}

BOOST_AUTO_TEST_CASE(every_word_is_in_the_manual) {
    std::ifstream file(PINHOLE_ADMIN_MANUAL);
    std::stringstream manual;
    manual << file.rdbuf();
    for_each_word([&](const CLI::App& word, const std::vector<std::string>& path) {
        std::string line;
        for (const std::string& each : path) {
            line += ' ' + each;
        }
        if (word.get_subcommands({}).empty()) {
            BOOST_TEST(manual.str().contains("pinhole-admin" + line),
                       "docs/admin.md does not show: pinhole-admin" << line);
        }
    });
}

BOOST_AUTO_TEST_CASE(wrong_calls_end_with_2) {
    for (const std::vector<std::string>& arguments : std::vector<std::vector<std::string>>{
             {},
             {"no-such-word"},
             {"stats", "surplus"},
             {"stats", "--no-such-option"},
             {"completion", "tcsh"},
             {"--data-dir"},
         }) {
        const admin_end end = run_admin(arguments);
        BOOST_TEST(end.exit_status == 2);
        BOOST_TEST(end.out.empty());
        BOOST_TEST(!end.err.empty());
    }
    for (const std::vector<std::string>& arguments : std::vector<std::vector<std::string>>{
             {"purge", "--older-than", "030"},
             {"purge", "--older-than", "0x10"},
             {"seed", "--users", "010", "--posts", "1"},
             {"backup", "--keep", "010", "anywhere"},
             {"backup", "--keep", "0", "anywhere"},
             {"backup", "--keep", "-1", "anywhere"},
             {"backup", "restore", "anywhere", "--id", "08"},
             {"dump", "all.tar.gz"},
             {"export-django", "all.json.gz"},
             {"query", "posts", "--as"},
         }) {
        const admin_end end = run_admin(arguments);
        BOOST_TEST(end.exit_status == 2, end.err);
        BOOST_TEST(end.err.size() < 300U, end.err);
    }
    BOOST_TEST(run_admin({"no-such-word"}).err.contains("There is no word \"no-such-word\""));
}

BOOST_AUTO_TEST_CASE(a_folder_without_a_database_is_not_made_one) {
    check_end({"stats"}, 1, "there is no database in");
    BOOST_TEST(!std::filesystem::exists(data));
    std::filesystem::create_directory(data);
    check_end({"stats"}, 1, "there is no database in");
    BOOST_TEST(std::filesystem::is_empty(data));
    const admin_end end = admin({"--json", "stats"});
    BOOST_TEST(json::parse(end.err).contains("error"));
}

BOOST_AUTO_TEST_CASE(the_folder_may_come_from_the_environment) {
    make_empty();
    ::setenv("PINHOLE_DATA_DIR", data.c_str(), 1);
    const admin_end end = run_admin({"--json", "stats"});
    ::unsetenv("PINHOLE_DATA_DIR");
    BOOST_TEST(end.exit_status == 0);
    BOOST_TEST(run_admin({"stats", "--json", "--data-dir", data.string()}).exit_status == 0);
}

BOOST_AUTO_TEST_CASE(a_server_that_does_not_answer_is_named) {
    start();
    const std::string pid = std::to_string(server->pid());
    std::filesystem::remove(data / storage::control::socket_name);
    check_end({"stats"}, 3, "process " + pid + " has the database");
    stop();
    must({"stats"});
}

BOOST_AUTO_TEST_CASE(a_server_that_stands_still_is_given_up) {
    start();
    server->freeze();
    check_end({"stats"}, 3, "does not answer");
}

BOOST_AUTO_TEST_CASE(a_damaged_database_is_a_failure_of_the_environment) {
    make_empty();
    std::ofstream(data / "db" / "CURRENT", std::ios::trunc) << "MANIFEST-999999\n";
    check_end({"stats"}, 3, "damaged");
}

BOOST_AUTO_TEST_CASE(quiet_says_nothing_but_results) {
    make_empty();
    const admin_end end = admin({"--quiet", "stats"});
    BOOST_TEST(end.exit_status == 0);
    BOOST_TEST(end.err.empty());
    BOOST_TEST(!end.out.empty());
}

BOOST_AUTO_TEST_CASE(results_that_cannot_be_written_are_a_failure) {
    make_empty();
    const std::string line = "'" + admin_program().string() + "' --data-dir '" + data.string() +
                             "' stats 2>&1 >/dev/full | head -c 500";
    std::FILE* const out = ::popen(line.c_str(), "r");
    std::array<char, 512> said{};
    const std::size_t bytes = std::fread(said.data(), 1, said.size(), out);
    ::pclose(out);
    BOOST_TEST(std::string_view(said.data(), bytes).contains("No space left"));
}

/// What is closed must not become a file of the database.
BOOST_AUTO_TEST_CASE(a_closed_output_takes_nothing) {
    make_empty();
    const std::string program = "'" + admin_program().string() + "' --data-dir '" + data.string();
    for (const std::string word : {"dump -", "export-django -", "stats", "dump all"}) {
        const std::string line = program + "' " + word + " >&- 2>/dev/null";
        const int status = std::system(line.c_str());
        BOOST_TEST(WEXITSTATUS(status) == 3, word);
        BOOST_TEST(std::filesystem::file_size(data / "db" / "LOCK") == 0U, word);
    }
    const std::string silent = program + "' stats >/dev/null 2>&- <&-";
    BOOST_TEST(WEXITSTATUS(std::system(silent.c_str())) == 0);
    std::filesystem::remove_all("all");
}

/// Whoever swaps the two arguments of a restore names the dump as the data directory.
BOOST_AUTO_TEST_CASE(a_file_in_the_place_of_a_folder_stays_as_it_is) {
    make_empty();
    const std::string dump = (data / "dumped").string();
    const std::string fixture = (data / "fixture.json").string();
    const std::string backups =
        (data.parent_path() / (data.filename().string() + ".backups")).string();
    must({"dump", dump});
    must({"export-django", fixture});
    must({"backup", backups});
    const std::filesystem::path file = data / "only.tar";
    std::ofstream(file) << "the only dump";
    std::filesystem::permissions(file, std::filesystem::perms::owner_read);
    for (const std::vector<std::string>& word :
         std::vector<std::vector<std::string>>{{"restore", dump},
                                               {"restore", "--dry-run", dump},
                                               {"backup", "restore", backups},
                                               {"import-django", fixture},
                                               {"import-django", "--dry-run", fixture}}) {
        for (const std::filesystem::path& target : {file, file / "below"}) {
            const admin_end end = run_admin(on(target, word));
            // A dry run does not look whether what is not there could be made.
            const bool is_dry = std::ranges::find(word, "--dry-run") != word.end();
            BOOST_TEST((end.exit_status != 0 || (is_dry && target != file)), word.front());
            BOOST_REQUIRE(std::filesystem::is_regular_file(file));
            BOOST_TEST(std::filesystem::file_size(file) == 13U);
            BOOST_TEST((std::filesystem::status(file).permissions() ==
                        std::filesystem::perms::owner_read));
        }
    }
    std::filesystem::remove_all(backups);
}

BOOST_AUTO_TEST_CASE(a_name_that_is_no_text_is_told_all_the_same) {
    make_empty();
    const auto folder = data / "media" / "public" / "ab";
    std::filesystem::create_directories(folder);
    std::ofstream(folder / "\xff\xfe\x1b[31m\n.jpg") << "stray";
    const admin_end told = admin({"check"});
    BOOST_TEST(told.exit_status == 1);
    BOOST_TEST(!told.out.contains('\x1b'));
    const admin_end found = admin({"--json", "check"});
    BOOST_TEST(found.exit_status == 1, found.err);
    BOOST_TEST(nlohmann::json::parse(found.out).at("problems") == 1);
    const admin_end mended = admin({"--json", "check", "--repair", "--yes"});
    BOOST_TEST(mended.exit_status == 0, mended.err);
    BOOST_TEST(nlohmann::json::parse(mended.out).at("actions").size() == 1U);
    check_end({"query", "posts", "--as", ""}, 1, "no such user");
}

BOOST_AUTO_TEST_CASE(root_does_not_write_into_the_folder_of_another_user) {
    if (::geteuid() != 0) {
        BOOST_TEST_MESSAGE("not root");
        return;
    }
    make_empty();
    BOOST_REQUIRE(::chown(data.c_str(), 65'534, 65'534) == 0);
    check_end({"stats"}, 3, "belongs to user 65534");
}

BOOST_AUTO_TEST_CASE(a_server_killed_amid_a_commit_leaves_it_unknown) {
    start();
    const auto remote = storage::control::remote_store::connect(data, storage::schema_version);
    BOOST_REQUIRE(remote != nullptr);
    const kv::key key{1, storage::families::meta, "test"};
    const kv::outcome first = remote->submit_and_wait({{kv::put{key, "1"}}});
    BOOST_TEST((first == kv::outcome::ok));
    server->freeze();
    std::promise<kv::outcome> decided;
    auto outcome = decided.get_future();
    remote->submit({{kv::put{key, "2"}}},
                   [&decided](kv::outcome what) { decided.set_value(what); });
    server.reset();  // kills it
    const kv::outcome second = outcome.get();
    BOOST_TEST((second == kv::outcome::unknown));
    const kv::outcome third = remote->submit_and_wait({{kv::put{key, "3"}}});
    BOOST_TEST((third == kv::outcome::unavailable));
    BOOST_TEST((remote->health() == kv::health::failed));
    // The dead server's socket is no obstacle to the next, nor to the tool meanwhile.
    BOOST_TEST(std::filesystem::exists(data / storage::control::socket_name));
    must({"stats"});
    start();
    BOOST_TEST(must_json({"stats"})["served"].get<bool>());
}

BOOST_AUTO_TEST_CASE(a_checkpoint_comes_from_the_running_server) {
    start();
    auto kim = sign_up(port, "kim");
    create_post(kim, "frozen");
    const auto remote = storage::control::remote_store::connect(data, storage::schema_version);
    std::filesystem::path path;
    {
        const auto checkpoint = remote->make_checkpoint();
        path = checkpoint.path;
        BOOST_TEST(std::filesystem::exists(path));
        BOOST_TEST(path.parent_path() == std::filesystem::absolute(data) / "checkpoints");
        const auto age = storage::now() - checkpoint.at;
        BOOST_TEST((age > age.zero() && age < std::chrono::minutes{10}));
    }
    BOOST_TEST(eventually([&] { return !std::filesystem::exists(path); }));
    const auto left = remote->make_checkpoint();
    server->stop(SIGKILL);
    BOOST_TEST(std::filesystem::exists(left.path));
    start();
    BOOST_TEST(!std::filesystem::exists(left.path));
}

BOOST_AUTO_TEST_CASE(the_server_warns_where_it_cannot_be_reached_and_serves) {
    std::filesystem::create_directories(data / storage::control::socket_name / "not ours");
    start();
    auto kim = sign_up(port, "kim");
    create_post(kim, "all the same");
    stop();
    std::ifstream file(log);
    std::stringstream said;
    said << file.rdbuf();
    BOOST_TEST(said.str().contains("pinhole-admin can't reach this server"));
}

BOOST_AUTO_TEST_CASE(bash_completes_words_options_and_values) {
    BOOST_TEST(offers({""}, "stats"));
    BOOST_TEST(offers({"crea"}, "create-user"));
    BOOST_TEST(!offers({"crea"}, "stats"));
    BOOST_TEST(offers({"--da"}, "--data-dir"));
    BOOST_TEST(offers({"query", "--e"}, "--explain"));
    BOOST_TEST(offers({"query", "--js"}, "--json"));
    BOOST_TEST(!offers({"stats", "--e"}, "--explain"));
    BOOST_TEST((complete({"completion", ""}) == std::vector<std::string>{"bash"}));
    std::filesystem::create_directories(data / "db");
    const std::string typed = data.string().substr(0, data.string().size() - 3);
    BOOST_TEST(offers({"--data-dir", typed}, data.string()));
    BOOST_TEST(offers({"--data-dir", "=", typed}, data.string()));
    BOOST_TEST(offers({"backup", "re"}, "restore"));
    BOOST_TEST(offers({"restore", typed}, data.string()));
    BOOST_TEST(offers({"import-django", "--map", typed}, data.string()));
    // A value that is a word's name is no word.
    BOOST_TEST(offers({"--data-dir", "stats", "que"}, "query"));
    // Anything may stand for a username: nothing is offered.
    BOOST_TEST(complete({"query", "--as", ""}).empty());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::test
