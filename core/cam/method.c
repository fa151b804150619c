/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Methods as users write them: a name, and options behind slashes. In: text. Out: a GradcamMethod, by value; the same
 * back.
 */
#include "method.h"

#include "base/enum_names.h"
#include "base/log.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const GcamMethod *gcam_method_row(const GradcamMethod *method)
{
    return (const GcamMethod *)(method && method->info ? method->info : gradcam_method_at(0));
}

static GradcamMethod with_defaults(const GradcamMethodInfo *info)
{
    GradcamMethod method = { .info = info };
    for (size_t i = 0; i < info->options; i++)
        method.value[i] = info->option[i].standard;
    return method;
}

GradcamMethod gcam_method_given(const GradcamMethod *method)
{
    return method && method->info ? *method : with_defaults(gradcam_method_at(0));
}

static int is_word(const char *word, const char *text, size_t length)
{
    return strlen(word) == length && !memcmp(word, text, length);
}

// ------------------------------------------------------------------------------------------------------ what is wrong

// Adds what is meant to be read as a list.
static void add(char *list, size_t size, const char *what)
{
    size_t used = strlen(list);
    snprintf(list + used, size - used, "%s%s", used ? ", " : "", what);
}

static int no_such_method(const char *text, size_t length, const GradcamLog *log)
{
    const GradcamMethodInfo *info;
    char list[1024] = "";
    for (size_t i = 0; (info = gradcam_method_at(i)); i++)
        add(list, sizeof(list), info->name);
    gcam_log(log, GRADCAM_LOG_ERROR, "there is no method '%.*s'; the methods are %s", (int)length, text, list);
    return -EINVAL;
}

static int no_such_option(const GradcamMethodInfo *info, const char *text, size_t length, const GradcamLog *log)
{
    char list[512] = "";
    for (size_t i = 0; i < info->options; i++)
        add(list, sizeof(list), info->option[i].name);
    gcam_log(log, GRADCAM_LOG_ERROR, "method %s has no option '%.*s'; it has %s", info->name, (int)length, text,
             list[0] ? list : "none");
    return -EINVAL;
}

static int no_such_value(const GradcamMethodInfo *info, const GradcamMethodOption *option, const char *text,
                         size_t length, const GradcamLog *log)
{
    char list[512] = "";
    for (size_t i = 0; option->words && option->words[i]; i++)
        add(list, sizeof(list), option->words[i]);
    if (!option->words)
        snprintf(list, sizeof(list), "a %snumber from %g to %g", option->is_whole ? "whole " : "", option->least,
                 option->most);
    gcam_log(log, GRADCAM_LOG_ERROR, "method %s, option %s: '%.*s' is not %s%s", info->name, option->name, (int)length,
             text, option->words ? "one of " : "", list);
    return -EINVAL;
}

// ------------------------------------------------------------------------------------------------------------- reading

static int is_in_range(const GradcamMethodOption *option, double value)
{
    size_t words = 0;
    while (option->words && option->words[words])
        words++;
    return option->words ? value >= 0 && value < (double)words && value == floor(value)
                         : value >= option->least && value <= option->most &&
                           (!option->is_whole || value == floor(value));
}

static int read_value(const GradcamMethodOption *option, const char *text, size_t length, double *value)
{
    char number[64], *end;
    for (size_t i = 0; option->words && option->words[i]; i++)
        if (is_word(option->words[i], text, length)) {
            *value = (double)i;
            return 1;
        }
    if (option->words || !length || length >= sizeof(number) || strspn(text, "0123456789.+-eE") < length)
        return 0;
    memcpy(number, text, length);
    number[length] = 0;
    *value = strtod(number, &end);
    return !*end && is_in_range(option, *value);
}

// One option, NAME=VALUE.
static int read_option(GradcamMethod *method, const char *text, size_t length, const GradcamLog *log)
{
    const GradcamMethodInfo *info = method->info;
    const char *equals = memchr(text, '=', length);
    size_t name = equals ? (size_t)(equals - text) : length, i = 0;
    while (i < info->options && !is_word(info->option[i].name, text, name))
        i++;
    if (i == info->options)
        return no_such_option(info, text, name, log);
    const char *value = equals ? equals + 1 : text + length;
    size_t rest = (size_t)(text + length - value);
    if (read_value(&info->option[i], value, rest, &method->value[i]))
        return 0;
    return no_such_value(info, &info->option[i], value, rest, log);
}

int gradcam_method_parse(GradcamMethod *out, const char *text, const GradcamLog *log)
{
    const GradcamMethodInfo *info = gradcam_method_at(0);
    *out = with_defaults(info);
    if (!text)
        return 0;
    size_t length = strcspn(text, "/");
    for (size_t i = 0; (info = gradcam_method_at(i)) && !is_word(info->name, text, length); i++)
        ;
    if (!info)
        return no_such_method(text, length, log);
    GradcamMethod method = with_defaults(info);
    while (text[length]) {
        text += length + 1;
        length = strcspn(text, "/");
        int error = read_option(&method, text, length, log);
        if (error)
            return error;
    }
    *out = method;
    return 0;
}

// ------------------------------------------------------------------------------------------------------------- writing

char *gradcam_method_text(const GradcamMethod *method, char *text, size_t size)
{
    const GradcamMethodInfo *info = &gcam_method_row(method)->info;
    int used = snprintf(text, size, "%s", info->name);
    for (size_t i = 0; method && method->info && i < info->options; i++) {
        const GradcamMethodOption *option = &info->option[i];
        size_t at = used > 0 && (size_t)used < size ? (size_t)used : size;
        if (method->value[i] == option->standard)
            continue;
        if (option->words)
            used += snprintf(text + at, size - at, "/%s=%s", option->name, option->words[(size_t)method->value[i]]);
        else
            used += snprintf(text + at, size - at, "/%s=%.9g", option->name, method->value[i]);
    }
    return text;
}

int gradcam_method_check(const GradcamMethod *method)
{
    const GradcamMethodInfo *info;
    if (!method || !method->info)
        return 0;
    for (size_t i = 0; (info = gradcam_method_at(i)) && info != method->info; i++)
        ;
    for (size_t i = 0; info && i < info->options; i++)
        if (!is_in_range(&info->option[i], method->value[i]))
            return -EINVAL;
    return info ? 0 : -EINVAL;
}

static const char *const uses[] = { "video", "key frames", "stills" };

const char *gradcam_method_use_name(enum GradcamMethodUse use)
{
    return GCAM_ENUM_NAME(uses, use);
}

int gradcam_method_use_find(const char *name)
{
    return GCAM_ENUM_FIND(uses, name);
}
