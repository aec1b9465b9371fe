#include "storage/query/list_query.hpp"

#include <algorithm>
#include <queue>
#include <utility>

#include "storage/query/counting_reader.hpp"
#include "storage/query/evaluator.hpp"
#include "storage/query/source.hpp"
#include "storage/schema/json_writer.hpp"

namespace pinhole::storage::query {

namespace {

constexpr std::size_t parents_remembered_max = 4096;
constexpr std::uint32_t batch_rows_max = 1024;
/// What a row of a page costs at most where no filter has to be asked: its entry, the row, its post
/// and two people. A page's first batch is always read.
constexpr std::uint64_t reads_per_row_max = 5;

struct keyed_row {
    std::string key;
    any_row row;
};

/// The tests that must all hold.
void append_required(const condition& of, std::vector<const test*>& tests) {
    if (of.what == condition::kind::test) {
        tests.push_back(of.leaf.get());
    } else if (of.what == condition::kind::all) {
        for (const condition& part : of.parts) {
            append_required(part, tests);
        }
    }
}

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

/// Ordered by `created_at` and then, the same way, by id: as the indexes are.
bool is_by_time(std::span<const order_key> order) {
    return order.size() == 2 && order[0].path.relations.empty() &&
           order[0].path.field->name == "created_at" && order[1].path.relations.empty() &&
           order[0].descending == order[1].descending;
}

std::string prefix_of(const index_source& index) {
    return index_prefix(index.number, index.alive) + index.leading;
}

class list_run {
public:
    list_run(const kv::reader& reader, const list_request& request)
        : request_(request),
          counted_(reader, std::max<std::uint64_t>(request.page.rows_read_max,
                                                   reads_per_row_max * wanted())),
          rows_(counted_),
          evaluate_(rows_) {}

    result<list_answer> run() {
        try {
            append_required(request_.filter, tests_);
            source_ = choose_source(rows_, request_, tests_);
            note_source();
            if (source_.index && is_by_time(request_.order)) {
                walk_in_order();
            } else {
                note_.sorts = true;
                keep_the_page();
            }
            return finish();
        } catch (const over_budget&) {
            return fail_over_budget();
        }
    }

private:
    std::size_t wanted() const { return std::size_t{request_.page.size} + 1; }
    bool backwards() const {
        return request_.page.from && request_.page.from->direction == direction::previous;
    }
    /// Whether a row lies beyond the place where the page begins.
    bool is_beyond(const std::string& key) const {
        if (!request_.page.from || request_.page.from->key.empty()) {
            return true;
        }
        return backwards() ? key < request_.page.from->key : key > request_.page.from->key;
    }

    void note_source() {
        note_.index = source_.index
                          ? std::string{describe(request_.root).name} + '.' + source_.index->name
                          : source_.ids->name;
        for (const test* each : source_.served) {
            note_.drives.push_back(each->text);
        }
        append_texts(request_.filter, note_.probes, source_.served);
        if (source_.index && (source_.index->from || source_.index->to)) {
            const auto bound = [](const std::optional<timestamp>& at) {
                return at ? to_rfc3339(*at) : std::string{};
            };
            note_.bounds = bound(source_.index->from) + " … " + bound(source_.index->to);
        }
    }

    bool is_kept(const any_row& row) {
        if (!request_.deleted_since) {
            return evaluate_.is_visible(row) && holds_all(request_.filter, row);
        }
        const auto& found = std::get<post>(row);
        return found.is_deleted && found.deleted_at >= *request_.deleted_since &&
               holds_all(request_.filter, row);
    }

    /// All but what the source has decided.
    bool holds_all(const condition& of, const any_row& row) {
        if (of.what == condition::kind::all) {
            return std::ranges::all_of(of.parts,
                                       [&](const condition& part) { return holds_all(part, row); });
        }
        const bool is_served =
            of.what == condition::kind::test &&
            std::ranges::find(source_.served, of.leaf.get()) != source_.served.end();
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
        evaluate_.load_parents(batch);
        std::erase_if(batch, [&](const any_row& row) { return !is_kept(row); });
        return batch;
    }

    // The range of index keys, as [from, to).
    kv::range bounds_of(const index_source& index) const {
        const std::string prefix = prefix_of(index);
        const auto bound = [&](timestamp at) {
            kv::key_writer out;
            out.append_i64(to_microseconds(at));
            return prefix + out.take();
        };
        using std::chrono::microseconds;
        return {.part = index.part,
                .family = families::index,
                .from = index.from ? bound(*index.from) : prefix,
                .to = index.to ? bound(*index.to + microseconds{1}) : kv::prefix_end(prefix)};
    }

    /// What comes behind the prefix of an entry's key is the sort key, or its complement.
    std::string to_index_bytes(std::string key) const {
        if (request_.order.front().descending) {
            for (char& byte : key) {
                byte = static_cast<char>(~static_cast<unsigned char>(byte));
            }
        }
        return key;
    }

    void begin_beyond_position(kv::range& range) const {
        if (!request_.page.from || request_.page.from->key.empty()) {
            return;
        }
        std::string place = prefix_of(*source_.index) + to_index_bytes(request_.page.from->key);
        if (range.reverse) {
            range.to = range.to.empty() ? place : std::min(range.to, place);
        } else {
            range.from = std::max(range.from, place + '\0');
        }
    }

    /// Calls `found` with each kept row, in the order of the index, until it says that it is
    /// enough. Batches grow where much is left out.
    template <class Found>
    void walk(kv::range range, std::size_t first_batch, const Found& found) {
        auto batch = static_cast<std::uint32_t>(std::min<std::size_t>(first_batch, batch_rows_max));
        for (;;) {
            if (!range.to.empty() && range.from >= range.to) {
                return;
            }
            range.limit = batch;
            const auto entries = counted_.scan(range);
            for (any_row& row : read_kept(ids_of(entries))) {
                if (found(std::move(row))) {
                    return;
                }
            }
            walked_to_ = entries.empty() ? std::string{} : entries.back().key;
            if (entries.size() < batch) {
                return;
            }
            if (range.reverse) {
                range.to = entries.back().key;
            } else {
                range.from = entries.back().key + '\0';
            }
            batch = std::min(batch * 2, batch_rows_max);
        }
    }

    void walk_in_order() {
        kv::range range = bounds_of(*source_.index);
        if (request_.wants_count) {
            count_ = 0;
            walk(range, batch_rows_max, [this](const any_row&) {
                ++*count_;
                return false;
            });
        }
        range.reverse = request_.order.front().descending != backwards();
        begin_beyond_position(range);
        walked_to_.clear();
        try {
            walk(std::move(range), wanted(), [this](any_row row) {
                std::string key = evaluate_.sort_key(request_.order, row);
                found_.push_back({std::move(key), std::move(row)});
                return found_.size() == wanted();
            });
        } catch (const over_budget&) {
            // Where no filter leaves rows out, it is what is hidden that was in the way, and nobody
            // who asks can help that: the page ends early, with the way on.
            if (!note_.probes.empty() || walked_to_.empty()) {
                throw;
            }
            stopped_at_ = to_index_bytes(walked_to_.substr(prefix_of(*source_.index).size()));
        }
    }

    auto in_walking_order() const {
        return [is_back = backwards()](const keyed_row& a, const keyed_row& b) {
            return is_back ? a.key > b.key : a.key < b.key;
        };
    }

    /// Looks at all that the source has.
    void keep_the_page() {
        std::int64_t count = 0;
        const auto keep = [&](any_row row) {
            ++count;
            std::string key = evaluate_.sort_key(request_.order, row);
            if (is_beyond(key)) {
                keep_best({std::move(key), std::move(row)});
            }
            return false;
        };
        if (source_.index) {
            walk(bounds_of(*source_.index), batch_rows_max, keep);
        } else {
            std::span<const entity_id> rest = source_.ids->ids;
            while (!rest.empty()) {
                const auto batch = rest.first(std::min<std::size_t>(rest.size(), batch_rows_max));
                for (any_row& row : read_kept(batch)) {
                    keep(std::move(row));
                }
                rest = rest.subspan(batch.size());
            }
        }
        if (request_.wants_count) {
            count_ = count;
        }
        std::ranges::sort(found_, in_walking_order());
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
        if (request_.page.from) {
            rows.previous =
                position{direction::previous, backwards() ? stopped_at_ : begun_at(true)};
        }
    }

    void place_neighbours(page<any_row>& rows, bool more) const {
        const auto& from = request_.page.from;
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
            rows.next = position{direction::next, found_.back().key};
        }
        if (backwards() ? more : from && !from_an_end) {
            rows.previous = position{direction::previous, found_.front().key};
        }
    }

    std::unexpected<error> fail_over_budget() {
        note_.rows_read = counted_.rows_read();
        std::string plan;
        append_json(plan, note_);
        std::string message =
            "This query reads more than " + std::to_string(request_.page.rows_read_max) + " rows.";
        if (!note_.probes.empty()) {
            message += " No index serves " + note_.probes.front() + ".";
        } else if (note_.sorts) {
            message += " No index has this order.";
        }
        message +=
            " Narrow it down by what an index serves: an id, a reference (author, post, "
            "user), a username, or created_at.";
        return std::unexpected{
            error{error_code::too_expensive, std::move(message), {}, std::move(plan)}};
    }

    const list_request& request_;
    counting_reader counted_;
    row_reader rows_;
    evaluator evaluate_;
    std::vector<const test*> tests_;
    source source_;
    std::vector<keyed_row> found_;
    std::string walked_to_;   ///< the key of the last index entry that was looked at
    std::string stopped_at_;  ///< the sort key there, if the budget ended the page
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
