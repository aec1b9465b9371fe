#include "server/configuration.hpp"

#include <boost/test/unit_test.hpp>
#include <map>
#include <string>
#include <vector>

namespace pinhole::http {
namespace {

using variables = std::map<std::string, std::string>;

std::expected<configuration, configuration_exit> parse(std::vector<const char*> flags,
                                                       const variables& set = {}) {
    flags.insert(flags.begin(), "pinhole-server");
    return parse_configuration(static_cast<int>(flags.size()), flags.data(),
                               [&set](const std::string& name) -> std::optional<std::string> {
                                   const auto found = set.find(name);
                                   return found == set.end() ? std::nullopt
                                                             : std::optional(found->second);
                               });
}

BOOST_AUTO_TEST_SUITE(configuration_table)

BOOST_AUTO_TEST_CASE(defaults_are_those_of_the_structure) {
    const auto parsed = parse({});
    BOOST_REQUIRE(parsed.has_value());
    const configuration plain;
    BOOST_TEST(parsed->data_dir == plain.data_dir);
    BOOST_TEST(parsed->listen == plain.listen);
    BOOST_TEST((parsed->log_level == plain.log_level));
    BOOST_TEST(parsed->sync == plain.sync);
    BOOST_TEST(parsed->truncate_damaged_wal == plain.truncate_damaged_wal);
    BOOST_TEST(parsed->block_cache_bytes == plain.block_cache_bytes);
    BOOST_TEST(parsed->header_bytes_max == plain.header_bytes_max);
    BOOST_TEST(parsed->json_bytes_max == plain.json_bytes_max);
    BOOST_TEST(parsed->image_bytes_max == plain.image_bytes_max);
    BOOST_TEST(parsed->video_bytes_max == plain.video_bytes_max);
    BOOST_TEST(parsed->upload_bytes_max == plain.upload_bytes_max);
    BOOST_TEST(parsed->connections_max == plain.connections_max);
    BOOST_TEST((parsed->header_timeout == plain.header_timeout));
    BOOST_TEST((parsed->idle_timeout == plain.idle_timeout));
    BOOST_TEST((parsed->handler_timeout == plain.handler_timeout));
    BOOST_TEST((parsed->drain_timeout == plain.drain_timeout));
    BOOST_TEST(parsed->bytes_per_second_min == plain.bytes_per_second_min);
    BOOST_TEST((parsed->token_life == plain.token_life));
    BOOST_TEST((parsed->restore_retention == plain.restore_retention));
    BOOST_TEST(parsed->hash_threads == plain.hash_threads);
    BOOST_TEST(parsed->read_queue_max == plain.read_queue_max);
    BOOST_TEST(parsed->cors_origins.empty());
    BOOST_TEST(parsed->trusted_proxies.empty());
}

BOOST_AUTO_TEST_CASE(a_flag_beats_the_environment_which_beats_the_default) {
    const variables set{{"PINHOLE_LISTEN", "[::1]:9000"}, {"PINHOLE_SYNC", "off"}};
    BOOST_TEST(parse({}, set)->listen == "[::1]:9000");
    BOOST_TEST(parse({"--listen", "127.0.0.1:1"}, set)->listen == "127.0.0.1:1");
    BOOST_TEST(!parse({"--listen=127.0.0.1:1"}, set)->sync);
}

BOOST_AUTO_TEST_CASE(the_secret_key_comes_from_the_environment_only) {
    BOOST_TEST(parse({}, {{"PINHOLE_SECRET_KEY", "s"}})->secret_key == "s");
    const auto refused = parse({"--secret-key", "s"});
    BOOST_REQUIRE(!refused.has_value());
    BOOST_TEST(refused.error().code == 2);
}

BOOST_AUTO_TEST_CASE(a_damaged_log_is_truncated_only_where_that_is_said) {
    BOOST_TEST(!parse({})->truncate_damaged_wal);
    BOOST_TEST(!parse({"--damaged-wal", "refuse"})->truncate_damaged_wal);
    BOOST_TEST(parse({"--damaged-wal", "truncate"})->truncate_damaged_wal);
    BOOST_TEST(parse({}, {{"PINHOLE_DAMAGED_WAL", "truncate"}})->truncate_damaged_wal);
}

BOOST_AUTO_TEST_CASE(usage_errors_exit_with_2_and_name_their_source) {
    const std::vector<std::pair<std::vector<const char*>, std::string>> cases{
        {{"--nonsense"}, "--nonsense"},
        {{"--listen", "8080"}, "--listen"},
        {{"--listen", "localhost:80"}, "--listen"},
        {{"--listen", "::1:80"}, "--listen"},
        {{"--listen", "127.0.0.1:65536"}, "--listen"},
        {{"--json-bytes-max", "12 apples"}, "--json-bytes-max"},
        {{"--json-bytes-max", "0"}, "--json-bytes-max"},
        {{"--idle-timeout", "10"}, "--idle-timeout"},
        {{"--idle-timeout", "0s"}, "--idle-timeout"},
        {{"--hash-threads", "0"}, "--hash-threads"},
        {{"--hash-threads", "-1"}, "--hash-threads"},
        {{"--log-level", "loud"}, "--log-level"},
        {{"--damaged-wal", "ignore"}, "--damaged-wal"},
        {{"--cors-origins", "app.example"}, "--cors-origins"},
        {{"--trusted-proxies", "nginx"}, "'nginx'"},
        {{"--trusted-proxies", "10.0.0.1, 10.0.0.0/33"}, "'10.0.0.0/33'"},
        {{"stray"}, "stray"},
    };
    for (const auto& [flags, source] : cases) {
        const auto refused = parse(flags);
        BOOST_REQUIRE(!refused.has_value());
        BOOST_TEST(refused.error().code == 2);
        BOOST_TEST(refused.error().text.find(source) != std::string::npos, refused.error().text);
    }
    const auto from_environment = parse({}, {{"PINHOLE_SYNC", "maybe"}});
    BOOST_REQUIRE(!from_environment.has_value());
    BOOST_TEST(from_environment.error().text.find("PINHOLE_SYNC") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(help_and_markdown_list_every_setting) {
    const auto help = parse({"--help"});
    BOOST_REQUIRE(!help.has_value());
    BOOST_TEST(help.error().code == 0);
    const auto markdown = parse({"--print-configuration-markdown"});
    BOOST_REQUIRE(!markdown.has_value());
    BOOST_TEST(markdown.error().text == configuration_markdown());
    for (const auto* name : {"DATA_DIR", "LISTEN", "SYNC", "TOKEN_LIFE", "MEDIA_QUEUE_MAX",
                             "SECRET_KEY", "CORS_ORIGINS", "TRUSTED_PROXIES"}) {
        const auto variable = std::string("PINHOLE_") + name;
        BOOST_TEST(help.error().text.find(variable) != std::string::npos, variable);
        BOOST_TEST(markdown.error().text.find(variable) != std::string::npos, variable);
    }
}

BOOST_AUTO_TEST_CASE(units) {
    BOOST_TEST(*parse_bytes("65536") == 65536U);
    BOOST_TEST(*parse_bytes("20MiB") == 20U * 1024 * 1024);
    BOOST_TEST(*parse_bytes("1GiB") == 1ULL << 30);
    BOOST_TEST(*parse_bytes("64kB") == 64'000U);
    for (const auto* wrong :
         {"", "MiB", "-1", "1.5MiB", "1 MiB", "1mib", "99999999999GiB", "99999999999999999999"}) {
        BOOST_TEST(!parse_bytes(wrong), wrong);
    }
    BOOST_TEST((*parse_duration("250ms") == std::chrono::milliseconds(250)));
    BOOST_TEST((*parse_duration("30d") == std::chrono::hours(720)));
    for (const auto* wrong : {"", "10", "s", "-1s", "1w", "9999999999999999d"}) {
        BOOST_TEST(!parse_duration(wrong), wrong);
    }
}

/// In nanoseconds from now it lay in the past: every connection was closed at once.
BOOST_AUTO_TEST_CASE(a_very_long_duration_was_a_very_short_one) {
    BOOST_TEST((parse({"--idle-timeout", "3650d"})->idle_timeout == std::chrono::days(3650)));
    for (const auto* wrong : {"3651d", "200000d", "315360000001ms"}) {
        const auto refused = parse({"--idle-timeout", wrong});
        BOOST_REQUIRE(!refused.has_value());
        BOOST_TEST(refused.error().text.find("3650d") != std::string::npos);
    }
}

BOOST_AUTO_TEST_CASE(a_duration_below_its_unit_was_none) {
    BOOST_TEST((parse({"--token-life", "1000ms"})->token_life == std::chrono::seconds(1)));
    BOOST_TEST(!parse({"--token-life", "500ms"}).has_value());
    BOOST_TEST(!parse({"--restore-retention", "999ms"}).has_value());
    BOOST_TEST((parse({"--idle-timeout", "1ms"})->idle_timeout == std::chrono::milliseconds(1)));
}

BOOST_AUTO_TEST_CASE(origins) {
    const auto parsed = parse({"--cors-origins", "https://a.example, http://localhost:3000"});
    BOOST_REQUIRE(parsed.has_value());
    BOOST_TEST(parsed->cors_origins.size() == 2U);
    BOOST_TEST(parsed->cors_origins.back() == "http://localhost:3000");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pinhole::http
