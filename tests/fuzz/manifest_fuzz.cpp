// Manifests of dumps. Input: a byte of choices, then what a file says is a manifest.
//
// Whatever was read is written in one way and read alike, unknown members refused or ignored; and
// what is read without them is read the same with the choice to ignore them.
#include "storage/dump/dump_format.hpp"
#include "tests/fuzz/fuzz_target.hpp"

namespace pinhole::fuzz {

using namespace storage::dump;

void check_input(std::string_view input) {
    const bool ignores = (take_byte(input) & 1U) != 0;
    const auto read =
        parse_manifest(input, ignores ? unknown_members::ignore : unknown_members::refuse);
    if (!read) {
        require(!read.error().message.empty(), "a refusal says why");
        return;
    }
    const std::string written = to_json(*read);
    const auto again = parse_manifest(written);
    require(again && *again == *read, "what is written is read alike");
    require(to_json(*again) == written, "there is one way to write a manifest");
    if (!ignores) {
        const auto lax = parse_manifest(input, unknown_members::ignore);
        require(lax && *lax == *read, "nothing that is known is ignored");
    }
}

}  // namespace pinhole::fuzz
