// The words of pinhole-admin, and what each is run with.
//
// To add a word: write `word_NAME.cpp` with one function `void add_NAME(word_list& words)`, declare
// it below, and name it in the table of words.cpp and in CMakeLists.txt. The function says the
// word's name, description and options to `words.add`, and hands it what runs. For example:
//
//     void add_greet(word_list& words) {
//         const auto options = std::make_shared<greet_options>();
//         CLI::App& word = words.add("greet", "Greets a user", [options](word_context& c) {
//             return greet(c, *options);
//         });
//         word.add_option("USERNAME", options->username, "Whom to greet")->required();
//     }
//
// Global options, help, completion, interruption and exit codes come by themselves. What runs
// throws `refusal` or `usage_error` (exit_code.hpp) for what is the caller's; every other exception
// is taken for a failure of the environment, `storage::work_interrupted` for an interruption.
#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <unordered_map>

#include "storage/base/work.hpp"
#include "tools/admin/console.hpp"
#include "tools/admin/exit_code.hpp"

namespace pinhole::admin {

struct word_context {
    std::filesystem::path data_dir;
    console& out;
    std::stop_token stop;
    const CLI::App& program;  ///< all words with their options

    /// What to hand to long work.
    storage::work_watch watch() const { return out.watch(stop); }
};

using word_function = std::function<exit_code(word_context&)>;

class word_list {
public:
    explicit word_list(CLI::App& program) : program_(program) {}

    CLI::App& add(std::string name, std::string description, word_function function) {
        return add_under(program_, std::move(name), std::move(description), std::move(function));
    }
    /// A word of a word: `backup list`. Without a function of its own `parent` needs one of them.
    CLI::App& add_under(CLI::App& parent, std::string name, std::string description,
                        word_function function = {});

    /// Of the innermost word that was given. Requires: the command line was parsed.
    const word_function& chosen() const;

private:
    CLI::App& program_;
    std::unordered_map<const CLI::App*, word_function> functions_;
};

/// Adds them all, in the order in which `--help` lists them.
void add_all_words(word_list& words);

void add_restore(word_list& words);
void add_backup(word_list& words);
void add_accounts(word_list& words);
void add_stats(word_list& words);
void add_query(word_list& words);
void add_reindex(word_list& words);
void add_seed(word_list& words);
void add_dump(word_list& words);
void add_check(word_list& words);
void add_completion(word_list& words);
void add_purge(word_list& words);
void add_import_django(word_list& words);
void add_export_django(word_list& words);
void add_healthcheck(word_list& words);

}  // namespace pinhole::admin
