/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The gradcam filter: lays class activation maps, computed by libgradcam, over video. It translates options,
 * formats, errors and messages; queue.c has the frames.
 */
#include <float.h>
#include <string.h>

#include "libavutil/avstring.h"
#include "libavutil/mem.h"
#include "libavutil/opt.h"
#include "libavutil/pixdesc.h"

#include "ffcompat.h"

#include "gradcam_picture.h"
#include "journal.h"
#include "legacy.h"
#include "pixel_formats.h"
#include "queue.h"
#include "rotate.h"
#include "show.h"
#include "style.h"

#define MAX_THREADS 1024

typedef struct GradcamFilter {
    const AVClass *class;

    // options
    GcamQueue queue;
    GcamStyleOptions look;
    char *log_path, *map_path;
    int log_format;

    int asked;                  // how often for formats
    char *key;                  // by which the filter that is made in the place of this one is known
    GcamJournal *journal;
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
#define STEPS(name, field, help, value, max, flags, unit) \
    { name, help, OFFSET(field), AV_OPT_TYPE_INT, { .i64 = value }, value, max, flags, unit }
#define CONST(name, help, value, flags, unit) \
    { name, help, 0, AV_OPT_TYPE_CONST, { .i64 = value }, 0, 0, flags, unit }

#define MODEL_HELP   "network: an .onnx or .bin file, or the name of a fetched one (default: the built-in network)"
#define CLASS_HELP   "what to look for: class name, group or index, several joined by |; auto: the top class"
#define LAYER_HELP   "tensor or node that is explained; a+b, last3: several; auto: chosen by the network's shape"
#define LABELS_HELP  "file with a class name a line, imagenet, or none (default: the network's own)"
#define LOGITS_HELP  "tensor or node with the class scores, or a part, y@0/*/3 (default: the output before any softmax)"
#define INPUT_HELP   "numbers for inputs other than the picture, name=1/0/2, several joined by | (default: zeros)"
#define STATE_HELP   "inputs that are an output of the frame before, in=out,...; none (default: by name and shape)"
#define PRESET_HELP  "preprocessing that many networks share: torchvision, caffe, tf, unit or none (default: its own)"
#define MEAN_HELP    "a/b/c to subtract from the network's three channels, 0..255 (default: its own)"
#define SCENE_HELP   "scene score from which on a frame counts as a cut and gets a map of its own (0: never)"
#define BOX_HELP     "share of a map's highest value from which on a place belongs to its box (0: no boxes)"
#define COLORS_HELP  "colours of the classes, joined by |; auto: a palette for several; none: the colormap"
#define STILL_HELP   "difference, of 255, up to which blocks of a picture count as unchanged (-1: compute all)"
#define METHOD_HELP  "how the map is computed: a method, or METHOD/OPTION=VALUE/...; help lists them in the log"
#define STRIDE_HELP  "compute a map for every stride-th frame; the frames between show the same map"
#define EVERY_HELP   "compute a map as soon as the last is so many seconds old, in the place of stride (0: stride)"

#define MAP_PATH_HELP "file for the raw maps of key frames, .npy; with %d in its name one for each, by its number"
#define SEEN_PATH_HELP "file for the picture that the network saw, .ppm; with %d in its name one for each key frame"

static const AVOption gradcam_options[] = {
    STRING("model",  queue.engine.path, MODEL_HELP, NULL, FLAGS),
    STRING("m",      queue.engine.path, MODEL_HELP, NULL, FLAGS),
    STRING("class",  queue.engine.class_text, CLASS_HELP, "auto", TFLAGS),
    STRING("c",      queue.engine.class_text, CLASS_HELP, "auto", TFLAGS),
    STRING("layer",  queue.engine.layer, LAYER_HELP, "auto", TFLAGS),
    STRING("l",      queue.engine.layer, LAYER_HELP, "auto", TFLAGS),
    STRING("labels", queue.engine.labels, LABELS_HELP, NULL, FLAGS),
    STRING("logits", queue.engine.logits, LOGITS_HELP, NULL, FLAGS),
    STRING("input",  queue.engine.inputs, INPUT_HELP, NULL, FLAGS),
    STRING("state",  queue.engine.states, STATE_HELP, NULL, FLAGS),
    STRING("preset", queue.engine.preset, PRESET_HELP, NULL, FLAGS),
    STRING("mean",   queue.engine.mean, MEAN_HELP, NULL, FLAGS),
    STRING("std",    queue.engine.std, "a/b/c to divide the network's three channels by (default: its own)", NULL,
           FLAGS),
    BOOL("bgr",      queue.engine.bgr, "feed the network in the order B, G, R (default: the network's)", -1, -1, FLAGS),
    { "size", "input size of a network that leaves it open (default: 224x224)", OFFSET(queue.engine.width),
      AV_OPT_TYPE_IMAGE_SIZE, { .str = NULL }, 0, 0, FLAGS },
    INT("memory",    queue.engine.memory, "memory that the network may take to run, in MB", 4096, 1, 1 << 20, FLAGS),
    BOOL("mmap",     queue.engine.mmap, "map large files of the model into memory; 0: read them", 1, 0, FLAGS),
    STRING("method", queue.engine.method_text, METHOD_HELP, "gradcam", TFLAGS),
    STEPS("stride",  queue.keys.stride, STRIDE_HELP, GCAM_STRIDE_AUTO, INT_MAX, TFLAGS, "stride"),
    STEPS("s",       queue.keys.stride, STRIDE_HELP, GCAM_STRIDE_AUTO, INT_MAX, TFLAGS, "stride"),
        CONST("auto", "5; frames that are 0.2 seconds apart or more have a map each", GCAM_STRIDE_AUTO, TFLAGS,
              "stride"),
    DOUBLE("every",  queue.keys.every, EVERY_HELP, 0, 0, 86400, TFLAGS),
    ENUM("origin",   queue.keys.origin, "where the stride is counted from", GCAM_ORIGIN_START, GCAM_ORIGIN_COUNT, FLAGS,
         "origin"),
        CONST("start", "the first frame", GCAM_ORIGIN_START, FLAGS, "origin"),
        CONST("keyframe", "and anew from each key frame of the coded video", GCAM_ORIGIN_KEYFRAME, FLAGS, "origin"),
        CONST("timestamp", "time 0, in frames of the frame rate", GCAM_ORIGIN_TIMESTAMP, FLAGS, "origin"),
    DOUBLE("scene",  queue.keys.scene, SCENE_HELP, 0.4, 0, 1, TFLAGS),
    INT("threads",   queue.engine.threads, "threads that compute maps (0: one per processor)", 0, 0, MAX_THREADS,
        FLAGS),
    ENUM("precision", queue.engine.precision, "arithmetic of the network", GRADCAM_PRECISION_F32,
         GRADCAM_PRECISION_BF16 + 1, FLAGS, "precision"),
        CONST("f32", "single precision", GRADCAM_PRECISION_F32, FLAGS, "precision"),
        CONST("bf16", "large products in bfloat16, where the processor can", GRADCAM_PRECISION_BF16, FLAGS,
              "precision"),
    ENUM("probability", queue.engine.probability, "how scores become probabilities", GRADCAM_PROBABILITY_AUTO,
         GRADCAM_PROBABILITY_NONE + 1, FLAGS, "probability"),
        CONST("auto", "as the network's graph tells", GRADCAM_PROBABILITY_AUTO, FLAGS, "probability"),
        CONST("softmax", "one of the classes is there", GRADCAM_PROBABILITY_SOFTMAX, FLAGS, "probability"),
        CONST("sigmoid", "each class is there or not, by itself", GRADCAM_PROBABILITY_SIGMOID, FLAGS, "probability"),
        CONST("given", "the scores are probabilities already", GRADCAM_PROBABILITY_GIVEN, FLAGS, "probability"),
        CONST("none", "there are none", GRADCAM_PROBABILITY_NONE, FLAGS, "probability"),
    FLOAT("still",   queue.engine.still, STILL_HELP, 0, -1, 255, FLAGS),
    INT("lookahead", queue.lookahead, "key frames to compute in advance while their frames are held back", 0, 0,
        1024, FLAGS),
    BOOL("live",     queue.live, "never hold up the video: show the newest map there is, skip key frames when busy",
         0, 0, FLAGS),
    ENUM("interp",   queue.between.interp, "what frames between two key frames show", GCAM_INTERP_HOLD,
         GCAM_INTERP_COUNT, FLAGS, "interp"),
        CONST("hold", "the map of the key frame before", GCAM_INTERP_HOLD, FLAGS, "interp"),
        CONST("linear", "what lies between the maps of both; delays the video by a stride, not for live=1",
              GCAM_INTERP_LINEAR, FLAGS, "interp"),
        CONST("motion", "both maps, moved by the decoder's motion vectors (-flags2 +export_mvs)",
              GCAM_INTERP_MOTION, FLAGS, "interp"),
    DOUBLE("smooth", look.smooth, "time constant of the smoothing of maps, in seconds (0: none)", 0, 0, 60, TFLAGS),
    ENUM("scale",    look.scale, "range of values that the colours stand for", GRADCAM_SCALE_FRAME,
         GRADCAM_SCALE_FIXED + 1,
         TFLAGS, "scale"),
        CONST("frame", "from the lowest to the highest value of each map", GRADCAM_SCALE_FRAME, TFLAGS, "scale"),
        CONST("running", "from 0 to the highest value of late", GRADCAM_SCALE_RUNNING, TFLAGS, "scale"),
        CONST("fixed", "from low to high", GRADCAM_SCALE_FIXED, TFLAGS, "scale"),
    DOUBLE("release", look.release, "time constant with which scale=running falls, in seconds", 2, 0.01, 3600, TFLAGS),
    DOUBLE("low",    look.low, "raw value of scale=fixed that gets the lowest colour", 0, -FLT_MAX, FLT_MAX, TFLAGS),
    DOUBLE("high",   look.high, "raw value of scale=fixed that gets the highest colour", 1, -FLT_MAX, FLT_MAX, TFLAGS),
    STRING("box",    look.box, BOX_HELP, "0.15", TFLAGS),
    ENUM("fit",      queue.engine.fit, "how a frame is brought to the network's shape", GCAM_FIT_STRETCH,
         GCAM_FIT_COUNT, FLAGS, "fit"),
        CONST("stretch", "the whole frame, aspect ratio lost", GCAM_FIT_STRETCH, FLAGS, "fit"),
        CONST("crop", "the largest centred part", GCAM_FIT_CROP, FLAGS, "fit"),
        CONST("pad", "the whole frame with bars", GCAM_FIT_PAD, FLAGS, "fit"),
    { "rotate", "turn that brings a frame upright for the network, in degrees clockwise", OFFSET(queue.engine.rotate),
      AV_OPT_TYPE_INT, { .i64 = GCAM_ROTATE_AUTO }, GCAM_ROTATE_AUTO, 270, TFLAGS, "rotate" },
        CONST("auto", "as the frame's display matrix says, if it has one that is still to be applied",
              GCAM_ROTATE_AUTO, TFLAGS, "rotate"),
    STRING("opacity", look.opacity, "greatest weight of the colours", "0.6", TFLAGS),
    STRING("threshold", look.threshold, "value of the map, 0 to 1, below which it counts as 0", "0", TFLAGS),
    FLOAT("gamma",   look.gamma, "exponent of the map in blend=heat; below 1 shows more of the weak places",
          1, 0.1, 10, TFLAGS),
    { "colormap", "colours of the map", OFFSET(look.colormap), AV_OPT_TYPE_INT, { .i64 = GCAM_COLORMAP_AUTO },
      GCAM_COLORMAP_AUTO, GRADCAM_COLORMAP_BWR, TFLAGS, "colormap" },
        CONST("auto", "turbo; bwr for maps of what speaks for and against", GCAM_COLORMAP_AUTO, TFLAGS, "colormap"),
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
        CONST("bwr", "blue over white to red", GRADCAM_COLORMAP_BWR, TFLAGS, "colormap"),
    ENUM("blend",    look.blend, "weight of the colours", GRADCAM_BLEND_HEAT, 2, TFLAGS, "blend"),
        CONST("heat", "opacity times the map: what the network ignores stays as it is", GRADCAM_BLEND_HEAT,
              TFLAGS, "blend"),
        CONST("flat", "opacity everywhere", GRADCAM_BLEND_FLAT, TFLAGS, "blend"),
    ENUM("upsample", look.upsample, "how the map is enlarged", GRADCAM_UPSAMPLE_SPLINE,
         GRADCAM_UPSAMPLE_SPLINE + 1, TFLAGS,
         "upsample"),
        CONST("bilinear", "straight lines from cell to cell", GRADCAM_UPSAMPLE_BILINEAR, TFLAGS, "upsample"),
        CONST("bicubic", "curves through the values of the cells", GRADCAM_UPSAMPLE_BICUBIC, TFLAGS, "upsample"),
        CONST("spline", "smooth curves, without rings", GRADCAM_UPSAMPLE_SPLINE, TFLAGS, "upsample"),
    STRING("colors", look.colors, COLORS_HELP, "auto", TFLAGS),
    ENUM("output",   look.output, "what to show", GRADCAM_OUTPUT_OVERLAY, GRADCAM_OUTPUT_ALPHA + 1, TFLAGS, "output"),
        CONST("overlay", "the map over the frame", GRADCAM_OUTPUT_OVERLAY, TFLAGS, "output"),
        CONST("heatmap", "the colours of the map alone", GRADCAM_OUTPUT_HEATMAP, TFLAGS, "output"),
        CONST("mask", "the map as grey levels", GRADCAM_OUTPUT_MASK, TFLAGS, "output"),
        CONST("side", "the frame, and right of it the overlay", GRADCAM_OUTPUT_SIDE, TFLAGS, "output"),
        CONST("alpha", "the colours, and their weight as alpha", GRADCAM_OUTPUT_ALPHA, TFLAGS, "output"),
    STRING("log_path", log_path, "file with a line for each frame that shows a map; -: standard output", NULL, FLAGS),
    ENUM("log_fmt",  log_format, "format of that file", GCAM_JOURNAL_AUTO, GCAM_JOURNAL_COUNT, FLAGS, "log_fmt"),
        CONST("auto", "csv where its name ends in .csv, else json", GCAM_JOURNAL_AUTO, FLAGS, "log_fmt"),
        CONST("json", "an object a line, the last one a summary", GCAM_JOURNAL_JSON, FLAGS, "log_fmt"),
        CONST("csv", "a row for each class on each frame", GCAM_JOURNAL_CSV, FLAGS, "log_fmt"),
    STRING("map_path", map_path, MAP_PATH_HELP, NULL, FLAGS),
    STRING("seen_path", queue.engine.seen_path, SEEN_PATH_HELP, NULL, FLAGS),
    { NULL }
};

AVFILTER_DEFINE_CLASS(gradcam);

// A frame leaves in the format in which it came. A palette becomes its colours, and keeps what is transparent in it,
// which FFmpeg would drop.
static GCAM_QUERY_FORMATS(query_formats)
{
    static const enum AVPixelFormat with_palette[] = {
        AV_PIX_FMT_RGBA, AV_PIX_FMT_BGRA, AV_PIX_FMT_ARGB, AV_PIX_FMT_ABGR, AV_PIX_FMT_GBRAP, AV_PIX_FMT_NONE
    };
    GradcamFilter *s = ctx->priv;
    const AVFilterFormats *offered = ctx->inputs[0]->incfg.formats;
    enum AVPixelFormat alpha[GCAM_MOST_FORMATS];

    if (!offered && !s->asked++)
        return AVERROR(EAGAIN);         // once more when the source has told
    if (s->look.output == GRADCAM_OUTPUT_ALPHA) {
        gcam_alpha_formats(alpha);
        return gcam_set_formats(alpha);
    }
    if (offered && offered->nb_formats == 1 && offered->formats[0] == AV_PIX_FMT_PAL8)
        return gcam_set_formats(with_palette);
    return gcam_set_formats(gcam_pixel_formats);
}

// --------------------------------------------------------------------------------------------- configuration

// Puts the options of the look into force. Changes nothing when it fails.
static int take_style(AVFilterContext *ctx)
{
    GradcamFilter *s = ctx->priv;
    GcamStyle *style;
    int ret = gcam_style_create(&style, ctx, &s->look);

    if (ret < 0)
        return ret;
    gcam_style_unref(&s->queue.style);
    s->queue.style = style;
    return 0;
}

// Name and options, before commands change them.
static int make_key(AVFilterContext *ctx)
{
    GradcamFilter *s = ctx->priv;
    char *options;
    int ret = av_opt_serialize(s, 0, AV_OPT_SERIALIZE_SKIP_DEFAULTS, &options, '=', ':');

    if (ret < 0)
        return ret;
    s->key = av_asprintf("%s %s", ctx->name, options);
    av_free(options);
    return s->key ? 0 : AVERROR(ENOMEM);
}

// Goes on with what the filter left that this one takes the place of; *works is the caller's, or NULL.
static int take_legacy(AVFilterContext *ctx, GcamWorks **works)
{
    GradcamFilter *s = ctx->priv;
    GcamLegacy legacy;
    int ret = s->key ? 0 : make_key(ctx);

    *works = NULL;
    if (ret < 0 || s->journal || !gcam_legacy_take(s->key, &legacy))
        return ret;
    s->journal = legacy.journal;
    gcam_journal_log_to(s->journal, ctx);
    s->queue.count = legacy.count;
    s->queue.skipped = legacy.skipped;
    *works = legacy.works;
    av_free(legacy.key);
    return 0;
}

// Models and threads come to life here, not in init(): FFmpeg makes filters that it never runs.
static int config_input(AVFilterLink *inlink)
{
    AVFilterContext *ctx = inlink->dst;
    GradcamFilter *s = ctx->priv;
    GcamWorks *works;
    int ret = take_legacy(ctx, &works);

    gcam_queue_close(&s->queue);
    if (ret < 0 || (ret = take_style(ctx)) < 0)
        gcam_works_close(&works);
    else
        ret = gcam_queue_open(&s->queue, ctx, works);
    if (ret >= 0 && !s->journal)
        ret = gcam_journal_open(&s->journal, ctx, s->log_path, s->log_format, s->map_path);
    s->queue.journal = s->journal;
    return ret == -EBADMSG ? AVERROR_INVALIDDATA : ret;     // strerror() would say "Bad message"
}

static int config_output(AVFilterLink *outlink)
{
    const GradcamFilter *s = outlink->src->priv;
    const AVFilterLink *inlink = outlink->src->inputs[0];

    outlink->w = gcam_show_width(s->look.output, inlink->format, inlink->w);
    return 0;
}

// The video has not ended: there may come a filter in the place of this one.
static void leave_legacy(GradcamFilter *s)
{
    const GcamLegacy legacy = {
        s->key, s->journal, gcam_engine_leave(&s->queue.engine), s->queue.count, s->queue.skipped
    };

    s->key = NULL;
    s->journal = NULL;
    gcam_legacy_leave(&legacy);
}

static av_cold void uninit(AVFilterContext *ctx)
{
    GradcamFilter *s = ctx->priv;

    if (s->queue.count && s->journal && !s->status && !s->error)
        leave_legacy(s);
    gcam_queue_close(&s->queue);
    gcam_journal_close(&s->journal);
    av_freep(&s->key);
}

// -------------------------------------------------------------------------------------------------- commands

// Size and format of the output cannot change any more.
static int check_output(AVFilterContext *ctx, int before)
{
    const GradcamFilter *s = ctx->priv;
    const int now = s->look.output;

    if (now == before || (now < GRADCAM_OUTPUT_SIDE && before < GRADCAM_OUTPUT_SIDE))
        return 0;
    av_log(ctx, AV_LOG_ERROR, "output=side and output=alpha cannot be changed to or from while the video runs\n");
    return AVERROR(EINVAL);
}

// What an option that was changed asks for.
static int apply_command(AVFilterContext *ctx, const char *command, int output)
{
    GradcamFilter *s = ctx->priv;
    GcamEngine *engine = &s->queue.engine;
    int ret;

    if ((ret = check_output(ctx, output)) < 0 || !engine->stream)
        return ret;
    if (!strcmp(command, "class") || !strcmp(command, "c"))
        ret = gcam_engine_set_class(engine, engine->class_text);
    else if (!strcmp(command, "layer") || !strcmp(command, "l"))
        ret = gcam_engine_set_layer(engine, engine->layer);
    else if (!strcmp(command, "rotate"))
        ret = gcam_engine_check_rotate(engine);
    else if (!strcmp(command, "method"))
        ret = gcam_engine_set_method(engine, engine->method_text);
    else
        return take_style(ctx);
    if (ret >= 0)
        gcam_keys_restart(&s->queue.keys);
    return ret;
}

static int process_command(AVFilterContext *ctx, const char *command, const char *arg, char *result,
                           int length, int flags)
{
    GradcamFilter *s = ctx->priv;
    const int output = s->look.output;
    uint8_t *before;
    int ret;

    if (av_opt_get(s, command, 0, &before) < 0)
        return AVERROR(ENOSYS);
    ret = ff_filter_process_command(ctx, command, arg, result, length, flags);
    if (ret >= 0 && (ret = apply_command(ctx, command, output)) < 0)
        av_opt_set(s, command, before, 0);
    av_free(before);
    return ret;
}

// -------------------------------------------------------------------------------------------------- activate

// One step: takes a frame, passes some on, or acknowledges the end.
static int step(AVFilterContext *ctx)
{
    GradcamFilter *s = ctx->priv;
    AVFilterLink *inlink = ctx->inputs[0], *outlink = ctx->outputs[0];
    AVFrame *frame;
    int ret = s->status ? 0 : ff_inlink_consume_frame(inlink, &frame);

    if (ret < 0)
        return ret;
    if (ret > 0) {
        if ((ret = gcam_queue_take(&s->queue, frame)) < 0)
            return ret;
        ff_filter_set_ready(ctx, 100);
    }
    ret = gcam_queue_pass(&s->queue);
    if (ret >= 0)
        ff_filter_set_ready(ctx, 100);
    if (ret != AVERROR(EAGAIN))
        return ret;

    if (!s->status && ff_inlink_acknowledge_status(inlink, &s->status, &s->status_pts)) {
        s->queue.ended = 1;
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
    { .name = "default", .type = AVMEDIA_TYPE_VIDEO, .config_props = config_output },
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
    GCAM_FILTER_QUERY_FORMATS(query_formats),
};
