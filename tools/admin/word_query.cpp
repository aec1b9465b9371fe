// query: a list of the API, for operators.
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "storage/accounts.hpp"
#include "storage/query/list_parameters.hpp"
#include "storage/query/list_query.hpp"
#include "storage/query/views.hpp"
#include "storage/schema/json_writer.hpp"
#include "tools/admin/admin_store.hpp"
#include "tools/admin/display.hpp"
#include "tools/admin/object_names.hpp"
#include "tools/admin/query_text.hpp"
#include "tools/admin/unit_of_work.hpp"
#include "tools/admin/words.hpp"

namespace pinhole::admin {

namespace {

namespace query = storage::query;

/// Nobody waits behind an operator's query.
constexpr std::uint64_t rows_read_max = std::numeric_limits<std::int32_t>::max();
/// All that was ever deleted: an operator restores without a time limit.
constexpr std::chrono::seconds retention{std::chrono::years{100}};

struct query_options {
    std::string text;
    std::optional<std::string> as;
    bool explains = false;
    bool all_pages = false;
};

/// Nobody, unless it is said.
storage::entity_id find_viewer(const kv::reader& reader,
                               const std::optional<std::string>& username) {
    if (!username) {
        return 0;
    }
    const std::string reference = username->starts_with('@') ? *username : '@' + *username;
    return value_or_refuse(storage::get_user(reader, reference)).row.id;
}

/// Of the terminal that the results go to; no end where they go elsewhere.
std::size_t columns_of_output() {
    winsize size{};
    if (::isatty(STDOUT_FILENO) == 1 && ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 &&
        size.ws_col != 0) {
        return size.ws_col;
    }
    return std::numeric_limits<std::size_t>::max();
}

/// `2026-11-28 18:02:11`, in UTC.
std::string to_time_text(storage::timestamp at) {
    std::string text = storage::to_rfc3339(at).substr(0, 19);
    text[10] = ' ';
    return text;
}

std::string join(const std::vector<std::string>& parts) {
    std::string joined;
    for (const std::string& part : parts) {
        joined += (joined.empty() ? "" : ", ") + part;
    }
    return joined.empty() ? "none" : to_printable(joined);
}

std::string describe(const query::plan_note& plan) {
    return fmt::format("plan: {}{}{}\n  drives: {}\n  probes: {}\n  {} rows read, {} returned\n",
                       plan.index, plan.bounds.empty() ? "" : " " + to_printable(plan.bounds),
                       plan.sorts ? ", sorted in memory" : "", join(plan.drives), join(plan.probes),
                       plan.rows_read, plan.rows_returned);
}

/// Pages one after another, on one snapshot.
class query_run {
public:
    query_run(word_context& context, const query_options& options, const kv::reader& reader,
              query::list_parameters parameters)
        : context_(context),
          options_(options),
          reader_(reader),
          request_(std::move(parameters.request)),
          explains_(options.explains || parameters.explains) {}

    void run() {
        do {
            if (context_.stop.stop_requested()) {
                throw storage::work_interrupted{};
            }
            show_page(value_or_refuse(query::run_list(reader_, request_)));
        } while (options_.all_pages && request_.page.from);
        end();
    }

private:
    void show_page(query::list_answer answer) {
        if (!plan_) {  // of the first page; counted once
            plan_ = std::move(answer.plan);
            count_ = answer.count;
            request_.wants_count = false;
            if (context_.out.is_json()) {
                context_.out.result("{\"results\":[");
            } else if (explains_) {
                context_.out.result(describe(*plan_));
            }
        }
        request_.page.from = answer.rows.next;
        const auto views = query::load_views(reader_, request_.sees, request_.me, request_.root,
                                             std::move(answer.rows.results));
        for (const query::any_view& each : views) {
            std::visit([this](const auto& view) { show(view); }, each);
        }
    }

    template <class View>
    void show(const View& view) {
        if (context_.out.is_json()) {
            context_.out.result((shown_ == 0 ? "" : ",") + storage::to_json(view));
        } else {
            const std::string line = to_time_text(view.row.created_at) + "  " + to_name(view);
            context_.out.result(fit_columns(line, columns_) + '\n');
        }
        ++shown_;
    }

    void end() {
        const bool has_more = request_.page.from.has_value();
        if (context_.out.is_json()) {
            std::string json = fmt::format("],\"has_more\":{}", has_more);
            if (count_) {
                json += fmt::format(",\"count\":{}", *count_);
            }
            if (explains_) {
                json += ",\"plan\":";
                query::append_json(json, *plan_);
            }
            context_.out.result(json + "}\n");
            return;
        }
        context_.out.note(
            fmt::format("{} shown{}{}", shown_, count_ ? fmt::format(" of {}", *count_) : "",
                        has_more ? "; there are more: --all, or page_size=100 in the query" : ""));
    }

    word_context& context_;
    const query_options& options_;
    const kv::reader& reader_;
    query::list_request request_;
    bool explains_;
    std::optional<query::plan_note> plan_;
    std::optional<std::int64_t> count_;
    std::size_t shown_ = 0;
    std::size_t columns_ = columns_of_output();
};

exit_code run_query(word_context& context, const query_options& options) {
    const query_text text = parse_query_text(options.text);
    const auto opened = open_local_or_remote(context);
    const auto reader = opened->store().snapshot(kv::read_mode::blocking);
    auto parameters =
        value_or_refuse(query::read_list_parameters({.root = text.root,
                                                     .me = find_viewer(*reader, options.as),
                                                     .at = storage::now(),
                                                     .restore_retention = retention,
                                                     .rows_read_max = rows_read_max},
                                                    text.parameters));
    if (parameters.cursor) {
        throw refusal{"cursor: only the API gives cursors out; --all shows every page"};
    }
    query_run{context, options, *reader, std::move(parameters)}.run();
    return exit_code::done;
}

}  // namespace

void add_query(word_list& words) {
    const auto options = std::make_shared<query_options>();
    CLI::App& word =
        words.add("query", "Shows what a list of the API finds, in the API's own language",
                  [options](word_context& context) { return run_query(context, *options); });
    word.add_option("QUERY", options->text,
                    "A list and its parameters: 'posts?like_count__gt=3&ordering=-created_at'")
        ->required();
    word.add_option("--as", options->as,
                    "The user who asks: whom `me` stands for, and whose likes are `liked`")
        ->type_name("USERNAME");
    word.add_flag("--explain", options->explains, "Say how the rows were found");
    word.add_flag("--all", options->all_pages, "Every page, not only the first");
}

}  // namespace pinhole::admin
