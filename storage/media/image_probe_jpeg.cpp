// The compressed data of JPEGs, by libjpeg itself.
//
// libjpeg shows grey where data is missing and only warns of it, among warnings that sound photos
// cause as well (stray bytes between segments, as some phones write). libvips passes on either all
// of them or none, so a photo cut in half would pass if it has an end marker. Here the warnings are
// told apart. All data is decoded, but to an eighth of the size: what costs most beyond reading the
// data is left out.

#include <array>
#include <csetjmp>
#include <cstdio>
#include <new>

#include "storage/media/probe_steps.hpp"

// jpeglib.h needs <cstdio> before it.
#include <jerror.h>
#include <jpeglib.h>

namespace pinhole::media {
namespace {

/// Beyond so many warnings of whatever kind the data is damaged; libvips draws the same line.
constexpr long warnings_max = 100;

/// Everything that libjpeg's callbacks need. It leaves a failed call by longjmp, so that nothing
/// with a destructor may live in `decode`.
struct jpeg_reader {
    jpeg_decompress_struct decoder{};
    jpeg_error_mgr errors{};
    std::jmp_buf failed{};

    std::span<const std::uint8_t> bytes;
    bool out_of_memory = false;
    std::array<char, JMSG_LENGTH_MAX> message{};
};

jpeg_reader& reader_of(j_common_ptr decoder) {
    return *static_cast<jpeg_reader*>(decoder->client_data);
}

[[noreturn]] void give_up(j_common_ptr decoder) {
    jpeg_reader& reader = reader_of(decoder);
    decoder->err->format_message(decoder, reader.message.data());
    reader.out_of_memory = decoder->err->msg_code == JERR_OUT_OF_MEMORY;
    std::longjmp(reader.failed, 1);
}

void take_message(j_common_ptr decoder, int level) {
    if (level >= 0) {
        return;  // a trace
    }
    const int code = decoder->err->msg_code;
    const bool data_is_missing = code == JWRN_HIT_MARKER || code == JWRN_JPEG_EOF;
    if (data_is_missing || ++decoder->err->num_warnings >= warnings_max) {
        give_up(decoder);
    }
}

/// False if libjpeg gave up.
bool decode(jpeg_reader& reader) {
    jpeg_decompress_struct& decoder = reader.decoder;
    if (setjmp(reader.failed) != 0) {
        return false;
    }
    jpeg_create_decompress(&decoder);
    jpeg_mem_src(&decoder, reader.bytes.data(), reader.bytes.size());
    jpeg_read_header(&decoder, TRUE);
    decoder.out_color_space = decoder.jpeg_color_space;
    decoder.scale_num = 1;
    decoder.scale_denom = 8;
    decoder.do_fancy_upsampling = FALSE;
    decoder.do_block_smoothing = FALSE;
    jpeg_start_decompress(&decoder);
    JSAMPARRAY row = decoder.mem->alloc_sarray(
        reinterpret_cast<j_common_ptr>(&decoder), JPOOL_IMAGE,
        decoder.output_width * static_cast<JDIMENSION>(decoder.output_components), 1);
    while (decoder.output_scanline < decoder.output_height) {
        jpeg_read_scanlines(&decoder, row, 1);
    }
    jpeg_finish_decompress(&decoder);
    return true;
}

}  // namespace

std::optional<std::string> find_jpeg_damage(std::span<const std::uint8_t> bytes) {
    jpeg_reader reader;
    reader.bytes = bytes;
    reader.decoder.err = jpeg_std_error(&reader.errors);
    reader.decoder.client_data = &reader;
    reader.errors.error_exit = give_up;
    reader.errors.emit_message = take_message;
    const bool whole = decode(reader);
    jpeg_destroy_decompress(&reader.decoder);
    if (reader.out_of_memory) {
        throw std::bad_alloc();
    }
    return whole ? std::nullopt : std::optional<std::string>(reader.message.data());
}

}  // namespace pinhole::media
