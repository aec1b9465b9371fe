// Good bodies with random damage, through the real program: never a 5xx, never more memory.
//
// PINHOLE_TEST_HOSTILE_ROUNDS says how many of each kind (100 in the ordinary suite),
// PINHOLE_TEST_SEED repeats a run.
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <random>

#include "tests/hostile/attacked_server.hpp"
#include "tests/support/media_samples.hpp"
#include "tests/support/sanitizers.hpp"
#include "tests/support/seed.hpp"

namespace pinhole::test {

namespace {

constexpr std::uint64_t usual_rounds = 100;

class mutator {
public:
    explicit mutator(std::uint64_t seed) : random_(seed) {}

    std::size_t pick(std::size_t below) {
        return std::uniform_int_distribution<std::size_t>(0, below - 1)(random_);
    }

    /// One to eight of the usual accidents and tricks.
    std::string damage(std::string bytes) {
        for (std::size_t left = 1 + pick(8); left > 0 && !bytes.empty(); --left) {
            // Headers are where damage matters: half of it falls into the first bytes.
            const std::size_t window =
                pick(2) == 0 ? bytes.size() : std::min<std::size_t>(bytes.size(), 600);
            change(bytes, pick(window));
        }
        return bytes;
    }

private:
    void change(std::string& bytes, std::size_t at) {
        static const std::string tokens[] = {"\r\n",    "\r\n--b\r\n", "\"",       "{",
                                             "\\u0000", "\xff",        "\r\n\r\n", "\xed\xa0\x80",
                                             "[[[[[[",  "1e999",       ":",        "--b--"};
        const std::size_t length = 1 + pick(16);
        switch (pick(6)) {
            case 0:
                bytes[at] = static_cast<char>(bytes[at] ^ (1 << pick(8)));
                break;
            case 1:
                bytes[at] = static_cast<char>(pick(256));
                break;
            case 2:
                bytes.erase(at, length);
                break;
            case 3:
                bytes.insert(at, tokens[pick(std::size(tokens))]);
                break;
            case 4:
                bytes.insert(at, bytes.substr(pick(bytes.size()), length));
                break;
            default:
                std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(at),
                            std::min(length, bytes.size() - at), pick(2) == 0 ? '\0' : '\xff');
                break;
        }
        if (pick(40) == 0) {
            bytes.resize(at);
        }
    }

    std::mt19937_64 random_;
};

/// Hundreds of bodies later it holds little more than the first few made it hold.
void check_flat(const attacked_server& server, std::uint64_t early_bytes) {
    const std::uint64_t now = server.process().resident_bytes();
    BOOST_TEST_MESSAGE(now / mib << " MiB at the end, " << early_bytes / mib << " early");
    if (costs_are_real) {
        BOOST_TEST(now <= early_bytes + 32 * mib);
    }
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(random_bodies, attacked_server)

BOOST_AUTO_TEST_CASE(damaged_json) {
    const std::uint64_t seed = make_seed();
    BOOST_TEST_MESSAGE("PINHOLE_TEST_SEED=" << seed);
    mutator mutated(seed);
    const std::string good[] = {
        R"({"content":"caf\u00e9 \ud83d\ude00 and more text"})",
        R"({"username":"ada.lovelace","password":"a long password","name":"Ada","bio":"x"})",
        R"({"name":"Ada","website":"https://example.org/a?b=c","bio":"é"})"};
    const std::pair<const char*, const char*> routes[] = {{"POST", "/api/v1/auth/signup"},
                                                          {"PATCH", "/api/v1/users/me"},
                                                          {"POST", "/api/v1/auth/login"}};
    const std::uint64_t all = rounds("PINHOLE_TEST_HOSTILE_ROUNDS", usual_rounds);
    std::uint64_t early_bytes = 0;
    for (std::uint64_t round = all; round > 0; --round) {
        early_bytes = round == all - all / 4 ? process().resident_bytes() : early_bytes;
        const std::string body = mutated.damage(good[mutated.pick(std::size(good))]);
        BOOST_TEST_CONTEXT("seed " << seed << ", " << round << " rounds left: " << body) {
            const auto& [method, target] = routes[mutated.pick(std::size(routes))];
            check_one_of(comment(body), {201, 400, 413, 422});
            check_one_of(send(method, target, "application/json", body),
                         {200, 201, 400, 401, 409, 413, 422});
        }
    }
    check_flat(*this, early_bytes);
    check_survived(body_bytes_max);
}

BOOST_AUTO_TEST_CASE(damaged_uploads) {
    const std::uint64_t seed = make_seed();
    BOOST_TEST_MESSAGE("PINHOLE_TEST_SEED=" << seed);
    mutator mutated(seed);
    const std::string* const samples[] = {
        &sample_jpeg(), &sample_progressive_jpeg(), &sample_png(),  &sample_animated_gif(),
        &sample_webp(), &sample_animated_webp(),    &sample_heic(), &sample_avif(),
        &sample_mp4(),  &sample_fragmented_mp4(),   &sample_mov(),  &sample_webm()};
    const std::uint64_t all = rounds("PINHOLE_TEST_HOSTILE_ROUNDS", usual_rounds);
    std::uint64_t early_bytes = 0;
    for (std::uint64_t round = all; round > 0; --round) {
        early_bytes = round == all - all / 4 ? process().resident_bytes() : early_bytes;
        // The damage is in the file or in the form around it.
        std::string bytes = *samples[mutated.pick(std::size(samples))];
        const bool in_form = mutated.pick(3) == 0;
        bytes = in_form ? bytes : mutated.damage(std::move(bytes));
        std::string body = part("form-data; name=\"content\"", "Low tide") + file_part(bytes) +
                           std::string(last_boundary);
        body = in_form ? mutated.damage(std::move(body)) : body;
        BOOST_TEST_CONTEXT("seed " << seed << ", " << round << " rounds left") {
            check_one_of(upload(body), {201, 400, 413, 415, 422});
        }
    }
    check_flat(*this, early_bytes);
    check_survived(decoding_bytes_max);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::test
