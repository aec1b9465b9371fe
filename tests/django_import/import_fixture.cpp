#include "tests/django_import/import_fixture.hpp"

#include <fstream>
#include <sstream>

#include "tests/support/media_samples.hpp"

namespace pinhole::test {

namespace fs = std::filesystem;

std::string read_file(const fs::path& path) {
    std::ifstream file{path, std::ios::binary};
    return {std::istreambuf_iterator{file}, {}};
}

void write_file(const fs::path& path, std::string_view bytes) {
    fs::create_directories(path.parent_path());
    std::ofstream{path, std::ios::binary} << bytes;
}

std::map<std::string, std::string> tree_of(const fs::path& folder) {
    std::map<std::string, std::string> tree;
    if (fs::exists(folder)) {
        for (const auto& entry : fs::recursive_directory_iterator{folder}) {
            tree[entry.path().lexically_relative(folder).string()] =
                entry.is_regular_file() ? read_file(entry.path()) : "";
        }
    }
    return tree;
}

std::vector<json> read_rows(const fs::path& dump, const std::string& entity) {
    std::vector<json> rows;
    std::istringstream lines{read_file(dump / (entity + ".jsonl"))};
    for (std::string line; std::getline(lines, line);) {
        rows.push_back(json::parse(line));
    }
    return rows;
}

import_fixture::import_fixture() {
    const std::string at = "2025-03-04T05:06:07.890Z";
    const json dates{{"created_at", at}, {"updated_at", at}, {"is_deleted", false}};
    const auto add = [&](const char* model, json values, bool dated = true) {
        if (dated) {
            values.update(dates);
        }
        objects.push_back({{"model", model}, {"pk", objects.size() + 1}, {"fields", values}});
    };
    for (const char* name : {"kim", "lee"}) {
        add("auth.user",
            {{"username", name},
             {"password", "!"},
             {"is_staff", false},
             {"is_superuser", false},
             {"is_active", true},
             {"first_name", "Ada"},
             {"last_name", "Low"},
             {"date_joined", at},
             {"email", ""},
             {"last_login", nullptr},
             {"groups", json::array()},
             {"user_permissions", {1, 2}}},
            false);
    }
    add("api.profile", {{"user", 1}, {"name", "Kim"}, {"bio", ""}, {"website", ""}}, false);
    add("api.post", {{"author", 1}, {"content", "low tide"}});
    add("api.file", {{"post", 4}, {"file", "a.jpg"}, {"position", 0}});
    add("api.comment", {{"post", 4}, {"author", 2}, {"content", "what a light!"}});
    add("api.like", {{"post", 4}, {"user", 2}});
    write_file(media / "a.jpg", sample_jpeg());
    write_file(media / "b.png", sample_png());
}

json& import_fixture::copy(std::size_t number, json pk) {
    objects.push_back(object(number));
    objects.back()["pk"] = std::move(pk);
    return objects.back()["fields"];
}

void import_fixture::write_fixture() const {
    std::string text = "[\n";
    for (const json& each : objects) {
        text += each.dump() + (&each == &objects.back() ? "\n" : ",\n");
    }
    write_file(fixture, text + "]\n");
}

std::vector<std::string> import_fixture::word(std::vector<std::string> options) const {
    std::vector<std::string> all{"import-django", fixture.string(), "--media-root", media.string()};
    all.insert(all.end(), options.begin(), options.end());
    return all;
}

admin_end import_fixture::run_import(const std::vector<std::string>& options) const {
    write_fixture();
    return admin(word(options));
}

json import_fixture::must_import(const std::vector<std::string>& options) const {
    write_fixture();
    return must_json(word(options));
}

void import_fixture::must_refuse(std::string_view says,
                                 const std::vector<std::string>& options) const {
    const auto before = tree_of(data);
    const admin_end end = run_import(options);
    BOOST_TEST_INFO_SCOPE("it says: " << end.err);
    BOOST_TEST(end.exit_status == 1);
    BOOST_TEST(end.err.contains(says), "it does not say: " << says);
    BOOST_TEST((tree_of(data) == before));
}

std::vector<json> import_fixture::rows(const std::string& entity) {
    const auto dump = at("dump" + std::to_string(dumps_++));
    must({"dump", dump.string()});
    return read_rows(dump, entity);
}

}  // namespace pinhole::test
