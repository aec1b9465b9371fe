// The completion token of every asynchronous call here: the error is part of what it returns, since
// a socket that fails is no exception.
//
// Thread-safety: a constant. Blocking: never.
#pragma once

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace pinhole::http {

inline constexpr auto use_result = boost::asio::as_tuple(boost::asio::use_awaitable);

}  // namespace pinhole::http
