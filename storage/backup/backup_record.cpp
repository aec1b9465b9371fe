#include "storage/backup/backup_record.hpp"

#include <nlohmann/json.hpp>
#include <span>

#include "storage/backup/backup_damage.hpp"
#include "storage/media/sha256.hpp"

namespace pinhole::storage::backup {

namespace {

using nlohmann::json;

constexpr const char* format = "pinhole-backup";
constexpr int version = 1;

json to_object(const backup_record& record) {
    return {
        {"format", format},
        {"version", version},
        {"id", record.id},
        {"created_at", record.created_at},
        {"server_version", record.server_version},
        {"schema_version", record.schema_version},
        {"rows_about", record.rows_about},
        {"database", {{"bytes", record.database_bytes}, {"new_bytes", record.database_new_bytes}}},
        {"media",
         {{"files", record.media_files},
          {"bytes", record.media_bytes},
          {"new_files", record.media_new_files},
          {"new_bytes", record.media_new_bytes},
          {"missing", record.media_missing},
          {"list_sha256", record.media_list_sha256}}},
        {"secret_key_sha256", record.secret_key_sha256}};
}

backup_record to_record(const json& object) {
    backup_record record;
    object.at("id").get_to(record.id);
    object.at("created_at").get_to(record.created_at);
    object.at("server_version").get_to(record.server_version);
    object.at("schema_version").get_to(record.schema_version);
    object.at("rows_about").get_to(record.rows_about);
    const json& database = object.at("database");
    database.at("bytes").get_to(record.database_bytes);
    database.at("new_bytes").get_to(record.database_new_bytes);
    const json& media = object.at("media");
    media.at("files").get_to(record.media_files);
    media.at("bytes").get_to(record.media_bytes);
    media.at("new_files").get_to(record.media_new_files);
    media.at("new_bytes").get_to(record.media_new_bytes);
    media.at("missing").get_to(record.media_missing);
    media.at("list_sha256").get_to(record.media_list_sha256);
    object.at("secret_key_sha256").get_to(record.secret_key_sha256);
    return record;
}

}  // namespace

std::string sha256_of(std::string_view bytes) {
    media::sha256_hash hash;
    hash.update(std::as_bytes(std::span{bytes}));
    return media::to_text(hash.digest());
}

std::string to_json(const backup_record& record) {
    json object = to_object(record);
    object["sha256"] = sha256_of(object.dump());
    return object.dump() + '\n';
}

backup_record parse_record(std::string_view text, const std::string& where) {
    try {
        json object = json::parse(text);
        if (object.at("format") != format) {
            throw backup_damage{where + " is no record of a backup"};
        }
        if (object.at("version") != version) {
            throw backup_damage{where + " is of a later version of Pinhole"};
        }
        const auto sum = object.at("sha256").get<std::string>();
        object.erase("sha256");
        if (sha256_of(object.dump()) != sum) {
            throw backup_damage{where + " is damaged: it is not what was written"};
        }
        return to_record(object);
    } catch (const json::exception&) {
        throw backup_damage{where + " is damaged: it cannot be read"};
    }
}

}  // namespace pinhole::storage::backup
