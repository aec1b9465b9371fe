// Reads and writes as handlers/unit_of_work.hpp has them, for a thread that may block: one plain
// function without side effects, run again when another commit was faster.
#pragma once

#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

#include "storage/base/error.hpp"
#include "storage/kv/store.hpp"
#include "storage/visibility.hpp"
#include "tools/admin/exit_code.hpp"

namespace pinhole::admin {

/// What a unit of work answers, or its error as a refusal with every bad field.
template <class Value>
Value value_or_refuse(storage::result<Value> result) {
    if (result) {
        return std::move(*result);
    }
    std::string message = std::move(result.error().message);
    for (const storage::field_fault& fault : result.error().fields) {
        message += "\n  " + fault.field + ": " + fault.message;
    }
    throw refusal{message};
}

template <class Function>
auto read(const kv::store& store, const Function& function) {
    return function(*store.snapshot(kv::read_mode::blocking));
}

/// Commits what `result<planned<T>> plan(const kv::reader&)` returns. T, once that is durable.
/// Errors: throws `refusal` for the plan's errors, kv::storage_failure if the store does not take
/// it.
template <class Plan>
auto write(kv::store& store, const Plan& plan) {
    constexpr int attempts_max = 24;
    for (int attempt = 0; attempt < attempts_max; ++attempt) {
        auto planned = value_or_refuse(read(store, plan));
        if (planned.commit.empty()) {
            return std::move(planned.value);
        }
        switch (store.submit_and_wait(std::move(planned.commit))) {
            case kv::outcome::ok:
                return std::move(planned.value);
            case kv::outcome::conflict:
            case kv::outcome::exists:
                continue;
            case kv::outcome::unknown:
                throw kv::storage_failure{
                    "the write failed midway: whether it has happened shows after a restart"};
            case kv::outcome::unavailable:
                throw kv::storage_failure{"the store takes no writes now: is the disk full?"};
        }
    }
    throw kv::storage_failure{"others were faster again and again; try again"};
}

}  // namespace pinhole::admin
