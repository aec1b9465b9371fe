// The API over a real, empty database in a temporary directory, and calls to it that come from no
// socket.
//
// Thread-safety: one thread. Blocking: the first use opens the database.
#pragma once

#include "handlers/dispatch.hpp"
#include "tests/fuzz/no_body.hpp"

namespace pinhole::fuzz {

/// Opened once for the process.
handlers::api& shared_api();

/// A request by `user`, and the call that it is.
class shared_call {
public:
    explicit shared_call(storage::entity_id user);
    shared_call(const shared_call&) = delete;
    shared_call& operator=(const shared_call&) = delete;

    handlers::call& call() { return call_; }
    http::request& request() { return request_; }

private:
    no_body body_;
    http::request request_;
    handlers::call call_;
};

}  // namespace pinhole::fuzz
