#include "tools/admin/completion.hpp"

#include <fmt/format.h>

#include <string_view>
#include <vector>

namespace pinhole::admin {

namespace {

/// What may stand where an option's or a positional's value does.
struct value_kind {
    std::string choices;  ///< separated by spaces
    bool is_file = false;
    bool is_directory = false;
};

/// CLI11 keeps choices as text alone: `TEXT:{bash,zsh}`.
value_kind value_of(const CLI::Option& option) {
    const std::string type = option.get_type_name();
    value_kind value;
    if (const auto open = type.find('{'); open != std::string::npos) {
        value.choices = type.substr(open + 1, type.find('}', open) - open - 1);
        for (char& each : value.choices) {
            each = each == ',' ? ' ' : each;
        }
    }
    value.is_file = type.starts_with("FILE") || type.starts_with("PATH");
    value.is_directory = type.starts_with("DIR");
    return value;
}

/// The shell lines that complete a value; none where anything may stand there.
std::string completing(const value_kind& value) {
    if (!value.choices.empty()) {
        return fmt::format("values='{}'", value.choices);
    }
    if (value.is_file) {
        return "paths=file";
    }
    return value.is_directory ? "paths=directory" : "";
}

std::vector<std::string> names_of(const CLI::Option& option) {
    std::vector<std::string> names;
    for (const std::string& name : option.get_lnames()) {
        names.push_back("--" + name);
    }
    for (const std::string& name : option.get_snames()) {
        names.push_back("-" + name);
    }
    return names;
}

/// The parts of the script that say something of each word.
struct script_parts {
    std::string words;   ///< patterns of words that may follow one another
    std::string takers;  ///< patterns of options that take a value
    std::string offers;  ///< by word: options, words below it, values of its positionals
    std::string values;  ///< by word and option: its values
};

void append_pattern(std::string& patterns, std::string_view pattern) {
    patterns += patterns.empty() ? "" : " | ";
    patterns += fmt::format("'{}'", pattern);
}

void append_word(script_parts& parts, const CLI::App& word, const std::string& path,
                 std::string inherited) {
    std::string below;
    std::string positional;
    for (const CLI::Option* option : word.get_options()) {
        if (option == word.get_help_ptr() && !path.empty()) {
            continue;  // inherited
        }
        const std::string value = completing(value_of(*option));
        for (const std::string& name : names_of(*option)) {
            inherited += (inherited.empty() ? "" : " ") + name;
            if (option->get_items_expected_max() == 0) {
                continue;
            }
            append_pattern(parts.takers, name);
            if (!value.empty()) {
                parts.values += fmt::format("        '{}'*' {}') {} ;;\n", path, name, value);
            }
        }
        if (option->get_positional() && positional.empty()) {
            positional = value;
        }
    }
    for (const CLI::App* child : word.get_subcommands({})) {
        below += (below.empty() ? "" : " ") + child->get_name();
        append_pattern(parts.words, path + ' ' + child->get_name());
    }
    parts.offers += fmt::format("        '{}') options='{}' words='{}' {} ;;\n", path, inherited,
                                below, positional);
    for (const CLI::App* child : word.get_subcommands({})) {
        append_word(parts, *child, path + ' ' + child->get_name(), inherited);
    }
}

constexpr std::string_view script =
    R"(# Completion of {name} for bash: source <({name} completion bash)
_{function}() {{
    local current=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD - 1]}}
    local word='' options='' words='' values='' paths='' i
    if [[ $current == = ]]; then
        current=''
    elif [[ $before == = ]]; then
        before=${{COMP_WORDS[COMP_CWORD - 2]}}
    fi
    for ((i = 1; i < COMP_CWORD; ++i)); do
        case ${{COMP_WORDS[i]}} in
            {takers}) ((++i)) ;;
            *)
                case "$word ${{COMP_WORDS[i]}}" in
                    {words}) word="$word ${{COMP_WORDS[i]}}" ;;
                esac
                ;;
        esac
    done
    COMPREPLY=()
    case "$word $before" in
{values}        *) case $before in {takers}) ;; *) before='' ;; esac ;;
    esac
    if [[ -z $before ]]; then
        case "$word" in
{offers}        esac
        [[ $current != -* ]] || words=$options paths='' values=''
    fi
    case $paths in
        file) mapfile -t COMPREPLY < <(
            compgen -f -- "$current"
            compgen -W "$words $values" -- "$current"
        ) ;;
        directory) mapfile -t COMPREPLY < <(
            compgen -d -- "$current"
            compgen -W "$words $values" -- "$current"
        ) ;;
        *) mapfile -t COMPREPLY < <(compgen -W "$words $values" -- "$current") ;;
    esac
    [[ -z $paths ]] || compopt -o filenames 2>/dev/null
}}
complete -F _{function} {name}
)";

}  // namespace

std::string make_bash_completion(const CLI::App& program) {
    script_parts parts;
    append_word(parts, program, "", "");
    std::string function = program.get_name();
    for (char& each : function) {
        each = each == '-' ? '_' : each;
    }
    return fmt::format(script, fmt::arg("name", program.get_name()), fmt::arg("function", function),
                       fmt::arg("takers", parts.takers), fmt::arg("words", parts.words),
                       fmt::arg("values", parts.values), fmt::arg("offers", parts.offers));
}

}  // namespace pinhole::admin
