/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * In: options as texts, and frames. Out: an open model and a stream of results.
 */
#include "engine.h"

#include <math.h>
#include <string.h>

#include "libavutil/bprint.h"
#include "libavutil/common.h"
#include "libavutil/cpu.h"
#include "libavutil/error.h"
#include "libavutil/eval.h"
#include "libavutil/log.h"
#include "libavutil/mem.h"
#include "libavutil/pixdesc.h"

#include "modelcache.h"
#include "rotate.h"
#include "seen.h"

// Of FFmpeg's own option "threads", which takes the name before the filter's does, the range is wider.
#define MAX_THREADS 1024

struct GcamWorks {
    void *log;                  // of the engine that has it now
    GradcamModel *model;
    GradcamStream *stream;      // NULL: the model alone was kept
    GcamScaler **scaler;        // one per job
    GcamSeen *seen;             // or NULL
    int jobs;
};

static void log_message(void *ctx, enum GradcamLogLevel level, const char *message)
{
    static const int av_level[] = {
        [GRADCAM_LOG_ERROR] = AV_LOG_ERROR, [GRADCAM_LOG_WARNING] = AV_LOG_WARNING,
        [GRADCAM_LOG_INFO] = AV_LOG_VERBOSE, [GRADCAM_LOG_DEBUG] = AV_LOG_DEBUG,
    };

    av_log(ctx, av_level[level], "%s\n", message);
}

// The same for a stream, which stays where logs change.
static void log_of_works(void *opaque, enum GradcamLogLevel level, const char *message)
{
    const GcamWorks *works = opaque;

    log_message(works->log, level, message);
}

// Three numbers, or one for all; any of / , | and space may stand between them.
static int parse_triple(void *log, const char *name, const char *text, double value[3])
{
    const char *at = text;

    for (int i = 0; i < 3; i++) {
        char *end;
        value[i] = av_strtod(at, &end);
        if (!i && end != at && !*end && isfinite(value[0])) {
            value[1] = value[2] = value[0];
            return 0;
        }
        if (end == at || !isfinite(value[i]) || (i < 2 ? !*end || !strchr("/,| ", *end) : *end)) {
            av_log(log, AV_LOG_ERROR, "%s=%s is not three numbers joined by /\n", name, text);
            return AVERROR(EINVAL);
        }
        at = end + 1;
    }
    return 0;
}

// 255 where both are of pixels in 0..1, as PyTorch has them, else 1. A std below 1 has no other meaning.
static double find_range(const double mean[3], const double std[3])
{
    for (int i = 0; i < 3; i++)
        if (!(std[i] < 1 && fabs(mean[i]) <= 1))
            return 1;
    return 255;
}

// The options change a part of the preprocessing; the model, opened without that, tells the rest.
static int find_preprocessing(GcamEngine *e, GradcamModelOptions *options, GradcamPreprocessing *p)
{
    GradcamModel *model;
    double mean[3], std[3];
    int ret = gcam_modelcache_get(&model, e->path, options);

    if (ret < 0)
        return ret;
    *p = gradcam_model_info(model)->preprocessing;
    gcam_modelcache_put(&model);
    if (e->bgr >= 0)
        p->bgr = e->bgr;
    for (int i = 0; i < 3; i++) {
        mean[i] = p->mean[i];
        std[i] = p->std[i];
    }
    if ((e->mean && (ret = parse_triple(e->log, "mean", e->mean, mean)) < 0) ||
        (e->std && (ret = parse_triple(e->log, "std", e->std, std)) < 0))
        return ret;
    for (int i = 0; i < 3; i++)
        if (!(std[i] > 0)) {
            av_log(e->log, AV_LOG_ERROR, "std=%s has a number that is not above 0\n", e->std);
            return AVERROR(EINVAL);
        }
    const double range = e->mean && e->std ? find_range(mean, std) : 1;
    for (int i = 0; i < 3; i++) {
        p->mean[i] = (float)(mean[i] * range);
        p->std[i] = (float)(std[i] * range);
    }
    options->preprocessing = p;
    return 0;
}

// A preset in the place of all that.
static int find_preset(const GcamEngine *e, GradcamModelOptions *options)
{
    const GradcamPreset *preset;
    AVBPrint names;

    if (e->mean || e->std || e->bgr >= 0) {
        av_log(e->log, AV_LOG_ERROR, "preset=%s leaves nothing to mean, std and bgr\n", e->preset);
        return AVERROR(EINVAL);
    }
    av_bprint_init(&names, 0, AV_BPRINT_SIZE_AUTOMATIC);
    for (size_t i = 0; (preset = gradcam_preset_at(i)); i++) {
        if (!strcmp(preset->name, e->preset)) {
            options->preprocessing = &preset->preprocessing;
            return 0;
        }
        av_bprintf(&names, "%s%s", i ? ", " : "", preset->name);
    }
    av_log(e->log, AV_LOG_ERROR, "preset=%s is none of %s\n", e->preset, names.str);
    return AVERROR(EINVAL);
}

// What was assumed, for want of anything that tells.
static void tell_assumptions(const GcamEngine *e)
{
    const GradcamModelInfo *info = gradcam_model_info(e->model);

    if (!strcmp(info->preprocessing_source, "assumed"))
        av_log(e->log, AV_LOG_WARNING, "The network does not tell how pixels become its input, taken as %s; say it "
               "with preset, or with mean and std\n", info->preprocessing_reason);
    else if (!strcmp(info->preprocessing_source, "graph"))
        av_log(e->log, AV_LOG_INFO, "Pixels become the network's input as %s\n", info->preprocessing_reason);
    if (info->probability_assumed && e->probability == GRADCAM_PROBABILITY_AUTO)
        av_log(e->log, AV_LOG_INFO, "The network does not tell how scores become probabilities, taken as "
               "probability=%s\n", gradcam_probability_name(info->probability));
}

static int is_input_given(const char *texts, const char *name)
{
    const size_t length = strlen(name);

    for (const char *at = texts; at && *at; at += strcspn(at, "|"), at += *at == '|')
        if (!strncmp(at, name, length) && at[length] == '=')
            return 1;
    return 0;
}

static void warn_of_inputs(const GcamEngine *e)
{
    const GradcamInput *input;

    for (size_t i = 0; (input = gradcam_model_input_at(e->model, i)); i++)
        if (input->kind != GRADCAM_INPUT_STATE && !is_input_given(e->inputs, input->name))
            av_log(e->log, AV_LOG_WARNING, "The input '%s' of %zu elements is not given, and all zeros\n",
                   input->name, input->count);
}

static int open_model(GcamEngine *e)
{
    GradcamPreprocessing preprocessing;
    GradcamModelOptions options = {
        .size = sizeof(options),
        .log = { log_message, e->log }, .labels = e->labels, .logits = e->logits, .width = e->width,
        .height = e->height, .memory = (size_t)e->memory << 20, .states = e->states, .copy = !e->mmap,
    };
    int ret = 0;

    if (e->preset)
        ret = find_preset(e, &options);
    else if (e->mean || e->std || e->bgr >= 0)
        ret = find_preprocessing(e, &options, &preprocessing);
    if (ret >= 0)
        ret = gcam_modelcache_get(&e->model, e->path, &options);
    if (ret >= 0) {
        tell_assumptions(e);
        warn_of_inputs(e);
    }
    return ret;
}

// A bar has the colour that becomes 0 in the network.
static void find_bar_color(const GradcamModelInfo *info, uint8_t color[3])
{
    const GradcamPreprocessing *p = &info->preprocessing;

    for (int i = 0; i < info->channels; i++)
        color[i] = av_clip_uint8(lrintf(p->mean[p->bgr && info->channels == 3 ? 2 - i : i]));
}

static int load_frame(void *opaque, int job, void *frame, uint8_t *pixels, ptrdiff_t stride, int width, int height)
{
    const GcamWorks *works = opaque;
    const AVFrame *in = frame;
    int ret;

    gcam_scaler_set_turns(works->scaler[job], (intptr_t)in->opaque & 3);
    ret = gcam_scaler_run(works->scaler[job], in, pixels, stride, width, height);
    if (ret >= 0 && works->seen)
        gcam_seen_write(works->seen, works->log, pixels, stride, width, height,
                        gradcam_model_info(works->model)->channels, (intptr_t)in->opaque >> 2);
    if (ret < 0)
        av_log(works->log, AV_LOG_ERROR, "Cannot scale a frame of %dx%d in %s to the network's %dx%d: %s\n",
               in->width, in->height, av_get_pix_fmt_name(in->format), width, height, av_err2str(ret));
    return ret;
}

static void release_frame(void *opaque, void *frame)
{
    AVFrame *in = frame;

    av_frame_free(&in);
}

static int open_scalers(const GcamEngine *e)
{
    GcamWorks *works = e->works;
    uint8_t bar[3];

    works->scaler = av_calloc(works->jobs, sizeof(*works->scaler));
    if (!works->scaler)
        return AVERROR(ENOMEM);
    find_bar_color(gradcam_model_info(e->model), bar);
    for (int i = 0; i < works->jobs; i++) {
        const int ret = gcam_scaler_create(&works->scaler[i], e->fit, gradcam_model_info(e->model)->channels, bar);
        if (ret < 0)
            return ret;
    }
    return 0;
}

// Says what there is when it is asked for help.
static int read_method(const char *text, const GradcamLog *log, GradcamMethod *method)
{
    const GradcamMethodInfo *info;
    const int help = !strcmp(text, "help");

    for (size_t i = 0; help && (info = gradcam_method_at(i)); i++)
        av_log(log->opaque, AV_LOG_INFO, "method=%s: %s\n", info->name, info->summary);
    return gradcam_method_parse(method, text, log);
}

static int is_digit(const char *text)
{
    return text[0] >= '1' && text[0] <= '9' && !text[1];
}

// class=auto:3 reaches the filter as class=auto and, by position, class=3; c=auto:3 as class=auto and layer=3.
static void tell_of_colon(const GcamEngine *e, int opened)
{
    const char *class = e->class_text, *label = is_digit(class) ? gradcam_model_label(e->model, class[0] - '0') : NULL;

    if (opened && label && strcmp(label, class))
        av_log(e->log, AV_LOG_INFO, "class=%s is the class of that index, %s; the top %s are class=auto%s\n",
               class, label, class, class);
    if (!opened && is_digit(e->layer))
        av_log(e->log, AV_LOG_INFO, "layer=%s: of a class=auto:%s, FFmpeg cuts off what is behind the colon; the top "
               "%s are class=auto%s\n", e->layer, e->layer, e->layer, e->layer);
}

static int open_works(GcamEngine *e, GradcamStreamSettings *settings)
{
    const GradcamLog log = { log_message, e->log };
    GradcamTargets *targets;
    int ret;

    if (!(e->works = av_mallocz(sizeof(*e->works))))
        return AVERROR(ENOMEM);
    e->works->log = e->log;
    e->works->jobs = settings->jobs;
    settings->log = (GradcamLog){ log_of_works, e->works };
    settings->opaque = e->works;
    if ((e->seen_path && (ret = gcam_seen_create(&e->works->seen, e->log, e->seen_path)) < 0) ||
        (ret = read_method(e->method_text, &log, &settings->method)) < 0 || (ret = open_model(e)) < 0)
        return ret;
    e->works->model = e->model;
    if ((ret = open_scalers(e)) < 0 ||
        (ret = gradcam_targets_resolve(&targets, e->model, e->class_text, &log)) < 0)
        return ret;
    ret = gradcam_stream_open(&e->works->stream, e->model, targets, settings);
    e->stream = e->works->stream;
    gradcam_targets_free(&targets);
    tell_of_colon(e, ret >= 0);
    return ret;
}

int gcam_engine_open(GcamEngine *e, void *log, int processors, int jobs, int nice, GcamWorks *left)
{
    const int wanted = e->threads ? e->threads : processors ? processors : av_cpu_count();
    GradcamStreamSettings settings = {
        .size = sizeof(settings),
        .layer = e->layer, .threads = FFMIN(wanted, MAX_THREADS),
        .precision = e->precision, .probability = e->probability, .still = e->still, .nice = nice,
        .inputs = e->inputs,
        .load = load_frame, .release = release_frame,
    };
    int ret = 0;

    e->log = log;
    e->changed = 0;
    if ((ret = gcam_engine_check_rotate(e)) < 0) {
        gcam_works_close(&left);
        return ret;
    }
    settings.jobs = FFMIN(jobs, settings.threads);
    if (left && left->stream && left->jobs == settings.jobs) {
        e->works = left;
        e->works->log = log;
        e->model = left->model;
        e->stream = left->stream;
        return 0;
    }
    ret = open_works(e, &settings);
    gcam_works_close(&left);            // now that its model is open once more
    return ret;
}

static void close_stream(GcamWorks *works)
{
    gradcam_stream_close(&works->stream);       // first: its threads use the scalers
    for (int i = 0; works->scaler && i < works->jobs; i++)
        gcam_scaler_free(&works->scaler[i]);
    av_freep(&works->scaler);
}

void gcam_works_close(GcamWorks **works)
{
    if (!*works)
        return;
    close_stream(*works);
    gcam_seen_free(&(*works)->seen);
    gcam_modelcache_put(&(*works)->model);
    av_freep(works);
}

void gcam_engine_close(GcamEngine *e)
{
    gcam_works_close(&e->works);
    e->model = NULL;
    e->stream = NULL;
}

// The stream stays where it has nothing to do and looks for what the options say.
GcamWorks *gcam_engine_leave(GcamEngine *e)
{
    GcamWorks *works = e->works;
    GradcamResult *result;
    int ret;

    if (!works || !works->stream)
        return NULL;
    while ((ret = gradcam_stream_newest(works->stream, &result)) >= 0)
        gradcam_result_unref(&result);
    if (e->changed || ret != AVERROR(EAGAIN) || gradcam_stream_idle(works->stream) < works->jobs)
        close_stream(works);
    works->log = NULL;
    e->works = NULL;
    e->model = NULL;
    e->stream = NULL;
    return works;
}

int gcam_engine_check_rotate(const GcamEngine *e)
{
    if (e->rotate == GCAM_ROTATE_AUTO || e->rotate % 90 == 0)
        return 0;
    av_log(e->log, AV_LOG_ERROR, "rotate=%d is none of auto, 0, 90, 180 and 270\n", e->rotate);
    return AVERROR(EINVAL);
}

int gcam_engine_set_class(GcamEngine *e, const char *text)
{
    const GradcamLog log = { log_message, e->log };
    GradcamTargets *targets;
    int ret = gradcam_targets_resolve(&targets, e->model, text, &log);

    if (ret < 0)
        return ret;
    e->changed = 1;
    ret = gradcam_stream_set_targets(e->stream, targets);
    gradcam_targets_free(&targets);
    return ret;
}

int gcam_engine_set_method(GcamEngine *e, const char *text)
{
    const GradcamLog log = { log_message, e->log };
    GradcamMethod method;
    int ret = read_method(text, &log, &method);

    e->changed = 1;
    return ret < 0 ? ret : gradcam_stream_set_method(e->stream, &method);
}

int gcam_engine_set_layer(GcamEngine *e, const char *layer)
{
    e->changed = 1;
    return gradcam_stream_set_layer(e->stream, layer);
}

int gcam_engine_submit(GcamEngine *e, const AVFrame *frame, int64_t number, double time, int cut, int turns,
                       uint64_t *ticket)
{
    AVFrame *copy = av_frame_clone(frame);
    int ret = copy ? 0 : AVERROR(ENOMEM);

    if (ret >= 0)
        copy->opaque = (void *)(intptr_t)(number * 4 + turns);      // for load_frame()
    if (ret >= 0 && cut)
        ret = gradcam_stream_cut(e->stream);
    if (ret >= 0)
        ret = gradcam_stream_submit(e->stream, copy, time, ticket);
    if (ret < 0)
        av_frame_free(&copy);
    return ret;
}
