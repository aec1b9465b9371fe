// Where a photo or video was taken is nobody's business but its author's.
#include <sodium.h>
#include <boost/test/unit_test.hpp>

#include "tests/api/entity_checks.hpp"
#include "tests/api/server_fixture.hpp"
#include "tests/support/exiftool.hpp"
#include "tests/support/media_samples.hpp"

namespace pinhole::test {

namespace {

std::string sha256_of(const std::string& bytes) {
    std::array<unsigned char, crypto_hash_sha256_BYTES> digest;
    crypto_hash_sha256(digest.data(), reinterpret_cast<const unsigned char*>(bytes.data()),
                       bytes.size());
    std::string hex(2 * digest.size() + 1, '\0');
    sodium_bin2hex(hex.data(), hex.size(), digest.data(), digest.size());
    hex.pop_back();
    return hex;
}

multipart_body form_of(const std::string& name, const std::string& bytes) {
    multipart_body form;
    form.file("files", name, "application/octet-stream", bytes);
    return form;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(locations)

BOOST_AUTO_TEST_CASE(what_is_served_tells_no_place_and_fits_its_headers) {
    const std::string tags = "-GPSLatitude=48.85837 -GPSLongitude=2.29448 -XMP:City=Paris ";
    api_client user = shared_server().sign_up();
    for (const auto& [name, bytes] :
         {std::pair{std::string("turned.jpg"),
                    with_tags(sample_turned_jpeg(), "jpg", tags) + "a tail"},
          {std::string("video.mov"),
           with_tags(sample_mov(), "mov", "-Keys:GPSCoordinates='48.85837, 2.29448'")}}) {
        BOOST_TEST_CONTEXT(name) {
            BOOST_TEST(find_positions(bytes) != "");
            const json post = parse(user.upload(form_of(name, bytes)), 201);
            const json& file = post.at("files").at(0);
            BOOST_TEST(file.at("width") == sample_width);
            BOOST_TEST(file.at("height") == sample_height);
            const std::string url = text(file, "url");
            const auto served = shared_server().connect().get(url);
            check_status(served, 200);
            BOOST_TEST(find_positions(served.body) == "");
            BOOST_TEST(file.at("size") == served.body.size());
            BOOST_TEST(served.header("Content-Length") == std::to_string(served.body.size()));
            BOOST_TEST(served.header("ETag") == '"' + sha256_of(served.body).substr(0, 32) + '"');
            const auto end = user.get(url, {{"Range", "bytes=-9"}});
            BOOST_TEST(end.status == 206U);
            BOOST_TEST((end.body == served.body.substr(served.body.size() - 9)));
        }
    }
}

// The client knows only what it sent: a retry must be known by that.
BOOST_AUTO_TEST_CASE(a_retry_is_known_by_the_bytes_that_were_sent) {
    api_client user = shared_server().sign_up();
    const std::string sent = with_tags(sample_jpeg(), "jpg", "-GPSLatitude=48.85837");
    const header_list key{{"Idempotency-Key", "photo"}};
    const json post = parse(user.upload(form_of("a.jpg", sent), key), 201);
    BOOST_TEST(parse(user.upload(form_of("a.jpg", sent), key), 201) == post);
    const std::string url = text(post.at("files").at(0), "url");
    const std::string kept = user.get(url).body;
    BOOST_TEST((kept != sent));
    check_problem(user.upload(form_of("a.jpg", kept), key), 422, {{"Idempotency-Key", "reused"}});
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::test
