/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * In: frames, in order. Out: the same frames with their maps.
 *
 * keys.c tells which frames are key frames. A reference to such a frame is submitted to the engine, whose threads
 * scale it, run the network and compute its maps. A heat is what comes of them (heat.c); the frames that follow share
 * it (between.c), show.c makes it visible, report.c and journal.c tell about it.
 *
 * live=0: a frame waits in the queue until the map of its key frame is there, so that the output does not
 * depend on speed. live=1: a frame is passed on at once with the newest map there is; nothing waits.
 */
#include "queue.h"

#include <math.h>

#include "libavutil/imgutils.h"
#include "libavutil/mem.h"

#include "ffcompat.h"

#include "gradcam_picture.h"
#include "report.h"
#include "rotate.h"
#include "scale.h"

// Bytes that the frames of the queue may hold.
#define QUEUE_BYTES (256 << 20)

// live=1: how much the threads that compute maps give way to those that the frames pass through.
#define LIVE_NICE 10

// A frame on its way through the filter.
typedef struct Item {
    AVFrame *frame;
    int64_t number;             // counted from 0
    double time;                // seconds, NAN where it has none
    GcamStyle *style;           // as it was when the frame came in
    GcamHeat *heat;             // what it shows; NULL: nothing
    int marked;                 // live=1: a key frame, whose map will come later
} Item;

static void free_item(Item *item)
{
    av_frame_free(&item->frame);
    gcam_style_unref(&item->style);
    gcam_heat_unref(&item->heat);
}

// Jobs run at once only as far as their frames may wait for them.
static int choose_jobs(const GcamQueue *q)
{
    const int64_t keys = 1 + (int64_t)q->most / gcam_keys_frames(&q->keys);

    return q->live || !q->lookahead ? 1 : FFMIN(keys, q->lookahead);
}

int gcam_queue_open(GcamQueue *q, AVFilterContext *ctx, GcamWorks *left)
{
    AVFilterLink *inlink = ctx->inputs[0];
    const int size = av_image_get_buffer_size(inlink->format, inlink->w, inlink->h, 16);

    q->ctx = ctx;
    q->most = size > 0 ? QUEUE_BYTES / size : 0;
    q->keys.time_base = inlink->time_base;
    q->keys.frame_rate = gcam_frame_rate(inlink);
    q->fifo = av_fifo_alloc2(8, sizeof(Item), AV_FIFO_FLAG_AUTO_GROW);
    if (!q->fifo || gradcam_steadies_create(&q->steadies) < 0) {
        gcam_works_close(&left);
        return AVERROR(ENOMEM);
    }
    if (q->live && q->between.interp == GCAM_INTERP_LINEAR) {
        av_log(ctx, AV_LOG_WARNING, "interp=linear would delay the video: with live=1, maps are held\n");
        q->between.interp = GCAM_INTERP_HOLD;
    }
    return gcam_engine_open(&q->engine, ctx, ctx->nb_threads, choose_jobs(q), q->live ? LIVE_NICE : 0, left);
}

void gcam_queue_close(GcamQueue *q)
{
    Item item;

    gcam_engine_close(&q->engine);
    while (q->fifo && av_fifo_read(q->fifo, &item, 1) >= 0)
        free_item(&item);
    av_fifo_freep2(&q->fifo);
    gcam_heat_unref(&q->heat);
    gcam_heat_unref(&q->coming);
    gradcam_steadies_free(&q->steadies);
    gcam_style_unref(&q->style);
    gcam_keys_reset(&q->keys);
    gcam_between_reset(&q->between);
    gcam_show_reset(&q->show);
    av_freep(&q->place);
    q->place_size = 0;
}

// ---------------------------------------------------------------------------------------------------- frames

// Where the maps are hot on the item's frame.
static int find_places(GcamQueue *q, const GcamHeat *heat, const GcamPlanes *planes, const GradcamPlace **places)
{
    int ret;

    *places = heat->place;
    if (!planes->own)
        return 0;
    av_fast_malloc(&q->place, &q->place_size, sizeof(*q->place) * FFMAX(heat->result->count, 1));
    if (!q->place)
        return AVERROR(ENOMEM);
    ret = gcam_heat_places(heat, planes->map, planes->width, planes->height, q->place);
    *places = q->place;
    return ret;
}

// Where maps lie on the item's frame.
static GradcamRegion find_region(const GcamQueue *q, const Item *item, const GcamHeat *heat)
{
    const GradcamModelInfo *info = gradcam_model_info(q->engine.model);
    GradcamRegion region;

    gcam_scaler_region(q->engine.fit, item->frame, heat->turns, info->width, info->height, &region);
    return region;
}

// Lays the item's maps over its frame, and tells about them.
static int show_heat(GcamQueue *q, Item *item)
{
    const GradcamRegion region = find_region(q, item, item->heat);
    const GcamMoment moment = gcam_heat_moment(item->heat, 0, item->number, item->time);
    GcamReport report = {
        item->heat, NULL, NULL, item->style, item->frame->width, item->frame->height, item->number, item->time,
        q->live ? q->skipped : -1
    };
    GcamPlanes planes;
    int ret;

    if ((ret = gcam_between_planes(&q->between, item->heat, item->number, item->time, &region, &planes)) < 0 ||
        (ret = find_places(q, item->heat, &planes, &report.place)) < 0 ||
        (ret = gcam_show_frame(&q->show, q->ctx, &item->frame, &planes, item->heat->result, item->style, &moment)) < 0)
        return ret;
    report.region = &planes.region;
    ret = gcam_report_frame(&report, item->frame);
    return ret < 0 ? ret : gcam_journal_frame(q->journal, &report);
}

// Follows what moves up to the item.
static int follow(GcamQueue *q, const Item *item, int flags)
{
    const int key = !q->live && item->heat && item->number == item->heat->number;
    const GcamHeat *fresh = item->marked ? q->coming : key ? item->heat : NULL;
    GradcamRegion region;
    int ret;

    if (item->number <= q->between.followed)
        return 0;
    flags |= (fresh && fresh->fresh ? GCAM_FOLLOW_FRESH : 0) | (item->marked ? GCAM_FOLLOW_MARK : 0);
    ret = gcam_between_follow(&q->between, item->frame, item->number, flags);
    if (ret < 0 || !key)
        return ret;
    region = find_region(q, item, item->heat);
    return gcam_between_key(&q->between, item->heat, &region);
}

// And on to the next key frame, where its map is there: the item's is to meet it.
static int follow_ahead(GcamQueue *q, const Item *item)
{
    const GcamHeat *next = item->heat && item->number > item->heat->number ? item->heat->next : NULL;
    Item later = *item;
    int ret = 0;

    for (int i = 0; ret >= 0 && next && next->result && later.number <= next->number; i++) {
        ret = follow(q, &later, GCAM_FOLLOW_KEEP);
        if (av_fifo_peek(q->fifo, &later, 1, i) < 0)
            break;
    }
    return ret < 0 ? ret : follow(q, item, 0);
}

static int show(GcamQueue *q, Item *item)
{
    int ret = q->between.interp == GCAM_INTERP_MOTION ? follow_ahead(q, item) : 0;

    if (ret < 0)
        return ret;
    if (item->heat)
        return show_heat(q, item);
    gcam_journal_plain(q->journal);
    return gcam_show_frame(&q->show, q->ctx, &item->frame, NULL, NULL, item->style, NULL);
}

// Says, once for each method, where one that is no method for every picture of a video takes longer than it has.
static void warn_of_cost(GcamQueue *q, const GradcamResult *result)
{
    const GradcamMethodInfo *method = result->method.info;
    const double has = gcam_keys_seconds(&q->keys);

    if (method->use == GRADCAM_USE_VIDEO || method == q->dear || result->reused || has <= 0 || result->elapsed <= has)
        return;
    q->dear = method;
    av_log(q->ctx, AV_LOG_WARNING, "method=%s took %.0f ms for a map, and there is one each %.0f ms: %s; every=%.2f "
           "would do\n", method->name, result->elapsed * 1000, has * 1000,
           q->live ? "maps come late" : "the video does not keep pace with its time",
           ceil(result->elapsed * 100) / 100);
}

// Fetches the result of a key frame, if that has not been done.
static int fill_heat(GcamQueue *q, GcamHeat *heat, int wait)
{
    GradcamResult *result;
    int ret;

    if (!heat || heat->result)
        return 0;
    ret = gradcam_stream_collect(q->engine.stream, heat->ticket, wait, &result);
    if (ret < 0)
        return ret;
    warn_of_cost(q, result);
    return gcam_heat_fill(heat, result, q->steadies);
}

// Whether frames between key frames show something of both.
static int looks_ahead(const GcamQueue *q)
{
    return q->between.interp != GCAM_INTERP_HOLD && !q->live;
}

// The key frame after is not known yet, and may still come. (Where a class or method changed, none does.)
static int waits_for_next(const GcamQueue *q, const Item *item)
{
    return looks_ahead(q) && item->heat && item->heat == q->heat && item->number > item->heat->number && !q->ended &&
           av_fifo_can_read(q->fifo) <= FFMAX(q->most, 1);
}

// Passes on the first frame of the queue. AVERROR(EAGAIN) when there is none, or its map is not ready and
// `wait` is 0.
static int deliver(GcamQueue *q, int wait)
{
    Item item;
    int ret = 0;

    if (av_fifo_peek(q->fifo, &item, 1, 0) < 0 || waits_for_next(q, &item))
        return AVERROR(EAGAIN);
    if (item.heat && (ret = fill_heat(q, item.heat, wait)) < 0)
        return ret;
    if (item.heat && item.number > item.heat->number && (ret = fill_heat(q, item.heat->next, wait)) < 0)
        return ret;
    av_fifo_drain2(q->fifo, 1);
    ret = show(q, &item);
    if (ret >= 0) {
        ret = ff_filter_frame(q->ctx->outputs[0], item.frame);
        item.frame = NULL;
    }
    free_item(&item);
    return ret;
}

// ------------------------------------------------------------------------------------------------ key frames

static int submit(GcamQueue *q, const Item *item, GcamHeat *heat)
{
    const double time = isnan(item->time) ? 0 : item->time;
    int ret = 0;

    while (ret >= 0) {
        ret = gcam_engine_submit(&q->engine, item->frame, item->number, time, q->keys.fresh, heat->turns,
                                 &heat->ticket);
        if (ret != AVERROR(EAGAIN))
            break;
        ret = deliver(q, 1);
    }
    return ret;
}

// Makes the item a key frame. *heat, which may hold an older one, becomes the new one that waits for its
// result.
static int start_key(GcamQueue *q, const Item *item, GcamHeat **heat)
{
    GcamHeat *next = gcam_heat_create(item->number, item->time, gcam_frame_turns(item->frame, q->engine.rotate),
                                      item->style);
    int ret;

    if (!next)
        return AVERROR(ENOMEM);
    ret = submit(q, item, next);
    if (ret < 0) {
        gcam_heat_unref(&next);
        return ret;
    }
    next->fresh = q->keys.fresh;
    if (looks_ahead(q) && *heat && !next->fresh)
        (*heat)->next = gcam_heat_ref(next);
    gcam_heat_unref(heat);
    *heat = next;
    gcam_keys_taken(&q->keys);
    return 0;
}

// live=1: shows the newest result from now on. One job at most is under way.
static int poll_newest(GcamQueue *q, const Item *item)
{
    GradcamRegion region;
    GradcamResult *result;
    int ret = q->coming ? gradcam_stream_newest(q->engine.stream, &result) : AVERROR(EAGAIN);

    if (ret < 0)
        return ret == AVERROR(EAGAIN) ? 0 : ret;
    gcam_heat_unref(&q->heat);
    q->heat = q->coming;
    q->coming = NULL;
    warn_of_cost(q, result);
    ret = gcam_heat_fill(q->heat, result, q->steadies);
    region = find_region(q, item, q->heat);
    return ret < 0 ? ret : gcam_between_key_marked(&q->between, q->heat, &region);
}

// Decides which map the item shows.
static int choose_heat(GcamQueue *q, Item *item, int due)
{
    int ret = q->live ? poll_newest(q, item) : 0;

    if (ret >= 0 && due) {
        if (!q->live)
            ret = start_key(q, item, &q->heat);
        else if (!q->coming)
            item->marked = (ret = start_key(q, item, &q->coming)) >= 0;
        else
            q->skipped++;
    }
    if (ret >= 0 && q->heat)
        item->heat = gcam_heat_ref(q->heat);
    return ret;
}

// A frame at which the filter is disabled passes as it is, but counts.
int gcam_queue_take(GcamQueue *q, AVFrame *frame)
{
    Item item = {
        .frame = frame, .number = q->count++, .style = gcam_style_ref(q->style),
        .time = frame->pts == AV_NOPTS_VALUE ? NAN : frame->pts * av_q2d(q->ctx->inputs[0]->time_base),
    };
    int ret = gcam_keys_frame(&q->keys, frame);

    if (ret >= 0)
        ret = q->ctx->is_disabled ? 0 : choose_heat(q, &item, ret);
    if (ret >= 0)
        ret = av_fifo_write(q->fifo, &item, 1);
    if (ret < 0)
        free_item(&item);
    return ret;
}

int gcam_queue_pass(GcamQueue *q)
{
    const int64_t may_wait = q->live ? 0 : FFMIN((int64_t)q->lookahead * gcam_keys_frames(&q->keys), q->most);
    int ret;

    do {
        const int full = av_fifo_can_read(q->fifo) > may_wait;
        ret = deliver(q, full || q->ended);
    } while (ret >= 0 && av_fifo_can_read(q->fifo) > may_wait);
    return ret;
}

