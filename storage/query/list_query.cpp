#include "storage/query/list_query.hpp"

#include <algorithm>
#include <queue>
#include <utility>

#include "storage/kv/key_codec.hpp"
#include "storage/query/candidate_walk.hpp"
#include "storage/query/counting_reader.hpp"
#include "storage/query/evaluator.hpp"
#include "storage/query/plan.hpp"
#include "storage/schema/json_writer.hpp"

namespace pinhole::storage::query {

namespace {

constexpr std::size_t parents_remembered_max = 4096;
constexpr std::size_t batch_rows_max = 1024;
/// What a row of a page costs at most where no filter has to be asked: its entry, the row, its post
/// and two people. A page's first batch is always read.
constexpr std::uint64_t reads_per_row_max = 5;
/// And what it costs to begin.
constexpr std::uint64_t seeks_per_page = 8;

struct keyed_row {
    std::string key;
    any_row row;
};

void append_texts(const condition& of, std::vector<std::string>& texts,
                  const std::vector<const test*>& without) {
    if (of.what == condition::kind::test) {
        if (std::ranges::find(without, of.leaf.get()) == without.end()) {
            texts.push_back(of.leaf->text);
        }
        return;
    }
    for (const condition& part : of.parts) {
        append_texts(part, texts, without);
    }
}

class list_run {
public:
    list_run(const kv::reader& reader, const list_request& request)
        : request_(request),
          budget_(
              std::max<std::uint64_t>(request.page.rows_read_max,
                                      reads_per_row_max * wanted() + seeks_per_page * seek_cost),
              request.page.processor_time_max),
          counted_(reader, budget_),
          rows_(counted_, request.sees),
          evaluate_(rows_, budget_),
          planner_(evaluate_, request) {}

    result<list_answer> run() {
        try {
            from_ = to_whole(request_.page.from);
            plan_ = planner_.choose();
            while (!find_page()) {
                if (auto other = planner_.reconsider()) {
                    plan_ = std::move(*other);
                    found_.clear();
                } else {
                    plan_.allowance.reset();
                }
            }
            return finish();
        } catch (const over_budget& cost) {
            return fail_over_budget(cost.is_by_time);
        }
    }

private:
    std::size_t wanted() const { return std::size_t{request_.page.size} + 1; }
    bool backwards() const { return from_ && from_->direction == direction::previous; }
    bool begins_at_an_end() const { return !from_ || from_->key.empty(); }

    /// With the whole key of the row, if it was too long for a cursor.
    std::optional<position> to_whole(const std::optional<position>& from) {
        if (!from || from->row == 0) {
            return from;
        }
        // Deleted meanwhile, the row still says where it stood.
        row_reader all{counted_, sight::with_deleted};
        evaluator of_all{all, budget_};
        const auto row = find_rows(all, request_.root, {&from->row, 1}).front();
        if (row && of_all.is_visible(*row)) {
            std::string key = of_all.sort_key(request_.order, *row);
            if (key.starts_with(from->key)) {
                return position{from->direction, std::move(key)};
            }
        }
        const bool is_back = from->direction == direction::previous;
        return position{from->direction, is_back ? kv::prefix_end(from->key) : from->key};
    }

    static position beside(direction way, const keyed_row& row) {
        if (row.key.size() <= position_key_bytes_max) {
            return {way, row.key};
        }
        return {way, row.key.substr(0, position_key_bytes_max), id_of(row.row)};
    }
    /// Whether a row lies beyond the place where the page begins.
    bool is_beyond(const std::string& key) const {
        if (begins_at_an_end()) {
            return true;
        }
        return backwards() ? key < from_->key : key > from_->key;
    }

    void note_plan() {
        note_.index = plan_.name(request_.root);
        note_.bounds = plan_.bounds();
        note_.sorts = plan_.in == sequence::none || !is_total_order();
        note_.drives.clear();
        for (const test* each : plan_.served) {
            note_.drives.push_back(each->text);
        }
        note_.probes.clear();
        append_texts(request_.filter, note_.probes, plan_.served);
    }

    bool is_kept(const any_row& row) {
        if (!request_.deleted_since) {
            return evaluate_.is_visible(row) && holds_all(request_.filter, row);
        }
        const auto& found = std::get<post>(row);
        // The author, who is the one that asks, may be gone since the login was looked at.
        if (!found.is_deleted || found.deleted_at < *request_.deleted_since ||
            rows_.alive_user(found.author.id) == nullptr) {
            return false;
        }
        rows_.show(found.id);  // for what hangs under it
        return holds_all(request_.filter, row);
    }

    /// All but what the plan has decided.
    bool holds_all(const condition& of, const any_row& row) {
        if (of.what == condition::kind::all) {
            return std::ranges::all_of(of.parts,
                                       [&](const condition& part) { return holds_all(part, row); });
        }
        const bool is_served = of.what == condition::kind::test &&
                               std::ranges::find(plan_.served, of.leaf.get()) != plan_.served.end();
        return is_served || evaluate_.holds(of, row);
    }

    std::vector<any_row> read_kept(std::span<const entity_id> ids) {
        rows_.forget_beyond(parents_remembered_max);
        std::vector<any_row> batch;
        for (auto& row : find_rows(rows_, request_.root, ids)) {
            if (row) {
                batch.push_back(std::move(*row));
            }
        }
        // What hangs above is read only for those that are not out of the question by themselves.
        std::erase_if(
            batch, [&](const any_row& row) { return !evaluate_.could_hold(request_.filter, row); });
        evaluate_.load_parents(batch);
        std::erase_if(batch, [&](const any_row& row) { return !is_kept(row); });
        return batch;
    }

    /// False: the walk has used up its allowance.
    bool find_page() {
        note_plan();
        if (request_.wants_count) {
            count_ = 0;
            const bool is_counted = walk({}, batch_rows_max, [this](any_row) {
                ++*count_;
                return true;
            });
            if (!is_counted) {
                return false;
            }
        }
        found_.clear();
        if (plan_.in == sequence::none || !is_total_order()) {
            return keep_the_page();
        }
        return walk_in_order();
    }

    /// The plan's sequence is that of the list to the last: by one field and, the same way, by id.
    bool is_total_order() const {
        const auto& order = request_.order;
        return order.size() == 2 && order[1].path.relations.empty() &&
               order[1].path.field->kind == field_kind::id &&
               order[0].descending == order[1].descending;
    }

    bool walk_in_order() {
        try {
            return walk(from_, wanted(), [this](any_row row) {
                std::string key = evaluate_.sort_key(request_.order, row);
                if (is_beyond(key)) {
                    found_.push_back({std::move(key), std::move(row)});
                }
                return found_.size() < wanted();
            });
        } catch (const over_budget&) {
            // Where no filter leaves rows out, it is what is hidden that was in the way, and nobody
            // who asks can help that: the page ends early, with the way on.
            if (!note_.probes.empty() || !walked_to_) {
                throw;
            }
            stopped_at_ = to_sort_key(*walked_to_, request_.order.front().descending);
            return true;
        }
    }

    auto in_walking_order() const {
        return [is_back = backwards()](const keyed_row& a, const keyed_row& b) {
            return is_back ? a.key > b.key : a.key < b.key;
        };
    }

    /// Looks at all candidates or, where they come in the order of the first field, at no more than
    /// those whose first field is that of the page's last row.
    bool keep_the_page() {
        std::string group;
        const bool is_grouped = plan_.in != sequence::none;
        const std::span<const order_key> first{request_.order.data(), 1};
        const std::size_t batch = is_grouped ? wanted() : batch_rows_max;
        const bool is_done = walk(from_, batch, [&](any_row row) {
            if (is_grouped) {
                std::string key = evaluate_.sort_key(first, row);
                if (key != group && found_.size() == wanted()) {
                    return false;
                }
                group = std::move(key);
            }
            std::string key = evaluate_.sort_key(request_.order, row);
            if (is_beyond(key)) {
                keep_best({std::move(key), std::move(row)});
            }
            return true;
        });
        std::ranges::sort(found_, in_walking_order());
        return is_done;
    }

    /// Calls `found` with each kept row, in the plan's sequence from the page's place, until it
    /// wants no more. False: the allowance is used up.
    template <class Found>
    bool walk(const std::optional<position>& from, std::size_t first_batch, const Found& found) {
        candidate_walk candidates{rows_, request_,
                                  plan_, backwards(),
                                  from,  is_total_order() && plan_.in != sequence::none};
        const std::uint64_t begun = counted_.rows_read();
        for (std::size_t batch = first_batch;;) {
            const auto ids = candidates.next(batch);
            auto kept = read_kept(ids);
            const std::size_t kept_count = kept.size();
            for (any_row& row : kept) {
                if (!found(std::move(row))) {
                    return true;
                }
            }
            walked_to_ = candidates.last();
            if (ids.size() < batch) {
                return true;
            }
            if (plan_.allowance && counted_.rows_read() - begun > *plan_.allowance) {
                return false;
            }
            batch = next_batch(batch, kept_count);
        }
    }

    /// As many as fill the page if as large a share of them is kept as of those before.
    std::size_t next_batch(std::size_t batch, std::size_t kept) const {
        constexpr std::size_t spare = 2;
        if (kept == 0 || batch >= batch_rows_max) {
            return std::min(batch * 2, batch_rows_max);
        }
        const std::size_t missing = wanted() - std::min(wanted(), found_.size());
        return std::clamp(missing * batch / kept + spare, spare, batch_rows_max);
    }

    /// A heap of the nearest rows, the farthest in front.
    void keep_best(keyed_row row) {
        const auto order = in_walking_order();
        if (found_.size() == wanted()) {
            if (!order(row, found_.front())) {
                return;
            }
            std::ranges::pop_heap(found_, order);
            found_.pop_back();
        }
        found_.push_back(std::move(row));
        std::ranges::push_heap(found_, order);
    }

    list_answer finish() {
        list_answer answer;
        const bool more = stopped_at_.empty() && found_.size() > request_.page.size;
        if (more) {
            found_.pop_back();
        }
        if (backwards()) {
            std::ranges::reverse(found_);
        }
        place_neighbours(answer.rows, more);
        for (keyed_row& each : found_) {
            answer.rows.results.push_back(std::move(each.row));
        }
        note_.rows_read = counted_.rows_read();
        note_.rows_returned = answer.rows.results.size();
        answer.count = count_;
        answer.plan = std::move(note_);
        return answer;
    }

    /// Of a page that ended early: there is a way on, from just there.
    void place_beside_stop(page<any_row>& rows) const {
        const auto begun_at = [this](bool at_front) {
            return found_.empty() ? stopped_at_ : (at_front ? found_.front() : found_.back()).key;
        };
        rows.next = position{direction::next, backwards() ? begun_at(false) : stopped_at_};
        if (from_) {
            rows.previous =
                position{direction::previous, backwards() ? stopped_at_ : begun_at(true)};
        }
    }

    void place_neighbours(page<any_row>& rows, bool more) const {
        const auto& from = from_;
        if (!stopped_at_.empty()) {
            place_beside_stop(rows);
            return;
        }
        if (found_.empty()) {
            if (from) {
                // Everything there has gone since; the way back begins at that end of the list,
                // since a page beyond the old place would leave out the row that stood there.
                (backwards() ? rows.next : rows.previous) =
                    position{backwards() ? direction::next : direction::previous, {}};
            }
            return;
        }
        // A page that was read from the list's very end has nothing behind it.
        const bool from_an_end = from && from->key.empty();
        if (backwards() ? from && !from_an_end : more) {
            rows.next = beside(direction::next, found_.back());
        }
        if (backwards() ? more : from && !from_an_end) {
            rows.previous = beside(direction::previous, found_.front());
        }
    }

    /// As far as a sentence may go; the plan has them all.
    std::string joined_probes() const {
        constexpr std::size_t bytes_max = 300;
        std::string all;
        for (const std::string& each : note_.probes) {
            if (all.size() + each.size() > bytes_max) {
                return all + (all.empty() ? "" : " and ") + "what `probes` says";
            }
            all += (all.empty() ? "" : " and ") + each;
        }
        return all;
    }

    std::unexpected<error> fail_over_budget(bool is_by_time) {
        note_.rows_read = counted_.rows_read();
        std::string plan;
        append_json(plan, note_);
        std::string message = is_by_time
                                  ? "This query takes longer than it may."
                                  : "This query reads more than " +
                                        std::to_string(request_.page.rows_read_max) + " rows.";
        // Of what an index serves, too much may be there all the same.
        const entity_entry& root = describe(request_.root);
        message += " " + note_.index + " leads to too many";
        if (!note_.probes.empty()) {
            message += ", each of which is asked " + joined_probes();
        }
        message += ". Ask for less by what an index serves: " + list_served_filters(root) + ".";
        if (note_.sorts) {
            message += " All that are found are sorted; in order come those by " +
                       list_served_orders(root) + ".";
        }
        return std::unexpected{
            error{error_code::too_expensive, std::move(message), {}, std::move(plan)}};
    }

    const list_request& request_;
    std::optional<position> from_;  ///< with its whole key
    query_budget budget_;
    counting_reader counted_;
    row_reader rows_;
    evaluator evaluate_;
    planner planner_;
    plan plan_;
    std::vector<keyed_row> found_;
    std::optional<place_of_walk> walked_to_;  ///< the last candidate that was looked at
    std::string stopped_at_;                  ///< the sort key there, if the budget ended the page
    std::optional<std::int64_t> count_;
    plan_note note_;
};

}  // namespace

result<list_answer> run_list(const kv::reader& reader, const list_request& request) {
    return list_run{reader, request}.run();
}

void append_json(std::string& out, const plan_note& plan,
                 std::optional<std::chrono::microseconds> taken) {
    const auto append_list = [&](const std::vector<std::string>& texts) {
        out += '[';
        for (std::size_t i = 0; i < texts.size(); ++i) {
            out += i == 0 ? "" : ",";
            append_json_string(out, texts[i]);
        }
        out += ']';
    };
    out += "{\"index\":";
    append_json_string(out, plan.index);
    out += ",\"bounds\":";
    append_json_string(out, plan.bounds);
    out += ",\"drives\":";
    append_list(plan.drives);
    out += ",\"probes\":";
    append_list(plan.probes);
    out += plan.sorts ? ",\"sort\":true" : ",\"sort\":false";
    out += ",\"rows_read\":";
    append_json_integer(out, static_cast<std::int64_t>(plan.rows_read));
    out += ",\"rows_returned\":";
    append_json_integer(out, static_cast<std::int64_t>(plan.rows_returned));
    if (taken) {
        out += ",\"micros\":";
        append_json_integer(out, taken->count());
    }
    out += '}';
}

}  // namespace pinhole::storage::query
