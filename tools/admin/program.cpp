#include "tools/admin/program.hpp"

#include <cstdio>
#include <exception>
#include <string>
#include <string_view>

namespace pinhole::admin {

namespace {

constexpr const char* about =
    "Looks after a Pinhole data directory, whether a server runs on it or not.";

constexpr const char* word_options =
    "Options of every word:\n"
    "  --data-dir DIR              Folder of the database and the media files (./data, or what\n"
    "                              PINHOLE_DATA_DIR says)\n"
    "  --json                      Results, progress and messages as JSON, one value a line\n"
    "  -q,--quiet                  No progress and no notes, only results\n\n";

constexpr const char* exit_codes =
    "Exit status:\n"
    "  0    done\n"
    "  1    faults were found, or what was asked for cannot be done with what is there\n"
    "  2    called wrongly\n"
    "  3    the environment failed: the disk, a locked database, a server out of reach\n"
    "  130  interrupted (Ctrl-C; a second one ends at once)";

void add_global_options(CLI::App& program, global_options& options) {
    program
        .add_option("--data-dir", options.data_dir, "Folder of the database and the media files")
        ->envname("PINHOLE_DATA_DIR")
        ->type_name("DIR")
        ->capture_default_str();
    program.add_flag("--json", options.json,
                     "Results, progress and messages as JSON, one value a line");
    program.add_flag("--quiet,-q", options.quiet, "No progress and no notes, only results");
}

/// Help is complete for every word: what all of them take, and how all of them end.
void add_footers(CLI::App& app) {
    for (CLI::App* word : app.get_subcommands({})) {
        word->footer(std::string{word_options} + exit_codes);
        add_footers(*word);
    }
}

exit_code run_word(const word_function& function, word_context& context) {
    try {
        const exit_code code = function(context);
        context.out.finish_progress();
        return code;
    } catch (const storage::work_interrupted&) {
        context.out.error("interrupted");
        return exit_code::interrupted;
    } catch (const output_closed&) {
        return exit_code::failed;
    } catch (const refusal& refused) {
        context.out.error(refused.what());
        return exit_code::refused;
    } catch (const usage_error& misuse) {
        context.out.error(misuse.what());
        return exit_code::usage;
    } catch (const std::exception& failure) {
        context.out.error(failure.what());
        return exit_code::failed;
    }
}

/// Where a word is wanted and something else stands: CLI11 says only that one is wanted.
std::string unknown_word(const CLI::App& program, const CLI::ParseError& error) {
    const auto unknown = program.remaining(true);
    const bool wants_word = std::string_view{error.what()}.contains("subcommand is required");
    return wants_word && !unknown.empty() ? unknown.front() : std::string{};
}

}  // namespace

int run(int argc, const char* const* argv, const std::stop_token& stop) {
    CLI::App program{about, std::string{program_name}};
    global_options options;
    word_list words{program};
    add_global_options(program, options);
    add_all_words(words);
    program.footer(exit_codes);
    add_footers(program);
    program.require_subcommand(1);
    try {
        program.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        if (const std::string unknown = unknown_word(program, error); !unknown.empty()) {
            std::fprintf(stderr, "There is no word \"%s\"; --help lists those there are.\n",
                         unknown.c_str());
            return static_cast<int>(exit_code::usage);
        }
        const int status = program.exit(error);
        return status == 0 ? 0 : static_cast<int>(exit_code::usage);
    }
    console out{make_console_options(options.json, options.quiet)};
    word_context context{options.data_dir, out, stop, program};
    return static_cast<int>(run_word(words.chosen(), context));
}

}  // namespace pinhole::admin
