#include "tools/admin/checks.hpp"

#include <boost/algorithm/string/predicate.hpp>
#include <utility>

#include "storage/base/path.hpp"
#include "tools/admin/exit_code.hpp"

namespace pinhole::admin {

CLI::Validator decimal() {
    return {[](std::string& text) -> std::string {
                const bool is_decimal = !text.empty() &&
                                        text.find_first_not_of("0123456789") == std::string::npos &&
                                        (text.size() == 1 || text.front() != '0');
                return is_decimal ? "" : "\"" + text + "\" is no number such as 7";
            },
            ""};
}

CLI::Validator not_named_as(std::vector<std::string> endings) {
    return {[endings = std::move(endings)](std::string& name) -> std::string {
                for (const std::string& ending : endings) {
                    if (boost::algorithm::iends_with(name, ending)) {
                        return "\"" + name + "\" ends in " + ending + ", and would not be that";
                    }
                }
                return "";
            },
            ""};
}

void require_beside_data(const std::filesystem::path& target,
                         const std::filesystem::path& data_dir) {
    for (const char* tree : {"db", "media"}) {
        if (storage::is_within(target, data_dir / tree)) {
            throw refusal{target.string() + " lies in " + (data_dir / tree).string() +
                          ", which is for the server alone"};
        }
    }
}

}  // namespace pinhole::admin
