/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The gradcam filter: lays class activation maps, computed by libgradcam, over video. It translates options,
 * formats, frames, errors and messages, and decides which frame shows which map.
 *
 * Every stride-th frame is a key frame: a reference to it is submitted to a GradcamStream, whose threads
 * scale it, run the network and compute its map. The others show the map of the key frame before them.
 *
 * live=0: a frame waits in the queue until the map of its key frame is there, so that the output does not
 * depend on speed. live=1: a frame is passed on at once with the newest map there is; nothing waits.
 */
#include <float.h>
#include <math.h>
#include <string.h>

#include "libavutil/avstring.h"
#include "libavutil/cpu.h"
#include "libavutil/eval.h"
#include "libavutil/fifo.h"
#include "libavutil/imgutils.h"
#include "libavutil/mem.h"
#include "libavutil/motion_vector.h"
#include "libavutil/opt.h"
#include "libavutil/pixdesc.h"

#include "ffcompat.h"
#include "gradcam.h"
#include "heat.h"
#include "modelcache.h"
#include "scale.h"

// Bytes that the frames of the queue may hold.
#define QUEUE_BYTES (256 << 20)

// Of FFmpeg's own option "threads", which takes the name before the filter's does, the range is wider.
#define MAX_THREADS 1024

// live=1: how much the threads that compute maps give way to those that the frames pass through.
#define LIVE_NICE 10

// Rows that a slice thread should have at least.
#define SLICE_ROWS 16

// How a map is made visible. The fields are options, hence int.
typedef struct Style {
    int colormap, blend, output;
    float opacity, gamma;
} Style;

// A frame on its way through the filter.
typedef struct Item {
    AVFrame *frame;
    int64_t number;             // counted from 0
    Style style;                // as it was when the frame came in
    GcamHeat *heat;             // what it shows; NULL: it passes as it is
    int marked;                 // live=1: a key frame, whose map will come later
} Item;

// What frames between two key frames show.
enum Interp { INTERP_HOLD, INTERP_LINEAR, INTERP_MOTION, INTERP_COUNT };

typedef struct GradcamFilter {
    const AVClass *class;

    // options
    char *model_path, *class_text, *layer, *labels, *logits, *mean, *std;
    int bgr, width, height;
    int method, stride, threads, lookahead, live, fit, interp, scale;
    double smooth, release, low, high, box;
    Style style;

    // set by config_input()
    GradcamModel *model;
    GradcamStream *stream;
    GcamScaler **scaler;        // one per job
    int jobs;
    int max_queue;              // frames that memory allows in the queue

    GradcamOverlay *overlay;    // for overlay_settings
    GradcamOverlaySettings overlay_settings;

    AVFifo *queue;              // of Item, live=0
    int64_t count;              // frames taken so far
    int64_t since_key;          // of them, since the last key frame
    int key_due;                // the next frame is to be a key frame
    GcamHeat *heat;             // of the newest key frame; live=1: the one that is shown
    GcamHeat *coming;           // live=1: submitted, not finished
    int64_t skipped;            // live=1: frames that should have been key frames
    GcamHeatMaker maker;

    GradcamMotion *motion;      // interp=motion, for frames of this size
    int motion_width, motion_height;
    GradcamMotionVector *vector;        // of the frame under way
    unsigned vector_size;       // bytes
    float *between;             // interp=linear, motion: what the frame under way shows
    unsigned between_size;      // bytes

    int status;                 // of the input, once it is acknowledged
    int64_t status_pts;
    int error;                  // a job or a frame failed: nothing more comes
} GradcamFilter;

// --------------------------------------------------------------------------------------------------- options

#define OFFSET(x) offsetof(GradcamFilter, x)
#define FLAGS AV_OPT_FLAG_FILTERING_PARAM | AV_OPT_FLAG_VIDEO_PARAM
#define TFLAGS FLAGS | AV_OPT_FLAG_RUNTIME_PARAM
#define STRING(name, field, help, value, flags) \
    { name, help, OFFSET(field), AV_OPT_TYPE_STRING, { .str = value }, 0, 0, flags }
#define INT(name, field, help, value, min, max, flags) \
    { name, help, OFFSET(field), AV_OPT_TYPE_INT, { .i64 = value }, min, max, flags }
#define FLOAT(name, field, help, value, min, max, flags) \
    { name, help, OFFSET(field), AV_OPT_TYPE_FLOAT, { .dbl = value }, min, max, flags }
#define DOUBLE(name, field, help, value, min, max, flags) \
    { name, help, OFFSET(field), AV_OPT_TYPE_DOUBLE, { .dbl = value }, min, max, flags }
#define BOOL(name, field, help, value, min, flags) \
    { name, help, OFFSET(field), AV_OPT_TYPE_BOOL, { .i64 = value }, min, 1, flags }
#define ENUM(name, field, help, value, count, flags, unit) \
    { name, help, OFFSET(field), AV_OPT_TYPE_INT, { .i64 = value }, 0, (count) - 1, flags, unit }
#define CONST(name, help, value, flags, unit) \
    { name, help, 0, AV_OPT_TYPE_CONST, { .i64 = value }, 0, 0, flags, unit }

#define MODEL_HELP   "network: an .onnx file or a compiled .bin file (default: the built-in network)"
#define CLASS_HELP   "what to look for: class name, group or index, several joined by |; auto: the top class"
#define LAYER_HELP   "tensor or node whose activations are explained (default: chosen by the network's shape)"
#define STRIDE_HELP  "compute a map for every stride-th frame; the frames between show the same map"

static const AVOption gradcam_options[] = {
    STRING("model",  model_path, MODEL_HELP, NULL, FLAGS),
    STRING("m",      model_path, MODEL_HELP, NULL, FLAGS),
    STRING("class",  class_text, CLASS_HELP, "auto", TFLAGS),
    STRING("c",      class_text, CLASS_HELP, "auto", TFLAGS),
    STRING("layer",  layer, LAYER_HELP, "auto", FLAGS),
    STRING("l",      layer, LAYER_HELP, "auto", FLAGS),
    STRING("labels", labels, "file with a class name a line, imagenet, or none (default: the network's own)",
           NULL, FLAGS),
    STRING("logits", logits, "tensor or node with the class scores (default: the output before any softmax)",
           NULL, FLAGS),
    STRING("mean",   mean, "a/b/c to subtract from the network's three channels, 0..255 (default: its own)",
           NULL, FLAGS),
    STRING("std",    std, "a/b/c to divide the network's three channels by (default: its own)", NULL, FLAGS),
    BOOL("bgr",      bgr, "feed the network in the order B, G, R (default: the network's)", -1, -1, FLAGS),
    { "size", "input size of a network that leaves it open (default: 224x224)", OFFSET(width),
      AV_OPT_TYPE_IMAGE_SIZE, { .str = NULL }, 0, 0, FLAGS },
    ENUM("method",   method, "how the map is computed", GRADCAM_METHOD_GRADCAM, GRADCAM_METHOD_COUNT, TFLAGS,
         "method"),
        CONST("gradcam", "what speaks for the class", GRADCAM_METHOD_GRADCAM, TFLAGS, "method"),
        CONST("counterfactual", "what speaks against it", GRADCAM_METHOD_COUNTERFACTUAL, TFLAGS, "method"),
    INT("stride",    stride, STRIDE_HELP, 5, 1, INT_MAX, TFLAGS),
    INT("s",         stride, STRIDE_HELP, 5, 1, INT_MAX, TFLAGS),
    INT("threads",   threads, "threads that compute maps (0: one per processor)", 0, 0, MAX_THREADS, FLAGS),
    INT("lookahead", lookahead, "key frames to compute in advance while their frames are held back", 0, 0,
        1024, FLAGS),
    BOOL("live",     live, "never hold up the video: show the newest map there is, skip key frames when busy",
         0, 0, FLAGS),
    ENUM("interp",   interp, "what frames between two key frames show", INTERP_HOLD, INTERP_COUNT, FLAGS, "interp"),
        CONST("hold", "the map of the key frame before", INTERP_HOLD, FLAGS, "interp"),
        CONST("linear", "what lies between the maps of both; delays the video by a stride, not for live=1",
              INTERP_LINEAR, FLAGS, "interp"),
        CONST("motion", "the map before, moved by the decoder's motion vectors (-flags2 +export_mvs)",
              INTERP_MOTION, FLAGS, "interp"),
    DOUBLE("smooth", smooth, "time constant of the smoothing of maps, in seconds (0: none)", 0, 0, 60, TFLAGS),
    ENUM("scale",    scale, "range of values that the colours stand for", GRADCAM_SCALE_FRAME, GRADCAM_SCALE_COUNT,
         TFLAGS, "scale"),
        CONST("frame", "from the lowest to the highest value of each map", GRADCAM_SCALE_FRAME, TFLAGS, "scale"),
        CONST("running", "from 0 to the highest value of late", GRADCAM_SCALE_RUNNING, TFLAGS, "scale"),
        CONST("fixed", "from low to high", GRADCAM_SCALE_FIXED, TFLAGS, "scale"),
    DOUBLE("release", release, "time constant with which scale=running falls, in seconds", 2, 0.01, 3600, TFLAGS),
    DOUBLE("low",    low, "raw value of scale=fixed that gets the lowest colour", 0, -FLT_MAX, FLT_MAX, TFLAGS),
    DOUBLE("high",   high, "raw value of scale=fixed that gets the highest colour", 1, -FLT_MAX, FLT_MAX, TFLAGS),
    DOUBLE("box",    box, "share of a map's highest value from which on a place belongs to its box (0: no boxes)", 0.15,
           0, 1, TFLAGS),
    ENUM("fit",      fit, "how a frame is brought to the network's shape", GCAM_FIT_STRETCH, GCAM_FIT_COUNT,
         FLAGS, "fit"),
        CONST("stretch", "the whole frame, aspect ratio lost", GCAM_FIT_STRETCH, FLAGS, "fit"),
        CONST("crop", "the largest centred part", GCAM_FIT_CROP, FLAGS, "fit"),
        CONST("pad", "the whole frame with bars", GCAM_FIT_PAD, FLAGS, "fit"),
    FLOAT("opacity", style.opacity, "greatest weight of the colours", 0.6, 0, 1, TFLAGS),
    FLOAT("gamma",   style.gamma, "exponent of the map in blend=heat; below 1 shows more of the weak places",
          1, 0.1, 10, TFLAGS),
    ENUM("colormap", style.colormap, "colours of the map", GRADCAM_COLORMAP_TURBO, GRADCAM_COLORMAP_COUNT,
         TFLAGS, "colormap"),
        CONST("turbo", "dark blue to dark red, even", GRADCAM_COLORMAP_TURBO, TFLAGS, "colormap"),
        CONST("jet", "dark blue to dark red", GRADCAM_COLORMAP_JET, TFLAGS, "colormap"),
        CONST("viridis", "violet to yellow", GRADCAM_COLORMAP_VIRIDIS, TFLAGS, "colormap"),
        CONST("inferno", "black to pale yellow", GRADCAM_COLORMAP_INFERNO, TFLAGS, "colormap"),
        CONST("magma", "black to pale rose", GRADCAM_COLORMAP_MAGMA, TFLAGS, "colormap"),
        CONST("plasma", "blue to yellow", GRADCAM_COLORMAP_PLASMA, TFLAGS, "colormap"),
        CONST("cividis", "blue to yellow, for colour-blind eyes", GRADCAM_COLORMAP_CIVIDIS, TFLAGS,
              "colormap"),
        CONST("hot", "black over red to white", GRADCAM_COLORMAP_HOT, TFLAGS, "colormap"),
        CONST("gray", "black to white", GRADCAM_COLORMAP_GRAY, TFLAGS, "colormap"),
    ENUM("blend",    style.blend, "weight of the colours", GRADCAM_BLEND_HEAT, 2, TFLAGS, "blend"),
        CONST("heat", "opacity times the map: what the network ignores stays as it is", GRADCAM_BLEND_HEAT,
              TFLAGS, "blend"),
        CONST("flat", "opacity everywhere", GRADCAM_BLEND_FLAT, TFLAGS, "blend"),
    ENUM("output",   style.output, "what to show", GRADCAM_OUTPUT_OVERLAY, 3, TFLAGS, "output"),
        CONST("overlay", "the map over the frame", GRADCAM_OUTPUT_OVERLAY, TFLAGS, "output"),
        CONST("heatmap", "the colours of the map alone", GRADCAM_OUTPUT_HEATMAP, TFLAGS, "output"),
        CONST("mask", "the map as grey levels", GRADCAM_OUTPUT_MASK, TFLAGS, "output"),
    { NULL }
};

AVFILTER_DEFINE_CLASS(gradcam);

// Formats that gcam_format_supported() knows and swscale can read.
static const enum AVPixelFormat pixel_formats[] = {
    AV_PIX_FMT_YUV420P,    AV_PIX_FMT_YUV422P,    AV_PIX_FMT_YUV444P,
    AV_PIX_FMT_YUV440P,    AV_PIX_FMT_YUV411P,    AV_PIX_FMT_YUV410P,
    AV_PIX_FMT_YUVJ420P,   AV_PIX_FMT_YUVJ422P,   AV_PIX_FMT_YUVJ444P,
    AV_PIX_FMT_YUVJ440P,   AV_PIX_FMT_YUVJ411P,
    AV_PIX_FMT_YUVA420P,   AV_PIX_FMT_YUVA422P,   AV_PIX_FMT_YUVA444P,
    AV_PIX_FMT_NV12,       AV_PIX_FMT_NV21,       AV_PIX_FMT_NV24,        AV_PIX_FMT_NV42,
    AV_PIX_FMT_YUYV422,    AV_PIX_FMT_UYVY422,    AV_PIX_FMT_YVYU422,
    AV_PIX_FMT_GRAY8,      AV_PIX_FMT_YA8,
    AV_PIX_FMT_RGB24,      AV_PIX_FMT_BGR24,      AV_PIX_FMT_GBRP,        AV_PIX_FMT_GBRAP,
    AV_PIX_FMT_RGBA,       AV_PIX_FMT_BGRA,       AV_PIX_FMT_ARGB,        AV_PIX_FMT_ABGR,
    AV_PIX_FMT_RGB0,       AV_PIX_FMT_BGR0,       AV_PIX_FMT_0RGB,        AV_PIX_FMT_0BGR,
    AV_PIX_FMT_YUV420P9,   AV_PIX_FMT_YUV422P9,   AV_PIX_FMT_YUV444P9,
    AV_PIX_FMT_YUV420P10,  AV_PIX_FMT_YUV422P10,  AV_PIX_FMT_YUV444P10,   AV_PIX_FMT_YUV440P10,
    AV_PIX_FMT_YUV420P12,  AV_PIX_FMT_YUV422P12,  AV_PIX_FMT_YUV444P12,   AV_PIX_FMT_YUV440P12,
    AV_PIX_FMT_YUV420P14,  AV_PIX_FMT_YUV422P14,  AV_PIX_FMT_YUV444P14,
    AV_PIX_FMT_YUV420P16,  AV_PIX_FMT_YUV422P16,  AV_PIX_FMT_YUV444P16,
    AV_PIX_FMT_YUVA420P9,  AV_PIX_FMT_YUVA422P9,  AV_PIX_FMT_YUVA444P9,
    AV_PIX_FMT_YUVA420P10, AV_PIX_FMT_YUVA422P10, AV_PIX_FMT_YUVA444P10,
    AV_PIX_FMT_YUVA422P12, AV_PIX_FMT_YUVA444P12,
    AV_PIX_FMT_YUVA420P16, AV_PIX_FMT_YUVA422P16, AV_PIX_FMT_YUVA444P16,
    AV_PIX_FMT_P010,       AV_PIX_FMT_P016,
    AV_PIX_FMT_GRAY9,      AV_PIX_FMT_GRAY10,     AV_PIX_FMT_GRAY12,      AV_PIX_FMT_GRAY14,
    AV_PIX_FMT_GRAY16,     AV_PIX_FMT_YA16,
    AV_PIX_FMT_RGB48,      AV_PIX_FMT_BGR48,      AV_PIX_FMT_RGBA64,      AV_PIX_FMT_BGRA64,
    AV_PIX_FMT_GBRP9,      AV_PIX_FMT_GBRP10,     AV_PIX_FMT_GBRP12,      AV_PIX_FMT_GBRP14,
    AV_PIX_FMT_GBRP16,     AV_PIX_FMT_GBRAP10,    AV_PIX_FMT_GBRAP12,     AV_PIX_FMT_GBRAP16,
    GCAM_NEWER_FORMATS
    AV_PIX_FMT_NONE
};

static void log_message(void *ctx, enum GradcamLogLevel level, const char *message)
{
    static const int av_level[] = {
        [GRADCAM_LOG_ERROR] = AV_LOG_ERROR, [GRADCAM_LOG_WARNING] = AV_LOG_WARNING,
        [GRADCAM_LOG_INFO] = AV_LOG_VERBOSE, [GRADCAM_LOG_DEBUG] = AV_LOG_DEBUG,
    };

    av_log(ctx, av_level[level], "%s\n", message);
}

// Three numbers; any of / , | and space may stand between them.
static int parse_triple(void *ctx, const char *name, const char *text, float value[3])
{
    const char *at = text;

    for (int i = 0; i < 3; i++) {
        char *end;
        value[i] = av_strtod(at, &end);
        if (end == at || !isfinite(value[i]) || (i < 2 ? !*end || !strchr("/,| ", *end) : *end)) {
            av_log(ctx, AV_LOG_ERROR, "%s=%s is not three numbers joined by /\n", name, text);
            return AVERROR(EINVAL);
        }
        at = end + 1;
    }
    return 0;
}

// --------------------------------------------------------------------------------------------- configuration

// The options change a part of the preprocessing; the model, opened without that, tells the rest.
static int find_preprocessing(AVFilterContext *ctx, GradcamModelOptions *options, GradcamPreprocessing *p)
{
    GradcamFilter *s = ctx->priv;
    GradcamModel *model;
    int ret = gcam_modelcache_get(&model, s->model_path, options);

    if (ret < 0)
        return ret;
    *p = gradcam_model_info(model)->preprocessing;
    gcam_modelcache_put(&model);
    if (s->bgr >= 0)
        p->bgr = s->bgr;
    if ((s->mean && (ret = parse_triple(ctx, "mean", s->mean, p->mean)) < 0) ||
        (s->std && (ret = parse_triple(ctx, "std", s->std, p->std)) < 0))
        return ret;
    for (int i = 0; i < 3; i++)
        if (!(p->std[i] > 0)) {
            av_log(ctx, AV_LOG_ERROR, "std=%s has a number that is not above 0\n", s->std);
            return AVERROR(EINVAL);
        }
    options->preprocessing = p;
    return 0;
}

static int open_model(AVFilterContext *ctx)
{
    GradcamFilter *s = ctx->priv;
    GradcamPreprocessing preprocessing;
    GradcamModelOptions options = {
        .log = { log_message, ctx }, .labels = s->labels, .logits = s->logits, .width = s->width,
        .height = s->height,
    };
    int ret = 0;

    if (s->mean || s->std || s->bgr >= 0)
        ret = find_preprocessing(ctx, &options, &preprocessing);
    return ret < 0 ? ret : gcam_modelcache_get(&s->model, s->model_path, &options);
}

// A bar has the colour that becomes 0 in the network.
static void find_bar_color(const GradcamModelInfo *info, uint8_t color[3])
{
    for (int i = 0; i < 3; i++)
        color[i] = av_clip_uint8(lrintf(info->preprocessing.mean[info->preprocessing.bgr ? 2 - i : i]));
}

static int load_frame(void *opaque, int job, void *frame, uint8_t *rgb, ptrdiff_t stride, int width,
                      int height)
{
    AVFilterContext *ctx = opaque;
    GradcamFilter *s = ctx->priv;
    const AVFrame *in = frame;
    int ret = gcam_scaler_run(s->scaler[job], in, rgb, stride, width, height);

    if (ret < 0)
        av_log(ctx, AV_LOG_ERROR, "Cannot scale a frame of %dx%d in %s to the network's %dx%d: %s\n",
               in->width, in->height, av_get_pix_fmt_name(in->format), width, height, av_err2str(ret));
    return ret;
}

static void release_frame(void *opaque, void *frame)
{
    AVFrame *in = frame;

    av_frame_free(&in);
}

// Jobs run at once only as far as their frames may wait for them.
static int choose_jobs(const GradcamFilter *s, int threads)
{
    const int64_t keys = 1 + (int64_t)s->max_queue / s->stride;

    return s->live || !s->lookahead ? 1 : FFMIN3(keys, threads, s->lookahead);
}

static int open_stream(AVFilterContext *ctx)
{
    GradcamFilter *s = ctx->priv;
    const int wanted = s->threads ? s->threads : ctx->nb_threads;
    GradcamStreamSettings settings = {
        .log = { log_message, ctx }, .layer = s->layer, .method = s->method,
        .threads = FFMIN(wanted ? wanted : av_cpu_count(), MAX_THREADS),
        .nice = s->live ? LIVE_NICE : 0,
        .load = load_frame, .release = release_frame, .opaque = ctx,
    };
    GradcamTargets *targets;
    uint8_t bar[3];
    int ret;

    settings.jobs = s->jobs = choose_jobs(s, settings.threads);
    s->scaler = av_calloc(s->jobs, sizeof(*s->scaler));
    if (!s->scaler)
        return AVERROR(ENOMEM);
    find_bar_color(gradcam_model_info(s->model), bar);
    for (int i = 0; i < s->jobs; i++)
        if ((ret = gcam_scaler_create(&s->scaler[i], s->fit, bar)) < 0)
            return ret;
    ret = gradcam_targets_resolve(&targets, s->model, s->class_text, &settings.log);
    if (ret < 0)
        return ret;
    ret = gradcam_stream_open(&s->stream, s->model, targets, &settings);
    gradcam_targets_free(&targets);
    return ret;
}

static void free_item(Item *item)
{
    av_frame_free(&item->frame);
    gcam_heat_unref(&item->heat);
}

// Back to before config_input(). The stream goes first: its threads use the scalers.
static void close_all(AVFilterContext *ctx)
{
    GradcamFilter *s = ctx->priv;
    Item item;

    gradcam_stream_close(&s->stream);
    for (int i = 0; s->scaler && i < s->jobs; i++)
        gcam_scaler_free(&s->scaler[i]);
    av_freep(&s->scaler);
    gradcam_overlay_free(&s->overlay);
    while (s->queue && av_fifo_read(s->queue, &item, 1) >= 0)
        free_item(&item);
    av_fifo_freep2(&s->queue);
    gcam_heat_unref(&s->heat);
    gcam_heat_unref(&s->coming);
    gcam_heatmaker_reset(&s->maker);
    gradcam_motion_free(&s->motion);
    av_freep(&s->vector);
    s->vector_size = 0;
    av_freep(&s->between);
    s->between_size = 0;
    gcam_modelcache_put(&s->model);
}

static int set_maker(AVFilterContext *ctx)
{
    GradcamFilter *s = ctx->priv;

    if (s->scale == GRADCAM_SCALE_FIXED && s->low >= s->high) {
        av_log(ctx, AV_LOG_ERROR, "low=%g is not below high=%g\n", s->low, s->high);
        return AVERROR(EINVAL);
    }
    memset(&s->maker.settings, 0, sizeof(s->maker.settings));   // compared as bytes
    s->maker.settings.smooth = s->smooth;
    s->maker.settings.scale = s->scale;
    s->maker.settings.release = s->release;
    s->maker.settings.low = s->low;
    s->maker.settings.high = s->high;
    s->maker.box = s->box;
    return 0;
}

// Models and threads come to life here, not in init(): FFmpeg makes filters that it never runs.
static int config_input(AVFilterLink *inlink)
{
    AVFilterContext *ctx = inlink->dst;
    GradcamFilter *s = ctx->priv;
    int size = av_image_get_buffer_size(inlink->format, inlink->w, inlink->h, 16);
    int ret;

    close_all(ctx);
    s->max_queue = size > 0 ? QUEUE_BYTES / size : 0;
    s->key_due = 1;
    s->queue = av_fifo_alloc2(8, sizeof(Item), AV_FIFO_FLAG_AUTO_GROW);
    if (!s->queue)
        return AVERROR(ENOMEM);
    if (s->live && s->interp == INTERP_LINEAR) {
        av_log(ctx, AV_LOG_WARNING, "interp=linear would delay the video: with live=1, maps are held\n");
        s->interp = INTERP_HOLD;
    }
    if ((ret = set_maker(ctx)) >= 0 && (ret = open_model(ctx)) >= 0)
        ret = open_stream(ctx);
    return ret == -EBADMSG ? AVERROR_INVALIDDATA : ret;     // strerror() would say "Bad message"
}

static av_cold void uninit(AVFilterContext *ctx)
{
    close_all(ctx);
}

static int set_class(AVFilterContext *ctx, const char *text)
{
    GradcamFilter *s = ctx->priv;
    const GradcamLog log = { log_message, ctx };
    GradcamTargets *targets;
    int ret;

    if (s->stream) {
        ret = gradcam_targets_resolve(&targets, s->model, text, &log);
        if (ret < 0)
            return ret;
        ret = gradcam_stream_set_targets(s->stream, targets);
        gradcam_targets_free(&targets);
        if (ret < 0)
            return ret;
    }
    s->key_due = 1;
    return av_opt_set(s, "class", text, 0);
}

static int process_command(AVFilterContext *ctx, const char *command, const char *arg, char *result,
                           int length, int flags)
{
    GradcamFilter *s = ctx->priv;
    const int method = s->method, scale = s->scale;
    const double low = s->low, high = s->high;
    int ret;

    if (!strcmp(command, "class") || !strcmp(command, "c"))
        return set_class(ctx, arg ? arg : "");
    ret = ff_filter_process_command(ctx, command, arg, result, length, flags);
    if (ret < 0)
        return ret;
    if ((ret = set_maker(ctx)) < 0) {
        s->scale = scale;
        s->low = low;
        s->high = high;
        return ret;
    }
    if (s->method == method)
        return 0;
    s->key_due = 1;
    return s->stream ? gradcam_stream_set_method(s->stream, s->method) : 0;
}

// ---------------------------------------------------------------------------------------------------- frames

typedef struct Blending {
    const GradcamOverlay *overlay;
    const float *map;
    int width, height;          // of the map
    GradcamPicture picture;
    GradcamRegion region;
} Blending;

static int blend_slice(AVFilterContext *ctx, void *arg, int slice, int slices)
{
    const Blending *b = arg;

    return gradcam_overlay_blend(b->overlay, &b->picture, b->map, b->width, b->height, &b->region, slice, slices);
}

// The tables for this style and the colours of this frame.
static int prepare_overlay(GradcamFilter *s, const AVFrame *frame, const Style *style)
{
    GradcamOverlaySettings settings;
    int ret;

    memset(&settings, 0, sizeof(settings));         // compared as bytes below
    settings.colormap = style->colormap;
    settings.blend = style->blend;
    settings.output = style->output;
    settings.opacity = style->opacity;
    settings.gamma = style->gamma;
    if ((ret = gcam_frame_colors(frame, &settings)) < 0)
        return ret;
    if (s->overlay && !memcmp(&settings, &s->overlay_settings, sizeof(settings)))
        return 0;
    gradcam_overlay_free(&s->overlay);
    s->overlay_settings = settings;
    return gradcam_overlay_create(&s->overlay, &settings);
}

// A host may send frames of another size or format than it announced; the link's buffers are no help then.
static int make_writable(AVFilterLink *inlink, AVFrame **frame)
{
    if ((*frame)->width == inlink->w && (*frame)->height == inlink->h && (*frame)->format == inlink->format)
        return ff_inlink_make_frame_writable(inlink, frame);
    return av_frame_make_writable(*frame);
}

// The next frame in order: where everything in it has come from.
static int follow_motion(GradcamFilter *s, const Item *item)
{
    const AVFrameSideData *side = av_frame_get_side_data(item->frame, AV_FRAME_DATA_MOTION_VECTORS);
    const AVMotionVector *from = side ? (const AVMotionVector *)side->data : NULL;
    const size_t count = side ? side->size / sizeof(*from) : 0;
    enum GradcamPictureType type = item->frame->pict_type == AV_PICTURE_TYPE_B ? GRADCAM_PICTURE_B
                                 : item->frame->pict_type == AV_PICTURE_TYPE_I ? GRADCAM_PICTURE_I
                                                                               : GRADCAM_PICTURE_P;

    if (!s->motion || item->frame->width != s->motion_width || item->frame->height != s->motion_height) {
        int ret;

        gradcam_motion_free(&s->motion);
        s->motion_width = item->frame->width;
        s->motion_height = item->frame->height;
        if ((ret = gradcam_motion_create(&s->motion, s->motion_width, s->motion_height)) < 0)
            return ret;
    }
    av_fast_malloc(&s->vector, &s->vector_size, FFMAX(count, 1) * sizeof(*s->vector));
    if (!s->vector)
        return AVERROR(ENOMEM);
    for (size_t i = 0; i < count; i++) {
        const float scale = from[i].motion_scale ? from[i].motion_scale : 1;

        s->vector[i] = (GradcamMotionVector){
            from[i].dst_x - from[i].w / 2, from[i].dst_y - from[i].h / 2, from[i].w, from[i].h,
            from[i].motion_x / scale, from[i].motion_y / scale, from[i].source > 0
        };
    }
    gradcam_motion_frame(s->motion, type, s->vector, count);
    if (item->marked)
        gradcam_motion_mark(s->motion);
    else if (!s->live && item->heat && item->number == item->heat->number)
        gradcam_motion_key(s->motion);
    return 0;
}

// interp=motion: the map of the key frame, moved.
static int move_map(GradcamFilter *s, const Item *item, Blending *b)
{
    const GcamHeat *heat = item->heat;
    int width, height;

    gradcam_motion_size(s->motion, &width, &height);
    av_fast_malloc(&s->between, &s->between_size, sizeof(*s->between) * width * height);
    if (!s->between)
        return AVERROR(ENOMEM);
    gradcam_motion_apply(s->motion, heat->map, heat->width, heat->height, &b->region, s->between);
    if (item->number == heat->number)
        return 0;
    b->map = s->between;
    b->width = width;
    b->height = height;
    b->region = (GradcamRegion){ 0, 0, GRADCAM_MOTION_BLOCK * width, GRADCAM_MOTION_BLOCK * height };
    return 0;
}

// What the item shows: the map of its key frame, or what interp makes of it.
static int choose_map(GradcamFilter *s, const Item *item, Blending *b)
{
    const GcamHeat *heat = item->heat, *next = heat->next;
    float share;

    b->map = heat->map;
    b->width = heat->width;
    b->height = heat->height;
    if (s->interp == INTERP_MOTION)
        return move_map(s, item, b);
    if (item->number == heat->number || !next || !next->map)
        return 0;
    av_fast_malloc(&s->between, &s->between_size, sizeof(*s->between) * heat->width * heat->height);
    if (!s->between)
        return AVERROR(ENOMEM);
    b->map = s->between;
    share = (float)(item->number - heat->number) / (next->number - heat->number);
    for (int i = 0; i < heat->width * heat->height; i++)
        s->between[i] = heat->map[i] + share * (next->map[i] - heat->map[i]);
    return 0;
}

// Lays the item's map over its frame and tells about it in the metadata.
static int show(AVFilterContext *ctx, Item *item)
{
    GradcamFilter *s = ctx->priv;
    const GradcamModelInfo *info = gradcam_model_info(s->model);
    const int slices = FFMIN(ff_filter_get_nb_threads(ctx), FFMAX(item->frame->height / SLICE_ROWS, 1));
    Blending b = { 0 };
    int ret;

    gcam_scaler_region(s->fit, item->frame, info->width, info->height, &b.region);
    if ((ret = make_writable(ctx->inputs[0], &item->frame)) < 0 ||
        (ret = gcam_frame_picture(item->frame, &b.picture)) < 0 ||
        (ret = prepare_overlay(s, item->frame, &item->style)) < 0 ||
        (ret = gcam_heat_describe(item->heat, item->frame, item->number, &b.region)) < 0 ||
        (ret = choose_map(s, item, &b)) < 0)
        return ret;
    if (s->live &&
        (ret = av_dict_set_int(&item->frame->metadata, "lavfi.gradcam.skipped", s->skipped, 0)) < 0)
        return ret;
    b.overlay = s->overlay;
    ff_filter_execute(ctx, blend_slice, &b, NULL, slices);
    return 0;
}

// Fetches the result of a key frame, if that has not been done.
static int fill_heat(GradcamFilter *s, GcamHeat *heat, int wait)
{
    GradcamResult *result;
    int ret;

    if (!heat || heat->map)
        return 0;
    ret = gradcam_stream_collect(s->stream, heat->ticket, wait, &result);
    return ret < 0 ? ret : gcam_heat_fill(heat, result, &s->maker);
}

// interp=linear: the key frame after is not known yet, and may still come. (Where a class or method changed, none does.)
static int waits_for_next(const GradcamFilter *s, const Item *item)
{
    return s->interp == INTERP_LINEAR && item->heat && item->heat == s->heat && item->number > item->heat->number &&
           !s->status && av_fifo_can_read(s->queue) <= FFMAX(s->max_queue, 1);
}

// Passes on the first frame of the queue. AVERROR(EAGAIN) when there is none, or its map is not ready and
// `wait` is 0.
static int deliver(AVFilterContext *ctx, int wait)
{
    GradcamFilter *s = ctx->priv;
    Item item;
    int ret = 0;

    if (av_fifo_peek(s->queue, &item, 1, 0) < 0 || waits_for_next(s, &item))
        return AVERROR(EAGAIN);
    if (item.heat && (ret = fill_heat(s, item.heat, wait)) < 0)
        return ret;
    if (item.heat && item.number > item.heat->number && (ret = fill_heat(s, item.heat->next, wait)) < 0)
        return ret;
    av_fifo_drain2(s->queue, 1);
    if (s->interp == INTERP_MOTION)
        ret = follow_motion(s, &item);
    if (ret >= 0 && item.heat)
        ret = show(ctx, &item);
    gcam_heat_unref(&item.heat);
    if (ret < 0) {
        av_frame_free(&item.frame);
        return ret;
    }
    return ff_filter_frame(ctx->outputs[0], item.frame);
}

// ------------------------------------------------------------------------------------------------ key frames

static int submit(AVFilterContext *ctx, const Item *item, GcamHeat *heat)
{
    GradcamFilter *s = ctx->priv;
    const AVRational base = ctx->inputs[0]->time_base;
    const double time = item->frame->pts == AV_NOPTS_VALUE ? 0 : item->frame->pts * av_q2d(base);
    AVFrame *frame = av_frame_clone(item->frame);
    int ret;

    if (!frame)
        return AVERROR(ENOMEM);
    while ((ret = gradcam_stream_submit(s->stream, frame, time, &heat->ticket)) == AVERROR(EAGAIN))
        if ((ret = deliver(ctx, 1)) < 0)
            break;
    if (ret < 0)
        av_frame_free(&frame);
    return ret;
}

// Makes the item a key frame. *heat, which may hold an older one, becomes the new one that waits for its
// result.
static int start_key(AVFilterContext *ctx, const Item *item, GcamHeat **heat)
{
    GradcamFilter *s = ctx->priv;
    GcamHeat *next = gcam_heat_create(item->number);
    int ret;

    if (!next)
        return AVERROR(ENOMEM);
    ret = submit(ctx, item, next);
    if (ret < 0) {
        gcam_heat_unref(&next);
        return ret;
    }
    next->fresh = s->key_due;
    if (s->interp == INTERP_LINEAR && *heat && !next->fresh)
        (*heat)->next = gcam_heat_ref(next);
    gcam_heat_unref(heat);
    *heat = next;
    s->since_key = 0;
    s->key_due = 0;
    return 0;
}

// live=1: shows the newest result from now on. One job at most is under way.
static int poll_newest(GradcamFilter *s)
{
    GradcamResult *result;
    int ret = s->coming ? gradcam_stream_newest(s->stream, &result) : AVERROR(EAGAIN);

    if (ret < 0)
        return ret == AVERROR(EAGAIN) ? 0 : ret;
    gcam_heat_unref(&s->heat);
    s->heat = s->coming;
    s->coming = NULL;
    if (s->motion)
        gradcam_motion_key_marked(s->motion);
    return gcam_heat_fill(s->heat, result, &s->maker);
}

// Decides which map the item shows.
static int choose_heat(AVFilterContext *ctx, Item *item)
{
    GradcamFilter *s = ctx->priv;
    int ret = s->live ? poll_newest(s) : 0;

    if (ret >= 0 && (s->key_due || s->since_key >= s->stride)) {
        if (!s->live)
            ret = start_key(ctx, item, &s->heat);
        else if (!s->coming)
            item->marked = (ret = start_key(ctx, item, &s->coming)) >= 0;
        else
            s->skipped++;
    }
    if (ret >= 0 && s->heat)
        item->heat = gcam_heat_ref(s->heat);
    return ret;
}

// Takes over the frame, whatever becomes of it. A frame at which the filter is disabled passes as it is, but
// counts.
static int take_frame(AVFilterContext *ctx, AVFrame *frame)
{
    GradcamFilter *s = ctx->priv;
    Item item = { .frame = frame, .number = s->count++, .style = s->style };
    int ret = 0;

    s->since_key++;
    if (!ctx->is_disabled)
        ret = choose_heat(ctx, &item);
    if (ret >= 0)
        ret = av_fifo_write(s->queue, &item, 1);
    if (ret < 0)
        free_item(&item);
    return ret;
}

// -------------------------------------------------------------------------------------------------- activate

// How many frames may wait in the queue for a map.
static int64_t max_waiting(const GradcamFilter *s)
{
    return s->live ? 0 : FFMIN((int64_t)s->lookahead * s->stride, s->max_queue);
}

// One step: takes a frame, passes one on, or acknowledges the end.
static int step(AVFilterContext *ctx)
{
    GradcamFilter *s = ctx->priv;
    AVFilterLink *inlink = ctx->inputs[0], *outlink = ctx->outputs[0];
    AVFrame *frame;
    int ret = s->status ? 0 : ff_inlink_consume_frame(inlink, &frame);

    if (ret < 0)
        return ret;
    if (ret > 0) {
        if ((ret = take_frame(ctx, frame)) < 0)
            return ret;
        ff_filter_set_ready(ctx, 100);
    }
    do {
        const int full = av_fifo_can_read(s->queue) > max_waiting(s);
        ret = deliver(ctx, full || s->status);
    } while (ret >= 0 && av_fifo_can_read(s->queue) > max_waiting(s));
    if (ret >= 0)
        ff_filter_set_ready(ctx, 100);
    if (ret != AVERROR(EAGAIN))
        return ret;

    if (!s->status && ff_inlink_acknowledge_status(inlink, &s->status, &s->status_pts)) {
        ff_filter_set_ready(ctx, 100);
        return 0;
    }
    if (s->status) {            // and the queue is empty
        ff_outlink_set_status(outlink, s->status, s->status_pts);
        return 0;
    }
    FF_FILTER_FORWARD_WANTED(outlink, inlink);
    return FFERROR_NOT_READY;
}

static int activate(AVFilterContext *ctx)
{
    GradcamFilter *s = ctx->priv;
    int ret;

    FF_FILTER_FORWARD_STATUS_BACK(ctx->outputs[0], ctx->inputs[0]);
    if (s->error)
        return s->error;
    ret = step(ctx);
    if (ret < 0 && ret != FFERROR_NOT_READY)
        s->error = ret;
    return ret;
}

static const AVFilterPad gradcam_inputs[] = {
    { .name = "default", .type = AVMEDIA_TYPE_VIDEO, .config_props = config_input },
};

static const AVFilterPad gradcam_outputs[] = {
    { .name = "default", .type = AVMEDIA_TYPE_VIDEO },
};

const GcamFilter ff_vf_gradcam = {
    GCAM_FILTER(name)          = "gradcam",
    GCAM_FILTER(description)   = NULL_IF_CONFIG_SMALL("Show where a neural network looks."),
    GCAM_FILTER(priv_class)    = &gradcam_class,
    GCAM_FILTER(flags)         = AVFILTER_FLAG_SUPPORT_TIMELINE_INTERNAL | AVFILTER_FLAG_SLICE_THREADS,
    .priv_size                 = sizeof(GradcamFilter),
    .uninit                    = uninit,
    .activate                  = activate,
    .process_command           = process_command,
    FILTER_INPUTS(gradcam_inputs),
    FILTER_OUTPUTS(gradcam_outputs),
    FILTER_PIXFMTS_ARRAY(pixel_formats),
};
