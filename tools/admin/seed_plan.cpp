#include "tools/admin/seed_plan.hpp"

#include <algorithm>
#include <unordered_set>

#include "tools/sample/random.hpp"

namespace pinhole::admin {

namespace {

constexpr std::int64_t second_us = 1'000'000;
constexpr std::int64_t span_us = std::int64_t{182} * 86'400 * second_us;

class seed_planner {
public:
    explicit seed_planner(const seed_size& size)
        : size_(size),
          random_(size.seed),
          activity_(size.users, size.users / 20 + 1),
          popularity_(size.posts, size.posts / 50 + 1),
          post_of_rank_(sample::make_permutation(size.posts, random_)) {}

    std::vector<seed_event> make() {
        add_users();
        add_posts();
        add_reactions();
        std::ranges::sort(events_);
        return std::move(events_);
    }

private:
    std::int64_t end_us() const { return storage::to_microseconds(size_.until); }

    std::int64_t draw_between(std::int64_t from, std::int64_t to) {
        return from +
               static_cast<std::int64_t>(random_.next() % static_cast<std::uint64_t>(to - from));
    }

    /// All within the first third, so that most have been there for a while.
    void add_users() {
        const std::int64_t begin = end_us() - span_us;
        for (std::uint32_t i = 0; i < size_.users; ++i) {
            joined_us_.push_back(draw_between(begin, begin + span_us / 3));
            events_.push_back({joined_us_.back(), seed_kind::user, i, i, 0});
        }
    }

    std::uint32_t draw_user() { return static_cast<std::uint32_t>(activity_.draw(random_)); }

    void add_posts() {
        for (std::uint32_t i = 0; i < size_.posts; ++i) {
            const std::uint32_t author = draw_user();
            posted_us_.push_back(draw_between(joined_us_[author], end_us()));
            events_.push_back({posted_us_.back(), seed_kind::post, i, author, i});
        }
    }

    std::int64_t draw_reaction_time(std::uint32_t post, std::uint32_t user) {
        return draw_between(std::max(posted_us_[post], joined_us_[user]), end_us());
    }

    /// About five likes and two comments for each post, and most of them for a few.
    void add_reactions() {
        std::unordered_set<std::uint64_t> liked;
        const std::uint32_t likes_wanted = size_.posts * 5;
        for (std::uint32_t i = 0; i < likes_wanted; ++i) {
            const std::uint32_t post = post_of_rank_[popularity_.draw(random_)];
            const std::uint32_t user = draw_user();
            // Who likes it already likes something else: with few users there are fewer likes.
            if (liked.insert(std::uint64_t{post} << 32U | user).second) {
                events_.push_back({draw_reaction_time(post, user), seed_kind::like, i, user, post});
            }
        }
        for (std::uint32_t i = 0; i < size_.posts * 2; ++i) {
            const std::uint32_t post = post_of_rank_[popularity_.draw(random_)];
            const std::uint32_t user = draw_user();
            events_.push_back({draw_reaction_time(post, user), seed_kind::comment, i, user, post});
        }
    }

    const seed_size& size_;
    sample::random_numbers random_;
    sample::zipf activity_;
    sample::zipf popularity_;
    std::vector<std::uint32_t> post_of_rank_;
    std::vector<std::int64_t> joined_us_;
    std::vector<std::int64_t> posted_us_;
    std::vector<seed_event> events_;
};

}  // namespace

std::vector<seed_event> make_seed_plan(const seed_size& size) {
    return seed_planner{size}.make();
}

}  // namespace pinhole::admin
