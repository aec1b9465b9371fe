// What a dump is read from: the rows at one instant, of a running server or without one.
//
// Blocks: on the server, or on opening the database.
// Errors: refusal if there is no database; storage::control::server_unusable; std::system_error.
#pragma once

#include <memory>

#include "storage/base/time.hpp"
#include "storage/kv/checkpoint.hpp"
#include "tools/admin/admin_store.hpp"
#include "tools/admin/words.hpp"

namespace pinhole::admin {

/// The rows at one instant, and what keeps them and their files there meanwhile.
struct dump_source {
    storage::control::remote_checkpoint checkpoint;  ///< of a running server; goes last
    std::shared_ptr<void> purge_hold;
    std::unique_ptr<kv::read_only_store> rows;
    storage::timestamp at{};
};

/// `with_media`: a running server is asked to purge no file as long as this lives.
dump_source open_dump_source(word_context& context, bool with_media);

}  // namespace pinhole::admin
