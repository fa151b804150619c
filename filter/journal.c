/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * In: what is told of each frame. Out: a line for it. JSON: one object a line, the last one {"summary": ...}; CSV: a
 * header, and a row for each class on each frame. Each line is in the file before the next frame comes. Raw maps go to
 * mapfile.c.
 */
#include "journal.h"
#include "gradcam_picture.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "libavutil/avstring.h"
#include "libavutil/bprint.h"
#include "libavutil/common.h"
#include "libavutil/error.h"
#include "libavutil/log.h"
#include "libavutil/mem.h"

#include "mapfile.h"
#include "outfile.h"

#define CSV_HEADER "n,t,key,age,empty,ms,index,label,class,score,probability,x,y,w,h,cx,cy,method\n"

// A class, and on how many frames it was looked for.
typedef struct Seen {
    char *label;
    int64_t frames;
} Seen;

// A method, and what its maps took.
typedef struct Used {
    char method[GCAM_METHOD_TEXT];
    int64_t maps;
    double seconds, most;       // of work: the sum, the longest
} Used;

struct GcamJournal {
    void *log;
    char *path;
    FILE *file;                 // NULL: none
    int format;
    AVBPrint line;
    GcamMapFile *raw;           // or NULL

    int64_t frames, shown, maps, empty, reused, skipped;
    int64_t last;               // key frame of the map that was counted last
    double seconds, most;       // of work for maps: the sum, the longest
    Seen *seen;
    size_t count;
    Used *used;
    size_t methods;
};

static int close_file(GcamJournal *j)
{
    int ret = 0;

    if (j->file != stdout)
        ret = gcam_outfile_close(&j->file);
    j->file = NULL;
    return ret;
}

// What goes wrong ends the log, not the video.
static void give_up(GcamJournal *j, int error)
{
    av_log(j->log, AV_LOG_ERROR, "Cannot write to log_path=%s, which ends here: %s\n", j->path, av_err2str(error));
    close_file(j);
}

// Puts the line into the file.
static void flush_line(GcamJournal *j)
{
    if (!av_bprint_is_complete(&j->line))
        give_up(j, AVERROR(ENOMEM));
    else if (fwrite(j->line.str, 1, j->line.len, j->file) != j->line.len || fflush(j->file))
        give_up(j, AVERROR(errno));
    av_bprint_clear(&j->line);
}

// Whether a log begins here, and does not go on.
static int is_empty(FILE *file)
{
    struct stat at;

    return fstat(fileno(file), &at) < 0 || !S_ISREG(at.st_mode) || !at.st_size;
}

static int open_file(GcamJournal *j, const char *path)
{
    char reason[128];
    int ret = 0;

    if (!(j->path = av_strdup(path)))
        return AVERROR(ENOMEM);
    if (!strcmp(path, "-"))
        j->file = stdout;
    else
        ret = gcam_outfile_append(&j->file, path);
    if (ret < 0) {
        av_log(j->log, AV_LOG_ERROR, "Cannot open log_path=%s: %s\n", path,
               gcam_outfile_reason(ret, reason, sizeof(reason)));
        return ret;
    }
    if (j->format == GCAM_JOURNAL_CSV && (j->file == stdout || is_empty(j->file))) {
        av_bprintf(&j->line, CSV_HEADER);
        flush_line(j);
    }
    return 0;
}

// Stands for filters that are no more.
static void *nobody(void)
{
    static const AVClass class = { "gradcam", av_default_item_name, NULL, LIBAVUTIL_VERSION_INT };
    static const AVClass *const context = &class;

    return (void *)&context;
}

void gcam_journal_log_to(GcamJournal *j, void *log)
{
    j->log = log ? log : nobody();
}

static int choose_format(const char *path, int format)
{
    const size_t length = path ? strlen(path) : 0;

    if (format != GCAM_JOURNAL_AUTO)
        return format;
    return length > 4 && !av_strcasecmp(path + length - 4, ".csv") ? GCAM_JOURNAL_CSV : GCAM_JOURNAL_JSON;
}

int gcam_journal_open(GcamJournal **out, void *log, const char *path, int format, const char *map_path)
{
    GcamJournal *j = av_mallocz(sizeof(*j));
    int ret;

    *out = NULL;
    if (!j)
        return AVERROR(ENOMEM);
    j->log = log;
    j->format = choose_format(path, format);
    j->last = -1;
    av_bprint_init(&j->line, 0, AV_BPRINT_SIZE_UNLIMITED);
    if ((path && (ret = open_file(j, path)) < 0) ||
        (map_path && (ret = gcam_mapfile_open(&j->raw, log, map_path)) < 0)) {
        gcam_journal_close(&j);
        return ret;
    }
    *out = j;
    return 0;
}

// --------------------------------------------------------------------------------------------------------- lines

static void put_json_text(AVBPrint *line, const char *text)
{
    av_bprint_chars(line, '"', 1);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            av_bprintf(line, "\\%c", *text);
        else if ((unsigned char)*text < 0x20)
            av_bprintf(line, "\\u%04x", *text);
        else
            av_bprint_chars(line, *text, 1);
    }
    av_bprint_chars(line, '"', 1);
}

static void put_csv_text(AVBPrint *line, const char *text)
{
    av_bprint_chars(line, '"', 1);
    for (; *text; text++)
        av_bprint_chars(line, *text, *text == '"' ? 2 : 1);
    av_bprint_chars(line, '"', 1);
}

// `none` in the place of a number that means nothing.
static void put_number(AVBPrint *line, double value, const char *none)
{
    if (isfinite(value))
        av_bprintf(line, "%.6f", value);
    else
        av_bprintf(line, "%s", none);
}

static void put_json(GcamJournal *j, const GcamReport *r)
{
    const GradcamResult *result = r->heat->result;
    AVBPrint *line = &j->line;
    char method[GCAM_METHOD_TEXT];

    av_bprintf(line, "{\"n\": %"PRId64", \"t\": ", r->number);
    put_number(line, r->time, "null");
    av_bprintf(line, ", \"key\": %d, \"age\": %"PRId64", \"empty\": %d, \"ms\": %.3f, \"method\": ",
               r->number == r->heat->number, r->number - r->heat->number, r->heat->empty, result->elapsed * 1000);
    put_json_text(line, gradcam_method_text(&result->method, method, sizeof(method)));
    av_bprintf(line, ", \"classes\": [");
    for (size_t i = 0; i < result->count; i++) {
        const GradcamMapInfo *info = result->map[i].info;
        const GradcamPixels p = gcam_report_pixels(r, i);

        av_bprintf(line, "%s{\"label\": ", i ? ", " : "");
        put_json_text(line, result->map[i].name);
        if (info->class_index >= 0)
            av_bprintf(line, ", \"class\": %d, \"score\": ", info->class_index);
        else
            av_bprintf(line, ", \"class\": null, \"score\": ");
        put_number(line, info->score, "null");
        av_bprintf(line, ", \"probability\": ");
        put_number(line, info->probability, "null");
        if (p.boxed)
            av_bprintf(line, ", \"box\": [%d, %d, %d, %d]", p.x, p.y, p.width, p.height);
        if (p.centred)
            av_bprintf(line, ", \"centre\": [%d, %d]", p.centre_x, p.centre_y);
        av_bprint_chars(line, '}', 1);
    }
    av_bprintf(line, "]}\n");
}

static void put_csv(GcamJournal *j, const GcamReport *r)
{
    const GradcamResult *result = r->heat->result;
    AVBPrint *line = &j->line;
    char method[GCAM_METHOD_TEXT];

    gradcam_method_text(&result->method, method, sizeof(method));
    for (size_t i = 0; i < result->count; i++) {
        const GradcamMapInfo *info = result->map[i].info;
        const GradcamPixels p = gcam_report_pixels(r, i);

        av_bprintf(line, "%"PRId64",", r->number);
        put_number(line, r->time, "");
        av_bprintf(line, ",%d,%"PRId64",%d,%.3f,%zu,", r->number == r->heat->number, r->number - r->heat->number,
                   r->heat->empty, result->elapsed * 1000, i + 1);
        put_csv_text(line, result->map[i].name);
        av_bprintf(line, info->class_index >= 0 ? ",%d," : ",,", info->class_index);
        put_number(line, info->score, "");
        av_bprint_chars(line, ',', 1);
        put_number(line, info->probability, "");
        if (p.boxed)
            av_bprintf(line, ",%d,%d,%d,%d", p.x, p.y, p.width, p.height);
        else
            av_bprintf(line, ",,,,");
        if (p.centred)
            av_bprintf(line, ",%d,%d,", p.centre_x, p.centre_y);
        else
            av_bprintf(line, ",,,");
        put_csv_text(line, method);
        av_bprintf(line, "\n");
    }
}

// -------------------------------------------------------------------------------------------------------- summary

static int count_label(GcamJournal *j, const char *label)
{
    Seen *seen;

    for (size_t i = 0; i < j->count; i++)
        if (!strcmp(j->seen[i].label, label)) {
            j->seen[i].frames++;
            return 0;
        }
    seen = av_realloc_array(j->seen, j->count + 1, sizeof(*seen));
    if (!seen)
        return AVERROR(ENOMEM);
    j->seen = seen;
    seen[j->count].frames = 1;
    seen[j->count].label = av_strdup(label);
    return seen[j->count].label ? (j->count++, 0) : AVERROR(ENOMEM);
}

static int count_method(GcamJournal *j, const GradcamResult *result)
{
    char method[GCAM_METHOD_TEXT];
    Used *used = j->used;
    size_t i = 0;

    gradcam_method_text(&result->method, method, sizeof(method));
    while (i < j->methods && strcmp(used[i].method, method))
        i++;
    if (i == j->methods) {
        used = av_realloc_array(j->used, j->methods + 1, sizeof(*used));
        if (!used)
            return AVERROR(ENOMEM);
        j->used = used;
        j->methods++;
        used[i] = (Used){ .maps = 0 };
        strcpy(used[i].method, method);
    }
    used[i].maps++;
    used[i].seconds += result->elapsed;
    used[i].most = FFMAX(used[i].most, result->elapsed);
    return 0;
}

int gcam_journal_frame(GcamJournal *j, const GcamReport *r)
{
    const GradcamResult *result = r->heat->result;
    int ret;

    j->frames++;
    j->shown++;
    j->skipped = FFMAX(r->skipped, 0);
    if (r->heat->number != j->last) {
        j->last = r->heat->number;
        j->maps++;
        j->empty += r->heat->empty;
        j->reused += result->reused;
        j->seconds += result->elapsed;
        j->most = FFMAX(j->most, result->elapsed);
        if ((ret = count_method(j, result)) < 0)
            return ret;
        if (j->raw)
            gcam_mapfile_write(j->raw, j->log, result, r->heat->number);
    }
    for (size_t i = 0; i < result->count; i++)
        if ((ret = count_label(j, result->map[i].name)) < 0)
            return ret;
    if (!j->file)
        return 0;
    if (j->format == GCAM_JOURNAL_CSV)
        put_csv(j, r);
    else
        put_json(j, r);
    flush_line(j);
    return 0;
}

void gcam_journal_plain(GcamJournal *j)
{
    j->frames++;
}

static void put_summary(GcamJournal *j)
{
    AVBPrint *line = &j->line;

    av_bprintf(line, "{\"summary\": {\"frames\": %"PRId64", \"shown\": %"PRId64", \"maps\": %"PRId64,
               j->frames, j->shown, j->maps);
    av_bprintf(line, ", \"empty\": %"PRId64", \"reused\": %"PRId64", \"skipped\": %"PRId64,
               j->empty, j->reused, j->skipped);
    av_bprintf(line, ", \"ms_mean\": %.3f, \"ms_max\": %.3f, \"labels\": {",
               j->maps ? j->seconds * 1000 / j->maps : 0, j->most * 1000);
    for (size_t i = 0; i < j->count; i++) {
        if (i)
            av_bprintf(line, ", ");
        put_json_text(line, j->seen[i].label);
        av_bprintf(line, ": %"PRId64, j->seen[i].frames);
    }
    av_bprintf(line, "}, \"methods\": {");
    for (size_t i = 0; i < j->methods; i++) {
        const Used *used = &j->used[i];

        if (i)
            av_bprintf(line, ", ");
        put_json_text(line, used->method);
        av_bprintf(line, ": {\"maps\": %"PRId64", \"ms_mean\": %.3f, \"ms_max\": %.3f}", used->maps,
                   used->seconds * 1000 / used->maps, used->most * 1000);
    }
    av_bprintf(line, "}}}\n");
}

// The same for people, at most a few methods and labels.
static void log_summary(GcamJournal *j)
{
    AVBPrint text;

    av_bprint_init(&text, 0, 2048);
    for (size_t i = 0; i < FFMIN(j->methods, 5); i++)
        av_bprintf(&text, "%s%s %"PRId64" at %.1f ms", i ? ", " : "; by ", j->used[i].method, j->used[i].maps,
                   j->used[i].seconds * 1000 / j->used[i].maps);
    for (size_t i = 0; i < FFMIN(j->count, 5); i++)
        av_bprintf(&text, "%s%s on %"PRId64, i ? ", " : "; ", j->seen[i].label, j->seen[i].frames);
    av_log(j->log, AV_LOG_INFO,
           "%"PRId64" frames, %"PRId64" with a map; %"PRId64" maps (%"PRId64" empty, %"PRId64" reused, %"PRId64
           " skipped), %.1f ms each, at most %.1f%s%s\n", j->frames, j->shown, j->maps, j->empty, j->reused, j->skipped,
           j->maps ? j->seconds * 1000 / j->maps : 0, j->most * 1000, text.str, j->count > 5 ? ", ..." : "");
}

void gcam_journal_close(GcamJournal **journal)
{
    GcamJournal *j = *journal;
    int ret;

    if (!j)
        return;
    if (j->frames) {
        log_summary(j);
        if (j->file && j->format == GCAM_JOURNAL_JSON) {
            put_summary(j);
            flush_line(j);
        }
    }
    ret = close_file(j);
    if (ret < 0)
        give_up(j, ret);
    gcam_mapfile_close(&j->raw, j->log);
    for (size_t i = 0; i < j->count; i++)
        av_free(j->seen[i].label);
    av_free(j->seen);
    av_free(j->used);
    av_free(j->path);
    av_bprint_finalize(&j->line, NULL);
    av_freep(journal);
}
