// The memory of sorters: much at once, filled from its beginning to its end, and given back as a
// whole.
//
// It is asked for in large pages where the kernel has them: to be given memory in pages of 4 KiB,
// one trap for each, costs as much as filling it. What is never touched never becomes memory, but
// for the rest of a large page.
//
// For one thread. Errors: throws std::bad_alloc.
#pragma once

#include <sys/mman.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <span>
#include <type_traits>
#include <utility>

namespace pinhole::storage::dump {

/// Values that are nothing but their bytes, one behind the other.
template <class T>
class sort_memory {
    static_assert(std::is_trivially_copyable_v<T>);

public:
    /// Room for so many. Growing beyond it takes the old memory and the new for a moment.
    void reserve(std::size_t count) {
        if (count <= capacity_) {
            return;
        }
        owned grown = allocate(count * sizeof(T));
        if (size_ > 0) {
            std::memcpy(grown.get(), data_.get(), size_ * sizeof(T));
        }
        data_ = std::move(grown);
        capacity_ = count;
    }

    void push_back(const T& value) { append(&value, 1); }
    /// Requires: `values` lie elsewhere.
    void append(const T* values, std::size_t count) {
        if (count > capacity_ - size_) {
            reserve(std::max(capacity_ * 2, size_ + count));
        }
        if (count > 0) {
            std::memcpy(data_.get() + size_, values, count * sizeof(T));
            size_ += count;
        }
    }

    /// So many, whose values are to be set.
    void resize(std::size_t count) {
        reserve(count);
        size_ = count;
    }

    void clear() { size_ = 0; }
    void give_back() {
        data_.reset();
        size_ = 0;
        capacity_ = 0;
    }

    std::size_t size() const { return size_; }
    bool empty() const { return size_ == 0; }
    T* data() { return data_.get(); }
    const T* data() const { return data_.get(); }
    T& operator[](std::size_t at) { return data_.get()[at]; }
    const T& operator[](std::size_t at) const { return data_.get()[at]; }
    T& back() { return data_.get()[size_ - 1]; }
    std::span<T> values() { return {data_.get(), size_}; }

private:
    struct release {
        void operator()(T* memory) const { std::free(memory); }
    };

    using owned = std::unique_ptr<T, release>;

    static owned allocate(std::size_t bytes) {
        constexpr std::size_t large_page_bytes = std::size_t{2} << 20U;
        const bool is_large = bytes >= large_page_bytes;
        const std::size_t unit = is_large ? large_page_bytes : alignof(std::max_align_t);
        bytes = (bytes + unit - 1) / unit * unit;
        owned memory{static_cast<T*>(std::aligned_alloc(unit, bytes))};
        if (memory == nullptr) {
            throw std::bad_alloc{};
        }
        if (is_large) {
            ::madvise(memory.get(), bytes, MADV_HUGEPAGE);  // a wish: small pages do as well
        }
        return memory;
    }

    owned data_;
    std::size_t size_ = 0;
    std::size_t capacity_ = 0;
};

}  // namespace pinhole::storage::dump
