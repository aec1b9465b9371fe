// What a writer remembers of its own writes, row by row: enough to say afterwards of each row
// whether it must be there, and with what in it.
// Value types and pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tests/api/api_client.hpp"
#include "tests/workload/possible.hpp"

namespace pinhole::test {

enum class fate : bool { alive, deleted };

/// In hexadecimal.
std::string sha256_of(std::string_view bytes);

std::int64_t number_of(const std::string& id);

/// The rows of a list (newest first) whose ids are beyond `seen_before`.
std::vector<json> walk_newer(api_client& client, std::string url, std::int64_t seen_before);

struct file_entry {
    std::string id;
    std::string url;
    std::string sha256;  ///< of what was sent
    possible<fate> state{fate::alive};
};

struct post_entry {
    std::string id;
    possible<std::string> content;
    std::vector<file_entry> files;
    possible<fate> state{fate::alive};
    possible<bool> liked{false};
    bool is_touched = true;  ///< since it was last compared with what is there
};

struct comment_entry {
    std::string id;
    std::string post;
    possible<std::string> content;
    possible<fate> state{fate::alive};
    bool is_touched = true;
};

/// A request that creates something, as it is sent: once more, if nobody knows what became of it.
struct creation {
    enum class kind : std::uint8_t { post, comment, account };

    kind what;
    std::string target;
    std::string content;  ///< of all that is created anywhere, only this has it
    std::string body;
    header_list headers;
    std::vector<std::string> sha256;  ///< of the files, in their order
    std::string post;                 ///< which a comment is about

    /// Can be sent again without doing it twice.
    bool has_key() const;
    http_response send(api_client& client) const;
};

creation make_post_creation(std::string content, const std::vector<std::string>& files);
creation make_comment_creation(const std::string& post, std::string content);
creation make_account_creation(const std::string& username);
/// Gives it an Idempotency-Key.
creation with_key(creation made, const std::string& key);

post_entry to_post_entry(const creation& made, const json& row);
comment_entry to_comment_entry(const creation& made, const json& row);

}  // namespace pinhole::test
