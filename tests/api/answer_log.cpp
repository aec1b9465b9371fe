#include "tests/api/answer_log.hpp"

#include <mutex>

namespace pinhole::test {

namespace {

struct answer_log {
    std::mutex mutex;
    std::set<seen_answer> answers;
};

answer_log& log() {
    static answer_log kept;
    return kept;
}

}  // namespace

void note_answer(std::string_view method, std::string_view target, const http_response& answer) {
    seen_answer seen{.method = std::string{method},
                     .path = std::string{target.substr(0, target.find('?'))},
                     .status = answer.status,
                     .fields = {}};
    for (const auto& [name, value] : answer.headers) {
        seen.fields.insert(name);
    }
    const std::lock_guard lock{log().mutex};
    log().answers.insert(std::move(seen));
}

std::set<seen_answer> seen_answers() {
    const std::lock_guard lock{log().mutex};
    return log().answers;
}

}  // namespace pinhole::test
