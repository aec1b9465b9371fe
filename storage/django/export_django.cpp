#include "storage/django/export_django.hpp"

#include <unistd.h>

#include <memory>
#include <utility>

#include "storage/base/version.hpp"
#include "storage/django/fixture_sink.hpp"
#include "storage/dump/dump_sink.hpp"
#include "storage/dump/pending_target.hpp"

namespace pinhole::storage::django {

namespace {

/// The entities that the map has no model for.
std::vector<std::string> left_out(const field_map& map) {
    std::vector<std::string> names;
    const auto leave_out = [&](section which, std::string_view entity) {
        if (map.of(which).model.empty()) {
            names.emplace_back(entity);
        }
    };
    leave_out(section::post, schema<post>::name);
    leave_out(section::file, schema<file>::name);
    leave_out(section::comment, schema<comment>::name);
    leave_out(section::like, schema<like>::name);
    return names;
}

/// Both get their names, the fixture last: whoever sees it has all.
result<void> finish_all(std::optional<dump::pending_target>& media,
                        std::optional<dump::pending_target>& fixture) {
    if (media) {
        if (auto finished = media->finish(); !finished) {
            return finished;
        }
    }
    return fixture ? fixture->finish() : result<void>{};
}

}  // namespace

result<void> find_export_conflict(const export_options& options) {
    if (options.target != standard_output) {
        if (auto free = dump::find_conflict(options.target); !free) {
            return free;
        }
    }
    if (options.map.of(section::file).model.empty() &&
        !options.map.of(section::post).model.empty()) {
        return fail(error_code::invalid,
                    "the map's [file] needs a model: a post has up to ten files");
    }
    return options.media_root ? dump::find_conflict(*options.media_root) : result<void>{};
}

result<dump::dump_report> export_fixture(const kv::reader& reader, const media::media_reader& media,
                                         const export_options& options, const work_watch& watch) {
    if (auto free = find_export_conflict(options); !free) {
        return std::unexpected{std::move(free.error())};
    }
    std::optional<dump::pending_target> fixture;
    std::optional<dump::pending_target> media_folder;
    if (options.target != standard_output) {
        fixture.emplace(options.target, dump::target_kind::file);
    }
    if (options.media_root) {
        media_folder.emplace(*options.media_root, dump::target_kind::directory);
    }
    const int out = fixture ? fixture->fd() : STDOUT_FILENO;
    fixture_sink sink{
        {.map = options.map,
         .is_lines = options.target.extension() == ".jsonl",
         .renumber = options.renumber,
         .write =
             [out](std::string_view text) { dump::write_all(out, text, "writing the fixture"); },
         .media = media_folder ? &*media_folder : nullptr,
         .scratch = std::filesystem::temp_directory_path()}};
    try {
        auto report = dump::write_dump(reader, &media, sink,
                                       {.created_at = options.created_at,
                                        .server_version = std::string{program_version()},
                                        .exclude = left_out(options.map),
                                        .only_alive = options.only_alive,
                                        .with_media = media_folder.has_value(),
                                        .skip_bad_media = options.skip_bad_media},
                                       watch);
        if (report && report->is_whole) {
            if (auto finished = finish_all(media_folder, fixture); !finished) {
                return std::unexpected{std::move(finished.error())};
            }
        }
        return report;
    } catch (const export_refused& reason) {
        return fail(error_code::conflict, reason.what());
    }
}

}  // namespace pinhole::storage::django
