// Of the passes of a conversion the last: files are taken in with their posts, and rows written in
// the order of their ids.
#include <iterator>
#include <utility>

#include "storage/django/conversion.hpp"
#include "storage/media/media_path.hpp"
#include "storage/posts.hpp"

namespace pinhole::storage::django {

namespace {

constexpr std::size_t buffer_bytes = std::size_t{256} << 10U;
/// As dump_checker.hpp: more under one post, deleted ones too, are refused.
constexpr std::size_t files_of_post_max = 1024;

/// Django's own positions, where they say an order and could be ours; else 0, 1, 2…
void number_files(std::vector<staged<file>>& files) {
    std::int64_t last = -1;
    bool are_sound = true;
    for (const staged<file>& each : files) {
        are_sound = are_sound && each.row.position > last;
        last = each.row.position;
    }
    for (std::size_t i = 0; i < files.size() && !are_sound; ++i) {
        files[i].row.position = static_cast<std::int64_t>(i);
    }
}

std::ptrdiff_t count_alive(const std::vector<staged<file>>& files) {
    return std::ranges::count_if(files, [](const auto& each) { return !each.row.is_deleted; });
}

}  // namespace

/// Both come by the hash of the post's primary key.
void conversion::join_files() {
    begin_sorting(posts_in_order_);
    begin_sorting(files_in_order_);
    dump::spool_reader posts{settled_posts_.fd(), 0, settled_posts_.size_bytes(), buffer_bytes};
    auto next = files_by_post_->next();
    std::uint64_t done = 0;
    while (const auto record = posts.record()) {
        auto parent = decode_staged<post>(*record);
        const pk_key key = key_of(parent.pk);
        std::vector<staged<file>> files;
        for (; next && next->key.starts_with(bytes_of(key)); next = files_by_post_->next()) {
            ++done;
            files.push_back(decode_staged<file>(next->value));
            if (files.size() > files_of_post_max) {
                fault(section::file, files.back().line, files.back().pk,
                      "its post " + parent.pk + " has too many files");
                files.pop_back();
            }
        }
        watch_.advance({.phase = "files", .done = done, .total = files_by_post_->size()});
        join(parent, files);
    }
    files_by_post_.reset();
}

void conversion::join(staged<post>& parent, std::vector<staged<file>>& files) {
    number_files(files);
    if (std::cmp_greater(count_alive(files), files_per_post_max)) {
        fault(section::post, parent.line, parent.pk,
              "has more than " + std::to_string(files_per_post_max) + " files");
        return;
    }
    // Those of a post that is skipped must not have been taken in, so first what decides that.
    take_in_some(files, false);
    if (count_alive(files) == 0) {
        skip_post(parent);
        return;
    }
    take_in_some(files, true);
    posts_in_order_->add(sort_key(section::post, parent), encode_staged(parent));
    for (const staged<file>& each : files) {
        files_in_order_->add(sort_key(section::file, each), encode_staged(each));
    }
}

/// Of the deleted ones, or of the others, those that are bad go.
void conversion::take_in_some(std::vector<staged<file>>& files, bool deleted) {
    for (staged<file>& each : files) {
        if (each.row.is_deleted == deleted && !take_in(each)) {
            each.path.clear();
        }
    }
    std::erase_if(files, [](const staged<file>& each) { return each.path.empty(); });
}

/// False if the file is bad, which has been told.
bool conversion::take_in(staged<file>& attached) {
    const section said = attached.is_of_post ? section::post : section::file;
    const auto taken = media_->take(attached.path, model_of(said) + ' ' + attached.pk);
    if (!taken) {
        const std::string problem = attached.path + ' ' + taken.error();
        if (!options_.skip_bad_files) {
            fault(said, attached.line, attached.pk, problem);
        } else {
            ++counts_.files_skipped;
            tell(said, attached.pk, problem + ": skipped");
        }
        return false;
    }
    file& row = attached.row;
    row.type = taken->info.kind == media::media_kind::image ? "image" : "video";
    row.url = media::to_media_url(taken->media_path);
    row.content_type = taken->info.content_type;
    row.size = static_cast<std::int64_t>(taken->info.size_bytes);
    row.width = taken->info.width;
    row.height = taken->info.height;
    row.sha256 = taken->sha256;
    return true;
}

void conversion::skip_post(const staged<post>& parent) {
    constexpr const char* problem = "has no file that is good and not deleted";
    if (!options_.skip_bad_files) {
        // Where a file of it is bad, that is told already; but more than one fault is no harm.
        fault(section::post, parent.line, parent.pk,
              std::string{problem} +
                  ", and a post needs one. --skip-bad-files leaves such posts out");
        return;
    }
    ++counts_.posts_skipped;
    tell(section::post, parent.pk, std::string{problem} + ": skipped, with what hangs under it");
    known_posts_.find(key_of(parent.pk))->is_skipped = true;
}

/// All of a sorter that holds rows in the order of their ids.
template <class Row, class Function>
void conversion::for_each_sorted(std::string_view phase, sorter& from, const Function& function) {
    from->finish();
    watch_.advance({.phase = phase, .done = 0, .total = from->size()});
    while (const auto record = from->next()) {
        auto object = decode_staged<Row>(record->value);
        function(record->key, object);
    }
    from.reset();
}

void conversion::write_users() {
    auto renamed = new_names_->next();
    for_each_sorted<user>("users", users_in_order_, [&](std::string_view key, auto& object) {
        if (renamed && renamed->key == key) {
            object.row.username = renamed->value;
            renamed = new_names_->next();
        }
        known_users_.find(key_of(object.pk))->id = write(section::user, object);
    });
    new_names_.reset();
}

void conversion::write_posts() {
    for_each_sorted<post>("posts", posts_in_order_, [&](std::string_view, auto& object) {
        object.row.author = {known_users_.find(key_from(object.person))->id};
        known_posts_.find(key_of(object.pk))->id = write(section::post, object);
    });
}

template <class Row>
void conversion::write_children(section which, sorter& from, std::uint64_t& skipped) {
    for_each_sorted<Row>(schema<Row>::name, from, [&](std::string_view, auto& object) {
        const known_post* parent = known_posts_.find(key_from(object.parent));
        if (parent->is_skipped) {
            ++skipped;
            return;
        }
        object.row.post = {parent->id};
        if constexpr (requires { object.row.author; }) {
            object.row.author = {known_users_.find(key_from(object.person))->id};
        } else if constexpr (requires { object.row.user; }) {
            object.row.user = {known_users_.find(key_from(object.person))->id};
        }
        write(which, object);
    });
}

template void conversion::write_children<file>(section, sorter&, std::uint64_t&);
template void conversion::write_children<comment>(section, sorter&, std::uint64_t&);
template void conversion::write_children<like>(section, sorter&, std::uint64_t&);

}  // namespace pinhole::storage::django
