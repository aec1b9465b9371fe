#include "tests/metrics/exposition.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <regex>
#include <set>

namespace pinhole::test {

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

[[noreturn]] void refuse(std::string_view why, std::string_view line) {
    throw malformed_exposition(std::string(why) + ": " + std::string(line));
}

bool is_name(std::string_view text) {
    static const std::regex pattern("[a-zA-Z_:][a-zA-Z0-9_:]*");
    return std::regex_match(text.begin(), text.end(), pattern);
}

bool is_label_name(std::string_view text) {
    static const std::regex pattern("[a-zA-Z_][a-zA-Z0-9_]*");
    return std::regex_match(text.begin(), text.end(), pattern) && !text.starts_with("__");
}

double parse_value(std::string_view text, std::string_view line) {
    if (text == "+Inf" || text == "Inf") {
        return infinity;
    }
    static const std::regex number("[+-]?([0-9]+(\\.[0-9]*)?|\\.[0-9]+)([eE][+-]?[0-9]+)?");
    if (!std::regex_match(text.begin(), text.end(), number)) {
        refuse("this is no value", line);
    }
    return std::strtod(std::string(text).c_str(), nullptr);
}

/// Takes `"…"` off the front, its escapes resolved.
std::string take_quoted(std::string_view& rest, std::string_view line) {
    if (!rest.starts_with('"')) {
        refuse("a label's value is not quoted", line);
    }
    std::string value;
    for (std::size_t at = 1; at < rest.size(); ++at) {
        const char c = rest[at];
        if (c == '"') {
            rest.remove_prefix(at + 1);
            return value;
        }
        if (c != '\\') {
            value += c;
            continue;
        }
        const char escaped = ++at < rest.size() ? rest[at] : '\0';
        if (escaped != '\\' && escaped != '"' && escaped != 'n') {
            refuse("an unknown escape", line);
        }
        value += escaped == 'n' ? '\n' : escaped;
    }
    refuse("a label's value has no end", line);
}

metric_labels take_labels(std::string_view& rest, std::string_view line) {
    metric_labels labels;
    if (!rest.starts_with('{')) {
        return labels;
    }
    rest.remove_prefix(1);
    while (!rest.starts_with('}')) {
        const auto equals = rest.find('=');
        const auto name = rest.substr(0, equals);
        if (equals == std::string_view::npos || !is_label_name(name)) {
            refuse("this is no label", line);
        }
        rest.remove_prefix(equals + 1);
        if (!labels.emplace(name, take_quoted(rest, line)).second) {
            refuse("a label is there twice", line);
        }
        if (rest.starts_with(',')) {
            rest.remove_prefix(1);
        } else if (!rest.starts_with('}')) {
            refuse("something stands behind a label", line);
        }
    }
    rest.remove_prefix(1);
    return labels;
}

bool belongs_to(const metric_family& family, std::string_view sample) {
    if (family.type != "histogram") {
        return sample == family.name;
    }
    return sample == family.name + "_bucket" || sample == family.name + "_sum" ||
           sample == family.name + "_count";
}

void check_sample(const metric_family& family, const metric_sample& sample, std::string_view line) {
    if (family.type == "counter" && (sample.value < 0 || !std::isfinite(sample.value))) {
        refuse("a counter is no count", line);
    }
    const bool is_bucket = family.type == "histogram" && sample.name.ends_with("_bucket");
    if (is_bucket != sample.labels.contains("le")) {
        refuse("`le` is a bucket's label, and every bucket's", line);
    }
    for (const auto& other : family.samples) {
        if (other.name == sample.name && other.labels == sample.labels) {
            refuse("a sample is there twice", line);
        }
    }
}

/// Of one set of labels.
struct histogram {
    std::map<double, double> buckets;
    double count = -1;
    bool has_sum = false;
};

void check_histogram(const histogram& checked, std::string_view name) {
    double before = 0;
    for (const auto& [bound, count] : checked.buckets) {
        if (count < before) {
            refuse("buckets are to be cumulative", name);
        }
        before = count;
    }
    if (!checked.buckets.contains(infinity) || !checked.has_sum || checked.count < 0 ||
        checked.buckets.at(infinity) != checked.count) {
        refuse("a histogram lacks its sum, or its count is not its last bucket", name);
    }
}

}  // namespace

exposition::exposition(std::string_view text) {
    if (!text.empty() && !text.ends_with('\n')) {
        refuse("the last line has no end", text.substr(text.rfind('\n') + 1));
    }
    while (!text.empty()) {
        const auto end = text.find('\n');
        add_line(text.substr(0, end));
        text.remove_prefix(end + 1);
    }
    check_histograms();
}

void exposition::add_line(std::string_view line) {
    constexpr std::string_view help = "# HELP ";
    constexpr std::string_view type = "# TYPE ";
    if (line.starts_with(help)) {
        begin_family(line.substr(help.size()));
    } else if (line.starts_with(type)) {
        set_type(line.substr(type.size()));
    } else if (line.starts_with('#') || line.empty()) {
        refuse("this server writes neither comments nor empty lines", line);
    } else {
        add_sample(line);
    }
}

void exposition::begin_family(std::string_view rest) {
    const auto space = rest.find(' ');
    const auto name = rest.substr(0, space);
    if (space == std::string_view::npos || !is_name(name)) {
        refuse("HELP without a name and a text", rest);
    }
    if (has(name)) {
        refuse("a family is there twice", rest);
    }
    families_.push_back({.name = std::string(name),
                         .help = std::string(rest.substr(space + 1)),
                         .type = {},
                         .samples = {}});
}

void exposition::set_type(std::string_view rest) {
    const auto space = rest.find(' ');
    const auto type = rest.substr(std::min(space, rest.size() - 1) + 1);
    if (families_.empty() || families_.back().name != rest.substr(0, space) ||
        !families_.back().type.empty()) {
        refuse("TYPE does not follow its HELP", rest);
    }
    if (type != "counter" && type != "gauge" && type != "histogram") {
        refuse("an unknown type", rest);
    }
    if ((type == "counter") != families_.back().name.ends_with("_total")) {
        refuse("counters, and they alone, end in _total", rest);
    }
    families_.back().type = type;
}

void exposition::add_sample(std::string_view line) {
    auto rest = line;
    const auto name = rest.substr(0, rest.find_first_of("{ "));
    rest.remove_prefix(name.size());
    metric_sample sample{.name = std::string(name), .labels = take_labels(rest, line)};
    if (!is_name(name) || !rest.starts_with(' ')) {
        refuse("this is no sample", line);
    }
    sample.value = parse_value(rest.substr(1), line);
    if (families_.empty() || families_.back().type.empty() || !belongs_to(families_.back(), name)) {
        refuse("a sample does not stand in its family", line);
    }
    check_sample(families_.back(), sample, line);
    families_.back().samples.push_back(std::move(sample));
}

void exposition::check_histograms() const {
    for (const auto& family : families_) {
        std::map<metric_labels, histogram> histograms;
        for (const auto& sample : family.samples) {
            if (family.type != "histogram") {
                break;
            }
            auto labels = sample.labels;
            labels.erase("le");
            auto& own = histograms[labels];
            if (sample.name.ends_with("_bucket")) {
                own.buckets[parse_value(sample.labels.at("le"), sample.name)] = sample.value;
            } else if (sample.name.ends_with("_count")) {
                own.count = sample.value;
            } else {
                own.has_sum = true;
            }
        }
        for (const auto& [labels, each] : histograms) {
            check_histogram(each, family.name);
        }
    }
}

bool exposition::has(std::string_view family) const {
    return std::ranges::find(families_, family, &metric_family::name) != families_.end();
}

const metric_family& exposition::family_of(std::string_view sample_name) const {
    const auto found = std::ranges::find_if(
        families_, [&](const auto& family) { return belongs_to(family, sample_name); });
    if (found == families_.end()) {
        throw std::out_of_range("there is no metric " + std::string(sample_name));
    }
    return *found;
}

double exposition::value(std::string_view sample_name, const metric_labels& labels) const {
    for (const auto& sample : family_of(sample_name).samples) {
        if (sample.name == sample_name && sample.labels == labels) {
            return sample.value;
        }
    }
    return 0;
}

double exposition::sum(std::string_view sample_name, const metric_labels& among) const {
    double sum = 0;
    for (const auto& sample : family_of(sample_name).samples) {
        const bool has_all = std::ranges::all_of(among, [&](const auto& label) {
            const auto found = sample.labels.find(label.first);
            return found != sample.labels.end() && found->second == label.second;
        });
        sum += sample.name == sample_name && has_all ? sample.value : 0;
    }
    return sum;
}

}  // namespace pinhole::test
