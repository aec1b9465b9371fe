#include "storage/django/fixture_reader.hpp"

#include <unistd.h>
#include <zlib.h>

#include <cerrno>
#include <iterator>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <system_error>
#include <tuple>
#include <utility>

namespace pinhole::storage::django {

using nlohmann::json;

namespace {

constexpr unsigned buffer_bytes = 256U << 10U;
constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

bool is_space(int c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

void to_lower(std::string& text) {
    for (char& c : text) {
        c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
}

}  // namespace

dump::json_member* fixture_object::find(std::string_view name) {
    for (dump::json_member& field : fields()) {
        if (field.name == name) {
            return &field;
        }
    }
    return nullptr;
}

/// The file's bytes one by one, with the line at which they are.
class fixture_reader::input {
public:
    explicit input(unique_fd file) : buffer_(buffer_bytes) {
        file_ = ::gzdopen(file.get(), "rb");
        if (file_ == nullptr) {
            throw std::bad_alloc{};
        }
        (void)file.release();
        (void)::gzbuffer(file_, buffer_bytes);
    }
    input(const input&) = delete;
    input& operator=(const input&) = delete;
    ~input() { ::gzclose(file_); }

    /// -1 at the end.
    int peek() {
        if (at_ == end_ && !fill()) {
            return -1;
        }
        return static_cast<unsigned char>(buffer_[at_]);
    }
    void advance() {
        line_ += buffer_[at_] == '\n' ? 1 : 0;
        ++at_;
    }
    void take_byte_order_mark() {
        if (peek() != -1 && end_ >= byte_order_mark.size() &&
            std::string_view{buffer_.data(), byte_order_mark.size()} == byte_order_mark) {
            at_ = byte_order_mark.size();
        }
    }
    void skip_space() {
        while (is_space(peek())) {
            advance();
        }
    }

    std::uint64_t line() const { return line_; }
    std::uint64_t position() const { return before_ + at_; }
    std::uint64_t bytes_read() const {
        const auto at = ::gzoffset(file_);
        return at > 0 ? static_cast<std::uint64_t>(at) : 0;
    }

private:
    bool fill() {
        before_ += end_;
        at_ = end_ = 0;
        const int got = ::gzread(file_, buffer_.data(), buffer_bytes);
        if (got < 0) {
            throw_failure();
        }
        end_ = static_cast<std::size_t>(got);
        // Compressed bytes that end too early are told at the close only, or by this.
        int error = Z_OK;
        (void)::gzerror(file_, &error);
        if (got == 0 && error == Z_BUF_ERROR) {
            throw unreadable_fixture{line_, "the compressed file is cut short"};
        }
        return got > 0;
    }
    [[noreturn]] void throw_failure() const {
        const int system_error = errno;
        int error = Z_OK;
        const std::string message = ::gzerror(file_, &error);
        if (error == Z_ERRNO) {
            throw std::system_error{system_error, std::system_category(), "reading the fixture"};
        }
        throw unreadable_fixture{line_, "the compressed file is damaged: " + message};
    }
    gzFile file_ = nullptr;
    std::vector<char> buffer_;
    std::size_t at_ = 0;
    std::size_t end_ = 0;
    std::uint64_t before_ = 0;
    std::uint64_t line_ = 1;
};

namespace {

/// What nlohmann's parser reads from. All copies are at the same place.
template <class Input>
class byte_iterator {
public:
    using iterator_category = std::input_iterator_tag;
    using value_type = char;
    using difference_type = std::ptrdiff_t;
    using pointer = const char*;
    using reference = char;

    byte_iterator() = default;
    explicit byte_iterator(Input& input, const std::uint64_t& object_begin)
        : input_(&input), object_begin_(&object_begin) {}

    char operator*() const { return static_cast<char>(input_->peek()); }
    byte_iterator& operator++() {
        input_->advance();
        return *this;
    }
    byte_iterator operator++(int) {
        byte_iterator before = *this;
        input_->advance();
        return before;
    }
    friend bool operator==(const byte_iterator& a, const byte_iterator& b) {
        return a.at_end() == b.at_end();
    }

private:
    /// An object that is too long ends there, and the parser complains.
    bool at_end() const {
        return input_ == nullptr || input_->peek() == -1 ||
               input_->position() - *object_begin_ > object_bytes_max;
    }

    Input* input_ = nullptr;
    const std::uint64_t* object_begin_ = nullptr;
};

}  // namespace

/// Makes objects of the parser's events. `Input` says where it is.
class object_handler final : public nlohmann::json_sax<json> {
public:
    using take_function = std::function<void(fixture_object&)>;
    using place_function = std::function<std::pair<std::uint64_t, std::uint64_t>()>;

    /// `place`: the line, and the number of bytes before.
    object_handler(bool in_array, const take_function& take, place_function place)
        : take_(take), place_(std::move(place)), outer_depth_(in_array ? 1 : 0) {}

    std::string problem;             ///< why it has stopped
    std::uint64_t object_begin = 0;  ///< in bytes

    bool null() override { return set(dump::json_kind::null, 0); }
    bool boolean(bool value) override { return set(dump::json_kind::boolean, value ? 1 : 0); }
    bool number_integer(number_integer_t value) override {
        return set(dump::json_kind::integer, value);
    }
    bool number_unsigned(number_unsigned_t value) override {
        constexpr auto integer_max =
            static_cast<number_unsigned_t>(std::numeric_limits<std::int64_t>::max());
        return value <= integer_max
                   ? set(dump::json_kind::integer, static_cast<std::int64_t>(value))
                   : set(dump::json_kind::other, 0);
    }
    bool number_float(number_float_t /*value*/, const string_t& /*text*/) override {
        return set(dump::json_kind::other, 0);
    }
    bool string(string_t& value) override {
        text_.swap(value);
        return set(dump::json_kind::text, 0);
    }
    bool binary(binary_t& /*value*/) override { return set(dump::json_kind::other, 0); }

    bool start_object(std::size_t /*count*/) override {
        if (depth_ == outer_depth_) {
            begin_object();
        } else if (depth_ < outer_depth_) {
            return refuse("is no fixture: neither a list of objects nor one object a line");
        } else if (depth_ == outer_depth_ + 1 && name_ == "fields") {
            has_fields_ = true;
        } else {
            set(dump::json_kind::other, 0);
        }
        ++depth_;
        return true;
    }
    bool start_array(std::size_t /*count*/) override {
        if (depth_ == outer_depth_) {
            return refuse(not_an_object);
        }
        if (depth_ > outer_depth_) {
            set(dump::json_kind::other, 0);
        }
        ++depth_;
        return true;
    }
    bool end_object() override {
        --depth_;
        if (depth_ == outer_depth_) {
            end_of_object();
        }
        return true;
    }
    bool end_array() override {
        --depth_;
        return true;
    }
    bool key(string_t& name) override {
        if (depth_ == outer_depth_ + 1) {
            name_.swap(name);
            if (name_ != "model" && name_ != "pk" && name_ != "fields") {
                find_fault("has " + name_ + " beside model, pk and fields");
            }
        } else if (depth_ == outer_depth_ + 2 && name_ == "fields") {
            add_field(name);
        }
        return true;
    }
    bool parse_error(std::size_t /*position*/, const std::string& /*token*/,
                     const nlohmann::detail::exception& /*error*/) override {
        const bool is_long =
            depth_ > outer_depth_ && place_().second - object_begin > object_bytes_max;
        return refuse(is_long ? "an object is longer than 16 MiB"
                              : "is not JSON from here on, or is cut short");
    }

private:
    static constexpr const char* not_an_object = "has something that is not an object";

    bool refuse(std::string why) {
        problem = std::move(why);
        return false;
    }
    void find_fault(std::string why) {
        if (object_.problem.empty()) {
            object_.problem = std::move(why);
        }
    }
    void begin_object() {
        std::tie(object_.line, object_begin) = place_();
        object_.model.clear();
        object_.pk.clear();
        object_.problem.clear();
        object_.count_ = 0;
        has_fields_ = false;
        name_.clear();
    }
    void end_of_object() {
        if (object_.model.empty()) {
            find_fault("is no object of a fixture: it has no model");
        } else if (!has_fields_) {
            find_fault("has no fields");
        }
        take_(object_);
        object_begin = place_().second;
    }
    bool set(dump::json_kind kind, std::int64_t integer) {
        if (depth_ <= outer_depth_) {
            return refuse(not_an_object);
        }
        if (depth_ == outer_depth_ + 1) {
            set_member(kind, integer);
        } else if (depth_ == outer_depth_ + 2 && name_ == "fields" && object_.count_ != 0) {
            dump::json_member& field = object_.fields_[object_.count_ - 1];
            field.kind = kind;
            field.integer = integer;
            if (kind == dump::json_kind::text) {
                field.text.swap(text_);
            }
        }
        return true;
    }
    void set_member(dump::json_kind kind, std::int64_t integer) {
        if (name_ == "model") {
            object_.model = kind == dump::json_kind::text ? text_ : "";
            to_lower(object_.model);
        } else if (name_ == "pk") {
            if (kind == dump::json_kind::integer) {
                object_.pk = std::to_string(integer);
            } else if (kind == dump::json_kind::text) {
                object_.pk = text_;
            } else if (kind != dump::json_kind::null) {
                find_fault("pk must be a number or a text");
            }
        } else if (name_ == "fields") {
            find_fault("fields must be an object");
        }
    }
    void add_field(std::string& name) {
        if (object_.find(name) != nullptr) {
            find_fault("the field " + name + " comes twice");
        }
        if (object_.count_ == object_fields_max) {
            find_fault("has more than " + std::to_string(object_fields_max) + " fields");
            return;
        }
        if (object_.count_ == object_.fields_.size()) {
            object_.fields_.emplace_back();
        }
        dump::json_member& field = object_.fields_[object_.count_++];
        field.name.swap(name);
        field.is_known = false;
    }

    const take_function& take_;
    place_function place_;
    std::size_t outer_depth_;  ///< of the objects
    std::size_t depth_ = 0;
    std::string name_;  ///< of the object's member
    std::string text_;
    bool has_fields_ = false;
    fixture_object object_;
};

fixture_reader::fixture_reader(unique_fd file) : input_(std::make_unique<input>(std::move(file))) {}

fixture_reader::~fixture_reader() = default;

std::uint64_t fixture_reader::bytes_read() const {
    return input_->bytes_read();
}

void fixture_reader::for_each(const std::function<void(fixture_object&)>& take) {
    const auto place = [this] { return std::pair{input_->line(), input_->position()}; };
    input_->take_byte_order_mark();
    input_->skip_space();
    const bool in_array = input_->peek() == '[';
    object_handler events{in_array, take, place};
    constexpr bool is_strict = false;  // what follows is looked at here
    do {
        events.object_begin = input_->position();
        const byte_iterator<input> begin{*input_, events.object_begin};
        const bool is_read = json::sax_parse(begin, byte_iterator<input>{}, &events,
                                             json::input_format_t::json, is_strict);
        if (!is_read) {
            throw unreadable_fixture{input_->line(),
                                     events.problem.empty() ? "is not JSON" : events.problem};
        }
        input_->skip_space();
        if (in_array && input_->peek() != -1) {
            throw unreadable_fixture{input_->line(), "has something behind its end"};
        }
    } while (input_->peek() != -1);
}

}  // namespace pinhole::storage::django
