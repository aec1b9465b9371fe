#include "storage/dump/dump.hpp"

#include <algorithm>
#include <cassert>
#include <optional>
#include <set>
#include <span>
#include <utility>

#include "storage/dump/alive_filter.hpp"
#include "storage/dump/media_copy.hpp"
#include "storage/media/sha256.hpp"
#include "storage/schema/keys.hpp"
#include "storage/schema/row_codec.hpp"

namespace pinhole::storage::dump {

namespace {

/// A row may be 64 KiB.
constexpr std::uint32_t rows_per_read = 256;
constexpr std::size_t chunk_bytes = std::size_t{256} << 10U;

template <class Row>
corrupt_row damage_of(kv::part_id id, const std::string& what) {
    return corrupt_row{std::string{schema<Row>::singular} + ' ' + std::to_string(id) + ": " + what};
}

template <class Row>
Row decode_located(const kv::located_row& found) {
    std::optional<Row> row;
    try {
        row = decode_row<Row>(found.row.value);
    } catch (const corrupt_row& damage) {
        throw damage_of<Row>(found.part, damage.what());
    }
    if (row->id != found.part || !found.row.key.empty()) {
        throw damage_of<Row>(found.part, "another row lies in its place");
    }
    return std::move(*row);
}

/// The names in `excluded`, and those of entities that refer to one of them.
result<std::set<std::string_view>> find_left_out(const std::vector<std::string>& excluded) {
    for (const std::string& name : excluded) {
        if (!is_dumped_entity(name)) {
            return fail(error_code::invalid, "there is no entity " + name + " to exclude",
                        {{"exclude", "unknown", "is no entity"}});
        }
        if (name == schema<user>::name) {
            return fail(error_code::invalid,
                        "users cannot be excluded: everything else belongs to one",
                        {{"exclude", "invalid", "everything else belongs to a user"}});
        }
    }
    std::set<std::string_view> left_out;
    for_each_dumped([&]<class Row>() {
        bool is_left_out = std::ranges::find(excluded, schema<Row>::name) != excluded.end();
        for_each_dumped_field<Row>([&]<class Field>(const Field&) {
            if constexpr (is_reference<typename Field::value_type>) {
                using target = typename Field::value_type::target;
                is_left_out = is_left_out || left_out.contains(schema<target>::name);
            }
        });
        if (is_left_out) {
            left_out.insert(schema<Row>::name);
        }
    });
    return left_out;
}

struct row_amounts {
    std::uint64_t rows = 0;
    std::uint64_t bytes = 0;
};

class dumper {
public:
    dumper(const kv::reader& reader, const media::media_reader* media, dump_sink& sink,
           const dump_options& options, const work_watch& watch)
        : reader_(reader),
          media_(media),
          sink_(sink),
          options_(options),
          watch_(watch),
          alive_(reader) {}

    result<dump_report> run(const std::set<std::string_view>& left_out) {
        report_.written.created_at = options_.created_at;
        report_.written.server_version = options_.server_version;
        for_each_dumped([&]<class Row>() {
            if (!left_out.contains(schema<Row>::name)) {
                dump_entity<Row>();
            }
        });
        if (options_.with_media && !left_out.contains(schema<file>::name)) {
            dump_media();
        }
        report_.is_whole = !has_wrong_bytes_ && (report_.bad_media == 0 || options_.skip_bad_media);
        if (report_.is_whole) {
            const std::string text = to_json(report_.written);
            sink_.begin_member(std::string{manifest_name}, text.size());
            sink_.write(text);
            sink_.end_member();
            if (auto finished = sink_.finish(); !finished) {
                return std::unexpected{std::move(finished.error())};
            }
        }
        return std::move(report_);
    }

private:
    template <class Row, class Function>
    void for_each_batch(const Function& function) {
        std::optional<kv::key> beyond;
        for (;;) {
            const auto found =
                reader_.walk(schema<Row>::family, beyond ? &*beyond : nullptr, rows_per_read);
            std::vector<Row> rows;
            rows.reserve(found.size());
            for (const kv::located_row& each : found) {
                rows.push_back(decode_located<Row>(each));
            }
            if (options_.only_alive) {
                alive_.keep_visible(rows);
            }
            function(rows);
            if (found.size() < rows_per_read) {
                return;
            }
            beyond = {found.back().part, schema<Row>::family, found.back().row.key};
        }
    }

    /// Makes the lines of all rows and hands them to `take`, many at a time.
    template <class Row, class Function>
    row_amounts write_lines(work_progress progress, const Function& take) {
        row_amounts amounts;
        std::string lines;
        const auto hand_over = [&] {
            take(std::string_view{lines});
            amounts.bytes += lines.size();
            lines.clear();
        };
        for_each_batch<Row>([&](const std::vector<Row>& rows) {
            for (const Row& row : rows) {
                try {
                    append_dump_row(lines, row);
                } catch (const corrupt_row& damage) {
                    throw damage_of<Row>(row.id, damage.what());
                }
                if (lines.size() >= chunk_bytes) {
                    hand_over();
                }
            }
            amounts.rows += rows.size();
            progress.done = amounts.rows;
            watch_.advance(progress);
        });
        hand_over();
        return amounts;
    }

    template <class Row>
    void dump_entity() {
        row_amounts expected{.rows = reader_.approximate_rows(schema<Row>::family)};
        if (sink_.needs_sizes()) {
            const std::string phase = "size of " + std::string{schema<Row>::name};
            expected =
                write_lines<Row>({.phase = phase, .total = expected.rows}, [](std::string_view) {});
        }
        media::sha256_hash hash;
        sink_.begin_member(file_name_of(schema<Row>::name), expected.bytes);
        const row_amounts written = write_lines<Row>(
            {.phase = schema<Row>::name, .total = expected.rows}, [&](std::string_view lines) {
                hash.update(std::as_bytes(std::span{lines}));
                sink_.write(lines);
            });
        sink_.end_member();
        report_.written.entities.emplace(schema<Row>::name,
                                         entity_sums{written.rows, media::to_text(hash.digest())});
    }

    void dump_media() {
        assert(media_ != nullptr);
        work_progress progress{.phase = "media", .counts_bytes = true};
        for_each_batch<file>([&](const std::vector<file>& rows) {
            for (const file& row : rows) {
                progress.total += static_cast<std::uint64_t>(std::max<std::int64_t>(row.size, 0));
            }
            watch_.advance(progress);
        });
        media_copier copier{*media_, sink_, watch_, progress};
        for_each_batch<file>([&](const std::vector<file>& rows) {
            for (const file& row : rows) {
                copy_media(copier, row);
            }
        });
        report_.written.media = copier.copied();
    }

    void copy_media(media_copier& copier, const file& row) {
        auto fault = options_.skip_bad_media ? copier.find_fault(row) : std::nullopt;
        const bool is_skipped = fault.has_value();
        if (!is_skipped) {
            fault = copier.copy(row);
        }
        if (!fault) {
            return;
        }
        if (report_.details.size() < dump_report::details_max) {
            report_.details.push_back(std::move(*fault));
        }
        ++report_.bad_media;
        // It was sound a moment ago: wrong bytes of it may have been written.
        has_wrong_bytes_ = has_wrong_bytes_ || !is_skipped;
    }

    const kv::reader& reader_;
    const media::media_reader* media_;
    dump_sink& sink_;
    const dump_options& options_;
    const work_watch& watch_;
    alive_filter alive_;
    dump_report report_;
    bool has_wrong_bytes_ = false;
};

}  // namespace

result<dump_report> write_dump(const kv::reader& reader, const media::media_reader* media,
                               dump_sink& sink, const dump_options& options,
                               const work_watch& watch) {
    const auto left_out = find_left_out(options.exclude);
    if (!left_out) {
        return std::unexpected{left_out.error()};
    }
    return dumper{reader, media, sink, options, watch}.run(*left_out);
}

}  // namespace pinhole::storage::dump
