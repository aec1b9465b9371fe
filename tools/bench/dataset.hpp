// A service that has been used for three years, to try queries on: users, posts with their files,
// likes and comments, some of each deleted. Always the same rows for the same size.
//
// - Created over the years 2024 to 2026, ids and times ascending together, as the id generator
//   makes them. Nobody writes before signing up, or about what is not there yet.
// - Popular users write most, popular posts get most of the likes and comments (Zipf's law).
// - Three accounts to ask about, and needles to search for, below.
// - Media files are not there: no URL of a file leads anywhere.
//
// It writes through the entities' declarations alone, so what is added to them comes by itself.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "storage/base/id.hpp"
#include "storage/kv/store.hpp"
#include "tools/sample/password.hpp"

namespace pinhole::bench {

/// Raise it with every change to what is made.
inline constexpr int dataset_version = 3;

/// Who asks: has `dataset_size::caller_likes` likes and a few posts and comments.
inline constexpr std::string_view caller_username = "bench";
inline constexpr std::string_view caller_password = sample::password;
/// Has as many posts, likes and comments as there are for each user.
inline constexpr std::string_view middling_username = "kim";
/// Has one post of twenty.
inline constexpr std::string_view popular_username = "popular";

struct dataset_size {
    std::size_t posts = 100'000;

    /// At least twenty, or there would be too few to like a post.
    std::size_t users() const { return posts < 2'000 ? 20 : posts / 100; }
    std::size_t likes() const { return posts * 5; }
    std::size_t comments() const { return posts * 3; }
    /// How many posts the caller likes, deleted ones among them.
    std::size_t caller_likes() const { return posts < 2'500 ? 5 : posts / 500; }
    /// How many posts, none deleted, have `rare_word`, and how many comments.
    std::size_t rare_posts() const { return posts < 30'000 ? 3 : posts / 10'000; }
    std::size_t rare_comments() const { return posts < 30'000 ? 2 : posts / 15'000; }
};

/// What somebody needs to know of a data set to ask about it.
struct dataset_names {
    storage::entity_id caller = 0;
    storage::entity_id middling = 0;
    storage::entity_id popular = 0;
    storage::entity_id popular_post = 0;  ///< visible, with more likes than any other
};

/// Fills a new store.
/// Blocks: until everything is committed.
/// Errors: throws kv::storage_failure when the store refuses a commit, as one that is not new does.
/// Requires: 100 posts or more.
dataset_names make_dataset(kv::store& store, const dataset_size& size);

/// Names what `make_dataset` writes, whatever the size: data under another name is out of date.
std::string dataset_fingerprint();

}  // namespace pinhole::bench
