/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Names that a file brings: those of classes, from its metadata; and that none of them does anything to a terminal.
 */
#include "ops/check.h"

#include <string.h>

#define NETWORK "input x 1x3x8x8; k = Conv(x, %3x3x1x1); p = GlobalAveragePool(k); y = Flatten(p); output y"

typedef struct Warnings {
    int count;
} Warnings;

static void count_warnings(void *opaque, enum GradcamLogLevel level, const char *message)
{
    Warnings *warnings = opaque;
    warnings->count += level == GRADCAM_LOG_WARNING && strstr(message, "metadata") != NULL;
}

// Three classes, and what is in the metadata under a key. NULL: none of it is a name.
static const struct { const char *key, *text, *names[3]; } cases[] = {
    { "names", "{0: 'cat', 1: \"dog\", 2: 'it''s'}", { NULL } },
    { "names", "{0: 'cat', 1: \"dog\", 2: \"it's\"}", { "cat", "dog", "it's" } },
    { "names", " { 2 : 'c' , 0:'a',\n1:'b', } ", { "a", "b", "c" } },
    { "id2label", "{\"0\": \"a\", \"1\": \"\\u00fcber\", \"2\": \"\\\"q\\\\\"}", { "a", "\xC3\xBC" "ber", "\"q\\" } },
    { "class_indices", "{\"a\": 0, \"c\": 2, \"b\": 1}", { "a", "b", "c" } },
    { "Class_Names", "['a', \"b\", 'c, d']", { "a", "b", "c, d" } },
    { "labels", "a, b ,c", { "a", "b", "c" } },
    { "classes", "a, A\nb\r\nc, d\n", { "a, A", "b", "c, d" } },
    { "names", "{0: '\\u20ac', 1: 'b', 2: 'c'}", { "\xE2\x82\xAC", "b", "c" } },
    { "names", "", { "0", "1", "2" } },
    { "name", "a,b,c", { "0", "1", "2" } },             // means something else: nothing is said
    { "names", "a,b", { NULL } },                       { "names", "a,b,c,d", { NULL } },
    { "names", "a,,c", { NULL } },                      { "names", "{0: 'a', 1: 'b', 1: 'c'}", { NULL } },
    { "names", "{0: 'a', 1: 'b', 3: 'c'}", { NULL } },  { "names", "{0: 'a', 1: 'b', 2: 'c'", { NULL } },
    { "names", "{0: 'a', 1: 'b', 2: 'c'} x", { NULL } }, { "names", "['a', 'b', 'c\\'", { NULL } },
    { "names", "['a', 'b', '\\u12'", { NULL } },        { "names", "['a', 'b', '\\ud800']", { NULL } },
    { "names", "['a', 'b', '\\u001b']", { NULL } },     { "names", "['a', 'b', '\x1b[31m']", { NULL } },
    { "names", "['a', 'b', '\xC2\x9B" "31m']", { NULL } }, { "names", "['a', 'b', '\xFF']", { NULL } },
    { "names", "['a', 'b', '\\", { NULL } },            { "names", "{99999999999999999999: 'a'}", { NULL } },
    { "names", "{", { NULL } }, { "names", "[", { NULL } }, { "names", "['a' 'b' 'c']", { NULL } },
    { "names", "{0 'a'}", { NULL } },                   { "names", "{0: }", { NULL } },
};

static void names_of_classes(void)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        Warnings warnings = { 0 };
        const GradcamModelOptions options = { .log = { count_warnings, &warnings } };
        const int is_bad = !cases[i].names[0], is_named = !is_bad && strcmp(cases[i].names[0], "0");
        GradcamModel *model = NULL;
        Graph *graph = graph_create(17);
        graph_add(graph, NETWORK);
        graph->metadata[0][0] = cases[i].key;
        graph->metadata[0][1] = cases[i].text;
        const int error = open_graph(&model, graph, &options);
        graph_free(graph);
        REQUIRE(!error);
        for (int c = 0; c < 3; c++) {
            const char *label = gradcam_model_label(model, (size_t)c), *digits[] = { "0", "1", "2" };
            if (strcmp(label, is_bad ? digits[c] : cases[i].names[c]))
                fail("%s: class %d is '%s'", cases[i].text, c, label);
        }
        if (warnings.count != is_bad || gradcam_model_info(model)->labels != (is_named ? 3 : 0))
            fail("%s: %d warnings, %zu labels", cases[i].text, warnings.count, gradcam_model_info(model)->labels);
        gradcam_model_close(&model);
    }
}

// What is asked for comes before what is there, and a .bin keeps it.
static void names_of_a_user(void)
{
    const GradcamModelOptions none = { .labels = "none" };
    GradcamModel *model, *bin;
    Graph *graph = graph_create(17);
    graph_add(graph, NETWORK);
    graph->metadata[0][0] = "names";
    graph->metadata[0][1] = "a,b,c";
    REQUIRE(!open_graph(&model, graph, &none));
    CHECK_STR(gradcam_model_label(model, 2), "2");
    gradcam_model_close(&model);
    REQUIRE(!open_graph(&model, graph, NULL));
    CHECK_INT(gradcam_model_compile(model, "names.bin", NULL, NULL), 0);
    REQUIRE(!gradcam_model_open(&bin, "names.bin", NULL));
    CHECK_STR(gradcam_model_label(bin, 2), "c");
    gradcam_model_close(&bin);
    gradcam_model_close(&model);
    graph_free(graph);
    unlink("names.bin");
}

static int is_harmless(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7F || (unsigned char)*text == 0xFF)
            return 0;
    return 1;
}

// Control characters and bytes that are no UTF-8 are gone from all that a model tells of itself.
static void names_of_tensors(void)
{
    GradcamModel *model, *bin;
    Graph *graph = graph_create(17);
    graph_add(graph, "input x\x1b[2J 1x3x8x8; k\x9B\xFF = Conv(x\x1b[2J, %3x3x1x1); p = GlobalAveragePool(k\x9B\xFF);"
                     "y\x07 = Flatten(p); output y\x07");
    graph->producer = "\x1b]0;mine\x07";
    snprintf(graph->node[0].name, sizeof(graph->node[0].name), "conv\x1b[31m");
    const GradcamModelOptions options = { .labels = "none" };
    REQUIRE(!open_graph(&model, graph, &options));
    graph_free(graph);
    const GradcamCompileOptions compile = { .name = "n\x1b[31m", .licence = "l\x1b[31m" };
    CHECK_INT(gradcam_model_compile(model, "names.bin", &compile, NULL), 0);
    REQUIRE(!gradcam_model_open(&bin, "names.bin", &options));
    const GradcamModelInfo *info = gradcam_model_info(bin);
    const GradcamLayer *layer;
    CHECK(is_harmless(info->name) && is_harmless(info->licence) && is_harmless(info->producer));
    CHECK(is_harmless(info->input) && is_harmless(info->logits) && is_harmless(info->layer));
    for (size_t i = 0; (layer = gradcam_model_layer_at(model, i)); i++)
        CHECK(is_harmless(layer->name) && is_harmless(layer->node));
    CHECK_STR(info->input, "x [2J");
    CHECK_STR(info->layer, "k??");
    gradcam_model_close(&bin);
    gradcam_model_close(&model);
    unlink("names.bin");
}

int main(void)
{
    RUN(names_of_classes);
    RUN(names_of_a_user);
    RUN(names_of_tensors);
    return end_cases();
}
