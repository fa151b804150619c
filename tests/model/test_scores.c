/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Scores: their values by formulas written down once more, the gradients they begin with against central differences,
 * how they become probabilities, ranks and ties, and what users type for them.
 */
#include "base/enum_names.h"
#include "cam/score.h"
#include "ops/check.h"

#include <errno.h>

enum { OUTPUTS = 7 };

static const float logits[OUTPUTS] = { 0.5f, -1.25f, 2, 1.75f, -0.5f, 0.125f, 1 };
static const int classes[] = { 2, 4, 5 }, rivals[] = { 0, 6 };
// Of GRADCAM_PROBABILITY_GIVEN: between 0 and 1.
static const float shares[OUTPUTS] = { 0.25f, 0.0625f, 0.125f, 0.1875f, 0.03125f, 0.09375f, 0.25f };

// ---------------------------------------------------------------------------------------------------- the table's rows

// ds/dy of a target against central differences.
static void check_seed(const GradcamTarget *target, const float *given, enum GradcamProbability probability)
{
    const float step = 1 / 128.f;               // floats near these y are multiples of far less
    float y[OUTPUTS], seed[OUTPUTS], want[OUTPUTS];
    GcamScore score;
    memcpy(y, given, sizeof(y));
    CHECK_INT(gcam_score_take(&score, target, y, OUTPUTS, -1, gcam_probability(probability)), 0);
    CHECK_NEAR(gcam_score_seed(&score, seed), gcam_score_value(&score), 0);
    for (int i = 0; i < OUTPUTS; i++) {
        y[i] = given[i] + step;
        double above = gcam_score_value(&score);
        y[i] = given[i] - step;
        want[i] = (float)((above - gcam_score_value(&score)) / (2 * step));
        y[i] = given[i];
    }
    check_floats("seed", seed, want, OUTPUTS, 2e-3, 2e-2);
}

static void every_seed_is_the_gradient(void)
{
    const GradcamScoreInfo *info;
    for (size_t k = 0; (info = gradcam_score_at(k)); k++)
        for (int variant = gcam_score_find(info->name)->takes & GCAM_SCORE_ELEMENTS ? 16 : 0; variant < 16; variant++)
            for (int p = GRADCAM_PROBABILITY_SOFTMAX; p <= GRADCAM_PROBABILITY_GIVEN; p++) {
                const GradcamTarget target = {
                    .name = "", .classes = classes, .count = variant & 1 ? 3 : 1, .score = info->name,
                    .rivals = rivals, .rival_count = strcmp(info->name, "finer") || variant & 2 ? 2 : 0,
                    .negative = !!(variant & 4), .even = !!(variant & 8), .strength = variant & 2 ? 0.5f : 0,
                };
                begin_case("%s, %d, %s", info->name, variant, gradcam_probability_name(p));
                check_seed(&target, p == GRADCAM_PROBABILITY_GIVEN ? shares : logits, p);
            }
    CHECK(gradcam_score_at(1000) == NULL);
}

static double value_of(const GradcamTarget *target, const float *y, enum GradcamProbability probability)
{
    GcamScore score;
    CHECK_INT(gcam_score_take(&score, target, y, OUTPUTS, -1, gcam_probability(probability)), 0);
    return gcam_score_value(&score);
}

static double exponentials(const int *list, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += exp(logits[list ? list[i] : (int)i]);
    return sum;
}

static void values_are_the_formulas(void)
{
    const GradcamTarget dog = { .name = "", .classes = classes, .count = 1 };
    GradcamTarget group = { .name = "", .classes = classes, .count = 3 }, target = dog;
    const double p = exp(2) / exponentials(NULL, OUTPUTS);
    CHECK_NEAR(value_of(&dog, logits, GRADCAM_PROBABILITY_SOFTMAX), 2, 0);
    CHECK_NEAR(value_of(&group, logits, GRADCAM_PROBABILITY_SOFTMAX), log(exponentials(classes, 3)), 1e-6);
    target.negative = 1;
    CHECK_NEAR(value_of(&target, logits, GRADCAM_PROBABILITY_SOFTMAX), -2, 0);
    target = dog;
    target.score = "prob";
    CHECK_NEAR(value_of(&target, logits, GRADCAM_PROBABILITY_SOFTMAX), p, 1e-6);
    CHECK_NEAR(value_of(&target, logits, GRADCAM_PROBABILITY_SIGMOID), 1 / (1 + exp(-2)), 1e-6);
    CHECK_NEAR(value_of(&target, shares, GRADCAM_PROBABILITY_GIVEN), 0.125, 1e-6);
    CHECK(isnan(value_of(&target, logits, GRADCAM_PROBABILITY_NONE)));
    target.score = "logprob";
    CHECK_NEAR(value_of(&target, logits, GRADCAM_PROBABILITY_SOFTMAX), log(p), 1e-6);
    target.score = "rest";
    CHECK_NEAR(value_of(&target, logits, GRADCAM_PROBABILITY_SOFTMAX), 2 + log(p), 1e-6);
    target.score = "difference";
    target.rivals = rivals;
    target.rival_count = 2;
    CHECK_NEAR(value_of(&target, logits, GRADCAM_PROBABILITY_SOFTMAX), 2 - log(exponentials(rivals, 2)), 1e-6);
    target.rival_count = 1;
    CHECK_NEAR(value_of(&target, logits, GRADCAM_PROBABILITY_SOFTMAX), 1.5, 1e-6);
    target.score = "finer";
    target.strength = 0.5f;
    CHECK_NEAR(value_of(&target, logits, GRADCAM_PROBABILITY_SOFTMAX), 2 - 0.5 * 0.5, 1e-6);
    // pytorch-grad-cam's default: the second to the fourth of the classes in order of their distance to y_c.
    static const int nearest[] = { 3, 6, 0 };
    double mean = 0;
    for (int i = 0; i < 3; i++)
        mean += logits[nearest[i]] * exp(logits[nearest[i]]) / exponentials(nearest, 3);
    target.rival_count = 0;
    target.strength = 0;
    CHECK_NEAR(value_of(&target, logits, GRADCAM_PROBABILITY_SOFTMAX), 2 - mean, 1e-6);
    target.even = 1;
    CHECK_NEAR(value_of(&target, logits, GRADCAM_PROBABILITY_SOFTMAX), 2 - (1.75 + 1 + 0.5) / 3, 1e-6);
}

// Elements of a tensor of 2 x 3 x 4, of which [1, 0..1, 1..2] count.
static void elements_of_a_tensor(void)
{
    static const GradcamRange ranges[] = { { 1, 2 }, { 0, 2 }, { 1, 3 } };
    static const int counts[] = { 13, 14, 17, 18 };
    const GcamShape shape = { 3, { 2, 3, 4 } };
    GradcamTarget target = { .name = "", .score = "sum", .range = ranges, .ranges = 3 };
    float y[24], dy[30], want[30];
    double sum = 0, squares = 0;
    GcamScore score;
    Random random = { 8 };
    random_floats(&random, y, 24, -1, 1);
    for (int i = 0; i < 4; i++) {
        sum += y[counts[i]];
        squares += (double)y[counts[i]] * y[counts[i]];
    }
    for (int kind = 0; kind < 4; kind++) {
        target.score = (const char *[]){ "sum", "mean", "max", "norm" }[kind];
        int best = 0;
        for (int i = 1; i < 4; i++)
            best = y[counts[i]] > y[counts[best]] ? i : best;
        CHECK_INT(gcam_score_take_elements(&score, &target, y, &shape, 5, 30), 0);
        const double values[] = { sum, sum / 4, y[counts[best]], sqrt(squares) };
        CHECK_NEAR(gcam_score_seed(&score, dy), values[kind], 1e-6);
        memset(want, 0, sizeof(want));
        for (int i = 0; i < 4; i++)
            want[5 + counts[i]] = kind == 0 ? 1 : kind == 1 ? 0.25f : kind == 2 ? i == best
                                : y[counts[i]] / (float)sqrt(squares);
        check_floats("seed", dy, want, 30, kind == 3 ? 1e-6 : 0, 0);
        CHECK(isnan(gcam_score_probability(&score)) && gcam_score_class(&score) == -1);
    }
    memset(y, 0, sizeof(y));                    // a vector of no length points nowhere
    memset(want, 0, sizeof(want));
    CHECK_INT(gcam_score_take_elements(&score, &target, y, &shape, 5, 30), 0);
    CHECK_NEAR(gcam_score_seed(&score, dy), 0, 0);
    check_floats("seed of zeros", dy, want, 30, 0, 0);
    target.ranges = 1;                          // what is left out is whole
    CHECK_INT(gcam_score_take_elements(&score, &target, y, &shape, 0, 24), 0);
    CHECK_INT(score.on.elements.begin[0] * 100 + score.on.elements.end[1] * 10 + score.on.elements.end[2], 134);
    target.range = (const GradcamRange[]){ { 1, 3 } };
    CHECK_INT(gcam_score_take_elements(&score, &target, y, &shape, 0, 24), -EINVAL);
    target.ranges = 4;
    CHECK_INT(gcam_score_take_elements(&score, &target, y, &shape, 0, 24), -EINVAL);
}

static void targets_that_do_not_fit(void)
{
    static const int beyond[] = { OUTPUTS };
    const GradcamTarget bad[] = {
        { .name = "", .classes = beyond, .count = 1 },
        { .name = "", .classes = classes, .count = 1, .score = "luck" },
        { .name = "", .classes = classes, .count = 1, .score = "difference" },
        { .name = "", .classes = classes, .count = 1, .score = "difference", .rivals = beyond, .rival_count = 1 },
        { .name = "", .classes = classes, .count = 1, .score = "sum" },
        { .name = "", .rank = OUTPUTS }, { .name = "", .rank = -1 },
    };
    GcamScore score;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        CHECK_INT(gcam_score_take(&score, &bad[i], logits, OUTPUTS, -1, gcam_probability(1)), -EINVAL);
}

// A probability of 1 - 1e-9 is not 1, one of 1e-40 not 0 before its logarithm.
static void far_from_the_middle(void)
{
    static const float y[2] = { 100, -100 };
    const GradcamTarget sure = { .name = "", .classes = (const int[]){ 0 }, .count = 1, .score = "logprob" };
    const GradcamTarget never = { .name = "", .classes = (const int[]){ 1 }, .count = 1, .score = "logprob" };
    for (int p = GRADCAM_PROBABILITY_SOFTMAX; p <= GRADCAM_PROBABILITY_SIGMOID; p++) {
        GcamScore score;
        CHECK_INT(gcam_score_take(&score, &never, y, 2, -1, gcam_probability(p)), 0);
        CHECK_NEAR(gcam_score_value(&score), p == GRADCAM_PROBABILITY_SOFTMAX ? -200 : -100, 1e-3);
        CHECK_INT(gcam_score_take(&score, &sure, y, 2, -1, gcam_probability(p)), 0);
        CHECK(fabs(gcam_score_value(&score)) < 1e-30);
    }
}

// ------------------------------------------------------------------------------------------------------ in a network

static const GradcamModelOptions no_labels = { .labels = "none" };

static GradcamContext *run(GradcamModel **model, const char *head, const GradcamSettings *settings,
                           const GradcamModelOptions *options)
{
    GradcamContext *context = NULL;
    float picture[3 * 64];
    Random random = { 11 };
    Graph *graph = graph_create(17);
    graph->seed = 5;
    graph_addf(graph, "input x 1x3x8x8; c = Conv(x, %%6x3x3x3, %%6); r = Relu(c); p = GlobalAveragePool(r);"
               "f = Flatten(p); z = Gemm(f, %%6x6@-2:2, %%6) transB=1; %s", head);
    random_floats(&random, picture, 3 * 64, -1, 1);
    if (open_graph(model, graph, options) || gradcam_context_open(&context, *model, settings) ||
        gradcam_context_forward_float(context, picture))
        fail("%s does not run", head);
    graph_free(graph);
    return context;
}

static void close_both(GradcamModel **model, GradcamContext **context)
{
    gradcam_context_close(context);
    gradcam_model_close(model);
}

// Of logits that are alike the lower index comes first; what is no number has no rank.
static void ties_go_to_the_lower_index(void)
{
    static const float y[] = { 1, 3, 2, 3, NAN, 2, 3 };
    static const int want[] = { 1, 3, 6, 2, 5, 0 };
    GradcamModel *model = NULL;
    for (int i = 0; i < 6; i++)
        CHECK_INT(gcam_score_rank(y, 7, i), want[i]);
    CHECK_INT(gcam_score_rank(y, 7, 6), -ENOENT);
    GradcamContext *context = run(&model, "k = Concat(z, z, z) axis=1; output k", NULL, &no_labels);
    REQUIRE(context);
    int first = gradcam_context_top(context, 0);
    CHECK(first >= 0 && first < 6);
    CHECK_INT(gradcam_context_top(context, 1), first + 6);
    CHECK_INT(gradcam_context_top(context, 2), first + 12);
    CHECK(gradcam_context_top(context, 3) < 6 && gradcam_context_top(context, 3) != first);
    CHECK_INT(gradcam_context_top(context, 18), -EINVAL);
    close_both(&model, &context);
}

// Independent classes: a group is there when any of its classes is.
static void group_under_sigmoid(void)
{
    GradcamModel *model = NULL;
    GradcamContext *context = run(&model, "y = Sigmoid(z); output y", NULL, &no_labels);
    const GradcamTarget target = { .name = "", .classes = (const int[]){ 0, 3, 4 }, .count = 3 };
    size_t count;
    double none = 1;
    REQUIRE(context);
    const float *y = gradcam_context_logits(context, &count);
    for (size_t i = 0; i < target.count; i++)
        none *= 1 - 1 / (1 + exp(-y[target.classes[i]]));
    CHECK_NEAR(gradcam_context_probability(context, &target), 1 - none, 1e-6);
    CHECK(1 - none > 1 / (1 + exp(-y[0])) && 1 - none < 1);
    close_both(&model, &context);
}

static void check_choice(const char *head, enum GradcamProbability want, int assumed)
{
    GradcamModel *model = NULL;
    begin_case("probability: %s", head);
    GradcamContext *context = run(&model, head, NULL, &no_labels);
    REQUIRE(context);
    CHECK_STR(gradcam_probability_name(gradcam_model_info(model)->probability), gradcam_probability_name(want));
    CHECK_INT(gradcam_model_info(model)->probability_assumed, assumed);
    close_both(&model, &context);
}

static void how_scores_become_probabilities(void)
{
    const enum GradcamProbability SOFTMAX = GRADCAM_PROBABILITY_SOFTMAX, SIGMOID = GRADCAM_PROBABILITY_SIGMOID,
                                  GIVEN = GRADCAM_PROBABILITY_GIVEN, NONE = GRADCAM_PROBABILITY_NONE;
    check_choice("output z", SOFTMAX, 1);
    check_choice("y = Softmax(z); output y", SOFTMAX, 0);
    check_choice("y = LogSoftmax(z); output y", SOFTMAX, 0);
    check_choice("y = Sigmoid(z); output y", SIGMOID, 0);
    check_choice("o = Gemm(z, %1x6) transB=1; output o", NONE, 1);
    check_choice("o = Gemm(z, %1x6) transB=1; y = Sigmoid(o); output y", SIGMOID, 0);
    check_choice("o = Gemm(z, %1x6) transB=1; p1 = Sigmoid(o); q = Sub(=1.0, p1); y = Concat(q, p1) axis=1; output y",
                 GIVEN, 0);
    check_choice("a = Softmax(z); n = Neg(z); b = Softmax(n); s = Add(a, b); y = Mul(s, =0.5); output y", GIVEN, 0);
    check_choice("a = Softmax(z); b = Sigmoid(z); s = Add(a, b); y = Div(s, =2.0); output y", GIVEN, 0);
    check_choice("a = Softmax(z); n = Neg(z); b = Softmax(n); y = Add(a, b); output y", SOFTMAX, 1);
    check_choice("a = Softmax(z); b = Sigmoid(z); y = Max(a, b); output y", GIVEN, 0);
    check_choice("a = Softmax(z); y = Max(a, z); output y", SOFTMAX, 1);
    check_choice("a = Softmax(z); t = Transpose(a) perm=[1,0]; y = Transpose(t) perm=[1,0]; output y", GIVEN, 0);
    check_choice("a = Sigmoid(z); y = Div(a, z); output y", SOFTMAX, 1);
}

// A softmax written out by hand: the graph does not tell, the numbers do.
static void probabilities_by_their_sum(void)
{
    GradcamModel *model = NULL;
    const GradcamTarget target = { .name = "", .classes = (const int[]){ 2 }, .count = 1 };
    GradcamContext *context = run(&model, "e = Exp(z); s = ReduceSum(e, #1); y = Div(e, s); output y", NULL,
                                  &no_labels);
    size_t count;
    REQUIRE(context);
    CHECK_NEAR(gradcam_context_probability(context, &target), gradcam_context_logits(context, &count)[2], 1e-7);
    close_both(&model, &context);
}

static void probability_as_wanted(void)
{
    const GradcamTarget target = { .name = "", .classes = (const int[]){ 2 }, .count = 1 };
    for (int p = 0; p < GCAM_PROBABILITIES; p++) {
        const GradcamSettings settings = { .probability = p };
        GradcamModel *model = NULL;
        GradcamContext *context = run(&model, "output z", &settings, &no_labels);
        size_t count;
        REQUIRE(context);
        const float *y = gradcam_context_logits(context, &count);
        double sum = 0, got = gradcam_context_probability(context, &target);
        for (size_t i = 0; i < count; i++)
            sum += exp(y[i]);
        const double want[] = { exp(y[2]) / sum, exp(y[2]) / sum, 1 / (1 + exp(-y[2])), y[2], NAN };
        CHECK(fabs(got - want[p]) < 1e-6 || (isnan(got) && isnan(want[p])));
        CHECK_INT(gradcam_probability_find(gradcam_probability_name(p)), p);
        close_both(&model, &context);
    }
    CHECK(!gradcam_probability_name(GCAM_PROBABILITIES) && gradcam_probability_find("odds") == -EINVAL);
}

// The gradient of a difference is the difference of the gradients.
static void difference_of_two_classes(void)
{
    enum { ELEMENTS = 6 * 36 };
    const GradcamTarget target[] = {
        { .name = "", .classes = (const int[]){ 1 }, .count = 1 },
        { .name = "", .classes = (const int[]){ 4 }, .count = 1 },
        { .name = "", .classes = (const int[]){ 1 }, .count = 1, .score = "difference", .rivals = (const int[]){ 4 },
          .rival_count = 1 },
        { .name = "", .classes = (const int[]){ 4 }, .count = 1, .score = "difference", .rivals = (const int[]){ 1 },
          .rival_count = 1, .negative = 1 },
    };
    GradcamModel *model = NULL;
    GradcamContext *context = run(&model, "output z", NULL, &no_labels);
    float map[36], gradient[4][ELEMENTS], want[ELEMENTS];
    GradcamMapInfo info[4] = { { 0 } };
    const float *a, *g;
    REQUIRE(context);
    for (int i = 0; i < 4; i++) {
        CHECK_INT(gradcam_context_map(context, &target[i], NULL, map, FLOATS(map), &info[i]), 0);
        CHECK_INT(gradcam_context_tensors(context, &a, &g), 0);
        memcpy(gradient[i], g, sizeof(gradient[i]));
    }
    for (int i = 0; i < ELEMENTS; i++)
        want[i] = gradient[0][i] - gradient[1][i];
    check_floats("gradient", gradient[2], want, ELEMENTS, 1e-6, 1e-5);
    check_floats("negative", gradient[3], want, ELEMENTS, 1e-6, 1e-5);
    CHECK_NEAR(info[2].score, info[0].score - info[1].score, 1e-5);
    CHECK_NEAR(info[2].probability, info[0].probability, 0);
    CHECK_INT(info[2].class_index, 1);
    close_both(&model, &context);
}

// Scores of several tensors beside the logits, in one context: gradients by the layer as those of networks that end
// there, or as what they are made of tells.
static void scores_of_other_tensors(void)
{
    enum { ELEMENTS = 6 * 36 };
    static const char head[] = "d = Conv(r, %4x6x3x3, %4) pads=[1,1,1,1]; q = GlobalAveragePool(d); e = Flatten(q);"
                               "h = Gemm(e, %6x4, %6) transB=1; l = Add(z, h); output l";
    static const char text[] = "e@0/1|d@0/1|sum(d[0,1,:,0:3])|sum(d@0/1/*/3..)|1|f@0/-4|mean(l)|-(max(f))";
    GradcamModel *model = NULL, *cut = NULL;
    GradcamContext *plain = run(&model, head, NULL, &no_labels), *context = NULL;
    GradcamContext *other = run(&cut, head, &(GradcamSettings){ .layer = "r" },
                                &(GradcamModelOptions){ .labels = "none", .logits = "e" });
    GradcamTargets *targets = NULL;
    float map[8][36], gradient[8][ELEMENTS], want[ELEMENTS], picture[3 * 64];
    GradcamMapInfo info[8] = { { 0 } }, one = { 0 };
    const float *a, *g;
    size_t count;
    Random random = { 11 };
    REQUIRE(plain && other && gradcam_targets_resolve(&targets, model, text, NULL) == 0);
    CHECK_INT(targets->count, 8);
    CHECK_INT(gradcam_context_map(plain, &targets->target[0], NULL, map[0], SIZE_MAX, NULL), -EINVAL);
    const GradcamSettings settings = { .layer = "r", .targets = targets };
    REQUIRE(gradcam_context_open(&context, model, &settings) == 0);
    random_floats(&random, picture, 3 * 64, -1, 1);
    CHECK_INT(gradcam_context_forward_float(context, picture), 0);
    for (int i = 0; i < 8; i++) {
        CHECK_INT(gradcam_context_map(context, &targets->target[i], NULL, map[i], SIZE_MAX, &info[i]), 0);
        CHECK_INT(gradcam_context_tensors(context, &a, &g), 0);
        memcpy(gradient[i], g, sizeof(gradient[i]));
    }
    CHECK_INT(gradcam_context_map(other, &(GradcamTarget){ .name = "", .classes = (const int[]){ 1 }, .count = 1 },
                                  NULL, map[0], SIZE_MAX, &one), 0);
    CHECK_INT(gradcam_context_tensors(other, &a, &g), 0);
    check_floats("e@0/1 and the logit of a network cut off there", gradient[0], g, ELEMENTS, 1e-6, 1e-5);
    CHECK_NEAR(info[0].score, one.score, 1e-5);
    CHECK_NEAR(info[1].score, 36 * one.score, 1e-3);
    for (int i = 0; i < ELEMENTS; i++)
        want[i] = 36 * gradient[0][i];
    check_floats("d@0/1 is 36 times its mean", gradient[1], want, ELEMENTS, 1e-5, 1e-4);
    for (int i = 0; i < ELEMENTS; i++)
        want[i] = gradient[2][i] + gradient[3][i];
    check_floats("columns 0 to 2 and 3 to 5", gradient[1], want, ELEMENTS, 1e-5, 1e-4);
    for (int i = 0; i < ELEMENTS; i++)
        want[i] = i % 6 == 2 ? 1 / 36.f : 0;
    check_floats("a pooled channel", gradient[5], want, ELEMENTS, 1e-7, 1e-5);
    CHECK_INT(info[5].class_index, -1);
    CHECK(isnan(info[5].probability) && info[7].score < 0);
    // The logits are what they are without the others.
    const float *y = gradcam_context_logits(context, &count);
    CHECK_INT(count, 6);
    CHECK(!memcmp(y, gradcam_context_logits(plain, &count), 6 * sizeof(*y)));
    CHECK_NEAR(info[4].score, y[1], 0);
    CHECK_NEAR(info[6].score, (y[0] + y[1] + y[2] + y[3] + y[4] + y[5]) / 6, 1e-5);
    gradcam_targets_free(&targets);
    gradcam_context_close(&context);
    close_both(&cut, &other);
    close_both(&model, &plain);
}

// ------------------------------------------------------------------------------------------------------ what is typed

static const char table[] =
    "#gradcam labels\n"
    "class\t0\t\ttabby, cat\n"
    "class\t1\t\tbull mastiff\n"
    "class\t2\t\tA/C unit (wall)\n"
    "class\t3\t\tday - night\n"
    "class\t4\t\tbeagle\n"
    "class\t5\t\tleft|right\n"
    "group\t\tdog\t1,4\n";

static const GradcamModelOptions with_labels = { .labels = "labels.tsv" };

// What a word is read as, written out: sign, kind, classes (or the rank), rivals, strength.
static void describe_target(const GradcamTarget *t, char text[256])
{
    int n = snprintf(text, 256, "%s%s", t->negative ? "-" : "", t->score ? t->score : "logit");
    if (t->tensor)
        n += snprintf(text + n, 256 - (size_t)n, " of %s", t->tensor);
    else if (!t->count)
        n += snprintf(text + n, 256 - (size_t)n, " rank %d", t->rank);
    for (size_t i = 0; i < t->count; i++)
        n += snprintf(text + n, 256 - (size_t)n, " %d", t->classes[i]);
    for (size_t i = 0; i < t->rival_count; i++)
        n += snprintf(text + n, 256 - (size_t)n, "%s %d", i ? "" : " against", t->rivals[i]);
    for (size_t i = 0; i < t->ranges; i++)
        n += snprintf(text + n, 256 - (size_t)n, "%s%zu-%zu", i ? " " : "; ", t->range[i].begin, t->range[i].end);
    if (t->strength != 0 || t->even)
        snprintf(text + n, 256 - (size_t)n, " %g%s", t->strength, t->even ? " even" : "");
}

static void check_text(const GradcamModel *model, const char *text, size_t count, const char *want, const char *name)
{
    Messages messages;
    const GradcamLog log = messages_log(&messages);
    GradcamTargets *targets = NULL;
    char got[256];
    begin_case("class=%s", text);
    int error = gradcam_targets_resolve(&targets, model, text, &log);
    if (error)
        fail("%d: %s", error, messages.text);
    REQUIRE(targets);
    CHECK_INT(targets->count, count);
    describe_target(&targets->target[count - 1], got);
    CHECK_STR(got, want);
    CHECK_STR(targets->target[count - 1].name, name);
    gradcam_targets_free(&targets);
}

static void check_refused(const GradcamModel *model, const char *text, int want, const char *part)
{
    Messages messages;
    const GradcamLog log = messages_log(&messages);
    GradcamTargets *targets = NULL;
    begin_case("class=%s is refused", text);
    CHECK_INT(gradcam_targets_resolve(&targets, model, text, &log), want);
    CHECK(!targets);
    CHECK_INT(messages.count, 1);
    if (!strstr(messages.text, part))
        fail("it says: %s", messages.text);
}

static void what_is_typed(void)
{
    GradcamModel *model = NULL;
    write_file("labels.tsv", table, sizeof(table) - 1);
    GradcamContext *context = run(&model, "output z", NULL, &with_labels);
    unlink("labels.tsv");
    REQUIRE(context);
    check_text(model, "cat", 1, "logit 0", "tabby, cat");
    check_text(model, "dog", 1, "logit 1 4", "dog");
    check_text(model, "dog - cat", 1, "difference 1 4 against 0", "dog - tabby, cat");
    check_text(model, " beagle|dog - cat | 3", 3, "logit 3", "3");
    check_text(model, "4 - 0", 1, "difference 4 against 0", "4 - 0");
    check_text(model, "prob(dog)", 1, "prob 1 4", "prob(dog)");
    check_text(model, "logprob( 4 )", 1, "logprob 4", "logprob(4)");
    check_text(model, "rest(beagle)", 1, "rest 4", "rest(beagle)");
    check_text(model, "finer(beagle)", 1, "finer 4", "finer(beagle)");
    check_text(model, "finer(beagle/cat/3/strength=0.5/even)", 1, "finer 4 against 0 3 0.5 even",
               "finer(beagle/tabby, cat/3)");
    check_text(model, "-(cat)", 1, "-logit 0", "-(tabby, cat)");
    check_text(model, "-(-(prob(cat)))", 1, "prob 0", "-(-(prob(tabby, cat)))");
    check_text(model, "auto", 1, "logit rank 0", "auto");
    check_text(model, "auto:3", 3, "logit rank 2", "auto 3");
    check_text(model, "auto3", 3, "logit rank 2", "auto 3");
    const size_t classes = gradcam_model_info(model)->classes;
    char last[32];
    snprintf(last, sizeof(last), "logit %zu", classes - 1);
    check_text(model, " all ", classes, last, gradcam_model_label(model, classes - 1));
    check_text(model, "rest(auto2)|cat", 3, "logit 0", "tabby, cat");
    check_text(model, "rest(auto2)", 2, "rest rank 1", "rest(auto 2)");
    check_text(model, "auto - cat", 1, "difference rank 0 against 0", "auto - tabby, cat");
    // Names come before notation.
    check_text(model, "a/c unit (wall)", 1, "logit 2", "A/C unit (wall)");
    check_text(model, "prob(A/C unit (wall))", 1, "prob 2", "prob(A/C unit (wall))");
    check_text(model, "day - night", 1, "logit 3", "day - night");
    check_text(model, "day - night - cat", 1, "difference 3 against 0", "day - night - tabby, cat");
    check_text(model, "left|right", 1, "logit 5", "left|right");
    check_text(model, "bull-mastiff", 1, "logit 1", "bull mastiff");
    check_text(model, "sum(r@0/3/2..4)", 1, "sum of r; 0-1 3-4 2-4", "sum(r@0/3/2..4)");
    check_text(model, "r[0,-1,:,1:]", 1, "sum of r; 0-1 5-6 0-6 1-6", "r[0,-1,:,1:]");
    check_text(model, "mean(z)|-(max( r@*/1 ))", 2, "-max of r; 0-1 1-2", "-(max( r@*/1 ))");
    check_refused(model, "sum(r@0/6)", -EINVAL, "'6'");
    check_refused(model, "sum(r@0/-7)", -EINVAL, "'-7'");
    check_refused(model, "sum(r@0/4..2)", -EINVAL, "'4..2'");
    check_refused(model, "sum(r@0/1/1/1/1)", -EINVAL, "4 dimensions");
    check_refused(model, "sum(r@0/one)", -EINVAL, "'one'");
    check_refused(model, "sum(r@0/99999999999999999999)", -EINVAL, "99999");
    check_refused(model, "sum(nothing@0)", -ENOENT, "nothing");
    check_refused(model, "mean(x)", -ENOENT, "'x'");
    check_refused(model, "cat - cow", -ENOENT, "cow");
    check_refused(model, "cat - auto", -EINVAL, "cannot be auto");
    check_refused(model, "prob(cat/even)", -EINVAL, "alone");
    check_refused(model, "finer(cat/strength=much)", -EINVAL, "strength=");
    check_refused(model, "finer(cat/cow)", -ENOENT, "cow");
    check_refused(model, "auto9", -EINVAL, "from 1 to 6");
    check_refused(model, "auto0", -EINVAL, "from 1 to 6");
    check_refused(model, "autos", -ENOENT, "autos");
    check_refused(model, "luck(cat)", -ENOENT, "luck(cat)");
    check_refused(model, "", -EINVAL, "empty");
    close_both(&model, &context);
}

int main(void)
{
    every_seed_is_the_gradient();
    RUN(values_are_the_formulas);
    RUN(targets_that_do_not_fit);
    RUN(far_from_the_middle);
    RUN(ties_go_to_the_lower_index);
    RUN(group_under_sigmoid);
    how_scores_become_probabilities();
    RUN(probabilities_by_their_sum);
    RUN(probability_as_wanted);
    RUN(difference_of_two_classes);
    RUN(elements_of_a_tensor);
    RUN(scores_of_other_tensors);
    what_is_typed();
    return end_cases();
}
