// Forms that are no honest client's, through the real program.
#include <boost/test/unit_test.hpp>
#include <set>

#include "tests/hostile/attacked_server.hpp"
#include "tests/support/media_samples.hpp"

namespace pinhole::test {

namespace {

using namespace std::string_literals;

/// Small enough to stay in sockets, large enough that a server that collects it is seen.
constexpr std::size_t flood_bytes = 128 * mib;

std::set<std::string> names_under(const std::filesystem::path& folder) {
    std::set<std::string> names;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
        names.insert(entry.path().lexically_relative(folder).string());
    }
    return names;
}

std::string disposition(const std::string& name, const std::string& filename) {
    return "form-data; name=\"" + name + "\"; filename=\"" + filename + '"';
}

struct form {
    const char* name;
    std::string bytes;
    unsigned status;
};

std::vector<form> malformed_forms() {
    const std::string end(last_boundary);
    const std::string image = file_part(small_jpeg());
    return {
        {"nothing", "", 400},
        {"no boundary in it", std::string(1'000, 'x'), 400},
        {"much without a boundary", std::string(flood_bytes / 16, 'x'), 400},
        {"the boundary without dashes", "b\r\n\r\nb--", 400},
        {"another boundary", "--c\r\n" + disposition("files", "a") + "\r\n\r\nx\r\n--c--", 400},
        {"the last boundary alone", end, 422},
        {"no last boundary", image, 400},
        {"half of the last boundary", image + "--b-", 400},
        {"bare line feeds", "--b\nContent-Disposition: form-data; name=\"content\"\n\nx\n--b--\n",
         400},
        {"no disposition", "--b\r\n\r\nx\r\n" + end, 400},
        {"another disposition", part("attachment; name=\"content\"", "x") + end, 400},
        {"two dispositions",
         part("form-data; name=\"content\"", "x",
              "Content-Disposition: form-data; name=\"files\"\r\n") +
             end,
         400},
        {"no name", part("form-data", "x") + end, 400},
        {"two names", part(R"(form-data; name="content"; name="files")", "x") + end, 400},
        {"a quote that does not end", part("form-data; name=\"content", "x") + end, 400},
        {"a folded line", part("form-data;\r\n name=\"content\"", "x") + end, 400},
        {"a header line without a colon",
         part("form-data; name=\"content\"", "x", "nonsense\r\n") + end, 400},
        {"a NUL in a header line", part("form-data; name=\"content\"\0"s, "x") + end, 400},
        {"a transfer encoding",
         part("form-data; name=\"content\"", "eA==", "Content-Transfer-Encoding: base64\r\n") + end,
         400},
        {"a huge header line",
         part("form-data; name=\"content\"", "x", "X: " + std::string(mib, 'x') + "\r\n") + end,
         400},
        {"many header lines",
         part("form-data; name=\"content\"", "x", repeated("X: y\r\n", 100'000)) + end, 400},
        {"many empty header lines",
         part("form-data; name=\"content\"", "x", repeated("X:\r\n", 100'000)) + end, 400},
        {"a header that never ends",
         "--b\r\nContent-Disposition: form-data; name=\"" + std::string(flood_bytes / 16, 'x'),
         400},
        {"many parameters",
         part("form-data; name=\"content\"" + repeated("; a=b", 1'000), "x") + end, 400},
        {"ten thousand parts", repeated(part("form-data; name=\"x\"", "y"), 10'000) + end, 400},
        {"ten thousand files", repeated(file_part("y"), 10'000) + end, 415},
        {"ten thousand empty files", repeated(file_part(""), 10'000) + end, 400},
        {"ten thousand texts", repeated(part("form-data; name=\"content\"", "y"), 10'000) + end,
         400},
        {"much behind the end", image + end + std::string(flood_bytes / 16, 'x'), 400},
    };
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(multipart_bodies, attacked_server)

BOOST_AUTO_TEST_CASE(malformed_forms_are_told_so) {
    for (const form& each : malformed_forms()) {
        BOOST_TEST_CONTEXT(each.name) {
            check_one_of(upload(each.bytes), {each.status});
        }
    }
    check_survived(body_bytes_max);
}

BOOST_AUTO_TEST_CASE(a_content_type_without_a_usable_boundary_is_refused) {
    const std::string body = file_part(small_jpeg()) + std::string(last_boundary);
    for (const std::string& type :
         {"multipart/form-data"s, "multipart/form-data; boundary="s,
          "multipart/form-data; boundary=\"\""s,
          "multipart/form-data; boundary=" + std::string(71, 'b'),
          "multipart/form-data; boundary=b; boundary=c"s, "multipart/form-data; boundary=\"b"s,
          "multipart/form-data; boundary=\"b \""s, "multipart/form-data; boundary=<b>"s,
          "multipart/mixed; boundary=b"s, "multipart/form-data boundary=b"s, "form-data"s}) {
        BOOST_TEST_CONTEXT(type) {
            check_one_of(send("POST", "/api/v1/posts", type, body), {415});
        }
    }
    check_one_of(send("POST", "/api/v1/posts", "multipart/form-data; boundary=\"b\"", body), {201});
    check_survived(body_bytes_max);
}

BOOST_AUTO_TEST_CASE(what_looks_like_a_boundary_in_a_file_is_data) {
    // Behind the picture's end, where it does no harm and is cut off.
    const std::string tail = "\r\n--c\r\n--\r\n-b\r--b\n--b--\r\n--B\r\n\r\n-\r\n--"s;
    const json post = parse(upload_file(small_jpeg() + tail), 201);
    BOOST_TEST(post.at("files").size() == 1U);
    // RFC 2046, 5.1.1: what follows the last boundary is to be ignored.
    const std::string form = file_part(small_jpeg()) + std::string(last_boundary);
    BOOST_TEST(parse(upload(form + form), 201).at("files").size() == 1U);
    // The boundary itself ends the file, wherever it stands: the rest is no part.
    std::string cut = small_jpeg();
    cut.insert(cut.size() / 2, "\r\n--b\r\n");
    check_one_of(upload_file(cut), {400, 422});
    std::string closed = small_jpeg();
    closed.insert(closed.size() / 2, "\r\n--b--\r\n");
    check_one_of(upload_file(closed), {400, 422});
    check_survived(body_bytes_max);
}

BOOST_AUTO_TEST_CASE(a_form_in_a_form_is_a_file_of_no_accepted_type) {
    const std::string inner = "--c\r\nContent-Disposition: file; filename=\"a.jpg\"\r\n\r\n" +
                              small_jpeg() + "\r\n--c--\r\n";
    const std::string nested =
        part("form-data; name=\"files\"", inner, "Content-Type: multipart/mixed; boundary=c\r\n");
    check_one_of(upload(nested + std::string(last_boundary)), {415});
    // The inner form's boundary begins with the outer one.
    const std::string longer = "--bb\r\n\r\nx\r\n--bb--\r\n";
    check_one_of(upload(part("form-data; name=\"content\"", longer) + file_part(small_jpeg()) +
                        std::string(last_boundary)),
                 {400, 422});
    check_survived(body_bytes_max);
}

BOOST_AUTO_TEST_CASE(names_lead_nowhere) {
    const auto before = names_under(data_dir());
    const json usual = parse(upload_file(small_jpeg()), 201);
    for (const std::string& name : {"../../../../etc/passwd"s,
                                    "/etc/passwd"s,
                                    "..\\\\..\\\\boot.ini"s,
                                    "C:\\\\a.jpg"s,
                                    "%2e%2e%2fa"s,
                                    "a/../../b"s,
                                    "."s,
                                    ".."s,
                                    ""s,
                                    "CON"s,
                                    "a.jpg/"s,
                                    "$(touch pwned)"s,
                                    "`id`"s,
                                    "|id"s,
                                    "a;b"s,
                                    std::string(4'000, 'x'),
                                    repeated("../", 500),
                                    "é\xe2\x80\xae"s,
                                    "photo.jpg.php"s,
                                    ".htaccess"s}) {
        BOOST_TEST_CONTEXT(name.substr(0, 40)) {
            const json post = parse(upload_file(small_jpeg(), name), 201);
            const std::string url = text(post.at("files").front(), "url");
            const std::string usual_url = text(usual.at("files").front(), "url");
            BOOST_TEST(url.size() == usual_url.size());
            BOOST_TEST(url.ends_with(".jpg"));
            BOOST_TEST(url.starts_with("/media/"));
            BOOST_TEST(url.find("..") == std::string::npos);
        }
    }
    for (const std::string& name : {"a\0.jpg"s, "\xff.jpg"s, "\xc0\xae\xc0\xae/"s, "a\x01"s}) {
        check_one_of(upload_file(small_jpeg(), name), {400});
    }
    for (const std::string& name : {"../files"s, "files[]"s, "Files"s, "files "s, "files;content"s,
                                    "__proto__"s, std::string(4'000, 'x'), ""s}) {
        BOOST_TEST_CONTEXT(name.substr(0, 40)) {
            check_one_of(
                upload(part(disposition(name, "a.jpg"), small_jpeg()) + std::string(last_boundary)),
                {422});
        }
    }
    for (const std::string& name : names_under(data_dir())) {
        BOOST_TEST((before.contains(name) || name.starts_with("media/") || name.starts_with("db/")),
                   name);
    }
    check_survived(body_bytes_max);
}

BOOST_AUTO_TEST_CASE(wrong_lengths_are_told_or_cut) {
    const std::string line = "POST /api/v1/posts HTTP/1.1";
    const std::string type = "Content-Type: multipart/form-data; boundary=b\r\n";
    const std::string body = file_part(small_jpeg()) + std::string(last_boundary);
    // Too short: what is left over is no request, and is never read as one.
    check_one_of(send_raw(line, type + "Content-Length: 50\r\n", body), {400});
    check_one_of(send_raw(line, type + "Content-Length: 0\r\n", body), {400});
    for (const char* length :
         {"-1", "+5", "5,5", "0x10", "1e3", "99999999999999999999", "5 5", ""}) {
        BOOST_TEST_CONTEXT(length) {
            check_one_of(send_raw(line, type + "Content-Length: " + length + "\r\n", body), {400});
        }
    }
    check_one_of(send_raw(line, type + "Content-Length: 9223372036854775807\r\n", body), {413});
    const std::string chunked = type + "Transfer-Encoding: chunked\r\n";
    for (const char* chunk : {"-1\r\n", "ffffffffffffffffff\r\n", "5\r\nabc\r\n", "5;\x01\r\n",
                              "\r\n", "5\nabcde\n0\n\n", "g\r\n"}) {
        BOOST_TEST_CONTEXT(chunk) {
            check_one_of(send_raw(line, chunked, chunk + std::string(64, 'x')), {400});
        }
    }
    // Too long: the client goes in the middle, and nobody is left to be told.
    for (const std::size_t sent : {std::size_t{0}, body.size() / 2, body.size()}) {
        std::string request = line;
        request.append("\r\nHost: a\r\nAuthorization: Bearer ").append(user().token());
        request.append("\r\n").append(type).append("Content-Length: 1000000\r\n\r\n");
        request.append(body, 0, sent);
        user().connection().send(request);
        user().connection().reconnect();
    }
    check_survived(body_bytes_max);
}

BOOST_AUTO_TEST_CASE(a_flood_is_refused_without_being_kept) {
    const std::string flood(flood_bytes, 'x');
    check_one_of(upload(file_part("GIF89a" + flood) + std::string(last_boundary)), {413});
    check_one_of(upload(part("form-data; name=\"content\"", flood) + std::string(last_boundary)),
                 {422});
    check_one_of(upload(part("form-data; name=\"x\"", flood) + std::string(last_boundary)), {422});
    check_one_of(upload(file_part(flood) + std::string(last_boundary)), {415});
    check_survived(body_bytes_max);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::test
