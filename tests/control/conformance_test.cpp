// The store that a tool has of a running server, through the suite that every store must pass.
#include <utility>

#include "tests/control/served_store.hpp"
#include "tests/kv/store_conformance.hpp"

namespace pinhole::test {
namespace {

/// A store, its server's end and the tool's end, closed in the right order.
class served_store final : public kv::store {
public:
    explicit served_store(const std::filesystem::path& data)
        : inner_(open_test_store(data / "db")),
          service_({.data_dir = data,
                    .store = inner_.get(),
                    .families = kv::test::families,
                    .schema_version = test_schema}),
          remote_(control::remote_store::connect(data, test_schema)) {}

    std::unique_ptr<kv::reader> snapshot(kv::read_mode mode) const override {
        return remote_->snapshot(mode);
    }
    void submit(kv::commit commit, completion done) override {
        remote_->submit(std::move(commit), std::move(done));
    }
    kv::health health() const override { return remote_->health(); }
    kv::capabilities capabilities() const override { return remote_->capabilities(); }

private:
    std::unique_ptr<kv::store> inner_;
    control::service service_;
    std::unique_ptr<control::remote_store> remote_;
};

class served_backend final : public kv::test::backend {
public:
    std::unique_ptr<kv::store> open() override {
        return std::make_unique<served_store>(directory_.path());
    }

private:
    temporary_directory directory_;
};

const bool registered = (kv::test::register_conformance(
                             "remote_store", [] { return std::make_unique<served_backend>(); }),
                         true);

}  // namespace
}  // namespace pinhole::test
