// Videos, by libavformat and libavcodec. The demuxer is given by the sniffed format and reads
// through our own callbacks on one descriptor, so that nothing in a file can make it open another
// file or an address.

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <limits>
#include <memory>
#include <new>
#include <span>
#include <system_error>
#include <utility>
#include <vector>

#include "storage/media/probe_steps.hpp"
#include "storage/media/video_source.hpp"

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/common.h>
#include <libavutil/display.h>
#include <libavutil/imgutils.h>
}

namespace pinhole::media {
namespace {

constexpr std::array accepted_codecs{AV_CODEC_ID_H264, AV_CODEC_ID_HEVC, AV_CODEC_ID_MPEG4,
                                     AV_CODEC_ID_VP8,  AV_CODEC_ID_VP9,  AV_CODEC_ID_AV1};
constexpr const char* accepted_codecs_text = "H.264, HEVC, MPEG-4, VP8, VP9, AV1";

/// The most that the library may allocate at once: a plane of an 8K picture with 16 bits takes
/// 68 MiB, and no honest index more than a few.
constexpr std::size_t allocation_bytes_max = 80U << 20;

/// How many packets may pass before the first picture comes out, and how much memory the pictures
/// may take that a decoder holds back to sort them: beyond that it must give what it has.
constexpr int packets_before_picture_max = 250;
constexpr std::uint64_t held_bytes_max = 128U << 20;

/// No picture of an accepted size needs more; the decoder copies it, some twice.
constexpr int packet_bytes_max = 32 << 20;

std::string to_text(int av_error) {
    std::array<char, AV_ERROR_MAX_STRING_SIZE> text{};
    av_strerror(av_error, text.data(), text.size());
    return text.data();
}

int refuse_to_open(AVFormatContext*, AVIOContext**, const char*, int, AVDictionary**) {
    return AVERROR(EPERM);
}

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
using input_ptr = std::unique_ptr<AVFormatContext, input_free>;
using decoder_ptr = std::unique_ptr<AVCodecContext, decoder_free>;
using packet_ptr = std::unique_ptr<AVPacket, packet_free>;
using frame_ptr = std::unique_ptr<AVFrame, frame_free>;

/// From the first to the last instant of one stream, in its own units.
struct time_span {
    std::int64_t start = std::numeric_limits<std::int64_t>::max();
    std::int64_t end = std::numeric_limits<std::int64_t>::min();
};

bool is_attached_picture(const AVStream& stream) {
    return (stream.disposition & AV_DISPOSITION_ATTACHED_PIC) != 0;
}

/// Whether the stream is something that plays: other tracks (GPS, subtitles) have no length of
/// their own.
bool is_played(const AVStream& stream) {
    const AVMediaType type = stream.codecpar->codec_type;
    return type == AVMEDIA_TYPE_AUDIO ||
           (type == AVMEDIA_TYPE_VIDEO && !is_attached_picture(stream));
}

/// One video on its way through the checks.
class video_probe {
    using step = std::expected<void, probe_error>;

public:
    video_probe(format format, int fd, const probe_limits& limits)
        : format_(format),
          limits_(limits),
          source_(make_byte_source(fd, limits.time_max)),
          io_(make_io(source_)),
          packet_(or_bad_alloc(av_packet_alloc())),
          frame_(or_bad_alloc(av_frame_alloc())) {}

    std::expected<media_info, probe_error> run() {
        for (const auto next :
             {&video_probe::open_container, &video_probe::choose_stream, &video_probe::check_header,
              &video_probe::open_decoder, &video_probe::read_to_end}) {
            if (const step done = (this->*next)(); !done) {
                if (source_.read_error != 0) {
                    throw std::system_error(source_.read_error, std::generic_category(),
                                            "read of a media file");
                }
                return std::unexpected(done.error());
            }
        }
        return summarise();
    }

private:
    /// The refusal of what the library did not take, unless there was no memory.
    static std::unexpected<probe_error> refuse_unless_environment(const char* what, int av_error) {
        if (av_error == AVERROR(ENOMEM) && is_memory_short()) {
            throw std::bad_alloc();
        }
        return refuse_as_corrupt(std::string(what) + ": " + to_text(av_error));
    }

    step open_container();
    step choose_stream();
    step check_header();
    step open_decoder();
    step read_to_end();
    step take_packet();
    step decode_packet(const AVPacket* packet);
    step receive_picture();
    bool holds_too_much() const;
    double measured_seconds() const;
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
    std::vector<time_span> spans_;  ///< of each stream
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
        return refuse_unless_environment("open", result);
    }
    input_.reset(context);
    return {};
}

video_probe::step video_probe::choose_stream() {
    const std::span streams(input_->streams, input_->nb_streams);
    const auto is_picture = [](const AVStream* stream) {
        return stream->codecpar->codec_type == AVMEDIA_TYPE_VIDEO && !is_attached_picture(*stream);
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
    for (const AVStream* const each : std::span(input_->streams, input_->nb_streams)) {
        if (is_played(*each) && each->duration != AV_NOPTS_VALUE) {
            seconds =
                std::max(seconds, static_cast<double>(each->duration) * av_q2d(each->time_base));
        }
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
        return refuse_unless_environment("parameters", copied);
    }
    decoder_->thread_count = 1;
    decoder_->max_pixels = static_cast<std::int64_t>(limits_.video_pixels_max);
    decoder_->pkt_timebase = stream_->time_base;
    const int opened = avcodec_open2(decoder_.get(), codec, nullptr);
    if (opened < 0) {
        return refuse_unless_environment("decoder", opened);
    }
    return {};
}

/// Decodes up to the first picture; a null packet drains the decoder.
video_probe::step video_probe::decode_packet(const AVPacket* packet) {
    const int sent = avcodec_send_packet(decoder_.get(), packet);
    if (sent < 0) {
        return refuse_unless_environment("first picture", sent);
    }
    return receive_picture();
}

video_probe::step video_probe::receive_picture() {
    const int received = avcodec_receive_frame(decoder_.get(), frame_.get());
    if (received == AVERROR(EAGAIN)) {
        return {};
    }
    if (received < 0) {
        return refuse_unless_environment("first picture", received);
    }
    if (frame_->decode_error_flags != 0 || (frame_->flags & AV_FRAME_FLAG_CORRUPT) != 0) {
        return refuse_as_corrupt("first picture: damaged");
    }
    has_picture_ = true;
    decoder_.reset();  // and all that it holds back
    return check_size(frame_->width, frame_->height);
}

/// Whether another picture would be more than may be held back; each packet so far may have made
/// one.
bool video_probe::holds_too_much() const {
    const int picture_bytes =
        av_image_get_buffer_size(decoder_->pix_fmt, decoder_->width, decoder_->height, 1);
    const auto pictures = static_cast<std::uint64_t>(packets_before_picture_) + 1;
    return picture_bytes > 0 &&
           pictures * static_cast<std::uint64_t>(picture_bytes) > held_bytes_max;
}

video_probe::step video_probe::take_packet() {
    if ((packet_->flags & AV_PKT_FLAG_CORRUPT) != 0) {
        return refuse_as_corrupt("a packet is cut short");
    }
    if (packet_->size > packet_bytes_max) {
        return refuse_as_too_large("The video has a frame of too many bytes.");
    }
    const auto index = static_cast<std::size_t>(packet_->stream_index);
    spans_.resize(std::max(spans_.size(), index + 1));
    const std::int64_t pts = packet_->pts != AV_NOPTS_VALUE ? packet_->pts : packet_->dts;
    if (pts != AV_NOPTS_VALUE && (packet_->flags & AV_PKT_FLAG_DISCARD) == 0) {
        time_span& span = spans_[index];
        span.start = std::min(span.start, pts);
        span.end =
            std::max(span.end, av_sat_add64(pts, std::max<std::int64_t>(packet_->duration, 0)));
    }
    if (packet_->stream_index != stream_->index) {
        return {};
    }
    ++packets_;
    if (has_picture_) {
        return {};
    }
    if (++packets_before_picture_ > packets_before_picture_max) {
        return refuse_as_corrupt("no picture in the first packets");
    }
    step decoded = decode_packet(packet_.get());
    if (decoded && !has_picture_ && holds_too_much()) {
        decoded = decode_packet(nullptr);
    }
    return decoded;
}

video_probe::step video_probe::read_to_end() {
    while (true) {
        const int result =
            source_.expired() ? AVERROR_EXIT : av_read_frame(input_.get(), packet_.get());
        if (result == AVERROR_EOF && input_->pb->error >= 0) {
            break;
        }
        if (result < 0) {
            return refuse_unless_environment("packets", result);
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

/// From the first instant of any stream that plays to the last of any: as long as a player goes on.
double video_probe::measured_seconds() const {
    double start = std::numeric_limits<double>::infinity();
    double end = -start;
    for (std::size_t i = 0; i < spans_.size(); ++i) {
        const AVStream& stream = *input_->streams[i];
        if (is_played(stream) && spans_[i].start <= spans_[i].end) {
            start =
                std::min(start, static_cast<double>(spans_[i].start) * av_q2d(stream.time_base));
            end = std::max(end, static_cast<double>(spans_[i].end) * av_q2d(stream.time_base));
        }
    }
    return std::max(end - start, 0.0);
}

std::expected<media_info, probe_error> video_probe::summarise() const {
    const double seconds = measured_seconds();
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
    return media_info{.format = format_,
                      .kind = media_kind::video,
                      .content_type = content_type(format_),
                      .width = displayed_width,
                      .height = displayed_height,
                      .duration = std::chrono::milliseconds(std::llround(seconds * 1000))};
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
