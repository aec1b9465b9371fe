#include "tools/bench/dataset_plan.hpp"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "tools/sample/random.hpp"

namespace pinhole::bench {

namespace {

using namespace sample;

constexpr std::uint64_t plan_seed = 0x7069'6E68'6F6C'6531;
constexpr std::int64_t second_us = 1'000'000;
constexpr std::int64_t day_us = 86'400 * second_us;
constexpr std::int64_t span_us = plan_end_us - plan_begin_us;

class planner {
public:
    explicit planner(const dataset_size& size)
        : size_(size),
          others_(size.users() - named_users, size.users() / 20),
          popularity_(size.posts, size.posts / 100),
          post_of_rank_(make_permutation(size.posts, random_)) {}

    dataset_plan make() {
        add_users();
        add_posts();
        add_likes();
        add_comments();
        hide_needles();
        count();
        return std::move(plan_);
    }

private:
    std::uint32_t draw_other() {
        return named_users + static_cast<std::uint32_t>(others_.draw(random_));
    }

    /// Mostly others; what is left is what a user of no importance does.
    std::uint32_t draw_user() { return random_.one_in(size_.users()) ? middling : draw_other(); }

    void add_users() {
        const auto users = static_cast<std::int64_t>(size_.users());
        for (std::int64_t i = 0; i < users; ++i) {
            // A tenth of them on the first day, the last of them a good while before the end.
            const std::int64_t at = i < users / 10 + named_users
                                        ? i * (day_us / 2 / users)
                                        : day_us + (span_us * 9 / 10 - day_us) / users * i;
            plan_.users.push_back({.at_us = plan_begin_us + at, .is_deleted = i % 50 == 17});
        }
    }

    std::uint32_t author_of(std::size_t post, std::int64_t at_us) {
        if (post % 20 == 7) {
            return popular;
        }
        if (post % size_.users() == 11) {
            return middling;
        }
        if (post % 2'000 == 13) {
            return caller;
        }
        for (;;) {
            const std::uint32_t author = draw_other();
            if (plan_.users[author].at_us < at_us) {
                return author;
            }
        }
    }

    void add_posts() {
        const std::int64_t step_us =
            (span_us - 2 * day_us) / static_cast<std::int64_t>(size_.posts);
        plan_.posts.reserve(size_.posts);
        for (std::size_t i = 0; i < size_.posts; ++i) {
            // Anywhere within its step, to the microsecond.
            const auto within =
                static_cast<std::int64_t>(random_.next() % static_cast<std::uint64_t>(step_us));
            const std::int64_t at =
                plan_begin_us + day_us + static_cast<std::int64_t>(i) * step_us + within;
            plan_.posts.push_back(
                {.at_us = at, .author = author_of(i, at), .is_deleted = random_.one_in(33)});
        }
    }

    /// Some time after both were there: half within hours, the others within months.
    std::int64_t draw_time(std::uint32_t post, std::uint32_t user) {
        const std::int64_t from = std::max(plan_.posts[post].at_us, plan_.users[user].at_us);
        const std::uint64_t seconds_max = std::uint64_t{16} << random_.below(20);
        const auto later = static_cast<std::int64_t>(random_.below(seconds_max)) * second_us +
                           static_cast<std::int64_t>(random_.below(1'000'000));
        if (from + later < plan_end_us) {
            return from + later;
        }
        const auto left_us = static_cast<std::uint64_t>(plan_end_us - from);
        return from + static_cast<std::int64_t>(random_.next() % left_us);
    }

    planned_reaction react(std::uint32_t post, std::uint32_t user, bool is_deleted) {
        return {.at_us = draw_time(post, user),
                .post = post,
                .user = user,
                .is_deleted = is_deleted,
                .is_counted = !is_deleted && !plan_.users[user].is_deleted};
    }

    std::uint32_t draw_post() { return post_of_rank_[popularity_.draw(random_)]; }

    void add_likes() {
        std::unordered_set<std::uint64_t> taken;
        taken.reserve(size_.likes());
        plan_.likes.reserve(size_.likes());
        while (plan_.likes.size() < size_.likes()) {
            const bool is_callers = plan_.likes.size() < size_.caller_likes();
            const std::uint32_t post = draw_post();
            const std::uint32_t user = is_callers ? caller : draw_user();
            if (taken.insert(std::uint64_t{post} << 32U | user).second) {
                plan_.likes.push_back(react(post, user, !is_callers && random_.one_in(20)));
            }
        }
    }

    void add_comments() {
        plan_.comments.reserve(size_.comments());
        for (std::size_t i = 0; i < size_.comments(); ++i) {
            const std::uint32_t user = i % 1'500 == 1 ? caller : draw_user();
            plan_.comments.push_back(react(draw_post(), user, random_.one_in(25)));
        }
    }

    bool is_visible(const planned_post& post) const {
        return !post.is_deleted && !plan_.users[post.author].is_deleted;
    }

    /// Evenly over the years, on what can be found.
    void hide_needles() {
        for (std::size_t i = 0; i < size_.rare_posts(); ++i) {
            std::size_t at = (2 * i + 1) * size_.posts / (2 * size_.rare_posts());
            while (!is_visible(plan_.posts[at])) {
                ++at;
            }
            plan_.posts[at].is_needle = true;
        }
        for (std::size_t i = 0; i < size_.rare_comments(); ++i) {
            std::size_t at = (2 * i + 1) * size_.comments() / (2 * size_.rare_comments());
            while (!plan_.comments[at].is_counted ||
                   !is_visible(plan_.posts[plan_.comments[at].post])) {
                ++at;
            }
            plan_.comments[at].is_needle = true;
        }
    }

    void count() {
        for (const planned_post& post : plan_.posts) {
            plan_.users[post.author].posts_count += post.is_deleted ? 0 : 1;
        }
        for (const planned_reaction& like : plan_.likes) {
            plan_.posts[like.post].likes_count += like.is_counted ? 1 : 0;
        }
        for (const planned_reaction& comment : plan_.comments) {
            plan_.posts[comment.post].comments_count += comment.is_counted ? 1 : 0;
        }
    }

    dataset_size size_;
    random_numbers random_{plan_seed};
    zipf others_;
    zipf popularity_;
    std::vector<std::uint32_t> post_of_rank_;
    dataset_plan plan_;
};

}  // namespace

dataset_plan make_plan(const dataset_size& size) {
    return planner{size}.make();
}

}  // namespace pinhole::bench
