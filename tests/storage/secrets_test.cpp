#include "storage/secrets.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <ctime>
#include <fstream>

#include "tests/storage/storage_fixture.hpp"

namespace pinhole::storage::test {

namespace {

/// This thread's processor time, which other processes cannot stretch.
std::chrono::nanoseconds thread_time() {
    timespec spent{};
    BOOST_REQUIRE(::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &spent) == 0);
    return std::chrono::seconds{spent.tv_sec} + std::chrono::nanoseconds{spent.tv_nsec};
}

/// The least of three, so that a page fault or a cold cache does not count.
std::chrono::nanoseconds work_to_verify(std::string_view stored) {
    auto least = std::chrono::nanoseconds::max();
    for (int round = 0; round < 3; ++round) {
        const auto before = thread_time();
        BOOST_TEST(!verify_password(stored, "not the password"));
        least = std::min(least, thread_time() - before);
    }
    return least;
}

std::string read_file(const std::filesystem::path& path) {
    std::ifstream in{path};
    return {std::istreambuf_iterator<char>{in}, {}};
}

void write_file(const std::filesystem::path& path, std::string_view text) {
    std::ofstream out{path};
    out << text;
    BOOST_REQUIRE(out.flush().good());
}

const secrets keys{test_master};
const secrets other_keys{"another master key, long enough too"};

}  // namespace

BOOST_AUTO_TEST_SUITE(passwords)

BOOST_AUTO_TEST_CASE(the_right_one_alone_verifies) {
    const std::string hash = hash_password("correct horse");
    BOOST_TEST(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
    BOOST_TEST(verify_password(hash, "correct horse"));
    for (const std::string_view wrong :
         {"", "correct horsf", "correct hors", "correct horse ", "Correct horse"}) {
        BOOST_TEST(!verify_password(hash, wrong));
    }
    BOOST_TEST(!verify_password(hash, hash));
    BOOST_TEST(hash_password("correct horse") != hash);  // salted
}

BOOST_AUTO_TEST_CASE(any_bytes_can_be_a_password) {
    using namespace std::string_literals;
    for (const std::string& password : {""s, "a\0b"s, "\xff\xfe"s, std::string(4096, 'x')}) {
        const std::string hash = hash_password(password);
        BOOST_TEST(verify_password(hash, password));
        BOOST_TEST(!verify_password(hash, password + "x"));
    }
    BOOST_TEST(!verify_password(hash_password("a\0b"s), "a"));
}

BOOST_AUTO_TEST_CASE(a_damaged_hash_never_verifies) {
    const std::string hash = hash_password("secret word");
    for (const std::string& damaged :
         {std::string{}, std::string{"!"}, std::string{"secret word"}, std::string{"$argon2id$"},
          hash.substr(0, hash.size() - 1), hash + "A", "x" + hash, hash.substr(1),
          std::string{"$argon2id$v=19$m=19456,t=2,p=1$$"}, std::string(500, '$'),
          std::string{"pbkdf2_sha256$260000$salt$hash"},
          std::string{"$argon2id$"} + std::string(400, 'A')}) {
        BOOST_TEST_INFO_SCOPE(damaged);
        BOOST_TEST(!verify_password(damaged, "secret word"));
        BOOST_TEST(!verify_password(damaged, ""));
    }
}

/// What Django 3.2 made of these passwords.
BOOST_AUTO_TEST_CASE(hashes_of_django_verify) {
    const std::string pbkdf2 =
        "pbkdf2_sha256$260000$sH3wFqt9nqLkv4bo9hHW7i$IcKgNtYyXaQsSLcX8lKQCmzLljkKclEPuGcj1oXg+Vw=";
    const std::string argon2id =
        "$argon2id$v=19$m=102400,t=2,p=8$SUVGTlVEaUV1ZkVnWk9icUk3cmJ1WA$7GTH4L9A6MlChUycrDm1vQ";
    for (const std::string& hash : {pbkdf2, argon2id}) {
        BOOST_TEST(verify_password(hash, "old password ü"));
        BOOST_TEST(!verify_password(hash, "old password"));
        BOOST_TEST(!verify_password(hash, ""));
        BOOST_TEST(needs_rehash(hash));
    }
    BOOST_TEST(!needs_rehash(hash_password("old password ü")));
}

BOOST_AUTO_TEST_CASE(a_damaged_hash_of_django_never_verifies) {
    const std::string key = "rCXilB4bCY04NDygqvb41fZZMqrsoAItUvZ5IU3Mu4c=";
    BOOST_TEST(verify_password("pbkdf2_sha256$1000$salt$" + key, "old password"));
    for (const std::string& damaged :
         {"pbkdf2_sha256$1001$salt$" + key, "pbkdf2_sha256$1000$Salt$" + key,
          "pbkdf2_sha256$0$salt$" + key, "pbkdf2_sha256$-1000$salt$" + key,
          "pbkdf2_sha256$1000 $salt$" + key, "pbkdf2_sha256$1000$$" + key,
          "pbkdf2_sha256$99999999999$salt$" + key, "pbkdf2_sha256$10000001$salt$" + key,
          "pbkdf2_sha256$1000$salt$" + key + "A", "pbkdf2_sha256$1000$salt$" + key.substr(1),
          "pbkdf2_sha1$1000$salt$" + key, "!pbkdf2_sha256$1000$salt$" + key,
          std::string{"pbkdf2_sha256$1000$salt"}, std::string{"pbkdf2_sha256$1000$salt$"}}) {
        BOOST_TEST_INFO_SCOPE(damaged);
        BOOST_TEST(!verify_password(damaged, "old password"));
        BOOST_TEST(!verify_password(damaged, ""));
    }
}

BOOST_AUTO_TEST_CASE(refusing_takes_the_same_work_whatever_is_stored) {
    const std::string hash = hash_password("secret word");
    BOOST_TEST(!verify_password("!", "warm up: makes the decoy"));
    const auto real = work_to_verify(hash);
    for (const std::string_view stored :
         {"", "!", "pbkdf2_sha256$260000$salt$hash", "$argon2id$damaged",
          "$argon2id$v=19$m=19456,t=2,p=1$$"}) {
        const auto work = work_to_verify(stored);
        BOOST_TEST_INFO_SCOPE("'" << stored << "' took " << work.count() << " ns of "
                                  << real.count());
        BOOST_TEST((work > real / 3 && work < real * 3));
    }
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(login_tokens)

BOOST_AUTO_TEST_CASE(a_token_comes_back_from_its_text) {
    const auto token = keys.make_login_token(42);
    const std::string text = to_string(token);
    BOOST_TEST(text.size() == 57U);
    const auto parsed = parse_login_token(text);
    BOOST_REQUIRE(parsed.has_value());
    BOOST_TEST(parsed->session == 42);
    BOOST_TEST((parsed->secret == token.secret));
    BOOST_TEST((keys.make_login_token(42).secret != token.secret));
}

BOOST_AUTO_TEST_CASE(no_character_of_a_token_can_be_changed) {
    const auto token = keys.make_login_token(42);
    const std::string text = to_string(token);
    const std::string hash = keys.hash_login_token(token);
    BOOST_TEST(keys.is_token_of(hash, token));
    for (std::size_t at = 0; at < text.size(); ++at) {
        for (const char other : {'A', 'Q', '_', '=', '!'}) {
            std::string changed = text;
            changed[at] = other;
            const auto parsed = parse_login_token(changed);
            BOOST_TEST_INFO_SCOPE(changed);
            BOOST_TEST((changed == text || !parsed || !keys.is_token_of(hash, *parsed)));
        }
    }
}

BOOST_AUTO_TEST_CASE(what_is_no_token_is_refused) {
    const std::string text = to_string(keys.make_login_token(42));
    for (const std::string& bad :
         {std::string{}, std::string{"ph_"}, text.substr(3), "PH_" + text.substr(3), text + "A",
          text + "AAAA", text.substr(0, text.size() - 1), text.substr(0, text.size() - 4),
          " " + text, text + "=", std::string(100'000, 'A'), "ph_" + std::string(54, '!')}) {
        BOOST_TEST(!parse_login_token(bad).has_value());
    }
}

BOOST_AUTO_TEST_CASE(a_hash_is_of_one_token_and_one_server) {
    const auto token = keys.make_login_token(42);
    const std::string hash = keys.hash_login_token(token);
    BOOST_TEST(other_keys.hash_login_token(token) != hash);
    BOOST_TEST(!other_keys.is_token_of(hash, token));
    auto elsewhere = token;
    elsewhere.session = 43;
    BOOST_TEST(!keys.is_token_of(hash, elsewhere));
    for (const std::string& wrong : {std::string{}, hash.substr(1), hash + "x"}) {
        BOOST_TEST(!keys.is_token_of(wrong, token));
    }
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(sealing)

BOOST_AUTO_TEST_CASE(only_the_same_scope_and_key_open) {
    const std::string sealed = keys.seal("1 posts", "abc", "the answer");
    BOOST_TEST((keys.open("1 posts", "abc", sealed) == "the answer"));
    BOOST_TEST(sealed.find("answer") == std::string::npos);
    BOOST_TEST(keys.seal("1 posts", "abc", "the answer") != sealed);
    BOOST_TEST(!keys.open("2 posts", "abc", sealed).has_value());
    BOOST_TEST(!keys.open("1 posts", "abd", sealed).has_value());
    BOOST_TEST(!keys.open("1 postsa", "bc", sealed).has_value());
    BOOST_TEST(!keys.open("1 post", "sabc", sealed).has_value());
    BOOST_TEST(!other_keys.open("1 posts", "abc", sealed).has_value());
    BOOST_TEST((keys.open("", "", keys.seal("", "", "")) == ""));
}

BOOST_AUTO_TEST_CASE(no_byte_can_be_changed) {
    const std::string sealed = keys.seal("s", "k", "the answer");
    for (std::size_t at = 0; at < sealed.size(); ++at) {
        std::string changed = sealed;
        changed[at] = static_cast<char>(changed[at] ^ 1);
        BOOST_TEST(!keys.open("s", "k", changed).has_value());
        BOOST_TEST(!keys.open("s", "k", sealed.substr(0, at)).has_value());
    }
    BOOST_TEST(!keys.open("s", "k", sealed + "x").has_value());
}

BOOST_AUTO_TEST_CASE(the_name_tells_scope_and_key_apart) {
    const auto name = keys.name_of_idempotency_key("1 posts", "abc");
    BOOST_TEST(keys.name_of_idempotency_key("1 posts", "abc") == name);
    BOOST_TEST(keys.name_of_idempotency_key("1 postsa", "bc") != name);
    BOOST_TEST(keys.name_of_idempotency_key("1 posts", "abd") != name);
    BOOST_TEST(other_keys.name_of_idempotency_key("1 posts", "abc") != name);
}

BOOST_AUTO_TEST_CASE(authentication_is_of_one_message_and_one_server) {
    const std::string code = keys.authenticate("cursor");
    BOOST_TEST(code.size() == 16U);
    BOOST_TEST(keys.is_authentic("cursor", code));
    BOOST_TEST(!keys.is_authentic("cursos", code));
    BOOST_TEST(!keys.is_authentic("", code));
    BOOST_TEST(!other_keys.is_authentic("cursor", code));
    for (std::size_t at = 0; at < code.size(); ++at) {
        std::string changed = code;
        changed[at] = static_cast<char>(changed[at] ^ 0x80);
        BOOST_TEST(!keys.is_authentic("cursor", changed));
    }
    BOOST_TEST(!keys.is_authentic("cursor", ""));
    BOOST_TEST(!keys.is_authentic("cursor", code.substr(1)));
    BOOST_TEST(!keys.is_authentic("cursor", code + "x"));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(master_key)

BOOST_AUTO_TEST_CASE(is_made_once_for_its_owner_alone) {
    const pinhole::test::temporary_directory directory;
    const auto path = directory.path() / "secret.key";
    const std::string made = load_or_make_master_key(directory.path(), "");
    BOOST_TEST(made.size() == 64U);
    BOOST_TEST(read_file(path).starts_with(made + "\ncheck "));
    struct stat status{};
    BOOST_REQUIRE(::stat(path.c_str(), &status) == 0);
    BOOST_TEST((status.st_mode & 07777U) == 0600U);
    BOOST_TEST(load_or_make_master_key(directory.path(), "") == made);
    BOOST_TEST(std::distance(std::filesystem::directory_iterator{directory.path()}, {}) == 1);

    const pinhole::test::temporary_directory elsewhere;
    BOOST_TEST(load_or_make_master_key(elsewhere.path(), "") != made);
}

BOOST_AUTO_TEST_CASE(what_is_configured_comes_first) {
    const pinhole::test::temporary_directory directory;
    BOOST_TEST(load_or_make_master_key(directory.path(), test_master) == test_master);
    BOOST_TEST(!std::filesystem::exists(directory.path() / "secret.key"));
    const std::string made = load_or_make_master_key(directory.path(), "");
    BOOST_TEST(load_or_make_master_key(directory.path(), test_master) == test_master);
    BOOST_TEST(load_or_make_master_key(directory.path(), "") == made);
}

BOOST_AUTO_TEST_CASE(what_is_too_short_is_refused) {
    const pinhole::test::temporary_directory directory;
    const std::string short_key(31, 'x');
    BOOST_CHECK_THROW(load_or_make_master_key(directory.path(), short_key), std::runtime_error);
    for (const std::string& text :
         {std::string{}, std::string{"\n"}, short_key + "\n", short_key + "x"}) {
        write_file(directory.path() / "secret.key", text);
        BOOST_CHECK_THROW(load_or_make_master_key(directory.path(), ""), std::runtime_error);
        BOOST_TEST(read_file(directory.path() / "secret.key") == text);
    }
    write_file(directory.path() / "secret.key", short_key + "x\n");
    BOOST_TEST(load_or_make_master_key(directory.path(), "") == short_key + "x");
}

BOOST_AUTO_TEST_CASE(a_damaged_key_was_taken_for_another) {
    const pinhole::test::temporary_directory directory;
    const auto path = directory.path() / "secret.key";
    const std::string made = load_or_make_master_key(directory.path(), "");
    const std::string text = read_file(path);
    for (std::size_t at = 0; at < text.size(); ++at) {
        for (const unsigned bit : {0U, 4U, 7U}) {
            std::string damaged = text;
            damaged[at] = static_cast<char>(damaged[at] ^ (1 << bit));
            write_file(path, damaged);
            BOOST_CHECK_THROW(load_or_make_master_key(directory.path(), ""), std::runtime_error);
        }
    }
    for (std::size_t left = 0; left < text.size(); ++left) {
        write_file(path, text.substr(0, left));
        // Of what is left, one line is the whole key.
        if (left == made.size() + 1) {
            BOOST_TEST(load_or_make_master_key(directory.path(), "") == made);
        } else {
            BOOST_CHECK_THROW(load_or_make_master_key(directory.path(), ""), std::runtime_error);
        }
    }
}

BOOST_AUTO_TEST_CASE(half_a_key_left_by_a_crash_is_written_anew) {
    const pinhole::test::temporary_directory directory;
    write_file(directory.path() / "secret.key.new", "half");
    const std::string made = load_or_make_master_key(directory.path(), "");
    BOOST_TEST(made.size() == 64U);
    BOOST_TEST(load_or_make_master_key(directory.path(), "") == made);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::storage::test
