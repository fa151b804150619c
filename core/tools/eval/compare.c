/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gradcam compare: which of two networks is to be trusted more (Selvaraju et al. 2017, section 6.2). In: two networks,
 * the same pictures. Out: where each looks, how their scores and maps differ, and which of them the measures prefer.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "evaluation.h"
#include "page.h"
#include "tools/files.h"
#include "tools/json.h"
#include "tools/methods.h"
#include "tools/network.h"
#include "tools/picture.h"

enum { GRID = 112, MOST_ON_PAGE = 40 };

static const Option options[] = {
    METHOD_OPTION,
    { "metrics", 0, "A,B,...", "measures that tell which is better, as gradcam eval has them (default cheap)" },
    { "images", 0, "DIR", "where the pictures of a data set lie, when it is not where the data set has them" },
    { "classes", 0, "FILE", "what the data set calls the networks' classes, one a line, in the networks' order" },
    { "limit", 0, "N", "at most N pictures, evenly spread, 0: all (default 0)" },
    { "guess", 0, NULL, "explain each network's best guess in the place of the true class" },
    { "json", 0, NULL, "print JSON" },
    { "html", 0, "FILE", "write a page of the pictures side by side, those first on which the maps differ most" },
    { "threads", 't', "N", "pictures at once, 0 to 256; 0 is one per processor (default 0)" },
    { 0 }
};

// One picture, as both see it.
typedef struct Pair {
    size_t item;
    int read;                   // it could be
    char guess[2][96];          // best guesses, without their synonyms
    float probability[2];       // of what is explained
    double alike;               // correlation of the two maps; NAN where one is empty
    double iou;                 // of their boxes
} Pair;

typedef struct Compare {
    Evaluation e;
    GradcamModel *model[2];
    Subject subject[2];
    Pair *pair;
} Compare;

// ------------------------------------------------------------------------------------------------------------- looking

static int look(Compare *c, int which, const AVFrame *frame, const Item *item, Pair *pair, float *grid,
                GradcamRegion *box)
{
    Subject *s = &c->subject[which];
    DataClass *data_class = &c->e.dataset.class_of[item->class_index];
    int error = subject_show(s, item, data_class, frame, c->e.guess || !data_class->count);

    if (error)
        return error;
    const int top = gradcam_context_top(s->context, 0);
    const char *label = top < 0 ? "" : gradcam_model_label(s->model, (size_t)top);
    snprintf(pair->guess[which], sizeof(pair->guess[which]), "%.*s", (int)strcspn(label, ","), label);
    if ((error = subject_explain(s, &c->e.method[0])))
        return error;
    pair->probability[which] = s->probability;
    gradcam_map_resize(s->shown, s->width, s->height, grid, GRID * GRID, GRID, GRID);
    const int found = gradcam_map_box(s->shown, s->width, s->height, GRID, GRID, (float)c->e.settings.threshold, box);
    return found < 0 ? found : 0;
}

static int look_at(Compare *c, size_t index, Pair *pair, AVFrame **frame)
{
    static float grid[2][GRID * GRID];
    const Item *item = &c->e.dataset.item[index];
    GradcamRegion r[2] = { { 0, 0, 0, 0 }, { 0, 0, 0, 0 } };
    int error = 0;

    *pair = (Pair){ .item = index };
    if (picture_read(frame, item->file))
        return STATUS_OK;
    pair->read = 1;
    // The data set's classes are each network's own.
    for (int k = 0; k < 2 && !error; k++) {
        if (dataset_match(&c->e.dataset, c->model[k], option_value(c->e.arguments, "classes")))
            return STATUS_FAILURE;
        error = look(c, k, *frame, item, pair, grid[k], &r[k]);
    }
    if (error)
        return say_failure("%s: %s", item->file, gradcam_strerror(error));
    pair->alike = c->subject[0].empty || c->subject[1].empty ? NAN : correlation(grid[0], grid[1], GRID * GRID);
    const Box a = { r[0].x, r[0].y, r[0].x + r[0].width, r[0].y + r[0].height };
    const Box b = { r[1].x, r[1].y, r[1].x + r[1].width, r[1].y + r[1].height };
    pair->iou = box_iou(&a, &b);
    return STATUS_OK;
}

static int open_subjects(Compare *c)
{
    int status = STATUS_OK;

    for (int k = 0; k < 2 && !status; k++) {
        const GradcamSettings settings = {
            .size = sizeof(settings), .log = c->e.log.log, .layer = option_value(c->e.arguments, "layer"),
            .method = c->e.method[0], .threads = c->e.threads,
        };
        status = network_open(&c->model[k], c->e.arguments, c->e.model_path[k], NULL, &c->e.log);
        const int error = status ? 0 : subject_open(&c->subject[k], c->model[k], &settings);
        if (error)
            status = say_library(&c->e.log, error, "cannot run the network");
    }
    return status;
}

static int look_at_all(Compare *c)
{
    int status = open_subjects(c);

    c->pair = calloc(c->e.dataset.count + 1, sizeof(*c->pair));
    if (!status && !c->pair)
        status = say_failure("out of memory");
    progress_begin(c->e.dataset.count);
    for (size_t i = 0; i < c->e.dataset.count && !status; i++) {
        AVFrame *frame = NULL;
        progress_step(i, c->e.dataset.item[i].file);
        status = look_at(c, i, &c->pair[i], &frame);
        av_frame_free(&frame);
    }
    progress_end();
    return status;
}

// ------------------------------------------------------------------------------------------------------------- telling

// Of all pictures: how many have the same best guess, and how alike the maps are.
static void sum_up(const Compare *c, size_t *pictures, size_t *same, double *alike)
{
    double sum = 0;
    size_t count = 0;

    *pictures = *same = 0;
    for (size_t i = 0; i < c->e.dataset.count; i++) {
        const Pair *p = &c->pair[i];
        *pictures += (size_t)p->read;
        *same += p->read && !strcmp(p->guess[0], p->guess[1]);
        if (p->read && !isnan(p->alike)) {
            sum += p->alike;
            count++;
        }
    }
    *alike = count ? sum / (double)count : NAN;
}

// Which of the two a difference, the first less the second, speaks for: 0 or 1; -1: its interval holds 0.
static int preferred(const Measure *measure, const Figure *difference)
{
    if (isnan(difference->low) || (difference->low <= 0 && difference->high >= 0))
        return -1;
    return difference->value * measure->better > 0 ? 0 : 1;
}

static int measure_pair(const Compare *c, size_t m, Figure figure[2], Figure *difference)
{
    const Evaluation *e = &c->e;
    int error = 0;

    for (size_t k = 0; k < 2 && !error; k++)
        error = results_figure(&e->results, k, 0, m, e->resamples, e->settings.seed, &figure[k]);
    if (!error)
        error = results_difference(&e->results, 0, 1, m, e->resamples, e->settings.seed, difference);
    return error ? say_failure("out of memory") : STATUS_OK;
}

static int print_all(const Compare *c)
{
    const Evaluation *e = &c->e;
    size_t pictures, same, votes[2] = { 0, 0 };
    double alike;
    int status = STATUS_OK;

    for (size_t i = 0; i < e->dataset.count; i++) {
        const Pair *p = &c->pair[i];
        if (p->read)
            printf("%s: %s %.3f | %s %.3f, maps alike %.2f, boxes %.2f\n", e->dataset.item[i].file, p->guess[0],
                   p->probability[0], p->guess[1], p->probability[1], p->alike, p->iou);
    }
    sum_up(c, &pictures, &same, &alike);
    printf("\n%zu pictures, the same best guess for %zu; maps alike %.2f in the mean (correlation)\n\n"
           "%-28s %-18.18s %-18.18s %s\n", pictures, same, alike, "", e->row[0].model, e->row[1].model,
           "difference, 95 %");
    for (size_t m = 0; m < e->results.measures && !status; m++) {
        Figure figure[2], difference;
        status = measure_pair(c, m, figure, &difference);
        if (status || isnan(difference.value))
            continue;
        const int better = preferred(e->results.measure[m], &difference);
        printf("%-28s %-18.4f %-18.4f %+.4f [%+.4f, %+.4f]%s%s\n", e->results.measure[m]->name, figure[0].value,
               figure[1].value, difference.value, difference.low, difference.high, better < 0 ? "" : "  ",
               better < 0 ? "" : e->row[better].model);
        if (better >= 0)
            votes[better]++;
    }
    if (!status)
        printf("\n%zu measures prefer %s, %zu %s; the others tell no difference\n", votes[0], e->row[0].model, votes[1],
               e->row[1].model);
    return status;
}

static void json_figure(Json *json, const char *key, const Figure *figure)
{
    json_open(json, key, '{');
    json_number(json, "value", figure->value);
    json_number(json, "low", figure->low);
    json_number(json, "high", figure->high);
    json_integer(json, "n", (long long)figure->n);
    json_close(json, '}');
}

static void json_pair(Json *json, const Compare *c, const Pair *p)
{
    json_open(json, NULL, '{');
    json_string(json, "picture", c->e.dataset.item[p->item].file);
    json_string(json, "class", c->e.dataset.class_of[c->e.dataset.item[p->item].class_index].name);
    json_open(json, "guesses", '[');
    for (int k = 0; k < 2; k++)
        json_string(json, NULL, p->guess[k]);
    json_close(json, ']');
    json_open(json, "probabilities", '[');
    for (int k = 0; k < 2; k++)
        json_number(json, NULL, p->probability[k]);
    json_close(json, ']');
    json_number(json, "maps_alike", p->alike);
    json_number(json, "boxes_iou", p->iou);
    json_close(json, '}');
}

static int print_json(const Compare *c)
{
    const Evaluation *e = &c->e;
    Json json = { stdout, 0, 0 };
    size_t pictures, same;
    double alike;
    int status = STATUS_OK;

    sum_up(c, &pictures, &same, &alike);
    json_open(&json, NULL, '{');
    json_open(&json, "models", '[');
    for (int k = 0; k < 2; k++)
        json_string(&json, NULL, e->row[k].model);
    json_close(&json, ']');
    json_integer(&json, "pictures", (long long)pictures);
    json_integer(&json, "same_guess", (long long)same);
    json_number(&json, "maps_alike", alike);
    json_open(&json, "each", '[');
    for (size_t i = 0; i < e->dataset.count; i++)
        if (c->pair[i].read)
            json_pair(&json, c, &c->pair[i]);
    json_close(&json, ']');
    json_open(&json, "measures", '{');
    for (size_t m = 0; m < e->results.measures && !status; m++) {
        Figure figure[2], difference;
        if ((status = measure_pair(c, m, figure, &difference)))
            break;
        const int better = preferred(e->results.measure[m], &difference);
        json_open(&json, e->results.measure[m]->name, '{');
        json_figure(&json, "first", &figure[0]);
        json_figure(&json, "second", &figure[1]);
        json_figure(&json, "difference", &difference);
        json_string(&json, "prefers", better < 0 ? "" : e->row[better].model);
        json_close(&json, '}');
    }
    json_close(&json, '}');
    json_close(&json, '}');
    return status;
}

// ---------------------------------------------------------------------------------------------------------------- page

static int by_difference(const void *a, const void *b)
{
    const Pair *x = a, *y = b;
    const double p = isnan(x->alike) ? -2 : x->alike, q = isnan(y->alike) ? -2 : y->alike;
    return p != q ? (p > q) - (p < q) : (x->item > y->item) - (x->item < y->item);
}

static int write_pair(Compare *c, FILE *out, const Pair *p)
{
    AVFrame *frame = NULL;
    Pair again;
    int status = look_at(c, p->item, &again, &frame);

    fputs("<div class=\"pictures\">\n", out);
    for (int k = 0; k < 2 && !status && again.read; k++) {
        fputs("<figure>", out);
        status = page_overlay(out, &c->subject[k], frame, c->e.settings.threshold);
        fputs("<figcaption>", out);
        page_text(out, c->e.row[k].model);
        fputs(": ", out);
        page_text(out, p->guess[k]);
        fprintf(out, ", p %.3f%s", p->probability[k], k ? "" : "</figcaption></figure>\n");
    }
    if (again.read)
        fprintf(out, "; maps alike %.2f</figcaption></figure>\n", p->alike);
    fputs("</div>\n", out);
    av_frame_free(&frame);
    return status;
}

static int write_page(Compare *c, const char *path)
{
    char *text = NULL;
    size_t size = 0, pictures, same, shown = 0;
    double alike;
    FILE *out = open_memstream(&text, &size);
    int status = STATUS_OK;

    if (!out)
        return say_failure("out of memory");
    sum_up(c, &pictures, &same, &alike);
    page_begin(out, "Where two networks look");
    fputs("<p>", out);
    page_text(out, c->e.row[0].model);
    fputs(" and ", out);
    page_text(out, c->e.row[1].model);
    fprintf(out, ": %zu pictures, the same best guess for %zu; maps alike %.2f in the mean.</p>\n<p class=\"note\">"
            "Those first on which the maps differ most. Solid: the data set's boxes; dashed: the map's.</p>\n",
            pictures, same, alike);
    qsort(c->pair, c->e.dataset.count, sizeof(*c->pair), by_difference);
    for (size_t i = 0; i < c->e.dataset.count && shown < MOST_ON_PAGE && !status; i++)
        if (c->pair[i].read) {
            status = write_pair(c, out, &c->pair[i]);
            shown++;
        }
    page_end(out);
    if (fclose(out) && !status)
        status = say_failure("out of memory");
    if (!status)
        status = file_save(path, text, size);
    free(text);
    return status;
}

// -------------------------------------------------------------------------------------------------------------- set-up

static int read_options(Compare *c)
{
    Evaluation *e = &c->e;
    int status;

    e->settings = (MeasureSettings){ .threshold = 0.15, .margin = 15, .steps = 224, .noise = 0.01, .patch = 35,
                                     .patch_step = 16, .seed = 1 };
    e->resamples = 1000;
    e->shards = 1;
    e->guess = option_given(e->arguments, "guess");
    e->models = 2;
    e->model_path[0] = e->arguments->argument[0];
    e->model_path[1] = e->arguments->argument[1];
    e->methods = 1;
    if ((status = option_integer(e->arguments, "threads", 0, 256, &e->threads)))
        return status;
    return method_read(e->arguments, &e->method[0]);
}

// A data set, or pictures and folders of them, of which no class is known.
static int read_pictures(Compare *c)
{
    const Arguments *a = c->e.arguments;
    const char *first = a->argument[2], *dot = strrchr(first, '.');
    struct stat info;
    int limit = 0, status = option_integer(a, "limit", 0, 1000000000, &limit);
    const DatasetOptions dataset = { .images = option_value(a, "images"), .limit = (size_t)limit };
    const int is_list = dot && (!strcmp(dot, ".csv") || !strcmp(dot, ".json") || !strcmp(dot, ".txt"));

    if (status)
        return status;
    if (a->count == 3 && (is_list || (!stat(first, &info) && S_ISDIR(info.st_mode))))
        return dataset_open(&c->e.dataset, first, &dataset);
    c->e.dataset.form = "pictures";
    for (size_t i = 2; i < a->count; i++)
        if (!dataset_item(&c->e.dataset, a->argument[i], ""))
            return say_failure("out of memory");
    return STATUS_OK;
}

static int run_compare(const Arguments *arguments)
{
    Compare c = { .e = { .arguments = arguments } };
    const char *html = option_value(arguments, "html");
    int status;

    say_log_init(&c.e.log, 0);
    if (!(status = read_options(&c)) && !(status = evaluation_read_measures(&c.e)) && !(status = read_pictures(&c)) &&
        !(status = evaluation_open(&c.e)) && !(status = evaluation_run(&c.e)) && !(status = look_at_all(&c))) {
        status = option_given(arguments, "json") ? print_json(&c) : print_all(&c);
        if (!status && html)
            status = write_page(&c, html);
    }
    for (int k = 0; k < 2; k++) {
        subject_close(&c.subject[k]);
        gradcam_model_close(&c.model[k]);
    }
    free(c.pair);
    evaluation_close(&c.e);
    return status;
}

const Command command_compare = {
    .name = "compare",
    .summary = "where two networks look on the same pictures, and which is better",
    .usage = "MODEL MODEL DATASET|PICTURE... [OPTION]...",
    .examples =
        "  gradcam compare resnet18.bin resnet50.bin photos/ --html page.html\n"
        "  gradcam compare old.bin new.bin boxes.csv --metrics iou,pointing_game,average_drop\n",
    .options = { options, network_options },
    .least = 3,
    .most = (size_t)-1,
    .run = run_compare,
};
