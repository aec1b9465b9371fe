// Names of stored files: which are possible, and what their parts mean.
//
//     media path   <xx>/<token>.<ext>   what a row stores, and what follows "/media/" in a URL
//     marker       <token>.<ext>        its last component, kept in incoming/ until settled
// <token> is 32 lower-case hex digits from 128 random bits, <xx> its first two, <ext> 1–8 of
// [a-z0-9]. Imported files may have other media paths, as `is_media_path` allows. Never change
// these: they are on disk and in clients' URLs.
//
// Thread-safety: pure functions. Blocking: none.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace pinhole::media {

inline constexpr std::size_t media_path_bytes_max = 255;
inline constexpr std::size_t token_digits = 32;
inline constexpr std::size_t shard_digits = 2;

/// True for what may stand after "/media/": 1–8 components of [A-Za-z0-9._-] joined by "/", none
/// starting with a dot or empty, at most `media_path_bytes_max` bytes in all. So no path that
/// passes can leave its folder.
bool is_media_path(std::string_view path);

/// "/media/" + path.
std::string to_media_url(std::string_view media_path);

bool is_token(std::string_view text);
bool is_extension(std::string_view text);
bool is_marker(std::string_view name);

/// From the system's random generator: cannot be guessed, and never comes twice.
std::string make_token();

/// Where the marker's file lies. Requires: is_marker.
std::string to_media_path(std::string_view marker);

/// All but the last component; empty if there is only one.
std::string_view folder_of(std::string_view media_path);
/// The last component.
std::string_view name_of(std::string_view media_path);

}  // namespace pinhole::media
