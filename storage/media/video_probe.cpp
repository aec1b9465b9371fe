// Videos, by libavformat and libavcodec. The demuxer is given by the sniffed format and reads
// through our own callbacks on one descriptor, so that nothing in a file can make it open another
// file or an address.

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <limits>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <utility>

#include "storage/media/probe_steps.hpp"

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/common.h>
#include <libavutil/display.h>
}

namespace pinhole::media {
namespace {

using steady_clock = std::chrono::steady_clock;

constexpr std::array accepted_codecs{AV_CODEC_ID_H264, AV_CODEC_ID_HEVC, AV_CODEC_ID_MPEG4,
                                     AV_CODEC_ID_VP8,  AV_CODEC_ID_VP9,  AV_CODEC_ID_AV1};
constexpr const char* accepted_codecs_text = "H.264, HEVC, MPEG-4, VP8, VP9, AV1";

/// The most that the library may allocate at once: a plane of an 8K picture with 16 bits takes
/// 68 MiB, and no honest index more than a few.
constexpr std::size_t allocation_bytes_max = 128U << 20;

/// How many packets may pass before the first picture comes out.
constexpr int packets_before_picture_max = 250;

std::string to_text(int av_error) {
    std::array<char, AV_ERROR_MAX_STRING_SIZE> text{};
    av_strerror(av_error, text.data(), text.size());
    return text.data();
}

/// The demuxer's view of the file. Gives up once the deadline has passed.
struct byte_source {
    int fd;
    steady_clock::time_point deadline;
    std::int64_t position = 0;
    std::int64_t size_bytes = 0;

    bool expired() const { return steady_clock::now() > deadline; }
};

int read_bytes(void* opaque, std::uint8_t* to, int size) {
    auto& source = *static_cast<byte_source*>(opaque);
    if (source.expired()) {
        return AVERROR_EXIT;
    }
    ssize_t got = -1;
    do {
        got = ::pread(source.fd, to, static_cast<std::size_t>(size), source.position);
    } while (got < 0 && errno == EINTR);
    if (got < 0) {
        return AVERROR(errno);
    }
    source.position += got;
    return got == 0 ? AVERROR_EOF : static_cast<int>(got);
}

std::int64_t seek_bytes(void* opaque, std::int64_t offset, int whence) {
    auto& source = *static_cast<byte_source*>(opaque);
    switch (whence & ~AVSEEK_FORCE) {
        case AVSEEK_SIZE:
            return source.size_bytes;
        case SEEK_SET:
            break;
        case SEEK_CUR:
            offset += source.position;
            break;
        case SEEK_END:
            offset += source.size_bytes;
            break;
        default:
            return AVERROR(EINVAL);
    }
    if (offset < 0) {
        return AVERROR(EINVAL);
    }
    source.position = offset;
    return offset;
}

int refuse_to_open(AVFormatContext*, AVIOContext**, const char*, int, AVDictionary**) {
    return AVERROR(EPERM);
}

struct io_free {
    void operator()(AVIOContext* io) const {
        av_freep(&io->buffer);
        avio_context_free(&io);
    }
};
struct input_free {
    void operator()(AVFormatContext* input) const { avformat_close_input(&input); }
};
struct decoder_free {
    void operator()(AVCodecContext* decoder) const { avcodec_free_context(&decoder); }
};
struct packet_free {
    void operator()(AVPacket* packet) const { av_packet_free(&packet); }
};
struct frame_free {
    void operator()(AVFrame* frame) const { av_frame_free(&frame); }
};
using io_ptr = std::unique_ptr<AVIOContext, io_free>;
using input_ptr = std::unique_ptr<AVFormatContext, input_free>;
using decoder_ptr = std::unique_ptr<AVCodecContext, decoder_free>;
using packet_ptr = std::unique_ptr<AVPacket, packet_free>;
using frame_ptr = std::unique_ptr<AVFrame, frame_free>;

template <typename T>
T* or_bad_alloc(T* made) {
    if (made == nullptr) {
        throw std::bad_alloc();
    }
    return made;
}

io_ptr make_io(byte_source& source) {
    constexpr int buffer_bytes = 64 * 1024;
    auto* const buffer = static_cast<unsigned char*>(or_bad_alloc(av_malloc(buffer_bytes)));
    AVIOContext* const io =
        avio_alloc_context(buffer, buffer_bytes, 0, &source, read_bytes, nullptr, seek_bytes);
    if (io == nullptr) {
        av_free(buffer);
        throw std::bad_alloc();
    }
    return io_ptr(io);
}

/// One video on its way through the checks.
class video_probe {
    using step = std::expected<void, probe_error>;

public:
    video_probe(format format, int fd, const probe_limits& limits)
        : format_(format),
          limits_(limits),
          source_{.fd = fd, .deadline = steady_clock::now() + limits.time_max},
          io_(make_io(source_)),
          packet_(or_bad_alloc(av_packet_alloc())),
          frame_(or_bad_alloc(av_frame_alloc())) {
        source_.size_bytes = ::lseek(fd, 0, SEEK_END);
    }

    std::expected<media_info, probe_error> run() {
        for (const auto next :
             {&video_probe::open_container, &video_probe::choose_stream, &video_probe::check_header,
              &video_probe::open_decoder, &video_probe::read_to_end}) {
            if (const step done = (this->*next)(); !done) {
                return std::unexpected(done.error());
            }
        }
        return summarise();
    }

private:
    step open_container();
    step choose_stream();
    step check_header();
    step open_decoder();
    step read_to_end();
    step take_packet();
    step decode_packet(const AVPacket* packet);
    std::expected<media_info, probe_error> summarise() const;

    step check_size(int width, int height) const;
    step check_duration(double seconds) const;
    bool is_turned() const;

    format format_;
    const probe_limits& limits_;
    byte_source source_;
    io_ptr io_;  // outlives the input that reads through it
    input_ptr input_;
    AVStream* stream_ = nullptr;
    decoder_ptr decoder_;
    packet_ptr packet_;
    frame_ptr frame_;

    bool has_picture_ = false;
    int packets_before_picture_ = 0;
    std::int64_t packets_ = 0;
    std::optional<std::int64_t> first_pts_;
    std::int64_t end_pts_ = std::numeric_limits<std::int64_t>::min();
};

video_probe::step video_probe::open_container() {
    const AVInputFormat* const demuxer =
        av_find_input_format(format_ == format::webm ? "matroska" : "mov");
    AVFormatContext* context = or_bad_alloc(avformat_alloc_context());
    context->pb = io_.get();
    context->flags |= AVFMT_FLAG_CUSTOM_IO | AVFMT_FLAG_NOPARSE | AVFMT_FLAG_NOFILLIN;
    context->io_open = refuse_to_open;
    context->max_streams = static_cast<int>(limits_.video_streams_max);
    context->interrupt_callback = {
        [](void* opaque) { return static_cast<byte_source*>(opaque)->expired() ? 1 : 0; },
        &source_};
    AVDictionary* options = nullptr;
    av_dict_set(&options, "protocol_whitelist", "none", 0);
    if (format_ != format::webm) {
        av_dict_set(&options, "enable_drefs", "0", 0);
        av_dict_set(&options, "use_absolute_path", "0", 0);
    }
    const int result = avformat_open_input(&context, nullptr, demuxer, &options);
    av_dict_free(&options);
    if (result < 0) {  // the context has been freed
        return refuse_as_corrupt("open: " + to_text(result));
    }
    input_.reset(context);
    return {};
}

video_probe::step video_probe::choose_stream() {
    const std::span streams(input_->streams, input_->nb_streams);
    const auto is_picture = [](const AVStream* stream) {
        return stream->codecpar->codec_type == AVMEDIA_TYPE_VIDEO &&
               (stream->disposition & AV_DISPOSITION_ATTACHED_PIC) == 0;
    };
    const auto found = std::ranges::find_if(streams, is_picture);
    if (found == streams.end()) {
        return refuse_as_unsupported("The file has no video, only sound or data.");
    }
    stream_ = *found;
    if (std::ranges::find(accepted_codecs, stream_->codecpar->codec_id) == accepted_codecs.end()) {
        return refuse_as_unsupported(
            fmt::format("The video is coded in a way that is not accepted; accepted: {}.",
                        accepted_codecs_text),
            avcodec_get_name(stream_->codecpar->codec_id));
    }
    return {};
}

video_probe::step video_probe::check_size(int width, int height) const {
    const auto side_max = static_cast<int>(limits_.video_side_max);
    const auto pixels = static_cast<std::uint64_t>(width) * static_cast<std::uint64_t>(height);
    if (width > side_max || height > side_max || pixels > limits_.video_pixels_max) {
        return refuse_as_too_large(
            fmt::format("The video is {} x {} pixels; {} are accepted, and {} on a side.", width,
                        height, limits_.video_pixels_max, limits_.video_side_max));
    }
    return {};
}

video_probe::step video_probe::check_duration(double seconds) const {
    const std::chrono::duration<double> duration(seconds);
    if (duration > limits_.video_duration_max) {
        return std::unexpected(probe_error{
            probe_failure::too_long,
            fmt::format(
                "The video lasts {:.0f} seconds; at most {} are accepted.", seconds,
                std::chrono::floor<std::chrono::seconds>(limits_.video_duration_max).count()),
            {}});
    }
    return {};
}

/// What the header says is believed only to refuse; what is reported is measured.
video_probe::step video_probe::check_header() {
    const AVCodecParameters& coded = *stream_->codecpar;
    if (coded.width < 0 || coded.height < 0) {
        return refuse_as_corrupt("negative dimensions");
    }
    double seconds = 0;
    if (input_->duration != AV_NOPTS_VALUE) {
        seconds = static_cast<double>(input_->duration) / AV_TIME_BASE;
    }
    if (stream_->duration != AV_NOPTS_VALUE) {
        seconds =
            std::max(seconds, static_cast<double>(stream_->duration) * av_q2d(stream_->time_base));
    }
    if (const step checked = check_size(coded.width, coded.height); !checked) {
        return checked;
    }
    return check_duration(seconds);
}

video_probe::step video_probe::open_decoder() {
    const AVCodec* const codec = avcodec_find_decoder(stream_->codecpar->codec_id);
    if (codec == nullptr) {
        return refuse_as_unsupported("This server cannot read the video's coding.",
                                     avcodec_get_name(stream_->codecpar->codec_id));
    }
    decoder_.reset(or_bad_alloc(avcodec_alloc_context3(codec)));
    const int copied = avcodec_parameters_to_context(decoder_.get(), stream_->codecpar);
    if (copied < 0) {
        return refuse_as_corrupt("parameters: " + to_text(copied));
    }
    decoder_->thread_count = 1;
    decoder_->max_pixels = static_cast<std::int64_t>(limits_.video_pixels_max);
    decoder_->pkt_timebase = stream_->time_base;
    const int opened = avcodec_open2(decoder_.get(), codec, nullptr);
    if (opened < 0) {
        return refuse_as_corrupt("decoder: " + to_text(opened));
    }
    return {};
}

/// Decodes up to the first picture; a null packet drains the decoder.
video_probe::step video_probe::decode_packet(const AVPacket* packet) {
    const int sent = avcodec_send_packet(decoder_.get(), packet);
    if (sent < 0) {
        return refuse_as_corrupt("first picture: " + to_text(sent));
    }
    const int received = avcodec_receive_frame(decoder_.get(), frame_.get());
    if (received == AVERROR(EAGAIN)) {
        return {};
    }
    if (received < 0) {
        return refuse_as_corrupt("first picture: " + to_text(received));
    }
    if (frame_->decode_error_flags != 0 || (frame_->flags & AV_FRAME_FLAG_CORRUPT) != 0) {
        return refuse_as_corrupt("first picture: damaged");
    }
    has_picture_ = true;
    return check_size(frame_->width, frame_->height);
}

video_probe::step video_probe::take_packet() {
    if ((packet_->flags & AV_PKT_FLAG_CORRUPT) != 0) {
        return refuse_as_corrupt("a packet is cut short");
    }
    if (packet_->stream_index != stream_->index) {
        return {};
    }
    ++packets_;
    const std::int64_t pts = packet_->pts != AV_NOPTS_VALUE ? packet_->pts : packet_->dts;
    if (pts != AV_NOPTS_VALUE && (packet_->flags & AV_PKT_FLAG_DISCARD) == 0) {
        first_pts_ = std::min(first_pts_.value_or(pts), pts);
        end_pts_ =
            std::max(end_pts_, av_sat_add64(pts, std::max<std::int64_t>(packet_->duration, 0)));
    }
    if (has_picture_) {
        return {};
    }
    if (++packets_before_picture_ > packets_before_picture_max) {
        return refuse_as_corrupt("no picture in the first packets");
    }
    return decode_packet(packet_.get());
}

video_probe::step video_probe::read_to_end() {
    while (true) {
        const int result =
            source_.expired() ? AVERROR_EXIT : av_read_frame(input_.get(), packet_.get());
        if (result == AVERROR_EOF && input_->pb->error >= 0) {
            break;
        }
        if (result < 0) {
            return refuse_as_corrupt("packets: " + to_text(result));
        }
        const step taken = take_packet();
        av_packet_unref(packet_.get());
        if (!taken) {
            return taken;
        }
    }
    if (packets_ == 0) {
        return refuse_as_corrupt("no packets");
    }
    if (!has_picture_) {
        if (const step drained = decode_packet(nullptr); !drained) {
            return drained;
        }
    }
    return has_picture_ ? step{} : refuse_as_corrupt("no picture");
}

bool video_probe::is_turned() const {
    const std::uint8_t* const matrix =
        av_stream_get_side_data(stream_, AV_PKT_DATA_DISPLAYMATRIX, nullptr);
    if (matrix == nullptr) {
        return false;
    }
    const double degrees = av_display_rotation_get(reinterpret_cast<const std::int32_t*>(matrix));
    return !std::isnan(degrees) && std::llround(degrees / 90) % 2 != 0;
}

std::expected<media_info, probe_error> video_probe::summarise() const {
    const double units =
        static_cast<double>(end_pts_) - static_cast<double>(first_pts_.value_or(end_pts_));
    const double seconds = units * av_q2d(stream_->time_base);
    if (const step checked = check_duration(seconds); !checked) {
        return std::unexpected(checked.error());
    }
    double width = frame_->width;
    const AVRational aspect = av_guess_sample_aspect_ratio(input_.get(), stream_, frame_.get());
    if (aspect.num > 0 && aspect.den > 0) {
        width = std::clamp(width * av_q2d(aspect), 1.0, 4.0 * limits_.video_side_max);
    }
    auto displayed_width = static_cast<std::uint32_t>(std::lround(width));
    auto displayed_height = static_cast<std::uint32_t>(frame_->height);
    if (is_turned()) {
        std::swap(displayed_width, displayed_height);
    }
    return media_info{
        .format = format_,
        .kind = media_kind::video,
        .content_type = content_type(format_),
        .width = displayed_width,
        .height = displayed_height,
        .duration = std::chrono::milliseconds(std::llround(std::max(seconds, 0.0) * 1000))};
}

}  // namespace

void start_video_decoders() {
    av_log_set_level(AV_LOG_QUIET);  // return values tell; the text would quote the file's bytes
    av_max_alloc(allocation_bytes_max);
}

std::expected<media_info, probe_error> probe_video(format format, int fd,
                                                   const probe_limits& limits) {
    return video_probe(format, fd, limits).run();
}

}  // namespace pinhole::media
