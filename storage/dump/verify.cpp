#include "storage/dump/verify.hpp"

namespace pinhole::storage::dump {

verify_report verify_dump(const std::filesystem::path& source, const verify_options& options,
                          const work_watch& watch) {
    return verify_dump(*open_archive(source), options, watch);
}

verify_report verify_dump(archive_reader& archive, const verify_options& options,
                          const work_watch& watch) {
    verify_report report;
    dump_checker checker{
        archive,
        {.manifest_required = !options.no_manifest,
         .media_required = !options.missing_media,
         .unknown = options.ignore_unknown ? unknown_members::ignore : unknown_members::refuse,
         .scratch = options.scratch},
        report.faults,
        nullptr,
        watch};
    report.dump = checker.run();
    return report;
}

}  // namespace pinhole::storage::dump
