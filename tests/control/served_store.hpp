// A real store behind a real control socket in a temporary directory, and what looks on at it.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "storage/control/client.hpp"
#include "storage/control/remote_store.hpp"
#include "storage/control/service.hpp"
#include "storage/kv/store.hpp"
#include "tests/kv/test_store.hpp"
#include "tests/support/temporary_directory.hpp"

namespace pinhole::test {

namespace control = storage::control;

inline constexpr std::int64_t test_schema = 7;

/// The store of tests/kv's families in `directory`.
std::unique_ptr<kv::store> open_test_store(const std::filesystem::path& directory);

/// Passes everything on, and counts the readers that are there.
class counted_store final : public kv::store {
public:
    explicit counted_store(std::unique_ptr<kv::store> inner) : inner_(std::move(inner)) {}

    std::unique_ptr<kv::reader> snapshot(kv::read_mode mode) const override;
    void submit(kv::commit commit, completion done) override {
        inner_->submit(std::move(commit), std::move(done));
    }
    kv::health health() const override { return inner_->health(); }
    kv::capabilities capabilities() const override { return inner_->capabilities(); }

    std::size_t readers() const;
    /// False if it has not come to so many in a minute.
    bool wait_for_readers(std::size_t count) const;

private:
    class counted_reader;

    void count(int by) const;

    std::unique_ptr<kv::store> inner_;
    mutable std::mutex mutex_;
    mutable std::condition_variable changed_;
    mutable std::size_t readers_ = 0;
};

/// Something that is waited for, instead of sleeping.
class event {
public:
    void happen();
    /// False if it has not happened in a minute.
    bool wait() const;
    bool has_happened() const;

private:
    mutable std::mutex mutex_;
    mutable std::condition_variable changed_;
    bool happened_ = false;
};

struct control_fixture {
    control_fixture();

    /// With its options filled in, but for what a test is about.
    control::service_options options();
    void serve() { serve(options()); }
    void serve(control::service_options with);

    std::unique_ptr<control::remote_store> connect() const;
    std::filesystem::path socket_path() const;

    temporary_directory directory;
    std::filesystem::path data = directory.path() / "data";
    std::unique_ptr<counted_store> store;
    std::unique_ptr<control::service> service;
};

}  // namespace pinhole::test
