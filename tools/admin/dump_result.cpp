#include "tools/admin/dump_result.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "tools/admin/display.hpp"

namespace pinhole::admin {

nlohmann::json to_json(const std::string& target, const storage::dump::dump_report& report) {
    nlohmann::json rows = nlohmann::json::object();
    for (const auto& [name, sums] : report.written.entities) {
        rows[name] = sums.rows;
    }
    return {
        {"target", target},
        {"is_whole", report.is_whole},
        {"created_at", storage::to_rfc3339(report.written.created_at)},
        {"rows", std::move(rows)},
        {"media", {{"files", report.written.media.files}, {"bytes", report.written.media.bytes}}},
        {"bad_media", report.bad_media},
        {"details", report.details}};
}

void tell_bad_media(console& out, const storage::dump::dump_report& report) {
    for (const std::string& line : report.details) {
        out.error(to_printable(line));
    }
    if (report.bad_media > report.details.size()) {
        out.error(fmt::format("and {} more", report.bad_media - report.details.size()));
    }
}

}  // namespace pinhole::admin
