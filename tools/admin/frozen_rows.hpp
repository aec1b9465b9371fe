// The rows of a data directory at one instant, for words that read all of them and perhaps copy the
// media: of a checkpoint that a running server makes, while it goes on; or of a database that no
// process has open, and that nobody can open meanwhile.
//
// For one thread. Blocks: while a checkpoint is made and opened.
#pragma once

#include <memory>

#include "storage/base/time.hpp"
#include "storage/control/remote_store.hpp"
#include "storage/kv/checkpoint.hpp"
#include "tools/admin/words.hpp"

namespace pinhole::admin {

struct frozen_rows {
    storage::control::remote_checkpoint checkpoint;  ///< of a running server; goes last
    std::shared_ptr<void> purge_hold;
    std::unique_ptr<kv::read_only_store> rows;
    storage::timestamp at{};

    /// The rows are not needed any more, but the media are: a server need not keep them, and its
    /// disk not their room. Without one, the database stays closed to others.
    void release_rows();
};

/// With media, no server removes any for good while the result lives.
/// Errors: throws `refusal` if there is no database; what `connect_to_server` and
/// storage::open_read_only throw.
frozen_rows freeze_rows(word_context& context, bool with_media);

}  // namespace pinhole::admin
