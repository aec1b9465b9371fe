// Reads a stream of requests as RFC 9112 has it and in no other way: what the server is compared
// with. It shares no code with the server, takes the whole stream at once, and gives up at the
// first thing that two parties could read in two ways.
// Thread-safety: a pure function. Blocking: never.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace pinhole::test {

struct reference_message {
    std::string method;
    std::string target;
    std::string body;
};

/// Why there is nothing more to read.
enum class stream_end : std::uint8_t {
    complete,         ///< the last message's end is the stream's
    closing,          ///< the last message ends the connection
    inside_header,    ///< more would have to come
    inside_body,      ///< more would have to come
    doubtful_header,  ///< the next message is to be refused
    doubtful_body,    ///< the next message is to be refused, its header is good
};

struct reference_reading {
    std::vector<reference_message> messages;
    stream_end end = stream_end::complete;
};

reference_reading read_by_the_letter(std::string_view stream);

}  // namespace pinhole::test
