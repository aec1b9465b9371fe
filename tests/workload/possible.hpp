// A value as far as the one who writes it knows it: what was acknowledged last, or one of several
// while it is unknown which writes happened. A set of values, so that any number of writes may be
// unknown at the same time.
// A value type.
#pragma once

#include <algorithm>
#include <utility>
#include <vector>

namespace pinhole::test {

template <class T>
class possible {
public:
    explicit possible(T value) : values_{std::move(value)} {}

    /// Before it is sent: from now on it may be there.
    void attempt(T value) {
        if (!allows(value)) {
            values_.push_back(std::move(value));
        }
    }
    /// It was acknowledged, or seen to be there: nothing else may be.
    void settle(T value) { values_.assign(1, std::move(value)); }

    bool is_known() const { return values_.size() == 1; }
    bool is(const T& value) const { return is_known() && values_.front() == value; }
    bool allows(const T& value) const { return std::ranges::find(values_, value) != values_.end(); }
    /// In the order in which they were written.
    const std::vector<T>& values() const { return values_; }
    /// What was there before any write whose fate is unknown.
    T first() const { return values_.front(); }

private:
    std::vector<T> values_;
};

}  // namespace pinhole::test
