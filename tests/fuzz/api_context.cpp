#include "tests/fuzz/api_context.hpp"

#include "tests/support/temporary_directory.hpp"

namespace pinhole::fuzz {
namespace {

storage::database_options options_in(const std::filesystem::path& directory) {
    storage::database_options options;
    options.data_dir = directory;
    options.block_cache_bytes = std::size_t{1} << 20U;
    return options;
}

struct context {
    ~context() { api.close(); }

    test::temporary_directory directory;
    http::logger log{http::log_level::off};
    storage::database database{options_in(directory.path())};
    handlers::api api{database, log, handlers::api_options{}};
};

}  // namespace

handlers::api& shared_api() {
    static context opened;
    return opened.api;
}

shared_call::shared_call(storage::entity_id user)
    : request_(body_),
      call_{.api = shared_api(),
            .request = request_,
            .who = {.user = user},
            .at = storage::now(),
            .query_faults = {}} {
    request_.log().route = "/api/v1/comments";
}

}  // namespace pinhole::fuzz
