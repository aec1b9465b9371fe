#include "server/router.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "server/problem.hpp"
#include "server/text.hpp"

namespace pinhole::http {
namespace {

constexpr std::string_view allowed_request_headers =
    "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, If-Range, Range, "
    "X-Request-Id";
constexpr std::string_view exposed_headers =
    "Accept-Ranges, Allow, Content-Range, ETag, Location, Retry-After, WWW-Authenticate, "
    "X-Request-Id";

std::string_view to_view(verb method) {
    const auto text = boost::beast::http::to_string(method);
    return {text.data(), text.size()};
}

/// The segment at the front of a path without its leading slash, taken off with the slash behind.
std::string_view take_segment(std::string_view& rest) {
    const auto slash = rest.find('/');
    const auto segment = rest.substr(0, slash);
    rest = slash == std::string_view::npos ? std::string_view() : rest.substr(slash + 1);
    return segment;
}

}  // namespace

/// One segment deep in the tree of patterns. Few children each: a linear search beats a map.
struct router::node {
    struct method_entry {
        verb method;
        handler handle;
        std::string pattern;
        std::size_t number;                        ///< of the pattern
        std::vector<std::string> parameter_names;  ///< in the order of the path
    };
    struct literal_child {
        std::string segment;
        std::unique_ptr<node> next;
    };

    std::vector<literal_child> literals;
    std::unique_ptr<node> parameter;
    std::unique_ptr<node> rest;  ///< a `{name...}`: never has children
    std::vector<method_entry> methods;

    node& literal(std::string_view segment) {
        for (auto& child : literals) {
            if (child.segment == segment) {
                return *child.next;
            }
        }
        literals.push_back({std::string(segment), std::make_unique<node>()});
        return *literals.back().next;
    }

    const method_entry* entry(verb method) const {
        const auto found = std::ranges::find(methods, method, &method_entry::method);
        return found == methods.end() ? nullptr : &*found;
    }

    const method_entry* entry_for(verb method) const {
        const auto* exact = entry(method);
        return exact == nullptr && method == verb::head ? entry(verb::get) : exact;
    }

    std::string allow() const {
        std::string list;
        const auto append = [&list](std::string_view name) {
            list += list.empty() ? "" : ", ";
            list += name;
        };
        for (const auto& entry : methods) {
            append(to_view(entry.method));
            if (entry.method == verb::get && this->entry(verb::head) == nullptr) {
                append("HEAD");
            }
        }
        append("OPTIONS");
        return list;
    }

    using values = std::vector<std::string_view>;

    /// `path` is what is left, without a leading slash; empty means that the path ends here.
    const node* find(std::string_view path, bool ended, values& parameters) const {
        if (ended) {
            return methods.empty() ? nullptr : this;
        }
        std::string_view remaining = path;
        const auto segment = take_segment(remaining);
        const bool last = segment.size() == path.size();
        for (const auto& child : literals) {
            if (child.segment == segment) {
                if (const auto* found = child.next->find(remaining, last, parameters)) {
                    return found;
                }
                break;
            }
        }
        if (parameter && !segment.empty()) {
            parameters.push_back(segment);
            if (const auto* found = parameter->find(remaining, last, parameters)) {
                return found;
            }
            parameters.pop_back();
        }
        if (rest && !path.empty()) {
            parameters.push_back(path);
            return rest.get();
        }
        return nullptr;
    }

    void add(route added, std::size_t number);
};

void router::node::add(route added, std::size_t number) {
    const auto refuse = [&added](std::string_view why) {
        throw std::invalid_argument("route " + added.pattern + ": " + std::string(why));
    };
    if (!added.pattern.starts_with('/') || !added.handle) {
        refuse("needs a leading slash and a handler");
    }
    std::vector<std::string> names;
    node* at = this;
    std::string_view left = std::string_view(added.pattern).substr(1);
    while (!left.empty()) {
        const auto segment = take_segment(left);
        if (!segment.starts_with('{')) {
            at = &at->literal(segment);
            continue;
        }
        if (!segment.ends_with('}') || segment.size() < 3) {
            refuse("has a malformed parameter");
        }
        auto name = segment.substr(1, segment.size() - 2);
        const bool takes_rest = name.ends_with("...");
        if (takes_rest) {
            name.remove_suffix(3);
        }
        if (takes_rest && !left.empty()) {
            refuse("has something behind its rest");
        }
        auto& child = takes_rest ? at->rest : at->parameter;
        if (!child) {
            child = std::make_unique<node>();
        }
        names.emplace_back(name);
        at = child.get();
    }
    if (at->entry(added.method) != nullptr) {
        refuse("is there twice");
    }
    at->methods.push_back(
        {added.method, std::move(added.handle), added.pattern, number, std::move(names)});
}

router::router(std::vector<route> routes, cors_policy cors)
    : root_(std::make_unique<node>()), patterns_{"unmatched"}, cors_(std::move(cors)) {
    for (auto& added : routes) {
        const auto known = std::ranges::find(patterns_, added.pattern);
        const auto number = static_cast<std::size_t>(known - patterns_.begin());
        if (known == patterns_.end()) {
            patterns_.push_back(added.pattern);
        }
        root_->add(std::move(added), number);
    }
}

router::router(router&&) noexcept = default;
router& router::operator=(router&&) noexcept = default;
router::~router() = default;

const router::node* router::find(request& request) const {
    std::string_view path = request.path;
    if (path == "*") {
        return nullptr;
    }
    path.remove_prefix(1);
    if (path.ends_with('/')) {
        path.remove_suffix(1);
    }
    node::values values;
    const auto* found = root_->find(path, path.empty() && request.path.size() == 1, values);
    if (found == nullptr) {
        return nullptr;
    }
    const auto* entry = found->entry_for(request.method);
    const auto& named = entry != nullptr ? *entry : found->methods.front();
    request.log().route = named.pattern;
    request.log().route_number = named.number;
    request.parameters.clear();
    for (std::size_t i = 0; i < values.size(); ++i) {
        request.parameters.emplace_back(named.parameter_names[i], values[i]);
    }
    return found;
}

boost::asio::awaitable<response> router::dispatch(request& request) const {
    const auto* found = find(request);
    response answer;
    if (request.method == verb::options) {
        answer = answer_options(request, found);
    } else if (found == nullptr) {
        answer = problem(status::not_found, "There is nothing at this path.");
    } else if (const auto* entry = found->entry_for(request.method)) {
        answer = co_await entry->handle(request);
    } else {
        answer = problem(status::method_not_allowed, "This method is not allowed here.");
        answer.set("Allow", found->allow());
    }
    apply_cors(request, answer);
    co_return answer;
}

response router::answer_options(const request& request, const node* found) const {
    if (found == nullptr && request.path != "*") {
        return problem(status::not_found, "There is nothing at this path.");
    }
    auto answer = response::no_content();
    const auto allow = found != nullptr ? found->allow() : std::string("OPTIONS");
    answer.set("Allow", allow);
    const auto origin = request.header("origin");
    const bool preflight = !request.header("access-control-request-method").empty();
    if (preflight && allows_origin(origin)) {
        answer.set("Access-Control-Allow-Methods", allow);
        answer.set("Access-Control-Allow-Headers", std::string(allowed_request_headers));
        answer.set("Access-Control-Max-Age", "600");
    }
    return answer;
}

bool router::allows_origin(std::string_view origin) const {
    return !origin.empty() && std::ranges::any_of(cors_.origins, [origin](std::string_view known) {
        return known == "*" || known == origin;
    });
}

void router::apply_cors(const request& request, response& answer) const {
    if (cors_.origins.empty()) {
        return;
    }
    // Also for other origins and for none, so that no cache hands one's answer to another.
    answer.add("Vary", "Origin");
    const auto origin = request.header("origin");
    if (!allows_origin(origin)) {
        return;
    }
    answer.set("Access-Control-Allow-Origin", std::string(origin));
    answer.set("Access-Control-Expose-Headers", std::string(exposed_headers));
}

}  // namespace pinhole::http
