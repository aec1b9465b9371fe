#include "storage/backup/media_list.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <memory>
#include <system_error>
#include <utility>
#include <vector>

#include "storage/backup/backup_damage.hpp"
#include "storage/backup/durable_file.hpp"
#include "storage/dump/pending_target.hpp"
#include "storage/media/media_path.hpp"

namespace pinhole::storage::backup {

namespace {

constexpr std::size_t buffer_bytes = std::size_t{256} << 10U;
constexpr std::size_t sha256_digits = 64;
constexpr std::string_view no_sum = "-";

std::string_view take_word(std::string_view& rest) {
    const std::size_t space = std::min(rest.find(' '), rest.size());
    const std::string_view word = rest.substr(0, space);
    rest.remove_prefix(std::min(space + 1, rest.size()));
    return word;
}

std::optional<listed_medium> parse_line(std::string_view rest) {
    listed_medium medium;
    const std::string_view tree = take_word(rest);
    const std::string_view size = take_word(rest);
    const std::string_view sum = take_word(rest);
    const auto [end, error] =
        std::from_chars(size.data(), size.data() + size.size(), medium.size_bytes);
    if ((tree != "public" && tree != "hidden") || error != std::errc() ||
        end != size.data() + size.size() || (sum != no_sum && sum.size() != sha256_digits) ||
        !media::is_media_path(rest)) {
        return std::nullopt;
    }
    medium.is_public = tree == "public";
    medium.sha256 = sum == no_sum ? std::string_view{} : sum;
    medium.path = rest;
    return medium;
}

/// Several lists as one, in order.
class merged_lists {
public:
    explicit merged_lists(std::span<const std::filesystem::path> paths) {
        for (const auto& path : paths) {
            lists_.push_back({std::make_unique<media_list_reader>(path), {}});
            advance(lists_.back());
        }
        std::erase_if(lists_, [](const list& each) { return !each.next; });
    }

    /// The least path of all; null at the end.
    const std::string* front() const {
        const auto least = std::ranges::min_element(
            lists_, {}, [](const list& each) -> const std::string& { return *each.next; });
        return least == lists_.end() ? nullptr : &*least->next;
    }

    void drop_up_to(const std::string& path) {
        for (list& each : lists_) {
            while (each.next && *each.next <= path) {
                advance(each);
            }
        }
        std::erase_if(lists_, [](const list& each) { return !each.next; });
    }

private:
    struct list {
        std::unique_ptr<media_list_reader> reader;
        std::optional<std::string> next;
    };

    static void advance(list& each) {
        auto medium = each.reader->next();
        each.next = medium ? std::optional{std::move(medium->path)} : std::nullopt;
    }

    std::vector<list> lists_;
};

}  // namespace

media_list_writer::media_list_writer(std::filesystem::path path)
    : path_(std::move(path)), file_(create_aside(path_)) {}

void media_list_writer::append(const listed_medium& medium) {
    buffer_ += medium.is_public ? "public " : "hidden ";
    buffer_ += std::to_string(medium.size_bytes);
    buffer_ += ' ';
    buffer_ += medium.sha256.empty() ? no_sum : std::string_view{medium.sha256};
    buffer_ += ' ';
    buffer_ += medium.path;
    buffer_ += '\n';
    if (buffer_.size() >= buffer_bytes) {
        flush();
    }
}

void media_list_writer::flush() {
    hash_.update(std::as_bytes(std::span{buffer_}));
    dump::write_all(file_.get(), buffer_, "writing a list of media");
    buffer_.clear();
}

std::string media_list_writer::finish() {
    flush();
    give_name(file_.get(), path_);
    file_.reset();
    return media::to_text(hash_.digest());
}

media_list_reader::media_list_reader(const std::filesystem::path& path)
    : name_(path.string()), in_(path, std::ios::binary) {
    if (!in_) {
        if (errno == ENOENT) {
            throw backup_damage{name_ + " is missing"};
        }
        throw std::system_error{errno, std::generic_category(), "open " + name_};
    }
}

std::optional<listed_medium> media_list_reader::next() {
    if (!std::getline(in_, line_)) {
        if (in_.bad()) {
            throw std::system_error{errno, std::generic_category(), "read " + name_};
        }
        return std::nullopt;
    }
    auto medium = in_.eof() ? std::nullopt : parse_line(line_);
    if (!medium || medium->path <= last_path_) {
        throw backup_damage{name_ + " is damaged: it is not what was written"};
    }
    line_ += '\n';
    hash_.update(std::as_bytes(std::span{line_}));
    last_path_ = medium->path;
    return medium;
}

void require_whole_list(const std::filesystem::path& path, std::string_view sha256) {
    media_list_reader list{path};
    while (list.next()) {
    }
    if (list.sha256() != sha256) {
        throw backup_damage{path.string() + " is damaged: it is not what was written"};
    }
}

void for_each_difference(std::span<const std::filesystem::path> of,
                         std::span<const std::filesystem::path> without,
                         const std::function<void(const std::string& path)>& function) {
    merged_lists wanted{of};
    merged_lists unwanted{without};
    while (const std::string* front = wanted.front()) {
        const std::string path = *front;
        while (unwanted.front() != nullptr && *unwanted.front() < path) {
            unwanted.drop_up_to(std::string{*unwanted.front()});
        }
        if (unwanted.front() == nullptr || *unwanted.front() != path) {
            function(path);
        }
        wanted.drop_up_to(path);
    }
}

}  // namespace pinhole::storage::backup
