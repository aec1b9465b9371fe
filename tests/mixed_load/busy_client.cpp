#include "tests/mixed_load/busy_client.hpp"

#include <algorithm>
#include <utility>

#include "tests/support/media_samples.hpp"

namespace pinhole::test {

namespace {

/// Signups cost a password hash each; beyond these, clients use the accounts they have.
constexpr int accounts_max = 100;
constexpr std::size_t surprises_bytes_max = 4096;

std::string path_of(std::string_view post) {
    return "/api/v1/posts/" + std::string{post};
}

}  // namespace

void shared_pool::add(std::string name, unsigned random) {
    const std::lock_guard lock(mutex_);
    if (names_.size() < size_max_) {
        names_.push_back(std::move(name));
    } else {
        names_[random % names_.size()] = std::move(name);
    }
}

bool shared_pool::is_full() const {
    const std::lock_guard lock(mutex_);
    return names_.size() >= size_max_;
}

std::string shared_pool::pick(unsigned random) const {
    const std::lock_guard lock(mutex_);
    return names_[random % names_.size()];
}

std::string shared_things::note_location(const std::string& key, const std::string& location) {
    const std::lock_guard lock(mutex_);
    return locations_.try_emplace(key, location).first->second;
}

std::map<std::string, std::string> shared_things::locations() const {
    const std::lock_guard lock(mutex_);
    return locations_;
}

void shared_things::note_success(std::string_view action) {
    const std::lock_guard lock(mutex_);
    if (++successes_.try_emplace(std::string{action}, 0).first->second == 1) {
        first_success_.notify_all();
    }
}

std::map<std::string, int> shared_things::successes() const {
    const std::lock_guard lock(mutex_);
    return {successes_.begin(), successes_.end()};
}

/// The table of what a client does, and how often.
struct busy_actions {
    struct entry {
        std::string_view name;
        unsigned weight;
        void (busy_client::*run)();
    };
    static constexpr std::array table{
        entry{"upload", 4, &busy_client::upload},
        entry{"upload_with_key", 2, &busy_client::upload_with_key},
        entry{"break_off_an_upload", 3, &busy_client::break_off_an_upload},
        entry{"edit_a_post", 8, &busy_client::edit_a_post},
        entry{"delete_a_post", 6, &busy_client::delete_a_post},
        entry{"restore_a_post", 8, &busy_client::restore_a_post},
        entry{"delete_a_file", 2, &busy_client::delete_a_file},
        entry{"like", 12, &busy_client::like},
        entry{"unlike", 10, &busy_client::unlike},
        entry{"comment", 8, &busy_client::comment},
        entry{"comment_with_key", 4, &busy_client::comment_with_key},
        entry{"edit_a_comment", 4, &busy_client::edit_a_comment},
        entry{"delete_a_comment", 6, &busy_client::delete_a_comment},
        entry{"edit_profile", 3, &busy_client::edit_profile},
        entry{"leave_and_return", 1, &busy_client::leave_and_return},
        entry{"change_password", 1, &busy_client::change_password},
        entry{"log_in_and_out", 1, &busy_client::log_in_and_out},
        entry{"end_a_session", 1, &busy_client::end_a_session},
        entry{"start_anew", 1, &busy_client::start_anew},
        entry{"walk_a_list", 6, &busy_client::walk_a_list},
        entry{"filter_a_list", 8, &busy_client::filter_a_list},
        entry{"read_a_post", 12, &busy_client::read_a_post},
        entry{"download", 8, &busy_client::download},
        entry{"download_a_range", 6, &busy_client::download_a_range},
        entry{"break_off_a_download", 3, &busy_client::break_off_a_download},
        entry{"read_what_needs_no_login", 4, &busy_client::read_what_needs_no_login},
        entry{"send_nonsense", 4, &busy_client::send_nonsense},
    };
};

std::string shared_things::find_unsuccessful() const {
    const std::lock_guard lock(mutex_);
    return unsuccessful();
}

void shared_things::wait_for_successes(std::chrono::milliseconds time) const {
    std::unique_lock lock(mutex_);
    first_success_.wait_for(lock, time, [this] { return unsuccessful().empty(); });
}

std::string shared_things::unsuccessful() const {
    std::string missing;
    for (const auto& action : busy_actions::table) {
        if (!successes_.contains(action.name)) {
            missing.append(action.name).append(" ");
        }
    }
    return missing;
}

busy_client::busy_client(std::uint16_t port, api_client team, shared_things& shared, unsigned seed)
    : port_(port),
      team_(std::move(team)),
      own_(sign_up(port, "busy")),
      shared_(shared),
      random_(seed) {}

void busy_client::work(const std::atomic<bool>& done) {
    try {
        while (!done) {
            act();
        }
    } catch (const std::exception& failure) {
        if (!shared_.stopping) {
            surprise(failure.what());
        }
    }
}

void busy_client::act() {
    unsigned total = 0;
    for (const auto& each : busy_actions::table) {
        total += each.weight;
    }
    unsigned at = random_() % total;
    const auto* chosen = busy_actions::table.data();
    while (at >= chosen->weight) {
        at -= chosen->weight;
        ++chosen;
    }
    action_ = chosen->name;
    (this->*chosen->run)();
}

void busy_client::surprise(const std::string& what) {
    if (surprises_.size() < surprises_bytes_max) {
        surprises_.append(action_).append(": ").append(what).append("\n");
    }
}

bool busy_client::expect(const http_response& answer, std::initializer_list<unsigned> allowed) {
    if (answer.status == *allowed.begin()) {
        shared_.note_success(action_);
        return true;
    }
    const bool is_overload = answer.status == 503 && answer.has_header("Retry-After");
    if (!is_overload && std::ranges::find(allowed, answer.status) == allowed.end()) {
        surprise(std::to_string(answer.status) + " " + answer.body);
    }
    return false;
}

std::string busy_client::any_post() {
    return shared_.posts.pick(static_cast<unsigned>(random_()));
}

// ---- posts and files ----------------------------------------------------------------------------

void busy_client::remember(const json& post) {
    shared_.posts.add(text(post, "id"), static_cast<unsigned>(random_()));
    for (const json& file : post.at("files")) {
        shared_.media.add(text(file, "url"), static_cast<unsigned>(random_()));
    }
}

void busy_client::upload() {
    if (shared_.posts.is_full() && random_() % 8 != 0) {
        return delete_a_post();
    }
    api_client& author = random_() % 4 == 0 ? own_ : team_;
    multipart_body form;
    form.field("content", "by " + author.username());
    const auto files = 1 + random_() % 3;
    for (unsigned i = 0; i < files; ++i) {
        form.file("files", "photo.jpg", "image/jpeg",
                  random_() % 4 == 0 ? sample_jpeg() : small_jpeg());
    }
    if (random_() % 4 == 0) {
        form.file("files", "clip.mp4", "video/mp4", sample_mp4());
    }
    const auto answer = author.upload(form);
    if (expect(answer, {201})) {
        remember(json::parse(answer.body));
    }
}

/// Twice, so that the second is a replay, or meets the first of somebody else's pair.
void busy_client::upload_with_key() {
    const std::string key = "upload " + std::to_string(random_() % idempotency_keys);
    multipart_body form;
    form.field("content", key);
    form.file("files", "photo.png", "image/png", sample_png());
    for (int i = 0; i < 2; ++i) {
        const auto answer = team_.upload(form, {{"Idempotency-Key", key}});
        // 404: the first one's post was deleted since.
        if (expect(answer, {201, 404, 409})) {
            const std::string place = team_.username() + " " + key;
            if (shared_.note_location(place, answer.header("Location")) !=
                answer.header("Location")) {
                surprise("the key " + key + " made two posts");
            }
        }
    }
}

void busy_client::break_off_an_upload() {
    const std::string body = post_form("never", 2).text();
    http_client raw(port_);
    raw.send("POST /api/v1/posts HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer " + team_.token() +
             "\r\nContent-Type: " + multipart_body().content_type() +
             "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n");
    raw.send(body.substr(0, random_() % body.size()));
    shared_.note_success(action_);
}

void busy_client::edit_a_post() {
    const std::string post = any_post();
    const auto seen = team_.get(path_of(post));
    header_list condition;
    if (expect(seen, {200, 404}) && random_() % 2 == 0) {
        condition.emplace_back("If-Match", seen.header("ETag"));
    }
    // 403: the other team's.
    expect(team_.patch(path_of(post), {{"content", std::to_string(random_())}}, condition),
           {200, 403, 404, 412});
}

void busy_client::delete_a_post() {
    expect(team_.remove(path_of(any_post())), {204, 403, 404});
}

void busy_client::restore_a_post() {
    expect(team_.post(path_of(any_post()) + "/restore"), {200, 403, 404});
}

void busy_client::delete_a_file() {
    const auto seen = team_.get("/api/v1/files?page_size=5");
    if (seen.status == 200) {
        for (const json& file : json::parse(seen.body).at("results")) {
            expect(team_.remove("/api/v1/files/" + text(file, "id")), {204, 403, 404, 409});
        }
    }
}

// ---- likes and comments, by an account of its own -----------------------------------------------

void busy_client::like() {
    expect(own_.put(path_of(any_post()) + "/like"), {201, 200, 404});
}

void busy_client::unlike() {
    expect(own_.remove(path_of(any_post()) + "/like"), {204, 404});
}

void busy_client::comment() {
    if (shared_.comments.is_full() && random_() % 4 != 0) {
        return delete_a_comment();
    }
    api_client& author = random_() % 2 == 0 ? own_ : team_;
    const auto answer = author.post(path_of(any_post()) + "/comments", {{"content", "hi"}});
    if (expect(answer, {201, 404})) {
        shared_.comments.add(text(json::parse(answer.body), "id"),
                             static_cast<unsigned>(random_()));
    }
}

void busy_client::comment_with_key() {
    const std::string key = "comment " + std::to_string(random_() % idempotency_keys);
    const auto answer = team_.post(path_of(shared_.anchor) + "/comments", {{"content", key}},
                                   {{"Idempotency-Key", key}});
    if (expect(answer, {201, 409})) {
        const std::string place = team_.username() + " " + key;
        if (shared_.note_location(place, answer.header("Location")) != answer.header("Location")) {
            surprise("the key " + key + " made two comments");
        }
    }
}

void busy_client::edit_a_comment() {
    const std::string id = shared_.comments.pick(static_cast<unsigned>(random_()));
    expect(team_.patch("/api/v1/comments/" + id, {{"content", std::to_string(random_())}}),
           {200, 403, 404});
}

void busy_client::delete_a_comment() {
    const std::string id = shared_.comments.pick(static_cast<unsigned>(random_()));
    expect(team_.remove("/api/v1/comments/" + id), {204, 403, 404});
}

// ---- its own account ----------------------------------------------------------------------------

void busy_client::edit_profile() {
    expect(own_.patch("/api/v1/users/me", {{"bio", std::to_string(random_())}}), {200});
}

void busy_client::leave_and_return() {
    if (!expect(own_.remove_with("/api/v1/users/me", {{"password", password_}}), {204})) {
        return;
    }
    expect(own_.get("/api/v1/users/me"), {401});
    for (;;) {
        const auto answer = own_.post("/api/v1/auth/restore",
                                      {{"username", own_.username()}, {"password", password_}});
        if (expect(answer, {200})) {
            return own_.adopt(json::parse(answer.body));
        }
        if (answer.status != 503) {
            return;
        }
    }
}

void busy_client::change_password() {
    const std::string wanted = "another password " + std::to_string(random_() % 100);
    if (expect(own_.post("/api/v1/auth/password",
                         {{"old_password", password_}, {"new_password", wanted}}),
               {204})) {
        password_ = wanted;
    }
}

void busy_client::log_in_and_out() {
    api_client second(port_);
    const auto answer =
        second.post("/api/v1/auth/login", {{"username", own_.username()}, {"password", password_}});
    if (!expect(answer, {200})) {
        return;
    }
    second.adopt(json::parse(answer.body));
    expect(second.get("/api/v1/users/me"), {200});
    if (expect(second.post("/api/v1/auth/logout"), {204})) {
        expect(second.get("/api/v1/users/me"), {401});
    }
}

void busy_client::end_a_session() {
    api_client second(port_);
    const auto answer =
        second.post("/api/v1/auth/login", {{"username", own_.username()}, {"password", password_}});
    if (!expect(answer, {200})) {
        return;
    }
    second.adopt(json::parse(answer.body));
    const auto sessions = second.get("/api/v1/auth/sessions");
    if (!expect(sessions, {200})) {
        return;
    }
    for (const json& session : json::parse(sessions.body).at("results")) {
        if (session.at("is_current").get<bool>()) {
            const auto ended = own_.remove("/api/v1/auth/sessions/" + text(session, "id"));
            if (expect(ended, {204})) {
                expect(second.get("/api/v1/users/me"), {401});
            }
        }
    }
}

void busy_client::start_anew() {
    if (shared_.accounts.fetch_add(1) >= accounts_max) {
        return edit_profile();
    }
    const auto answer = own_.post("/api/v1/auth/signup", {{"username", unique_name("fresh")},
                                                          {"password", default_password}});
    if (expect(answer, {201})) {
        own_.adopt(json::parse(answer.body));
        password_ = default_password;
    }
}

// ---- reading ------------------------------------------------------------------------------------

void busy_client::walk_a_list() {
    static constexpr std::array lists{"posts", "comments", "likes", "users", "files"};
    std::string url = std::string("/api/v1/") + lists[random_() % lists.size()] + "?page_size=7";
    for (int page = 0; page < 4 && !url.empty(); ++page) {
        const auto answer = own_.get(url);
        if (!expect(answer, {200})) {
            return;
        }
        const json body = json::parse(answer.body);
        url = body.at("next").is_null() ? std::string() : text(body, "next");
    }
}

void busy_client::filter_a_list() {
    switch (random_() % 4) {
        case 0:
            expect(team_.get("/api/v1/posts?author=me&is_deleted=true"), {200});
            return;
        case 1:
            expect(own_.get("/api/v1/posts?author=" + team_.id()), {200, 404});
            return;
        case 2:
            expect(own_.get("/api/v1/comments?post=" + any_post()), {200, 404});
            return;
        default:
            expect(own_.get("/api/v1/likes?post=" + any_post()), {200, 404});
    }
}

void busy_client::read_a_post() {
    const auto first = own_.get(path_of(any_post()));
    if (!expect(first, {200, 404})) {
        return;
    }
    const json post = json::parse(first.body);
    expect(own_.get(path_of_post(post), {{"If-None-Match", first.header("ETag")}}),
           {304, 200, 404});
    if (post.at("like_count").get<std::int64_t>() < 0 ||
        post.at("comment_count").get<std::int64_t>() < 0 || post.at("files").empty()) {
        surprise("a post that cannot be: " + first.body);
    }
}

void busy_client::download() {
    const std::string url = shared_.media.pick(static_cast<unsigned>(random_()));
    const auto answer = own_.get(url);
    if (expect(answer, {200, 404}) && answer.body.empty()) {
        surprise("an empty file: " + url);
    }
}

void busy_client::download_a_range() {
    const std::string url = shared_.media.pick(static_cast<unsigned>(random_()));
    const auto from = random_() % 400;
    const auto answer = own_.get(url, {{"Range", "bytes=" + std::to_string(from) + "-" +
                                                     std::to_string(from + random_() % 400)}});
    expect(answer, {206, 404, 416});
}

void busy_client::break_off_a_download() {
    http_client raw(port_);
    raw.limit_receive_buffer(4096);
    raw.send("GET " + shared_.media.pick(static_cast<unsigned>(random_())) +
             " HTTP/1.1\r\nHost: a\r\n\r\n");
    raw.receive_some(64);
    shared_.note_success(action_);
}

void busy_client::read_what_needs_no_login() {
    static constexpr std::array paths{"/healthz", "/readyz", "/api/v1/openapi.json"};
    expect(own_.get(paths[random_() % paths.size()]), {200});
}

void busy_client::send_nonsense() {
    switch (random_() % 4) {
        case 0:
            expect(own_.send_json("PATCH", "/api/v1/users/me", R"({"bio":)"), {400});
            return;
        case 1:
            expect(own_.get("/api/v1/posts?no_such_parameter=1"), {400});
            return;
        case 2: {
            multipart_body form;
            form.file("files", "photo.jpg", "image/jpeg", sample_jpeg().substr(0, 500));
            expect(team_.upload(form), {422});
            return;
        }
        default: {
            http_client raw(port_);
            raw.send("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n");
            if (!expect(raw.receive(), {400})) {
                return;
            }
        }
    }
}

}  // namespace pinhole::test
