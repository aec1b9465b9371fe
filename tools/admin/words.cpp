#include "tools/admin/words.hpp"

#include <array>
#include <utility>

namespace pinhole::admin {

namespace {

/// Every word, or group of words, there is.
constexpr std::array all_words{
    add_dump,  add_restore, add_backup,      add_import_django, add_export_django,
    add_check, add_reindex, add_purge,       add_accounts,      add_stats,
    add_query, add_seed,    add_healthcheck, add_completion,
};

}  // namespace

void add_all_words(word_list& words) {
    for (const auto& add : all_words) {
        add(words);
    }
}

CLI::App& word_list::add_under(CLI::App& parent, std::string name, std::string description,
                               word_function function) {
    CLI::App* const word = parent.add_subcommand(std::move(name), std::move(description));
    word->fallthrough();  // global options may stand behind the word
    if (&parent != &program_ && !functions_.contains(&parent)) {
        parent.require_subcommand(1);
    }
    if (function) {
        functions_.emplace(word, std::move(function));
    }
    return *word;
}

const word_function& word_list::chosen() const {
    const CLI::App* word = &program_;
    while (!word->get_subcommands().empty()) {
        word = word->get_subcommands().front();
    }
    return functions_.at(word);
}

}  // namespace pinhole::admin
