// create-user, set-password, grant-staff.
#include <fmt/format.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "storage/accounts.hpp"
#include "storage/schema/json_writer.hpp"
#include "storage/secrets.hpp"
#include "tools/admin/admin_store.hpp"
#include "tools/admin/object_names.hpp"
#include "tools/admin/passwords.hpp"
#include "tools/admin/unit_of_work.hpp"
#include "tools/admin/words.hpp"

namespace pinhole::admin {

namespace {

struct account_options {
    std::string username;
    std::string name;
    bool is_staff = false;
    bool password_from_stdin = false;
    bool revoke = false;
};

void require_rule(std::string_view field, const storage::text_rule& rule, std::string_view value) {
    if (const auto fault = storage::find_fault(field, rule, value)) {
        throw refusal{fmt::format("the {} {}", field, fault->message)};
    }
}

/// As it is stored. With an @ in front, as the API takes it too.
std::string canonical(std::string_view username) {
    if (username.starts_with('@')) {
        username.remove_prefix(1);
    }
    return storage::to_canonical_username(username);
}

/// Before anybody is asked for a password; a database is not kept open for as long as that takes.
std::optional<storage::user> look_up(word_context& context, std::string_view username) {
    const auto opened = open_local_or_remote(context);
    auto found = read(opened->store(), [&](const kv::reader& reader) {
        return storage::find_account(reader, username);
    });
    return found ? std::optional{std::move(found->row)} : std::nullopt;
}

void show(word_context& context, const storage::user_view& view, std::string_view what) {
    if (context.out.is_json()) {
        context.out.result(storage::to_json(view) + '\n');
    } else {
        context.out.result(fmt::format("{}: {}\n", what, to_name(view)));
    }
}

exit_code create_user(word_context& context, const account_options& options) {
    storage::user row{.username = canonical(options.username), .name = options.name};
    require_rule("username", storage::rule_of<storage::user>("username"), row.username);
    require_rule("name", storage::rule_of<storage::user>("name"), row.name);
    if (look_up(context, row.username)) {
        throw refusal{"the username is taken"};
    }
    row.password = storage::hash_password(read_password(options.password_from_stdin, context.stop));
    row.is_staff = options.is_staff;
    const auto opened = open_local_or_remote(context);
    const storage::dated_id made = opened->make_id();
    row.id = made.id;
    row.created_at = row.updated_at = made.created_at;
    const auto view = write(opened->store(), [&](const kv::reader& reader) {
        return storage::plan_create_account(reader, row);
    });
    show(context, view, "created");
    return exit_code::done;
}

exit_code set_password(word_context& context, const account_options& options) {
    const std::string username = canonical(options.username);
    const auto account = look_up(context, username);
    if (!account || account->is_deleted) {
        throw refusal{"there is no user " + username};
    }
    const std::string hash =
        storage::hash_password(read_password(options.password_from_stdin, context.stop));
    const auto opened = open_local_or_remote(context);
    const auto view = write(opened->store(), [&](const kv::reader& reader) {
        return storage::plan_set_password(reader, username, hash, storage::now());
    });
    show(context, view, "a new password, and every login has ended");
    return exit_code::done;
}

exit_code grant_staff(word_context& context, const account_options& options) {
    const std::string username = canonical(options.username);
    const auto opened = open_local_or_remote(context);
    const auto view = write(opened->store(), [&](const kv::reader& reader) {
        return storage::plan_grant_staff(reader, username, !options.revoke, storage::now());
    });
    show(context, view, options.revoke ? "no longer staff" : "now staff");
    return exit_code::done;
}

void add_username(CLI::App& word, account_options& options) {
    word.add_option("USERNAME", options.username, "The account's name, with or without @")
        ->required();
}

void add_password_flag(CLI::App& word, account_options& options) {
    word.add_flag("--password-stdin", options.password_from_stdin,
                  "Take the password from the first line of standard input; without it, a terminal "
                  "is asked twice");
}

}  // namespace

void add_accounts(word_list& words) {
    const auto options = std::make_shared<account_options>();
    CLI::App& create =
        words.add("create-user", "Creates an account, by the rules of a signup",
                  [options](word_context& context) { return create_user(context, *options); });
    add_username(create, *options);
    create.add_option("--name", options->name, "The name that is shown");
    create.add_flag("--staff", options->is_staff,
                    "Make it one of staff, who may see what is deleted");
    add_password_flag(create, *options);

    CLI::App& set =
        words.add("set-password", "Gives an account a new password, and ends all its logins",
                  [options](word_context& context) { return set_password(context, *options); });
    add_username(set, *options);
    add_password_flag(set, *options);

    CLI::App& grant =
        words.add("grant-staff", "Makes an account one of staff, who may see what is deleted",
                  [options](word_context& context) { return grant_staff(context, *options); });
    add_username(grant, *options);
    grant.add_flag("--revoke", options->revoke, "Take it back");
}

}  // namespace pinhole::admin
