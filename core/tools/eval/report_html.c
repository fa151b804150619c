/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * In: results. Out: one page that needs nothing else: tables, plots (SVG), and the best, middle and worst pictures with
 * their maps and boxes. Light or dark, as the reader's browser is.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "evaluation.h"
#include "page.h"
#include "tools/files.h"
#include "tools/network.h"
#include "tools/picture.h"

enum { SHOWN = 4, MOST_ROWS = 6 };

// --------------------------------------------------------------------------------------------------------------- plots

// A bar for each row, its interval, and a circle where the inverse is.
static void write_plot(const Evaluation *e, FILE *out, const Figure *figure, const Figure *inverse)
{
    enum { LEFT = 190, WIDTH = 400, HEIGHT = 26 };
    double low = 0, high = 1e-9;
    char name[400];

    for (size_t row = 0; row < e->results.rows; row++) {
        const double ends[] = { figure[row].value, figure[row].low, figure[row].high,
                                inverse ? inverse[row].value : NAN };
        for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
            low = isnan(ends[i]) ? low : fmin(low, ends[i]);
            high = isnan(ends[i]) ? high : fmax(high, ends[i]);
        }
    }
    const double scale = WIDTH / (high - low), zero = LEFT - low * scale;
    fprintf(out, "<svg viewBox=\"0 0 %d %zu\" style=\"max-width:%dpx;width:100%%\" role=\"img\">", LEFT + WIDTH + 170,
            e->results.rows * HEIGHT + 4, LEFT + WIDTH + 170);
    for (size_t row = 0; row < e->results.rows; row++) {
        const Figure *f = &figure[row];
        const double middle = (double)row * HEIGHT + HEIGHT / 2.0 + 2;
        evaluation_row_name(e, row, name, sizeof(name));
        name[26] = 0;
        fprintf(out, "<text x=\"%d\" y=\"%.0f\" text-anchor=\"end\">", LEFT - 8, middle + 4);
        page_text(out, name);
        fputs("</text>", out);
        if (isnan(f->value))
            continue;
        fprintf(out, "<rect class=\"bar\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"14\"/>",
                fmin(zero, zero + f->value * scale), middle - 7, fabs(f->value) * scale);
        if (!isnan(f->low))
            fprintf(out, "<line class=\"line\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\"/>",
                    zero + f->low * scale, zero + f->high * scale, middle, middle);
        if (inverse && !isnan(inverse[row].value))
            fprintf(out, "<circle class=\"inverse\" cx=\"%.1f\" cy=\"%.1f\" r=\"4\"/>",
                    zero + inverse[row].value * scale, middle);
        fprintf(out, "<text x=\"%d\" y=\"%.0f\">%.4f", LEFT + WIDTH + 10, middle + 4, f->value);
        if (!isnan(f->low))
            fprintf(out, " [%.3f, %.3f]", f->low, f->high);
        fputs("</text>", out);
    }
    fputs("</svg>\n", out);
}

static int write_measures(const Evaluation *e, FILE *out)
{
    Figure *figure = calloc(2 * e->results.rows, sizeof(*figure)), *inverse = figure + e->results.rows;
    int status = figure ? STATUS_OK : say_failure("out of memory");

    for (size_t m = 0; m < e->results.measures && !status; m++) {
        const Measure *measure = e->results.measure[m];
        const int controlled = e->results.controls && !(measure->needs & IS_OF_NETWORK);
        status = evaluation_figures(e, m, 0, figure);
        if (!status && controlled)
            status = evaluation_figures(e, m, 1, inverse);
        if (status)
            break;
        page_element(out, "h2", measure->name);
        fputs("<p class=\"note\">", out);
        page_text(out, measure->summary);
        fprintf(out, "; %s is better. n %zu. ", measure->better > 0 ? "higher" : "lower", figure[0].n);
        page_text(out, measure->reference);
        fputs("</p>\n", out);
        write_plot(e, out, figure, controlled ? inverse : NULL);
    }
    free(figure);
    return status;
}

static void write_rows(const Evaluation *e, FILE *out)
{
    fputs("<table><tr><th>network</th><th>method</th><th>layer</th><th>SHA-256</th></tr>\n", out);
    for (size_t row = 0; row < e->results.rows; row++) {
        const Row *r = &e->row[row];
        fputs("<tr>", out);
        page_element(out, "td", r->model);
        page_element(out, "td", e->unfit[row] ? e->unfit[row] : r->method_text);
        page_element(out, "td", r->layer);
        fprintf(out, "<td>%.12s</td></tr>\n", r->sha256);
    }
    fputs("</table>\n", out);
}

// ------------------------------------------------------------------------------------------------------------ pictures

typedef struct Ranked {
    double value;
    size_t item;
} Ranked;

static int compare(const void *a, const void *b)
{
    const Ranked *x = a, *y = b;
    return (x->value < y->value) - (x->value > y->value);
}

// The first measure of pictures that differs from map to map: where the thing is, or what is lost without the rest.
static size_t ordering_measure(const Evaluation *e)
{
    static const char *const wanted[] = { "iou", "energy_pointing_game", "average_drop", "adcc", "complexity" };

    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
        for (size_t m = 0; m < e->results.measures; m++)
            if (!strcmp(e->results.measure[m]->name, wanted[i]))
                return m;
    for (size_t m = 0; m < e->results.measures; m++)
        if (e->results.measure[m]->value && !(e->results.measure[m]->needs & IS_OF_NETWORK))
            return m;
    return e->results.measures;
}

static int write_picture(Evaluation *e, FILE *out, Subject *s, size_t row, const Ranked *ranked, const char *measure)
{
    const Item *item = &e->dataset.item[ranked->item];
    const DataClass *data_class = &e->dataset.class_of[item->class_index];
    const char *slash = strrchr(item->file, '/');
    AVFrame *frame = NULL;
    int status = picture_read(&frame, item->file);

    if (status)
        return status;
    int error = subject_show(s, item, data_class, frame, e->guess || !data_class->count);
    if (!error)
        error = subject_explain(s, &e->row[row].method);
    status = error ? say_failure("%s: %s", item->file, gradcam_strerror(error)) : STATUS_OK;
    if (!status) {
        fputs("<figure>", out);
        status = page_overlay(out, s, frame, e->settings.threshold);
        fputs("<figcaption>", out);
        page_text(out, slash ? slash + 1 : item->file);
        fputs(", ", out);
        page_text(out, s->target.count == 1 ? gradcam_model_label(s->model, (size_t)s->target.classes[0])
                                             : data_class->name);
        fprintf(out, ", p %.3f, %s %.3f</figcaption></figure>\n", s->probability, measure, ranked->value);
    }
    av_frame_free(&frame);
    return status;
}

static int write_some(Evaluation *e, FILE *out, Subject *s, size_t row, const Ranked *ranked, size_t count,
                      size_t measure)
{
    const size_t middle = count / 2 > SHOWN / 2 ? count / 2 - SHOWN / 2 : 0;
    const size_t first[] = { 0, middle, count > SHOWN ? count - SHOWN : 0 };
    static const char *const names[] = { "Best", "Middle", "Worst" };
    int status = STATUS_OK;

    for (size_t part = 0; part < 3 && !status; part++) {
        page_element(out, "h3", names[part]);
        fputs("<div class=\"pictures\">\n", out);
        for (size_t i = first[part]; i < first[part] + SHOWN && i < count && !status; i++)
            status = write_picture(e, out, s, row, &ranked[i], e->results.measure[measure]->name);
        fputs("</div>\n", out);
    }
    return status;
}

static int write_pictures_of_row(Evaluation *e, FILE *out, size_t row, size_t measure, Ranked *ranked)
{
    const int better = e->results.measure[measure]->better;
    char name[400];
    size_t count = 0;
    GradcamModel *model = NULL;
    Subject s = { 0 };

    for (size_t i = 0; i < e->dataset.count; i++) {
        const double value = results_value(&e->results, row, i, 0)[measure];
        if (*results_state(&e->results, row, i) == DONE && !isnan(value))
            ranked[count++] = (Ranked){ value * better, i };
    }
    if (!count)
        return STATUS_OK;
    qsort(ranked, count, sizeof(*ranked), compare);
    for (size_t i = 0; i < count; i++)
        ranked[i].value *= better;
    int status = network_open(&model, e->arguments, e->row[row].model_path, NULL, &e->log);
    if (!status)
        status = dataset_match(&e->dataset, model, option_value(e->arguments, "classes"));
    const GradcamSettings settings = {
        .size = sizeof(settings), .log = e->log.log, .layer = option_value(e->arguments, "layer"),
        .method = e->row[row].method,
    };
    if (!status && subject_open(&s, model, &settings))
        status = say_library(&e->log, -ENOMEM, "cannot run the network");
    evaluation_row_name(e, row, name, sizeof(name));
    if (!status) {
        fputs("<h2>", out);
        page_text(out, name);
        fprintf(out, "</h2><p class=\"note\">By %s. Solid: the data set's boxes; dashed: the map's.</p>\n",
                e->results.measure[measure]->name);
        status = write_some(e, out, &s, row, ranked, count, measure);
    }
    subject_close(&s);
    gradcam_model_close(&model);
    return status;
}

static int write_pictures(Evaluation *e, FILE *out)
{
    const size_t measure = ordering_measure(e);
    Ranked *ranked = malloc((e->dataset.count + 1) * sizeof(*ranked));
    int status = ranked ? STATUS_OK : say_failure("out of memory");

    for (size_t row = 0; row < e->results.rows && row < MOST_ROWS && measure < e->results.measures && !status; row++)
        status = e->unfit[row] ? STATUS_OK : write_pictures_of_row(e, out, row, measure, ranked);
    free(ranked);
    return status;
}

int report_html(Evaluation *e, const char *path)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    if (!out)
        return say_failure("out of memory");
    page_begin(out, "How good the maps are");
    fputs("<p>", out);
    page_text(out, e->arguments->argument[0]);
    fprintf(out, ": %zu pictures and classes, %zu classes; %zu pictures cannot be read, %zu entries were left out."
            "</p>\n", e->dataset.count, e->dataset.classes, e->broken, e->dataset.skipped);
    fprintf(out, "<p class=\"note\">Maps of the %s, bilinear, lowest to highest value as 0 to 1; boxes at %g of the "
            "maximum; bars with their 95 %% intervals (bootstrap of %d)%s.</p>\n",
            e->guess ? "best guess" : "true class", e->settings.threshold, e->resamples,
            e->results.controls ? "; circles: the same of the inverse map" : "");
    write_rows(e, out);
    int status = write_measures(e, out);
    if (!status)
        status = write_pictures(e, out);
    page_end(out);
    if (fclose(out) && !status)
        status = say_failure("out of memory");
    if (!status)
        status = file_save(path, text, size);
    free(text);
    return status;
}
