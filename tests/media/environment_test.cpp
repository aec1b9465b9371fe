// What is the machine's fault is never said to be the file's: an exception, which a server answers
// with "try again later", and no refusal.

#include <sys/syscall.h>
#include <unistd.h>
#include <vips/vips.h>

#include <atomic>
#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <string>

#include "storage/media/probe.hpp"
#include "tests/media/measured_probe.hpp"
#include "tests/media/media_files.hpp"
#include "tests/support/media_samples.hpp"
#include "tests/support/sanitizers.hpp"

using namespace pinhole::test;
using namespace pinhole::media;

namespace {

/// How many more reads succeed; negative: all.
std::atomic<int> reads_left = -1;

}  // namespace

/// The probes' reads come here instead of to the C library's function of that name.
extern "C" ssize_t pread(int fd, void* to, size_t size, off_t offset) {
    if (reads_left == 0) {
        errno = EIO;
        return -1;
    }
    if (reads_left > 0) {
        --reads_left;
    }
    return ::syscall(SYS_pread64, fd, to, size, offset);
}

namespace {

struct sample {
    const char* name;
    const std::string& (*bytes)();
};

constexpr sample samples[] = {
    {"jpeg", sample_jpeg}, {"progressive jpeg", sample_progressive_jpeg},
    {"png", sample_png},   {"animated gif", sample_animated_gif},
    {"webp", sample_webp}, {"animated webp", sample_animated_webp},
    {"heic", sample_heic}, {"avif", sample_avif},
    {"mp4", sample_mp4},   {"mov", sample_mov},
    {"webm", sample_webm},
};

/// While it lives, the disk fails after so many reads.
struct failing_disk {
    explicit failing_disk(int reads) { reads_left = reads; }
    failing_disk(const failing_disk&) = delete;
    failing_disk& operator=(const failing_disk&) = delete;
    ~failing_disk() { reads_left = -1; }
};

int count_vips_objects() {
    int count = 0;
    vips_object_map(
        [](void*, void* counted, void*) -> void* {
            ++*static_cast<int*>(counted);
            return nullptr;
        },
        &count, nullptr);
    return count;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(environment)

BOOST_AUTO_TEST_CASE(a_disk_that_fails_is_an_exception_whenever_it_does) {
    constexpr int reads_max = 300;
    const temporary_directory folder;
    for (const sample& each : samples) {
        const auto file = write_file(folder.path() / "upload", each.bytes());
        bool accepted = false;
        for (int reads = 0; reads < reads_max && !accepted; ++reads) {
            BOOST_TEST_CONTEXT(each.name << " after " << reads << " reads") {
                try {
                    const failing_disk disk(reads);
                    const auto result = probe(file);
                    accepted = result.has_value();
                    BOOST_TEST(accepted);
                } catch (const std::system_error& error) {
                    BOOST_TEST(error.code().value() == EIO);
                }
            }
        }
        BOOST_TEST(accepted, each.name);
    }
}

BOOST_AUTO_TEST_CASE(a_shortage_of_descriptors_is_never_the_files_fault) {
    for (const sample& each : samples) {
        BOOST_TEST_CONTEXT(each.name) {
            if (costs_are_real) {  // the sanitizers themselves open what they need to report with
                BOOST_TEST(measure_probe(each.bytes(), {.descriptors = 0}).threw);
            }
            BOOST_TEST(measure_probe(each.bytes(), {.descriptors = 1}).accepted);
        }
    }
}

BOOST_AUTO_TEST_CASE(a_shortage_of_memory_is_never_the_files_fault) {
    if (!costs_are_real) {
        BOOST_TEST_MESSAGE("not tested: a sanitizer needs all address space");
        return;
    }
    for (const std::string& bytes :
         {make_progressive_jpeg(3'000, 2'000), make_webp(3'000, 2'000)}) {
        BOOST_TEST(measure_probe(bytes).accepted);
        const measured_probe short_of_memory = measure_probe(bytes, {.memory_bytes = 8L << 20});
        BOOST_TEST(!short_of_memory.crashed);
        BOOST_TEST(short_of_memory.threw);
    }
}

BOOST_AUTO_TEST_CASE(no_probe_leaves_anything_behind_in_libvips) {
    const auto probe_all = [] {
        for (const sample& each : samples) {
            const std::string half = each.bytes().substr(0, each.bytes().size() / 2);
            BOOST_TEST(probe_bytes(each.bytes()).has_value());
            BOOST_TEST(!probe_bytes(each.bytes(), {.image_side_max = 10, .video_side_max = 10}));
            BOOST_TEST(!probe_bytes(half));
        }
    };
    probe_all();  // what is made once
    const int objects = count_vips_objects();
    const int allocations = vips_tracked_get_allocs();
    const int files = vips_tracked_get_files();
    probe_all();
    BOOST_TEST(count_vips_objects() == objects);
    BOOST_TEST(vips_tracked_get_allocs() == allocations);
    BOOST_TEST(vips_tracked_get_files() == files);
}

BOOST_AUTO_TEST_SUITE_END()
