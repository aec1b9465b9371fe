#include "storage/dump/dump_fault.hpp"

#include <algorithm>
#include <utility>

namespace pinhole::storage::dump {

namespace {

constexpr std::size_t shown_bytes_max = 300;

/// What a dump says itself may be long, and made to trick a terminal.
std::string printable(std::string text) {
    if (text.size() > shown_bytes_max) {
        text.resize(shown_bytes_max);
        text += "...";
    }
    std::ranges::replace_if(
        text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }, '?');
    return text;
}

}  // namespace

std::string to_string(const dump_fault& fault) {
    std::string text = fault.file;
    if (fault.line != 0) {
        text += ':' + std::to_string(fault.line);
    }
    return text.empty() ? fault.message : text + ": " + fault.message;
}

void fault_list::add(std::string_view file, std::uint64_t line, std::string message) {
    ++total_;
    if (kept_.size() < faults_kept_max) {
        kept_.push_back({printable(std::string{file}), line, printable(std::move(message))});
    }
}

}  // namespace pinhole::storage::dump
