// A data directory as the words see it: opened here while no server runs on it, or reached through
// the running server's control socket (storage/control). A word need not know which of the two.
//
// Thread-safe once made, as kv::store is. Blocks: while a local database recovers.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>

#include "storage/base/id.hpp"
#include "storage/control/remote_store.hpp"
#include "storage/database.hpp"
#include "storage/kv/log.hpp"
#include "storage/kv/store.hpp"
#include "tools/admin/words.hpp"

namespace pinhole::admin {

enum class missing_database : std::uint8_t { refuse, create };

class admin_store {
public:
    virtual ~admin_store() = default;

    virtual kv::store& store() = 0;
    /// Null while a server has the database: what needs more than `store()` asks the server.
    virtual storage::database* local() = 0;
    /// Null unless a server has it.
    virtual storage::control::remote_store* remote() = 0;
    bool is_served() { return local() == nullptr; }

    /// For a new row, dated now. Errors: throws std::runtime_error while no id can be had.
    virtual storage::dated_id make_id() = 0;
};

/// The store of the server that runs on the directory; null if none does.
/// Errors: throws storage::control::server_unusable; std::runtime_error if a process has the
/// database open that does not answer.
std::unique_ptr<storage::control::remote_store> connect_to_server(
    const std::filesystem::path& data_dir);

/// Errors: throws `refusal` if there is no database and none is to be made; what
/// `connect_to_server` throws; and what opening a database throws.
std::unique_ptr<admin_store> open_local_or_remote(
    word_context& context, missing_database missing = missing_database::refuse);

/// Here, for what cannot be done beside a server; `change` may set more options.
/// Errors: throws `refusal` if a server has the database; else as above.
std::unique_ptr<admin_store> open_local(
    word_context& context, missing_database missing = missing_database::refuse,
    const std::function<void(storage::database_options&)>& change = {});

/// What a database says to its operator, as notes; what is only informative is left out.
kv::log_function to_log(console& out);

}  // namespace pinhole::admin
