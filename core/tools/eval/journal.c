/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Lines of words with a space between: "done ROW ITEM", then of each side the numbers, in hexadecimal digits of the
 * double, and behind one that is not NaN its record, where the measure has one, in hexadecimal digits of the bytes;
 * "broken ROW ITEM". A line ends in " ." so that one that was cut off is known.
 */
#include "journal.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/say.h"

static const char heading[] = "gradcam eval 2";

// ------------------------------------------------------------------------------------------------------------- reading

static int read_double(char **at, double *value)
{
    char *end;
    const uint64_t bits = strtoull(*at, &end, 16);
    if (end == *at || *end != ' ')
        return 0;
    memcpy(value, &bits, sizeof(bits));
    *at = end + 1;
    return 1;
}

static int digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int read_bytes(char **at, void *to, size_t size)
{
    uint8_t *bytes = to;
    for (size_t i = 0; i < size; i++, *at += 2) {
        const int high = digit((*at)[0]), low = high < 0 ? -1 : digit((*at)[1]);
        if (low < 0)
            return 0;
        bytes[i] = (uint8_t)(high << 4 | low);
    }
    return !size || *(*at)++ == ' ';
}

static int read_number(Results *r, size_t row, size_t item, size_t side, size_t measure, char **at)
{
    double *value = &results_value(r, row, item, side)[measure];
    const size_t size = measure_record_size(r->measure[measure]);

    return read_double(at, value) &&
           (!size || isnan(*value) || read_bytes(at, results_record(r, row, item, side, measure), size));
}

// 0: the line is none.
static int read_line(Results *r, char *line)
{
    size_t row, item;
    int used = 0, good = 1;
    const size_t length = strlen(line);

    if (length < 2 || strcmp(line + length - 2, " ."))
        return 0;
    const int broken = sscanf(line, "broken %zu %zu %n", &row, &item, &used) == 2 && used;
    if (!broken && (sscanf(line, "done %zu %zu %n", &row, &item, &used) != 2 || !used))
        return 0;
    if (row >= r->rows || item >= r->dataset->count)
        return 0;
    char *at = line + used;
    for (size_t side = 0; side < results_sides(r) && !broken; side++)
        for (size_t m = 0; m < r->measures && good; m++)
            good = read_number(r, row, item, side, m, &at);
    if (good)
        *results_state(r, row, item) = broken ? BROKEN : DONE;
    return good;
}

int journal_read(Results *r, const char *path, const char *settings, int must_be, size_t *lines)
{
    FILE *in = fopen(path, "r");
    char *line = NULL;
    size_t room = 0;
    ssize_t length;
    int status = STATUS_OK, number = 0;

    *lines = 0;
    if (!in)
        return errno == ENOENT && !must_be ? STATUS_OK : say_failure("cannot read %s: %s", path, strerror(errno));
    while (!status && (length = getline(&line, &room, in)) > 0) {
        const int whole = line[length - 1] == '\n';
        if (whole)
            line[length - 1] = 0;
        number++;
        if (number == 1 && strcmp(line, heading))
            status = say_failure("%s is no journal of gradcam eval", path);
        else if (number == 2 && strcmp(line, settings))
            status = say_failure("the journal %s is of other settings, networks or pictures: it has \"%s\"", path,
                                 line);
        else if (number > 2 && whole)
            *lines += (size_t)read_line(r, line);
    }
    free(line);
    fclose(in);
    return status;
}

// ------------------------------------------------------------------------------------------------------------- writing

int journal_open(Journal *journal, const char *path, const char *settings)
{
    struct stat info;

    *journal = (Journal){ fopen(path, "a+"), path, 0 };
    if (!journal->out || fstat(fileno(journal->out), &info))
        return say_failure("cannot write %s: %s", path, strerror(errno));
    if (!info.st_size)
        fprintf(journal->out, "%s\n%s\n", heading, settings);
    else if (!fseek(journal->out, -1, SEEK_END) && getc(journal->out) != '\n')
        fputc('\n', journal->out);      // a line that was cut off
    return STATUS_OK;
}

static void write_number(FILE *out, const Results *r, size_t row, size_t item, size_t side, size_t measure)
{
    const double value = results_value(r, row, item, side)[measure];
    const uint8_t *record = results_record(r, row, item, side, measure);
    uint64_t bits;

    memcpy(&bits, &value, sizeof(bits));
    fprintf(out, "%" PRIx64 " ", bits);
    if (!record || isnan(value))
        return;
    for (size_t i = 0; i < measure_record_size(r->measure[measure]); i++)
        fprintf(out, "%02x", record[i]);
    fputc(' ', out);
}

void journal_write(Journal *journal, const Results *r, size_t row, size_t item)
{
    if (!journal->out)
        return;
    const int broken = *results_state(r, row, item) == BROKEN;
    fprintf(journal->out, "%s %zu %zu ", broken ? "broken" : "done", row, item);
    for (size_t side = 0; side < results_sides(r) && !broken; side++)
        for (size_t m = 0; m < r->measures; m++)
            write_number(journal->out, r, row, item, side, m);
    fputs(" .\n", journal->out);
    if (fflush(journal->out) && !journal->failed) {
        journal->failed = 1;
        say_warning("cannot write %s: %s", journal->path, strerror(errno));
    }
}

int journal_close(Journal *journal)
{
    if (!journal->out)
        return STATUS_OK;
    const int failed = journal->failed | fclose(journal->out);
    journal->out = NULL;
    return failed ? say_failure("%s is not complete", journal->path) : STATUS_OK;
}
