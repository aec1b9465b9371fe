// The terms by which a text is found by a part of it: every three code points that stand side by
// side in the text's case-folded form. A text that contains a needle has all the needle's trigrams
// (the reverse is not so, and is to be looked up in the text). As PostgreSQL's pg_trgm and Russ
// Cox, "Regular Expression Matching with a Trigram Index" (2012), but for the padding of words:
// `contains` knows none.
//
// ON DISK: a trigram of ASCII is its three bytes; another one is 23 bits of FNV-1a of its UTF-8
// with the highest bit set. They depend on Unicode's case mapping, so the indexes are made anew
// when `fold_version` is no more what they were made with.
// Pure; thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace pinhole::storage {

/// Sorted, each once; none if the text has fewer than three code points.
std::vector<std::string> trigrams_of(std::string_view utf8);

using term_visitor = std::function<void(std::string_view)>;

/// The same in the order of the text, some several times. Twice as fast.
void visit_trigrams(std::string_view utf8, const term_visitor& visit);

}  // namespace pinhole::storage
