#include "tests/api/server_fixture.hpp"

#include <future>
#include <stdexcept>

#include "server/log.hpp"
#include "server/server.hpp"
#include "storage/database.hpp"
#include "storage/schema/keys.hpp"
#include "storage/visibility.hpp"

namespace pinhole::test {

namespace {

http::server_options make_server_options() {
    http::server_options options;
    options.translate_exception = [](std::exception_ptr failure) {
        return handlers::to_response(failure);
    };
    return options;
}

storage::database_options make_database_options(const std::filesystem::path& directory) {
    storage::database_options options;
    options.data_dir = directory;
    options.block_cache_bytes = std::size_t{16} << 20U;
    return options;
}

std::unique_ptr<api_server>& shared() {
    static std::unique_ptr<api_server> server;
    return server;
}

}  // namespace

handlers::api_options without_rate_limits() {
    handlers::api_options options;
    options.rate_limits = false;
    return options;
}

struct api_server::running {
    running(const std::filesystem::path& directory, const handlers::api_options& options)
        : server(make_server_options(), log),
          database(make_database_options(directory)),
          api(database, log, options) {
        server.start(http::router{handlers::make_routes(api)});
    }
    running(const running&) = delete;
    running& operator=(const running&) = delete;
    ~running() {
        server.stop();
        api.close();
    }

    http::logger log{http::log_level::off};
    http::server server;
    storage::database database;
    handlers::api api;
};

api_server::api_server(const handlers::api_options& options)
    : options_(options), running_(std::make_unique<running>(directory_.path(), options_)) {}

api_server::~api_server() = default;

void api_server::restart() {
    running_.reset();
    running_ = std::make_unique<running>(directory_.path(), options_);
}

std::uint16_t api_server::port() const {
    return running_->server.local_endpoint().port();
}

void api_server::make_staff(const std::string& user_id) {
    kv::store& store = running_->database.store();
    const auto reader = store.snapshot(kv::read_mode::blocking);
    const auto seen =
        storage::row_reader{*reader}.find<storage::user>(storage::parse_id(user_id).value());
    storage::user row = seen.value().row;
    row.is_staff = true;
    kv::commit commit;
    storage::append_update(commit, *seen, row);
    std::promise<kv::outcome> decided;
    store.submit(std::move(commit), [&](kv::outcome outcome) { decided.set_value(outcome); });
    if (decided.get_future().get() != kv::outcome::ok) {
        throw std::runtime_error("the account was changed meanwhile");
    }
}

std::set<std::string> api_server::media_files(const std::string& folder) const {
    std::set<std::string> names;
    for (const auto& entry :
         std::filesystem::recursive_directory_iterator(directory_.path() / "media" / folder)) {
        std::error_code gone;  // files come and go while a server works; gone is not there
        if (!entry.is_directory(gone)) {
            names.insert(entry.path().filename().string());
        }
    }
    return names;
}

api_server& shared_server() {
    if (!shared()) {
        shared() = std::make_unique<api_server>();
    }
    return *shared();
}

void stop_shared_server() {
    shared().reset();
}

}  // namespace pinhole::test
