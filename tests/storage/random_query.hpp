// Random queries over a world: values that its rows have or nearly have, so that most find some of
// the rows and not all.
//
// For one thread.
#pragma once

#include <string>

#include "tests/storage/naive_world.hpp"

namespace pinhole::storage::test {

class query_maker {
public:
    /// Draws from the world's own generator.
    explicit query_maker(world& in) : in_(in) {}

    naive_query make_query();

private:
    naive_filter make_filter(const std::string& list, bool may_be_expression);
    naive_condition make_condition(const std::string& list, int depth);
    naive_test make_test(const std::string& list);
    void ask_for_null(naive_test& test, const std::string& end);
    void ask_for_value(naive_test& test, const std::string& end);
    void add_operand(naive_test& test, const std::string& end);
    std::string make_text(const naive_test& test, const std::string& end);
    std::string make_part_of(const std::string& lookup, const std::string& whole);
    std::string make_pattern(const std::string& whole);
    std::string make_atom(const std::string& character);
    naive_order make_order(const std::string& list);

    std::size_t pick(std::size_t below) { return in_.random().pick(below); }
    bool one_in(std::size_t chances) { return in_.random().one_in(chances); }
    template <class Choices>
    const auto& any_of(const Choices& choices) {
        return choices[pick(choices.size())];
    }

    world& in_;
};

}  // namespace pinhole::storage::test
