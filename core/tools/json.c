/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * JSON on a stream, element by element.
 */
#include "json.h"

#include <math.h>

#include "base/utf8.h"

static void write_string(FILE *out, const char *text)
{
    fputc('"', out);
    for (const unsigned char *s = (const unsigned char *)text; *s;) {
        const size_t length = gcam_utf8_length((const char *)s);
        if (*s == '"' || *s == '\\')
            fprintf(out, "\\%c", *s);
        else if (*s < 0x20)
            fprintf(out, "\\u%04x", *s);
        else if (*s == 0x7f || (*s == 0xc2 && length && s[1] < 0xa0))
            fprintf(out, "\\u%04x", s[length - 1]);      // controls too
        else if (length)
            fwrite(s, 1, length, out);
        else
            fputs("\\ufffd", out);
        s += length ? length : 1;
    }
    fputc('"', out);
}

static void begin_element(Json *json, const char *key)
{
    if (json->depth)
        fprintf(json->out, "%s\n%*s", json->filled ? "," : "", 2 * json->depth, "");
    json->filled = 1;
    if (key) {
        write_string(json->out, key);
        fputs(": ", json->out);
    }
}

void json_open(Json *json, const char *key, char bracket)
{
    begin_element(json, key);
    fputc(bracket, json->out);
    json->depth++;
    json->filled = 0;
}

void json_close(Json *json, char bracket)
{
    json->depth--;
    if (json->filled)
        fprintf(json->out, "\n%*s", 2 * json->depth, "");
    fputc(bracket, json->out);
    json->filled = 1;
    if (!json->depth)
        fputc('\n', json->out);
}

void json_string(Json *json, const char *key, const char *value)
{
    begin_element(json, key);
    write_string(json->out, value);
}

void json_number(Json *json, const char *key, double value)
{
    begin_element(json, key);
    if (isfinite(value))
        fprintf(json->out, "%.9g", value);
    else
        fputs("null", json->out);
}

void json_integer(Json *json, const char *key, long long value)
{
    begin_element(json, key);
    fprintf(json->out, "%lld", value);
}

void json_boolean(Json *json, const char *key, int value)
{
    begin_element(json, key);
    fputs(value ? "true" : "false", json->out);
}
