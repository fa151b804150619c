/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What a context tells besides its maps: the order of classes, how probable a group is, where the time went; and
 * that what was computed of the picture before is used again only where nothing else has changed.
 */
#include "ops/check.h"

#include <time.h>

enum { CLASSES = 5, PIXELS = 64, CELLS = 36 };

// The score of a class is what it is given, for any picture.
static const char given[] = "input x 1x3x8x8; c = Conv(x, %4x3x3x3); p = GlobalAveragePool(c); f = Flatten(p);"
                            "g = Gemm(f, %5x4, %5) transB=1; h = Sub(g, g); logits = Add(h, given); output logits";
static const char independent[] = "input x 1x3x8x8; c = Conv(x, %4x3x3x3); r = Relu(c); p = GlobalAveragePool(r);"
                                  "f = Flatten(p); logits = Gemm(f, %5x4, %5) transB=1; y = Sigmoid(logits); output y";
// A question says how much each channel counts.
static const char asked[] = "input x 1x3x8x8; input q 1x3; c = Conv(x, %4x3x3x3); r = Relu(c);"
                            "p = GlobalAveragePool(r); f = Flatten(p); h = Gemm(q, %3x4, %4); i = Mul(f, h);"
                            "logits = Gemm(i, %5x4, %5) transB=1; output logits";
static const char timed[] = "input x 1x3x8x8; c = Conv(x, %4x3x3x3); r = Relu(c); d = Conv(r, %6x4x3x3, %6);"
                            "s = Sigmoid(d); p = GlobalAveragePool(s); f = Flatten(p);"
                            "logits = Gemm(f, %5x6, %5) transB=1; output logits";

typedef struct Setup {
    GradcamModel *model;
    GradcamContext *context;
    uint8_t rgb[3 * PIXELS];
    float map[CELLS];
} Setup;

static int open_setup(Setup *setup, const char *text, const float *scores, int reuse)
{
    const GradcamSettings settings = { .threads = 1, .layer = "c", .reuse = reuse };
    Random random = { 6 };
    Graph *graph = graph_create(17);
    memset(setup, 0, sizeof(*setup));
    random_bytes(&random, setup->rgb, sizeof(setup->rgb));
    if (scores)
        graph_tensor(graph, "given", 1, 2, (const int64_t[]){ 1, CLASSES }, scores, CLASSES * sizeof(*scores));
    graph_add(graph, text);
    int error = open_graph(&setup->model, graph, &(GradcamModelOptions){ .labels = "none" });
    graph_free(graph);
    if (!error && !gradcam_context_open(&setup->context, setup->model, &settings))
        return 1;
    fail("cannot be set up");
    return 0;
}

static void close_setup(Setup *setup)
{
    gradcam_context_close(&setup->context);
    gradcam_model_close(&setup->model);
}

static int run(Setup *setup)
{
    return gradcam_context_forward(setup->context, setup->rgb, 24);
}

static int map_class(Setup *setup, int class)
{
    const GradcamTarget target = { .name = "", .classes = &class, .count = 1 };
    return gradcam_context_map(setup->context, &target, 0, setup->map, SIZE_MAX, NULL);
}

// ----------------------------------------------------------------------------------------------------------- scores

// By falling score, and those with equal ones by rising index, wherever they stand.
static void classes_are_in_order(void)
{
    static const struct { float score[CLASSES]; int order[CLASSES]; } rows[] = {
        { { 1, 3, 2, 3, 2 }, { 1, 3, 2, 4, 0 } },
        { { 7, -1, 7, 7, -1 }, { 0, 2, 3, 1, 4 } },
        { { -2, 0, 0, 0, 5 }, { 4, 1, 2, 3, 0 } },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        Setup setup;
        if (open_setup(&setup, given, rows[i].score, 0)) {
            CHECK_INT(run(&setup), 0);
            for (int rank = 0; rank < CLASSES; rank++)
                CHECK_INT(gradcam_context_top(setup.context, rank), rows[i].order[rank]);
        }
        close_setup(&setup);
    }
}

// Each class has a probability of its own; a group is there when any of its classes is.
static void independent_classes(void)
{
    static const int group[] = { 0, 2, 3 };
    const GradcamTarget all = { .name = "", .classes = group, .count = 3 };
    Setup setup;
    size_t count;
    double none = 1;
    if (open_setup(&setup, independent, NULL, 0)) {
        GradcamMapInfo info = { 0 };
        CHECK_STR(gradcam_model_info(setup.model)->probabilities, "sigmoid");
        CHECK_INT(run(&setup), 0);
        const float *y = gradcam_context_logits(setup.context, &count);
        REQUIRE(y && count == CLASSES);
        for (int i = 0; i < 3; i++) {
            const GradcamTarget one = { .name = "", .classes = &group[i], .count = 1 };
            const double probability = 1 / (1 + exp(-(double)y[group[i]]));
            CHECK_NEAR(gradcam_context_probability(setup.context, &one), probability, 1e-6);
            none *= 1 - probability;
        }
        CHECK_NEAR(gradcam_context_probability(setup.context, &all), 1 - none, 1e-6);
        CHECK_INT(gradcam_context_map(setup.context, &all, 0, setup.map, SIZE_MAX, &info), 0);
        CHECK_NEAR(info.probability, 1 - none, 1e-6);
    }
    close_setup(&setup);
}

// ------------------------------------------------------------------------------------------ the picture before

// Whether the map of a class is that of a context that has seen this picture and this question only.
static void check_fresh(Setup *setup, const float question[3])
{
    Setup fresh;
    CHECK_INT(map_class(setup, 1), 0);
    if (open_setup(&fresh, asked, NULL, 0)) {
        memcpy(fresh.rgb, setup->rgb, sizeof(fresh.rgb));
        CHECK_INT(gradcam_context_set_input(fresh.context, "q", question, 3), 0);
        CHECK_INT(run(&fresh), 0);
        CHECK_INT(map_class(&fresh, 1), 0);
        CHECK(!memcmp(setup->map, fresh.map, sizeof(fresh.map)));
    }
    close_setup(&fresh);
}

// Another question about the same picture is another network; and so is another picture in between, in floats.
static void same_picture_other_question(void)
{
    static const float questions[][3] = { { 1, 2, -1 }, { -3, 0.5f, 2 }, { -3, 0.5f, 2 }, { 1, 2, -1 } };
    float before[CELLS], floats[3 * PIXELS] = { 0.5f };
    Setup setup;
    if (open_setup(&setup, asked, NULL, 1)) {
        for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
            memcpy(before, setup.map, sizeof(before));
            CHECK_INT(gradcam_context_set_input(setup.context, "q", questions[i], 3), 0);
            CHECK_INT(run(&setup), 0);
            check_fresh(&setup, questions[i]);
            CHECK(i == 2 || memcmp(before, setup.map, sizeof(before)));
        }
        CHECK_INT(gradcam_context_forward_float(setup.context, floats), 0);
        CHECK_INT(run(&setup), 0);
        check_fresh(&setup, questions[3]);
    }
    close_setup(&setup);
}

// ----------------------------------------------------------------------------------------------------- the profile

// The entry of an operator in a phase; NULL: there is none. The n-th of its kind, from 0.
static const GradcamProfile *find(GradcamContext *context, enum GradcamPhase phase, const char *op, int n)
{
    const GradcamProfile *entry;
    for (size_t i = 0; (entry = gradcam_context_profile_at(context, i)); i++)
        if (entry->phase == phase && !strcmp(entry->op, op) && n-- == 0)
            return entry;
    fail("%s has no %s in its profile", gradcam_phase_name(phase), op);
    return NULL;
}

static double seconds_of(GradcamContext *context, enum GradcamPhase phase)
{
    const GradcamProfile *entry;
    double sum = 0;
    for (size_t i = 0; (entry = gradcam_context_profile_at(context, i)); i++)
        sum += entry->phase == phase ? entry->seconds : 0;
    return sum;
}

// Two for each product and sum of its definition.
static void operations_are_counted(void)
{
    Setup setup;
    const GradcamProfile *entry;
    if (open_setup(&setup, timed, NULL, 0)) {
        CHECK_INT(gradcam_context_set_profiling(setup.context, 1), 0);
        CHECK_INT(run(&setup), 0);
        if ((entry = find(setup.context, GRADCAM_PHASE_TRUNK, "Conv", 0)))
            CHECK_NEAR(entry->flops, 2 * (4 * 6 * 6) * (3 * 3 * 3), 0);
        if ((entry = find(setup.context, GRADCAM_PHASE_HEAD, "Conv", 0))) {
            CHECK_NEAR(entry->flops, 2 * (6 * 4 * 4) * (4 * 3 * 3), 0);
            CHECK_NEAR(entry->bytes, 4 * (4 * 36 + 6 * 4 * 9 + 6 + 6 * 16), 0);     // input, weights, bias, output
        }
        if ((entry = find(setup.context, GRADCAM_PHASE_BACKWARD, "Conv", 0)))
            CHECK_NEAR(entry->flops, 2 * (6 * 4 * 4) * (4 * 3 * 3), 0);
        if ((entry = find(setup.context, GRADCAM_PHASE_HEAD, "Gemm", 0)))
            CHECK_NEAR(entry->flops, 2 * 5 * 6, 0);
    }
    close_setup(&setup);
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

// Times are those of the last forward and of the last map: of none before there was one, and no more than passed.
// (Sums of times are rounded.)
static void times_are_of_what_was_done(void)
{
    Setup setup;
    const GradcamProfile *entry;
    if (open_setup(&setup, timed, NULL, 0)) {
        GradcamContext *context = setup.context;
        CHECK_INT(gradcam_context_set_profiling(context, 1), 0);
        CHECK(seconds_of(context, GRADCAM_PHASE_TRUNK) == 0 && seconds_of(context, GRADCAM_PHASE_BACKWARD) == 0);
        double begin = now();
        CHECK_INT(run(&setup), 0);
        double took = now() - begin, trunk = seconds_of(context, GRADCAM_PHASE_TRUNK);
        double head = seconds_of(context, GRADCAM_PHASE_HEAD);
        CHECK(trunk > 0 && head > 0 && trunk + head + seconds_of(context, GRADCAM_PHASE_PREPROCESS) <= took + 1e-6);
        CHECK(seconds_of(context, GRADCAM_PHASE_BACKWARD) == 0 && seconds_of(context, GRADCAM_PHASE_MAP) == 0);
        begin = now();
        CHECK_INT(map_class(&setup, 1), 0);
        took = now() - begin;
        double back = seconds_of(context, GRADCAM_PHASE_BACKWARD), map = seconds_of(context, GRADCAM_PHASE_MAP);
        CHECK(back > 0 && map > 0 && back + map <= took + 1e-6);
        if ((entry = find(context, GRADCAM_PHASE_BACKWARD, "Conv", 0)))
            CHECK(entry->seconds > 0);
        CHECK(seconds_of(context, GRADCAM_PHASE_TRUNK) == trunk && seconds_of(context, GRADCAM_PHASE_HEAD) == head);
    }
    close_setup(&setup);
}

int main(void)
{
    RUN(classes_are_in_order);
    RUN(independent_classes);
    RUN(same_picture_other_question);
    RUN(operations_are_counted);
    RUN(times_are_of_what_was_done);
    return end_cases();
}
