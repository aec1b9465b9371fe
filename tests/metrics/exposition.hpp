// Prometheus' text format, version 0.0.4, read as strictly as its description allows: what this
// accepts every Prometheus takes. It shares nothing with the library that the server writes it
// with.
#pragma once

#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace pinhole::test {

using metric_labels = std::map<std::string, std::string>;

struct metric_sample {
    std::string name;  ///< of a histogram with `_bucket`, `_sum` or `_count` behind
    metric_labels labels;
    double value = 0;
};

struct metric_family {
    std::string name;
    std::string help;
    std::string type;  ///< counter, gauge, histogram
    std::vector<metric_sample> samples;
};

struct malformed_exposition : std::runtime_error {
    using std::runtime_error::runtime_error;
};

class exposition {
public:
    /// Errors: throws malformed_exposition that says which line breaks which rule.
    explicit exposition(std::string_view text);

    const std::vector<metric_family>& families() const { return families_; }
    bool has(std::string_view family) const;

    /// The sample with exactly these labels; 0 if the family has none.
    /// Errors: std::out_of_range if there is no such family.
    double value(std::string_view sample_name, const metric_labels& labels = {}) const;
    /// Of all samples that have these labels among theirs.
    double sum(std::string_view sample_name, const metric_labels& among = {}) const;

private:
    void add_line(std::string_view line);
    void begin_family(std::string_view rest);
    void set_type(std::string_view rest);
    void add_sample(std::string_view line);
    void check_histograms() const;
    const metric_family& family_of(std::string_view sample_name) const;

    std::vector<metric_family> families_;
};

}  // namespace pinhole::test
