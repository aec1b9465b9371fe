#include "tools/admin/completion.hpp"
#include "tools/admin/words.hpp"

namespace pinhole::admin {

void add_completion(word_list& words) {
    const auto shell = std::make_shared<std::string>();
    CLI::App& word = words.add(
        "completion", "Prints a script that completes this program's command lines in a shell",
        [shell](word_context& context) {
            context.out.result(make_bash_completion(context.program));
            return exit_code::done;
        });
    word.add_option("SHELL", *shell, "The shell: source <(pinhole-admin completion bash)")
        ->required()
        ->check(CLI::IsMember({"bash"}));
}

}  // namespace pinhole::admin
