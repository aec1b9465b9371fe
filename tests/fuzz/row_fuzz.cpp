// Rows. Input: a byte that picks the entity, then what the database says is a row of it.
//
// Whatever was read is written in one way, read alike, and its keys can be made; anything else is
// told as `corrupt_row`.
#include "storage/schema/entities.hpp"
#include "storage/schema/keys.hpp"
#include "storage/schema/row_codec.hpp"
#include "tests/fuzz/fuzz_target.hpp"

namespace pinhole::fuzz {
namespace {

using namespace storage;

template <class Value>
bool is_same(const Value& a, const Value& b) {
    return a == b;
}

bool is_same(const std::vector<file>& a, const std::vector<file>& b);

template <class Row>
bool is_same_row(const Row& a, const Row& b) {
    bool same = true;
    for_each_stored_field<Row>(
        [&](const auto& f) { same = same && is_same(a.*f.member, b.*f.member); });
    return same;
}

bool is_same(const std::vector<file>& a, const std::vector<file>& b) {
    return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), is_same_row<file>);
}

template <class Row>
void check_row(std::string_view bytes) {
    const Row row = [&]() -> Row {
        try {
            return decode_row<Row>(bytes);
        } catch (const corrupt_row&) {
            return {};  // which must survive as well
        }
    }();
    const std::string written = encode_row(row);
    require(is_same_row(decode_row<Row>(written), row), "what is written is read alike");
    require(encode_row(decode_row<Row>(written)) == written, "there is one way to write a row");
    kv::commit commit;
    append_create(commit, row);
    append_update(commit, stored<Row>{row, 1}, row);
    append_erase(commit, stored<Row>{row, 1});
    for_each_index<Row>([&](const auto& index) {
        require(id_of_index_key(index_key(index, row).bytes) == row.id,
                "an index entry leads back to its row");
    });
}

}  // namespace

void check_input(std::string_view input) {
    switch (take_byte(input) % 6) {
        case 0:
            return check_row<user>(input);
        case 1:
            return check_row<post>(input);
        case 2:
            return check_row<file>(input);
        case 3:
            return check_row<comment>(input);
        case 4:
            return check_row<like>(input);
        default:
            return check_row<session>(input);
    }
}

}  // namespace pinhole::fuzz
