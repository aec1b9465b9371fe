#include "handlers/api.hpp"

namespace pinhole::handlers {

namespace {

using namespace std::chrono_literals;

// Generous for people, far too little for guessing a password or filling a disk.
constexpr bucket_size login_bucket{.burst = 20, .refill_interval = 3s};
constexpr bucket_size signup_bucket{.burst = 20, .refill_interval = 10s};
constexpr bucket_size write_bucket{.burst = 200, .refill_interval = 100ms};
constexpr bucket_size guess_bucket{.burst = 10, .refill_interval = 30s};
/// Many accounts may lie behind one address.
constexpr bucket_size client_write_bucket{.burst = 2000, .refill_interval = 10ms};

/// Each waits for an fsync most of the time, and a disk's journal serves several with one.
constexpr unsigned upload_threads = 4;
constexpr std::size_t upload_queue_max = 1024;

/// Moving files is quick and must not be refused lightly: an answer waits for it.
constexpr unsigned placement_threads = 2;
constexpr std::size_t placement_queue_max = 4096;

/// More would only make the disk's reads compete, or take the cores from those who answer.
constexpr unsigned verify_threads = 2;
constexpr std::size_t verify_queue_max = 4096;

}  // namespace

bool keys_in_flight::enter(const std::string& name) {
    const std::lock_guard lock{mutex_};
    return names_.insert(name).second;
}

void keys_in_flight::leave(const std::string& name) {
    const std::lock_guard lock{mutex_};
    names_.erase(name);
}

api::api(storage::database& database, http::logger& log, const api_options& options)
    : database_(database),
      log_(log),
      options_(options),
      hash_pool_("hash", options_.hash_threads, options_.hash_queue_max,
                 http::pool_priority::yielding),
      media_pool_("media", options_.media_threads, options_.media_queue_max,
                  http::pool_priority::yielding),
      upload_pool_("upload", upload_threads, upload_queue_max),
      placement_pool_("placement", placement_threads, placement_queue_max),
      read_pool_("read", options_.read_threads, options_.read_queue_max),
      verify_pool_("verify", verify_threads, verify_queue_max),
      known_logins_(std::make_shared<login_cache>()),
      work_(database.store(), read_pool_, known_logins_),
      logins_(login_bucket, options_.rate_limits),
      signups_(signup_bucket, options_.rate_limits),
      writes_(write_bucket, options_.rate_limits),
      guesses_(guess_bucket, options_.rate_limits),
      client_writes_(client_write_bucket, options_.rate_limits) {}

void api::close() {
    hash_pool_.close();
    media_pool_.close();
    upload_pool_.close();
    placement_pool_.close();
    read_pool_.close();
    verify_pool_.close();
}

}  // namespace pinhole::handlers
