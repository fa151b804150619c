/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Names of classes from a file's metadata, as programs write them there:
 *
 *     {0: 'ripe', 1: "unripe"}, {"0": "ripe"}     Ultralytics (a dict of Python), id2label of Hugging Face
 *     {"ripe": 0, "unripe": 1}                    class_indices of Keras, class_to_idx of torchvision
 *     ['ripe', 'unripe']                          a list
 *     ripe, unripe                                a list without brackets, or a name a line
 *
 * The text is not trusted. Each class must have one name and no name be left over, or the text tells nothing.
 */
#include "labels.h"

#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"

#include <errno.h>
#include <string.h>

// A text that is being read, and names that were found in it.
typedef struct Reader {
    const char *at;
    char *out;                  // where the next name goes; there is room for the whole text
    const char **label;         // by class; NULL: not yet
    size_t count, found;
} Reader;

static void skip_space(Reader *r)
{
    r->at += strspn(r->at, " \t\r\n");
}

// Whether the next character is that one, which is then behind.
static int take(Reader *r, char c)
{
    skip_space(r);
    if (*r->at != c)
        return 0;
    r->at++;
    return 1;
}

// Four hexadecimal digits as UTF-8. 0 or -1: they are none, or half of a surrogate pair, or a control character.
static int take_code(Reader *r)
{
    unsigned code = 0;
    for (int i = 0; i < 4; i++, r->at++) {
        const char c = *r->at;
        int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10
                  : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
        if (digit < 0)
            return -1;
        code = 16 * code + (unsigned)digit;
    }
    if (code < 0x20 || (code >= 0xD800 && code < 0xE000))
        return -1;
    if (code >= 0x800)
        *r->out++ = (char)(0xE0 | code >> 12);
    if (code >= 0x80)
        *r->out++ = (char)(code >= 0x800 ? 0x80 | (code >> 6 & 0x3F) : 0xC0 | code >> 6);
    *r->out++ = (char)(code >= 0x80 ? 0x80 | (code & 0x3F) : code);
    return 0;
}

// A string in quotes of either kind. NULL: there is none.
static const char *take_quoted(Reader *r)
{
    skip_space(r);
    const char quote = *r->at, *start = r->out;
    if (quote != '\'' && quote != '"')
        return NULL;
    for (r->at++; *r->at && *r->at != quote;) {
        if (*r->at == '\\' && *++r->at == 'u') {
            r->at++;
            if (take_code(r) < 0)
                return NULL;
        } else if (*r->at) {
            *r->out++ = *r->at++;
        }
    }
    if (!*r->at)
        return NULL;
    r->at++;
    *r->out++ = 0;
    return start;
}

// A number below `limit`, the whole of a text or its beginning; -1: there is none.
static long read_index(const char *text, size_t limit, const char **end)
{
    size_t value = 0;
    *end = text;
    while (**end >= '0' && **end <= '9' && value < limit)
        value = 10 * value + (size_t)(*(*end)++ - '0');
    return *end == text || value >= limit ? -1 : (long)value;
}

static int add(Reader *r, long index, const char *name)
{
    if (index < 0 || (size_t)index >= r->count || !name || r->label[index])
        return -1;
    r->label[index] = name;
    r->found++;
    return 0;
}

// One of "0: 'ripe'", "'0': 'ripe'" and "'ripe': 0".
static int take_pair(Reader *r)
{
    const char *end, *key = take_quoted(r);
    long index = -1;
    if (!key) {
        index = read_index(r->at, r->count, &end);
        r->at = end;
    }
    if ((!key && index < 0) || !take(r, ':'))
        return -1;
    const char *value = take_quoted(r);
    if (value && key) {
        index = read_index(key, r->count, &end);
        return *end ? -1 : add(r, index, value);
    }
    if (value)
        return add(r, index, value);
    index = read_index(r->at, r->count, &end);
    r->at = end;
    return add(r, index, key);
}

// In braces or brackets, a comma at the end being allowed.
static int read_enclosed(Reader *r, char open, char close)
{
    if (!take(r, open))
        return -1;
    while (!take(r, close)) {
        if ((open == '{' ? take_pair(r) : add(r, (long)r->found, take_quoted(r))) < 0)
            return -1;
        if (!take(r, ',')) {
            if (!take(r, close))
                return -1;
            break;
        }
    }
    skip_space(r);
    return *r->at ? -1 : 0;
}

// Names between commas, or in lines where there are any.
static int read_bare(Reader *r)
{
    const char separator = strchr(r->at, '\n') ? '\n' : ',';
    for (;;) {
        skip_space(r);
        const char *start = r->out, *end = strchr(r->at, separator);
        size_t length = end ? (size_t)(end - r->at) : strlen(r->at);
        if (!length && !end && separator == '\n')       // behind the last line
            return 0;
        const char *next = r->at + length;
        while (length && strchr(" \t\r", r->at[length - 1]))
            length--;
        memcpy(r->out, r->at, length);
        r->out += length;
        *r->out++ = 0;
        if (!length || add(r, (long)r->found, start) < 0)
            return -1;
        if (!end)
            return 0;
        r->at = next + 1;
    }
}

static int read_names(Reader *r)
{
    skip_space(r);
    const int error = *r->at == '{' ? read_enclosed(r, '{', '}') : *r->at == '[' ? read_enclosed(r, '[', ']')
                    : read_bare(r);
    return !error && r->found == r->count ? 0 : -1;
}

int gcam_labels_from_metadata(GcamLabels **out, const GcamGraph *graph, size_t classes, const GradcamLog *log)
{
    static const char *const keys[] = { "names", "classes", "class_names", "labels", "label_names", "categories",
                                        "id2label", "class_to_idx", "class_indices" };
    const char *text = NULL, *key = "";
    *out = NULL;
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]) && !text; i++) {
        text = gcam_graph_metadata(graph, keys[i]);
        key = keys[i];
    }
    if (!text || !text[0] || classes > GCAM_MOST_CLASSES || strlen(text) > GCAM_MOST_LABELS_TEXT)
        return 0;
    char *names = gcam_alloc(strlen(text) + 2, 1);
    const char **label = gcam_calloc(classes + 1, sizeof(*label));
    int error = names && label ? 0 : -ENOMEM;
    Reader reader = { text, names, label, classes, 0 };
    if (!error && !read_names(&reader))
        error = gcam_labels_create(out, label, classes, NULL, 0, key, NULL);
    gcam_free(names);
    gcam_free(label);
    if (error != -ENOMEM && !*out)
        gcam_log(log, GRADCAM_LOG_WARNING, "'%s' in the metadata does not name the network's %zu classes: it is not "
                 "used", key, classes);
    return error == -ENOMEM ? error : 0;
}
