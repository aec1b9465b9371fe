// What the API promises of its entities, checked on answers: every member, its type and its form,
// and that counters agree with the rows they count.
//
// For the test's own thread. Failures name the caller's line.
#pragma once

#include <initializer_list>
#include <string_view>

#include "tests/api/api_client.hpp"

namespace pinhole::test {

/// Exactly these members, neither more nor fewer.
void check_members(const json& object, std::initializer_list<std::string_view> names,
                   where from = where::current());

void check_user(const json& user, where from = where::current());
void check_post(const json& post, where from = where::current());
void check_file(const json& file, where from = where::current());
void check_comment(const json& comment, where from = where::current());
void check_like(const json& like, where from = where::current());
void check_session(const json& session, where from = where::current());
/// `{user, token, expires_at}`
void check_login(const json& login, where from = where::current());
void check_page(const json& page, where from = where::current());

/// What is wrong with the counters that `viewer` sees, compared with the rows that the lists show;
/// empty if nothing is.
std::string find_wrong_count(api_client& viewer);

/// Checks that nothing is wrong with them in the end: those of other people's posts settle a while
/// after an account was deleted or restored.
void check_settled(api_client& viewer);

}  // namespace pinhole::test
