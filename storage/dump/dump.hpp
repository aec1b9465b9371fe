// Writes what a database held at one instant as a dump (dump_format.hpp, docs/dump.md): open text,
// from which it can be restored, with another version of the program, too.
//
// It reads from one snapshot and so needs nobody to stand still; but a snapshot keeps alive what is
// overwritten, so for a database in use make a checkpoint first (kv/checkpoint.hpp) and read that.
// Memory: some megabytes, whatever there is to dump.
//
// Thread-safety: works on the calling thread alone. Blocks: for as long as it takes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "storage/base/error.hpp"
#include "storage/base/work.hpp"
#include "storage/dump/dump_format.hpp"
#include "storage/dump/dump_sink.hpp"
#include "storage/kv/store.hpp"
#include "storage/media/media_reader.hpp"

namespace pinhole::storage::dump {

struct dump_options {
    /// The instant that the reader shows. In the manifest; dumps of one instant are equal.
    timestamp created_at{};
    std::string server_version;

    /// Entities to leave out. What refers to one that is left out goes with it (without posts there
    /// are no files, comments or likes), since a dump must restore; without users there is nothing.
    std::vector<std::string> exclude = {};
    /// Only what the API shows: no row that is deleted or hangs under something that is.
    bool only_alive = false;
    /// The bytes of the files, too.
    bool with_media = false;
    /// Leaves out the bytes of files that are missing or not what their row says, instead of
    /// failing: each is read twice, since the first time may show that it must not be written.
    bool skip_bad_media = false;
};

struct dump_report {
    /// False if there was a fault that is not to be skipped: there is then no dump.
    bool is_whole = false;
    manifest written;
    /// Files whose bytes are missing or not what their row says, and a line for each of the first.
    std::uint64_t bad_media = 0;
    std::vector<std::string> details;
    static constexpr std::size_t details_max = 100;
};

/// Writes the members to `sink` and finishes it, if all went well. Progress counts rows (phases
/// named after the entities; "size of users" where a sink needs sizes) and bytes of media
/// ("media"). Requires: a blocking reader; `media` is not null with `with_media`. Errors: invalid
/// (`exclude`), conflict (the target is taken). Throws kv::storage_failure and corrupt_row, naming
/// the row, if the rows cannot be read; work_interrupted; what the sink and the media reader throw.
/// The sink then is to be destroyed, which leaves nothing.
result<dump_report> write_dump(const kv::reader& reader, const media::media_reader* media,
                               dump_sink& sink, const dump_options& options,
                               const work_watch& watch);

}  // namespace pinhole::storage::dump
