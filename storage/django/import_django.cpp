#include "storage/django/import_django.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <system_error>
#include <utility>

#include "storage/django/converted_dump.hpp"
#include "storage/dump/dump_sink.hpp"
#include "storage/dump/pending_target.hpp"

namespace pinhole::storage::django {

namespace {

constexpr std::size_t copy_bytes = std::size_t{256} << 10U;

struct opened_fixture {
    unique_fd file;
    std::string name;
    std::uint64_t size_bytes = 0;  ///< 0: not known
};

opened_fixture open_fixture(const std::filesystem::path& path) {
    const bool is_standard_input = path == dump::standard_input;
    opened_fixture opened{
        .file = unique_fd{is_standard_input ? ::dup(STDIN_FILENO)
                                            : ::open(path.c_str(), O_RDONLY | O_CLOEXEC)},
        .name = is_standard_input ? "standard input" : path.filename().string()};
    struct stat status{};
    if (!opened.file || ::fstat(opened.file.get(), &status) != 0) {
        throw std::system_error{errno, std::system_category(), "cannot open " + path.string()};
    }
    if (S_ISREG(status.st_mode)) {
        opened.size_bytes = static_cast<std::uint64_t>(status.st_size);
    }
    return opened;
}

class importing {
public:
    importing(opened_fixture fixture, const std::filesystem::path& data_dir, import_options options,
              const work_watch& watch)
        : fixture_(std::move(fixture)),
          data_dir_(data_dir),
          options_(std::move(options)),
          watch_(watch) {}

    result<import_report> run() {
        converted_dump archive{[this] { return convert(); }};
        // A third for the conversion, which is over when the restore begins with most of its work.
        auto restored = restore_dump(archive, data_dir_,
                                     {.dry_run = options_.dry_run,
                                      .merge = options_.merge,
                                      .no_manifest = true,
                                      .memory_bytes = options_.memory_bytes / 3 * 2,
                                      .log = options_.log},
                                     watch_);
        if (!restored) {
            return std::unexpected{std::move(restored.error())};
        }
        if (conversion_) {
            report_.counts = conversion_->counts();
        }
        if (report_.faults.empty()) {
            take_over(std::move(*restored));
        }
        return std::move(report_);
    }

private:
    /// Once the directory is known to be free and nobody else's.
    conversion* convert() {
        conversion_.emplace(convert_options{.map = options_.map,
                                            .fixture_name = fixture_.name,
                                            .fixture_bytes = fixture_.size_bytes,
                                            .media_root = options_.media_root,
                                            .scratch = std::filesystem::is_directory(data_dir_)
                                                           ? data_dir_
                                                           : std::filesystem::temp_directory_path(),
                                            .ignore_unknown = options_.ignore_unknown,
                                            .rename_users = options_.rename_users,
                                            .skip_bad_files = options_.skip_bad_files,
                                            .new_ids = options_.new_ids,
                                            .deleted_at = options_.deleted_at,
                                            .memory_bytes = options_.memory_bytes / 3,
                                            .tell = options_.tell},
                            report_.faults, watch_);
        fixture_reader reader{std::move(fixture_.file)};
        conversion_->run(reader);
        return report_.faults.empty() ? &*conversion_ : nullptr;
    }

    /// What was found wrong with the dump is told of the fixture.
    void take_over(restore_report restored) {
        for (const dump::dump_fault& each : restored.faults.kept()) {
            const dump::dump_fault said = conversion_->origin_of(each).value_or(each);
            report_.faults.add(said.file, said.line, said.message);
        }
        report_.faults.count_more(restored.faults.total() - restored.faults.kept().size());
        report_.dump = std::move(restored.dump);
        report_.is_done = restored.is_done;
        report_.rows_added = restored.rows_added;
        report_.rows_skipped = restored.rows_skipped;
        if (report_.faults.empty() && options_.id_map) {
            write_id_map();
        }
    }

    void write_id_map() {
        dump::pending_target target{*options_.id_map, dump::target_kind::file};
        dump::spool_writer& lines = conversion_->id_map();
        dump::spool_reader reader{lines.fd(), 0, lines.size_bytes(), copy_bytes};
        for (std::uint64_t left = lines.size_bytes(); left > 0;) {
            const auto piece = reader.take(std::min<std::uint64_t>(left, copy_bytes)).value();
            dump::write_all(target.fd(), piece, "writing the map of ids");
            left -= piece.size();
        }
        if (const auto finished = target.finish(); !finished) {
            throw std::runtime_error{"all is imported, but " + finished.error().message};
        }
    }

    opened_fixture fixture_;
    std::filesystem::path data_dir_;
    import_options options_;
    const work_watch& watch_;
    std::optional<conversion> conversion_;
    import_report report_;
};

}  // namespace

result<import_report> import_fixture(const std::filesystem::path& fixture,
                                     const std::filesystem::path& data_dir, import_options options,
                                     const work_watch& watch) {
    if (options.id_map) {
        if (auto free = dump::find_conflict(*options.id_map); !free) {
            return std::unexpected{std::move(free.error())};
        }
    }
    return importing{open_fixture(fixture), data_dir, std::move(options), watch}.run();
}

}  // namespace pinhole::storage::django
