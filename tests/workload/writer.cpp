// How a writer writes; writer_checks.cpp has what it finds afterwards.
#include "tests/workload/writer.hpp"

#include <algorithm>

#include "tests/support/media_samples.hpp"

namespace pinhole::test {

namespace {

constexpr std::size_t files_per_post_max = 10;
/// Acknowledged creations that are kept to be repeated.
constexpr std::size_t answered_max = 8;
constexpr std::size_t logins_max = 4;

std::string path_of(const post_entry& entry) {
    return "/api/v1/posts/" + entry.id;
}

std::string path_of(const comment_entry& entry) {
    return "/api/v1/comments/" + entry.id;
}

}  // namespace

writer::writer(std::uint16_t port, unsigned seed)
    : client_(sign_up(port, "writer")), random_(seed), logins_{{.token = client_.token()}} {}

void writer::write(const std::string& shared_post, crowd_signals& signals) {
    try {
        while (!signals.enough) {
            if (write_once(shared_post)) {
                signals.acknowledge();
            }
        }
    } catch (const http_failure& failure) {
        // What was under way is marked as unknown already.
        if (dynamic_cast<const cut_answer*>(&failure) != nullptr) {
            ++signals.answers_cut;
        }
        if (!signals.may_break) {
            surprise_ += std::string{failure.what()} + "\n";
        }
    } catch (const std::exception& failure) {
        surprise_ += std::string{failure.what()} + "\n";
    }
}

bool writer::write_once(const std::string& shared_post) {
    if (!account_.is(fate::alive)) {
        return restore_account();
    }
    if (chance(24)) {
        return write_to_account();
    }
    switch (random_() % 16) {
        case 0:
        case 1:
        case 2:
            return upload();
        case 3:
        case 4:
        case 5:
            return comment(shared_post);
        case 6:
            return repeat_a_creation();
        case 7:
            return edit_post();
        case 8:
            return edit_comment();
        case 9:
            return delete_post();
        case 10:
            return restore_post();
        case 11:
            return delete_file();
        case 12:
            return delete_comment();
        case 13:
            return edit_bio();
        default:
            return like_something(shared_post);
    }
}

/// What is dear, since it hashes passwords.
bool writer::write_to_account() {
    if (!password_.is_known()) {
        return edit_bio();
    }
    switch (random_() % 8) {
        case 0:
            return sign_up_somebody();
        case 1:
            return change_password();
        case 2:
            return delete_account();
        case 3:
        case 4:
            return log_out();
        default:
            return log_in();
    }
}

/// Half of the creations, and all while the fate of another is unknown, have an Idempotency-Key:
/// one without can only be looked for.
creation writer::maybe_with_key(creation made, bool must) {
    if (must || !pending_.empty() || chance(2)) {
        const std::string key = made.content;
        return with_key(std::move(made), key);
    }
    return made;
}

bool writer::is_full() {
    constexpr unsigned still_one_in = 32;
    return posts_.size() + comments_.size() >= rows_max_ && !chance(still_one_in);
}

bool writer::upload() {
    if (is_full()) {
        return edit_post();
    }
    const std::size_t count = chance(16) ? files_per_post_max : 1 + random_() % 4;
    std::vector<std::string> files;
    files.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
        const int side = chance(8) ? 256 : 16;
        files.push_back(make_jpeg(side, side, static_cast<std::uint32_t>(random_())));
    }
    std::string content = client_.username() + " post " + std::to_string(++made_);
    return create(maybe_with_key(make_post_creation(std::move(content), files), false));
}

bool writer::comment(const std::string& shared_post) {
    if (is_full()) {
        return edit_comment();
    }
    std::string content = client_.username() + " comment " + std::to_string(++made_);
    post_entry* own = chance(3) ? pick(posts_, fate::alive) : nullptr;
    auto made = make_comment_creation(own != nullptr ? own->id : shared_post, std::move(content));
    return create(maybe_with_key(std::move(made), own != nullptr));
}

bool writer::sign_up_somebody() {
    if (is_full()) {
        return edit_bio();
    }
    return create(maybe_with_key(make_account_creation(unique_name("guest")), true));
}

/// Or, while the fate of one with a key is unknown, that one once more.
bool writer::create(creation made) {
    for (std::size_t at = 0; at < pending_.size(); ++at) {
        if (pending_[at].has_key()) {
            return send_pending(at);
        }
    }
    pending_.push_back(std::move(made));
    return send_pending(pending_.size() - 1);
}

bool writer::send_pending(std::size_t at) {
    const auto answer = pending_[at].send(client_);
    if (!expect(answer, 201)) {
        return false;
    }
    const creation made = std::move(pending_[at]);
    pending_.erase(pending_.begin() + static_cast<std::ptrdiff_t>(at));
    adopt(made, json::parse(answer.body));
    if (made.has_key()) {
        if (answered_.size() == answered_max) {
            answered_.erase(answered_.begin());
        }
        answered_.push_back({made, answer.body});
    }
    return true;
}

void writer::adopt(const creation& made, const json& row) {
    switch (made.what) {
        case creation::kind::post:
            posts_.push_back(to_post_entry(made, row));
            break;
        case creation::kind::comment:
            comments_.push_back(to_comment_entry(made, row));
            break;
        case creation::kind::account:
            accounts_.push_back(text(row.at("user"), "id"));
            break;
    }
}

/// The first answer must come again; that nothing is there twice is seen later.
bool writer::repeat_a_creation() {
    if (answered_.empty()) {
        return false;
    }
    const answered_creation& known = answered_[random_() % answered_.size()];
    const auto answer = known.made.send(client_);
    if (expect(answer, 201) && answer.body != known.answer) {
        surprise_ += "a repeated request had another answer: " + answer.body + "\n";
    }
    return false;  // it writes nothing
}

/// A random one whose state is known to be this; null if there is none.
template <class Entry>
Entry* writer::pick(std::vector<Entry>& entries, fate state) {
    constexpr int attempts = 8;
    for (int attempt = 0; attempt < attempts && !entries.empty(); ++attempt) {
        Entry& entry = entries[random_() % entries.size()];
        if (entry.state.is(state)) {
            return &entry;
        }
    }
    return nullptr;
}

bool writer::edit_post() {
    post_entry* const entry = pick(posts_, fate::alive);
    if (entry == nullptr) {
        return false;
    }
    const std::string content = client_.username() + " edits " + std::to_string(++made_);
    entry->is_touched = true;
    entry->content.attempt(content);
    if (!expect(client_.patch(path_of(*entry), {{"content", content}}), 200)) {
        return false;
    }
    entry->content.settle(content);
    return true;
}

bool writer::edit_comment() {
    comment_entry* const entry = pick(comments_, fate::alive);
    if (entry == nullptr || !is_post_alive(entry->post)) {
        return false;
    }
    const std::string content = client_.username() + " edits " + std::to_string(++made_);
    entry->is_touched = true;
    entry->content.attempt(content);
    if (!expect(client_.patch(path_of(*entry), {{"content", content}}), 200)) {
        return false;
    }
    entry->content.settle(content);
    return true;
}

bool writer::has_pending_about(const std::string& post) const {
    return std::ranges::any_of(pending_, [&](const creation& made) { return made.post == post; });
}

/// Of one's own posts; the shared one always is.
bool writer::is_post_alive(const std::string& post) const {
    const auto own = std::ranges::find(posts_, post, &post_entry::id);
    return own == posts_.end() || own->state.is(fate::alive);
}

bool writer::delete_post() {
    post_entry* const entry = pick(posts_, fate::alive);
    if (entry == nullptr || has_pending_about(entry->id)) {
        return false;
    }
    entry->is_touched = true;
    entry->state.attempt(fate::deleted);
    if (!expect(client_.remove(path_of(*entry)), 204)) {
        return false;
    }
    entry->state.settle(fate::deleted);
    return true;
}

bool writer::restore_post() {
    post_entry* const entry = pick(posts_, fate::deleted);
    if (entry == nullptr) {
        return false;
    }
    entry->is_touched = true;
    entry->state.attempt(fate::alive);
    if (!expect(client_.post(path_of(*entry) + "/restore"), 200)) {
        return false;
    }
    entry->state.settle(fate::alive);
    return true;
}

bool writer::delete_file() {
    post_entry* const entry = pick(posts_, fate::alive);
    if (entry == nullptr) {
        return false;
    }
    // Never the last one: that is refused.
    const auto left = std::ranges::count_if(
        entry->files, [](const file_entry& file) { return file.state.is(fate::alive); });
    file_entry& file = entry->files[random_() % entry->files.size()];
    if (left < 2 || !file.state.is(fate::alive)) {
        return false;
    }
    entry->is_touched = true;
    file.state.attempt(fate::deleted);
    if (!expect(client_.remove("/api/v1/files/" + file.id), 204)) {
        return false;
    }
    file.state.settle(fate::deleted);
    return true;
}

bool writer::delete_comment() {
    comment_entry* const entry = pick(comments_, fate::alive);
    if (entry == nullptr || !is_post_alive(entry->post)) {
        return false;
    }
    entry->is_touched = true;
    entry->state.attempt(fate::deleted);
    if (!expect(client_.remove(path_of(*entry)), 204)) {
        return false;
    }
    entry->state.settle(fate::deleted);
    return true;
}

bool writer::like_something(const std::string& shared_post) {
    post_entry* const own = chance(2) ? pick(posts_, fate::alive) : nullptr;
    if (own == nullptr) {
        return toggle_like(shared_post, likes_shared_);
    }
    own->is_touched = true;
    return toggle_like(own->id, own->liked);
}

bool writer::toggle_like(const std::string& post, possible<bool>& liked) {
    const bool likes = !liked.first();
    liked.attempt(likes);
    const std::string target = "/api/v1/posts/" + post + "/like";
    const auto answer = likes ? client_.put(target) : client_.remove(target);
    // One that was there already, from a write whose answer was lost, is a 200.
    if (answer.status != 200 && !expect(answer, likes ? 201 : 204)) {
        return false;
    }
    liked.settle(likes);
    return true;
}

bool writer::edit_bio() {
    const std::string bio = "bio " + std::to_string(++made_);
    bio_.attempt(bio);
    if (!expect(client_.patch("/api/v1/users/me", {{"bio", bio}}), 200)) {
        return false;
    }
    bio_.settle(bio);
    return true;
}

http_response writer::send_login(const char* target, const std::string& password) {
    return client_.post(target, {{"username", client_.username()}, {"password", password}});
}

bool writer::log_in() {
    if (logins_.size() >= logins_max) {
        return log_out();
    }
    ++lost_logins_;
    const auto answer = send_login("/api/v1/auth/login", password_.first());
    if (!expect(answer, 200)) {
        return false;
    }
    --lost_logins_;
    logins_.push_back({.token = text(json::parse(answer.body), "token")});
    return true;
}

http_response writer::request_as(const std::string& token, std::string_view method,
                                 const std::string& target) {
    const std::string own = client_.token();
    client_.set_token(token);
    try {
        auto answer = client_.request(method, target);
        client_.set_token(own);
        return answer;
    } catch (const http_failure&) {
        client_.set_token(own);
        throw;
    }
}

bool writer::log_out() {
    const auto other = std::ranges::find_if(logins_, [this](const login_entry& login) {
        return login.token != client_.token() && login.state.is(fate::alive);
    });
    if (other == logins_.end()) {
        return false;
    }
    other->state.attempt(fate::deleted);
    if (!expect(request_as(other->token, "POST", "/api/v1/auth/logout"), 204)) {
        return false;
    }
    other->state.settle(fate::deleted);
    return true;
}

void writer::end_logins_but(const std::string& token) {
    lost_logins_ = 0;
    for (login_entry& login : logins_) {
        if (login.token != token) {
            login.state.settle(fate::deleted);
        }
    }
}

bool writer::change_password() {
    const std::string next = "password " + std::to_string(++made_);
    const json body{{"old_password", password_.first()}, {"new_password", next}};
    password_.attempt(next);
    is_password_touched_ = true;
    if (!expect(client_.post("/api/v1/auth/password", body), 204)) {
        return false;
    }
    password_.settle(next);
    end_logins_but(client_.token());
    return true;
}

bool writer::delete_account() {
    if (!pending_.empty()) {
        return false;
    }
    account_.attempt(fate::deleted);
    for (login_entry& login : logins_) {
        login.state.attempt(fate::deleted);
    }
    if (!expect(client_.remove_with("/api/v1/users/me", {{"password", password_.first()}}), 204)) {
        return false;
    }
    account_.settle(fate::deleted);
    end_logins_but("");
    return true;
}

bool writer::restore_account() {
    const bool was_deleted = account_.is(fate::deleted);
    account_.attempt(fate::alive);
    ++lost_logins_;
    const auto answer = send_login("/api/v1/auth/restore", password_.first());
    if (!expect(answer, 200)) {
        return false;
    }
    --lost_logins_;
    account_.settle(fate::alive);
    client_.adopt(json::parse(answer.body));
    if (was_deleted) {
        end_logins_but("");
    }
    logins_.push_back({.token = client_.token()});
    return true;
}

bool writer::expect(const http_response& answer, unsigned status) {
    if (answer.status != status && !tolerated_.contains(answer.status)) {
        surprise_ += std::to_string(answer.status) + ": " + answer.body + "\n";
    }
    return answer.status == status;
}

}  // namespace pinhole::test
