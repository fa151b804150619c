/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * GradcamStream over the network of mock.h: every order of events that a video player can bring about,
 * without the time that a network takes. Meant to be run under the thread and address sanitizers too.
 */
#define _GNU_SOURCE             // CPU_COUNT
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <time.h>
#include <unistd.h>

#include "harness.h"
#include "mock.h"

static GradcamTarget class_1 = { .name = "one", .classes = (const int[]){ 1 }, .count = 1 };
static GradcamTarget pair[2] = { { .name = "one", .classes = (const int[]){ 1 }, .count = 1 },
                                 { .name = "group", .classes = (const int[]){ 2, 4 }, .count = 2 } };
static GradcamTarget top[2] = { { .name = "auto" }, { .name = "auto", .rank = 1 } };

static const GradcamTargets one = { &class_1, 1 }, two = { pair, 2 };
static const GradcamTargets automatic = { top, 1 }, top_two = { top, 2 };

// A stream over a fresh mock; closes its own reference to the model, as the stream has one.
static GradcamStream *open_still(const GradcamTargets *targets, int jobs, float still)
{
    const GradcamStreamSettings settings = { .threads = jobs, .jobs = jobs, .load = mock_load,
                                             .release = mock_release, .still = still };
    GradcamModel *model = mock_model();
    GradcamStream *stream;

    if (gradcam_stream_open(&stream, model, targets, &settings) < 0)
        fail("the stream did not open");
    gradcam_model_close(&model);
    return stream;
}

static GradcamStream *open_stream(const GradcamTargets *targets, int jobs)
{
    return open_still(targets, jobs, 0);
}

static const GradcamMethodInfo unknown_method = { .name = "gradcam" };

// Closes it and sees that nothing is left.
static void close_stream(GradcamStream **stream)
{
    gradcam_stream_close(stream);
    CHECK(!*stream);
    CHECK_INT(mock.models, 0);
    CHECK_INT(mock.contexts, 0);
    CHECK_INT(mock.frames, 0);
}

// Submits picture `number`; the frame is freed when it is refused.
static int submit(GradcamStream *stream, int number, uint64_t *ticket)
{
    void *frame = mock_frame(number);
    int ret = gradcam_stream_submit(stream, frame, number * 0.5, ticket);

    if (ret < 0)
        mock_release(NULL, frame);
    return ret;
}

static void check_map(const GradcamResult *result, size_t i, int number, int class, int method)
{
    for (int j = 0; j < MAP_WIDTH * MAP_HEIGHT; j++)
        CHECK_INT(result->map[i].map[j], mock_value(number, class, method, j));
    CHECK_INT(result->map[i].info->class_index, class);
}

static void check_result(const GradcamResult *result, uint64_t ticket, int number, int class)
{
    REQUIRE(result);
    CHECK_INT(result->ticket, ticket);
    CHECK(result->time == number * 0.5 && result->elapsed >= 0);
    CHECK_INT(result->width, MAP_WIDTH);
    CHECK_INT(result->height, MAP_HEIGHT);
    check_map(result, 0, number, class, 0);
}

static void collect_and_check(GradcamStream *stream, uint64_t ticket, int number, int class)
{
    GradcamResult *result;

    CHECK_INT(gradcam_stream_collect(stream, ticket, 1, &result), 0);
    check_result(result, ticket, number, class);
    gradcam_result_unref(&result);
}

static void results_in_any_order(int jobs)
{
    GradcamStream *stream;
    uint64_t ticket[8];

    mock_reset();
    for (int i = 0; i < 8; i++)
        mock.script[i].delay = i * 977 % 1500;
    stream = open_stream(&one, jobs);
    for (int round = 0; round < 8; round++) {
        const int n = 2 * jobs < 8 ? 2 * jobs : 8;
        for (int i = 0; i < n; i++) {
            CHECK_INT(submit(stream, i, &ticket[i]), 0);
            CHECK_INT(ticket[i], round * n + i + 1);
        }
        for (int i = 0; i < n; i++) {
            const int other = (i * 3 + round) % n;      // 3 has no divisor in common with 2, 4, 8
            collect_and_check(stream, ticket[n == 6 ? i : other], n == 6 ? i : other, 1);
        }
    }
    close_stream(&stream);
    CHECK_INT(mock.loads, mock.releases);
}

static void a_ticket_is_collected_once(void)
{
    GradcamStream *stream;
    GradcamResult *result = NULL;
    uint64_t ticket;

    mock_reset();
    stream = open_stream(&two, 1);
    CHECK_INT(gradcam_stream_collect(stream, 1, 1, &result), -EINVAL);
    CHECK_INT(submit(stream, 5, &ticket), 0);
    CHECK_INT(gradcam_stream_collect(stream, ticket, 1, &result), 0);
    CHECK_INT(result->count, 2);
    CHECK_STR(result->map[0].name, "one");
    CHECK_STR(result->map[1].name, "group");
    check_map(result, 1, 5, 2, 0);
    gradcam_result_unref(&result);
    CHECK_INT(gradcam_stream_collect(stream, ticket, 1, &result), -EINVAL);
    CHECK_INT(gradcam_stream_collect(stream, ticket + 1, 0, &result), -EINVAL);
    CHECK(!result);
    close_stream(&stream);
}

static void a_full_queue_refuses(void)
{
    GradcamStream *stream;
    GradcamResult *result;
    uint64_t ticket;

    mock_reset();
    for (int i = 0; i < 8; i++)
        mock.script[i].gate = 1;
    stream = open_stream(&one, 2);
    CHECK_INT(gradcam_stream_idle(stream), 2);
    for (int i = 0; i < 4; i++)
        CHECK_INT(submit(stream, i, &ticket), 0);
    await_gate(2);
    CHECK_INT(gradcam_stream_idle(stream), 0);
    CHECK_INT(submit(stream, 4, &ticket), -EAGAIN);
    CHECK_INT(gradcam_stream_collect(stream, 1, 0, &result), -EAGAIN);
    CHECK_INT(gradcam_stream_newest(stream, &result), -EAGAIN);
    open_gate();
    for (int i = 0; i < 4; i++)
        collect_and_check(stream, (uint64_t)i + 1, i, 1);
    CHECK_INT(gradcam_stream_idle(stream), 2);
    CHECK_INT(submit(stream, 4, &ticket), 0);
    CHECK_INT(ticket, 5);
    collect_and_check(stream, 5, 4, 1);
    close_stream(&stream);
}

static void a_failed_job_stops_no_other(void)
{
    GradcamStream *stream;
    GradcamResult *result;
    uint64_t ticket;

    mock_reset();
    mock.script[1].load_error = -EIO;
    mock.script[2].forward_error = -EINVAL;
    mock.script[3].map_error = -ENOMEM;
    stream = open_stream(&automatic, 3);
    for (int i = 0; i < 6; i++)
        CHECK_INT(submit(stream, i, &ticket), 0);
    collect_and_check(stream, 1, 0, 0);
    CHECK_INT(gradcam_stream_collect(stream, 2, 1, &result), -EIO);
    CHECK_INT(gradcam_stream_collect(stream, 3, 1, &result), -EINVAL);
    CHECK_INT(gradcam_stream_collect(stream, 4, 1, &result), -ENOMEM);
    CHECK(!result);
    collect_and_check(stream, 5, 4, 0);
    collect_and_check(stream, 6, 5, 0);
    close_stream(&stream);
    CHECK_INT(mock.releases, 6);
}

// class=auto: the class of each picture, from 0; the leads are below the margin where it is not said
// otherwise.
static void class_is_held(int jobs)
{
    static const struct { int class; float logit; int want; } scene[] = {
        { 3, 1, 3 },                                        // the first picture decides
        { 2, 1, 3 }, { 2, 1, 3 }, { 3, 1, 3 },              // two in a row are not enough
        { 2, 1, 3 }, { 1, 1, 3 }, { 2, 1, 3 },              // nor are three by different classes
        { 1, 1.9f, 3 }, { 1, 1, 3 }, { 1, 1, 1 },           // three are
        { 5, 2, 5 },                                        // a lead by the margin counts at once
        { 4, 1.5f, 5 }, { 4, 1.5f, 5 }, { 5, 0, 5 }, { 4, 1, 5 },
    };
    enum { PICTURES = sizeof(scene) / sizeof(scene[0]) };
    GradcamStream *stream;
    int submitted = 0, collected = 0;
    uint64_t ticket;

    mock_reset();
    for (int i = 0; i < PICTURES; i++) {
        mock.script[i].logits[scene[i].class] = scene[i].logit;
        mock.script[i].delay = (PICTURES - i) * 613 % 2000;
    }
    mock.script[13].logits[4] = -1;
    stream = open_stream(&automatic, jobs);
    while (collected < PICTURES) {
        while (submitted < PICTURES && submit(stream, submitted, &ticket) == 0)
            submitted++;
        collect_and_check(stream, (uint64_t)collected + 1, collected, scene[collected].want);
        collected++;
    }
    close_stream(&stream);
}

static void top_two_are_held(void)
{
    static const float logits[4][CLASSES] = {
        { 5, 4, 0 },                                        // 0, 1
        { 5, 6, 5.5f },                                     // 1, 0: order changes at once, class 2 must wait
        { 1, 6, 8.5f },                                     // 2, 1: class 2 beats 0 by the margin
        { 1, 6, 8.5f, 7 },                                  // and 3 does not beat 1
    };
    static const int want[4][2] = { { 0, 1 }, { 1, 0 }, { 2, 1 }, { 2, 1 } };
    GradcamStream *stream;
    uint64_t ticket;

    mock_reset();
    stream = open_stream(&top_two, 2);
    for (int i = 0; i < 4; i++) {
        memcpy(mock.script[i].logits, logits[i], sizeof(logits[i]));
        CHECK_INT(submit(stream, i, &ticket), 0);
    }
    for (int i = 0; i < 4; i++) {
        GradcamResult *result;
        CHECK_INT(gradcam_stream_collect(stream, (uint64_t)i + 1, 1, &result), 0);
        REQUIRE(result);
        CHECK_STR(result->map[0].name, gradcam_model_label(NULL, (size_t)want[i][0]));
        check_map(result, 0, i, want[i][0], 0);
        check_map(result, 1, i, want[i][1], 0);
        gradcam_result_unref(&result);
    }
    close_stream(&stream);
}

static void nan_is_no_top_class(void)
{
    GradcamStream *stream;
    uint64_t ticket;

    mock_reset();
    for (int i = 0; i < CLASSES; i++)
        mock.script[0].logits[i] = mock.script[1].logits[i] = NAN;
    mock.script[0].logits[4] = -7;
    stream = open_stream(&automatic, 1);
    CHECK_INT(submit(stream, 0, &ticket), 0);
    CHECK_INT(submit(stream, 1, &ticket), 0);
    collect_and_check(stream, 1, 0, 4);
    collect_and_check(stream, 2, 1, 4);
    close_stream(&stream);
}

static void changes_hold_from_the_next_submit(void)
{
    GradcamStream *stream;
    GradcamResult *result;
    uint64_t ticket;

    mock_reset();
    for (int i = 0; i < 4; i++)
        mock.script[i].gate = 1;
    mock.script[2].logits[3] = 1;
    stream = open_stream(&one, 2);
    CHECK_INT(submit(stream, 0, &ticket), 0);
    CHECK_INT(gradcam_stream_set_targets(stream, &two), 0);
    CHECK_INT(submit(stream, 1, &ticket), 0);
    CHECK_INT(gradcam_stream_set_targets(stream, &automatic), 0);
    CHECK_INT(gradcam_stream_set_method(stream, &(GradcamMethod){ .info = &mock_methods[1] }), 0);
    CHECK_INT(submit(stream, 2, &ticket), 0);
    CHECK_INT(gradcam_stream_set_targets(stream, &one), 0);
    CHECK_INT(gradcam_stream_set_targets(stream, NULL), -EINVAL);
    CHECK_INT(gradcam_stream_set_method(stream, &(GradcamMethod){ .info = &unknown_method }), -EINVAL);
    open_gate();
    collect_and_check(stream, 1, 0, 1);
    CHECK_INT(gradcam_stream_collect(stream, 2, 1, &result), 0);
    CHECK_INT(result->count, 2);
    check_map(result, 1, 1, 2, 0);
    gradcam_result_unref(&result);
    CHECK_INT(gradcam_stream_collect(stream, 3, 1, &result), 0);
    CHECK_STR(result->map[0].name, "three");
    check_map(result, 0, 2, 3, 1);
    gradcam_result_unref(&result);
    close_stream(&stream);
}

// Asks for the newest until there is one.
static int await_newest(GradcamStream *stream, GradcamResult **result)
{
    const struct timespec moment = { 0, 200000 };
    int ret;

    while ((ret = gradcam_stream_newest(stream, result)) == -EAGAIN)
        nanosleep(&moment, NULL);
    return ret;
}

static void newest_drops_the_older(void)
{
    GradcamStream *stream;
    GradcamResult *result;
    uint64_t ticket;

    mock_reset();
    mock.script[0].gate = 1;            // stays under way while the second is done
    stream = open_stream(&one, 2);
    CHECK_INT(submit(stream, 0, &ticket), 0);
    CHECK_INT(submit(stream, 1, &ticket), 0);
    CHECK_INT(await_newest(stream, &result), 0);
    check_result(result, 2, 1, 1);
    gradcam_result_unref(&result);
    CHECK_INT(gradcam_stream_collect(stream, 1, 1, &result), -EINVAL);      // dropped while it runs: no wait
    CHECK_INT(gradcam_stream_newest(stream, &result), -EAGAIN);
    open_gate();
    CHECK_INT(submit(stream, 2, &ticket), 0);
    CHECK_INT(submit(stream, 3, &ticket), 0);
    collect_and_check(stream, 4, 3, 1);
    CHECK_INT(await_newest(stream, &result), 0);
    check_result(result, 3, 2, 1);
    gradcam_result_unref(&result);
    close_stream(&stream);
}

static void newest_tells_of_errors(void)
{
    GradcamStream *stream;
    GradcamResult *result;
    uint64_t ticket;

    mock_reset();
    mock.script[0].load_error = -EIO;
    stream = open_stream(&one, 1);
    CHECK_INT(submit(stream, 0, &ticket), 0);
    CHECK_INT(submit(stream, 1, &ticket), 0);
    CHECK_INT(await_newest(stream, &result), -EIO);
    CHECK(!result);
    CHECK_INT(await_newest(stream, &result), 0);
    check_result(result, 2, 1, 1);
    gradcam_result_unref(&result);
    close_stream(&stream);
}

static void *open_gate_later(void *unused)
{
    usleep(20000);
    open_gate();
    return unused;
}

// Closes with jobs under way, waiting for their turn, and queued.
static void closes_at_any_time(int jobs)
{
    pthread_t thread;
    GradcamStream *stream;
    uint64_t ticket;

    mock_reset();
    for (int i = 0; i < 8; i++)
        mock.script[i].gate = i == 0;   // the others wait for the first to decide
    stream = open_stream(&automatic, jobs);
    for (int i = 0; i < 2 * jobs; i++)
        CHECK_INT(submit(stream, i, &ticket), 0);
    await_gate(1);
    CHECK_INT(pthread_create(&thread, NULL, open_gate_later, NULL), 0);
    close_stream(&stream);
    pthread_join(thread, NULL);
    CHECK_INT(mock.releases, 2 * jobs);
    CHECK(mock.loads <= jobs);
}

static void results_outlive_the_stream(void)
{
    GradcamStream *stream;
    GradcamResult *result, *other;
    uint64_t ticket;

    mock_reset();
    stream = open_stream(&automatic, 1);
    CHECK_INT(submit(stream, 7, &ticket), 0);
    CHECK_INT(gradcam_stream_collect(stream, 1, 1, &result), 0);
    close_stream(&stream);
    other = gradcam_result_ref(result);
    gradcam_result_unref(&result);
    CHECK(!result);
    check_result(other, 1, 7, 0);
    CHECK_STR(other->map[0].name, "zero");
    gradcam_result_unref(&other);
    gradcam_result_unref(&other);
    gradcam_result_unref(NULL);
}

static void refuses_nonsense(void)
{
    const GradcamStreamSettings good = { .threads = 2, .jobs = 1, .load = mock_load,
                                         .release = mock_release };
    const GradcamTarget bad[] = { { .name = "high", .classes = (const int[]){ CLASSES }, .count = 1 },
                                  { .name = "low", .classes = (const int[]){ -1 }, .count = 1 },
                                  { .name = "rank", .rank = CLASSES }, { .name = "rank", .rank = -1 } };
    GradcamStreamSettings settings;
    GradcamStream *stream;
    GradcamModel *model;

    mock_reset();
    model = mock_model();
#define REFUSED(change) \
    do { settings = good; change; CHECK_INT(gradcam_stream_open(&stream, model, &one, &settings), -EINVAL); \
         CHECK(!stream); } while (0)
    REFUSED(settings.load = NULL);
    REFUSED(settings.inputs = "wrong");
    REFUSED(settings.release = NULL);
    REFUSED(settings.threads = -1);
    REFUSED(settings.jobs = 3);
    REFUSED(settings.jobs = -1);
    REFUSED(settings.auto_hold = -1);
    REFUSED(settings.auto_margin = -1);
    REFUSED(settings.auto_margin = NAN);
    REFUSED(settings.still = NAN);
    REFUSED(settings.method.info = &unknown_method);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        const GradcamTargets targets = { (GradcamTarget *)&bad[i], 1 };
        CHECK_INT(gradcam_stream_open(&stream, model, &targets, &good), -EINVAL);
    }
    CHECK_INT(gradcam_stream_open(&stream, model, &(GradcamTargets){ NULL, 0 }, &good), -EINVAL);
    CHECK_INT(gradcam_stream_open(&stream, NULL, &one, &good), -EINVAL);
    gradcam_stream_close(&stream);
    gradcam_stream_close(NULL);
    gradcam_model_close(&model);
    CHECK_INT(mock.models, 0);
    CHECK_INT(mock.contexts, 0);
}

static void threads_are_shared_out(void)
{
    GradcamStreamSettings settings = { .threads = 7, .jobs = 3, .load = mock_load, .release = mock_release };
    GradcamModel *model;
    GradcamStream *stream;
    cpu_set_t set;

    mock_reset();
    model = mock_model();
    CHECK_INT(gradcam_stream_open(&stream, model, &one, &settings), 0);
    CHECK_INT(mock.contexts, 3);
    CHECK_INT(mock.threads, 7);
    gradcam_stream_close(&stream);

    mock.threads = 0;
    settings.threads = settings.jobs = 0;
    CHECK_INT(gradcam_stream_open(&stream, model, &one, &settings), 0);
    CHECK_INT(sched_getaffinity(0, sizeof(set), &set), 0);
    CHECK_INT(mock.threads, CPU_COUNT(&set));
    CHECK_INT(mock.contexts, CPU_COUNT(&set));
    gradcam_model_close(&model);
    close_stream(&stream);
}

static void an_open_that_fails_leaves_nothing(void)
{
    const GradcamStreamSettings settings = { .threads = 3, .jobs = 3, .load = mock_load,
                                             .release = mock_release };
    GradcamModel *model;
    GradcamStream *stream;

    for (int after = 0; after < 3; after++) {
        mock_reset();
        mock.open_error = -ENOENT;
        mock.open_after = after;
        model = mock_model();
        CHECK_INT(gradcam_stream_open(&stream, model, &automatic, &settings), -ENOENT);
        CHECK(!stream);
        gradcam_model_close(&model);
        CHECK_INT(mock.contexts, 0);
        CHECK_INT(mock.models, 0);
    }
}

// What the log callback may rely on: one call at a time. `inside` is plain on purpose, for the thread
// sanitizer.
typedef struct Log {
    int inside, calls;
} Log;

static void count_message(void *opaque, enum GradcamLogLevel level, const char *message)
{
    Log *log = opaque;

    (void)level;
    (void)message;
    CHECK_INT(log->inside++, 0);
    usleep(50);
    log->calls++;
    log->inside--;
}

static void one_message_at_a_time(void)
{
    Log log = { 0, 0 };
    const GradcamStreamSettings settings = { .log = { count_message, &log }, .layer = "a layer", .threads = 4,
                                             .load = mock_load, .release = mock_release };
    GradcamModel *model;
    GradcamStream *stream;
    GradcamResult *result;
    uint64_t ticket;

    mock_reset();
    for (int i = 0; i < 200; i++)
        mock.script[i].forward_error = -EINVAL;
    model = mock_model();
    CHECK_INT(gradcam_stream_open(&stream, model, &one, &settings), 0);
    gradcam_model_close(&model);
    CHECK_INT(log.calls, 4);
    for (int i = 0; i < 200; ) {
        const int first = i;
        for (; i < first + 8; i++)
            CHECK_INT(submit(stream, i, &ticket), 0);
        for (int j = first; j < i; j++)
            CHECK_INT(gradcam_stream_collect(stream, (uint64_t)j + 1, 1, &result), -EINVAL);
    }
    close_stream(&stream);
    CHECK_INT(log.calls, 204);
}

// A live caller at full speed: some submits are refused, most results are never seen, targets change. On a busy machine
// the jobs may get their turn late.
static void hurried_caller(void)
{
    Random random = { 1 };
    GradcamStream *stream;
    GradcamResult *result;
    uint64_t ticket, seen = 0;
    int accepted = 0, i;

    mock_reset();
    for (int i = 0; i < 100; i++)
        mock.script[i].delay = random_int(&random, 0, 300);
    stream = open_stream(&automatic, 3);
    for (i = 0; i < 3000 || (i < 1000000 && (accepted <= 10 || seen <= 5)); i++) {
        accepted += submit(stream, i % 100, &ticket) == 0;
        if (i % 7 == 0)
            CHECK_INT(gradcam_stream_set_targets(stream, i % 2 ? &two : &automatic), 0);
        if (gradcam_stream_newest(stream, &result) == 0) {
            CHECK(result->ticket > seen);
            seen = result->ticket;
            gradcam_result_unref(&result);
        }
        if (i % 3 == 0)
            usleep(30);
    }
    close_stream(&stream);
    CHECK_INT(mock.releases, i);
    CHECK(accepted > 10 && seen > 5);
}

// ------------------------------------------------------------------------------------------------ still pictures

// Pictures one after the other: the picture that each map is of, and whether the network ran for it.
typedef struct Still {
    int number, shown, reused;
} Still;

static void check_stills(int jobs, float still, const Still *scene, int pictures, int forwards)
{
    GradcamStream *stream;
    int submitted = 0;
    uint64_t ticket;

    mock_reset();
    for (int i = 0; i < pictures; i++)
        mock.script[scene[i].number].delay = i * 613 % 1000;
    stream = open_still(&two, jobs, still);
    for (int i = 0; i < pictures; i++) {
        GradcamResult *result;
        while (submitted < pictures && submit(stream, scene[submitted].number, &ticket) == 0)
            submitted++;
        CHECK_INT(gradcam_stream_collect(stream, (uint64_t)i + 1, 1, &result), 0);
        REQUIRE(result);
        CHECK_INT(result->ticket, i + 1);
        CHECK(result->time == scene[i].number * 0.5);
        CHECK_INT(result->reused, scene[i].reused);
        CHECK_STR(result->map[1].name, "group");
        check_map(result, 0, scene[i].shown, 1, 0);
        check_map(result, 1, scene[i].shown, 2, 0);
        gradcam_result_unref(&result);
    }
    close_stream(&stream);
    CHECK_INT(mock.forwards, forwards);
}

static void still_pictures(int jobs)
{
    static const Still exact[] = { { 5, 5, 0 }, { 5, 5, 1 }, { 5, 5, 1 }, { 6, 6, 0 }, { 6, 6, 1 }, { 5, 5, 0 } };
    static const Still never[] = { { 5, 5, 0 }, { 5, 5, 0 }, { 6, 6, 0 } };
    // Compared with the picture that was computed, so that what creeps does not creep past.
    static const Still near[] = { { 5, 5, 0 }, { 6, 5, 1 }, { 7, 5, 1 }, { 8, 8, 0 }, { 6, 8, 1 }, { 5, 5, 0 } };

    check_stills(jobs, 0, exact, 6, 3);
    check_stills(jobs, -1, never, 3, 3);
    check_stills(jobs, 2, near, 6, 3);
}

static void other_questions_about_a_still_picture(void)
{
    GradcamStream *stream;
    GradcamResult *result;
    uint64_t ticket;

    mock_reset();
    stream = open_stream(&one, 2);
    for (int i = 0; i < 6; i++) {
        if (i == 2)
            CHECK_INT(gradcam_stream_set_targets(stream, &two), 0);
        if (i == 4)
            CHECK_INT(gradcam_stream_set_method(stream, &(GradcamMethod){ .info = &mock_methods[1] }), 0);
        CHECK_INT(submit(stream, 9, &ticket), 0);
        CHECK_INT(gradcam_stream_collect(stream, ticket, 1, &result), 0);
        REQUIRE(result);
        CHECK_INT(result->reused, i % 2);
        CHECK_INT(result->count, 1 + (i > 1));
        check_map(result, 0, 9, 1, i > 3);
        gradcam_result_unref(&result);
    }
    close_stream(&stream);
    CHECK_INT(mock.forwards, 3);
}

// Everything that a result tells but for what may differ.
static uint64_t fingerprint(const GradcamResult *result)
{
    uint64_t hash = result->count;

    for (size_t i = 0; i < result->count; i++) {
        for (int j = 0; j < MAP_WIDTH * MAP_HEIGHT; j++)
            hash = hash * 1099511628211u + (uint64_t)result->map[i].map[j];
        hash = hash * 1099511628211u + (uint64_t)result->map[i].info->class_index;
    }
    return hash;
}

// A long video that stands still now and then, with class=auto: what comes out, and how often a map was taken over.
static void run_video(int jobs, float still, uint64_t *hash, int pictures, int *reused)
{
    Random random = { 7 };
    GradcamStream *stream;
    int submitted = 0, number = 0;
    uint64_t ticket;

    *reused = 0;
    mock_reset();
    for (int i = 0; i < SCRIPTS; i++) {
        mock.script[i].delay = random_int(&random, 0, 60);
        mock.script[i].logits[random_int(&random, 0, CLASSES - 1)] = (float)random_int(&random, 1, 3);
    }
    stream = open_still(&top_two, jobs, still);
    for (int i = 0; i < pictures; i++) {
        for (int full = 0; submitted < pictures && !full;) {
            int next = random_int(&random, 0, 3) ? number : random_int(&random, 0, 9);
            if (submitted % 50 == 49)
                CHECK_INT(gradcam_stream_set_targets(stream, submitted % 100 == 49 ? &two : &top_two), 0);
            full = submitted - i >= 2 * jobs - 1;       // no more than the stream takes, whatever the time
            CHECK_INT(submit(stream, next, &ticket), 0);
            number = next;
            submitted++;
        }
        GradcamResult *result;
        CHECK_INT(gradcam_stream_collect(stream, (uint64_t)i + 1, 1, &result), 0);
        REQUIRE(result);
        hash[i] = fingerprint(result);
        *reused += result->reused;
        gradcam_result_unref(&result);
    }
    close_stream(&stream);
}

static void stills_change_nothing(int jobs)
{
    enum { PICTURES = 500 };
    static uint64_t each[PICTURES], still[PICTURES];

    int reused;

    run_video(1, -1, each, PICTURES, &reused);
    CHECK_INT(reused, 0);
    run_video(jobs, 0, still, PICTURES, &reused);
    CHECK(reused > PICTURES / 3);
    CHECK(!memcmp(each, still, sizeof(each)));
}

static void an_error_is_told_to_all(void)
{
    GradcamStream *stream;
    GradcamResult *result;
    uint64_t ticket;

    mock_reset();
    mock.script[3].forward_error = -EINVAL;
    stream = open_stream(&one, 2);
    for (int i = 0; i < 4; i++)
        CHECK_INT(submit(stream, i < 3 ? 3 : 4, &ticket), 0);
    for (int i = 0; i < 3; i++)
        CHECK_INT(gradcam_stream_collect(stream, (uint64_t)i + 1, 1, &result), -EINVAL);
    collect_and_check(stream, 4, 4, 1);
    close_stream(&stream);
}

int main(void)
{
    for (int jobs = 1; jobs <= 4; jobs++)
        if (begin_case("results in any order, %d jobs", jobs))
            results_in_any_order(jobs);
    RUN(a_ticket_is_collected_once);
    RUN(a_full_queue_refuses);
    RUN(a_failed_job_stops_no_other);
    for (int jobs = 1; jobs <= 4; jobs++)
        if (begin_case("class=auto holds a class, %d jobs", jobs))
            class_is_held(jobs);
    RUN(top_two_are_held);
    RUN(nan_is_no_top_class);
    RUN(changes_hold_from_the_next_submit);
    RUN(newest_drops_the_older);
    RUN(newest_tells_of_errors);
    for (int jobs = 1; jobs <= 4; jobs++)
        if (begin_case("closes at any time, %d jobs", jobs))
            closes_at_any_time(jobs);
    RUN(results_outlive_the_stream);
    RUN(refuses_nonsense);
    RUN(threads_are_shared_out);
    RUN(an_open_that_fails_leaves_nothing);
    RUN(one_message_at_a_time);
    RUN(hurried_caller);
    for (int jobs = 1; jobs <= 4; jobs++) {
        if (begin_case("still pictures are computed once, %d jobs", jobs))
            still_pictures(jobs);
        if (begin_case("stills change no result, %d jobs", jobs))
            stills_change_nothing(jobs);
    }
    RUN(other_questions_about_a_still_picture);
    RUN(an_error_is_told_to_all);
    return end_cases();
}
