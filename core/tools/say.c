/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Messages and progress on stderr. The bar is the one state there is; this is a program, not the library.
 */
#include "say.h"

#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "base/utf8.h"

static struct {
    size_t total;
    int shown;
} bar;

void progress_hide(void)
{
    if (bar.shown)
        fputs("\r\033[K", stderr);
    bar.shown = 0;
}

static void print_line(const char *before, const char *command, const char *format, va_list arguments)
{
    fflush(stdout);
    progress_hide();
    char text[2048];
    vsnprintf(text, sizeof(text), format, arguments);
    gcam_utf8_trim(text);
    gcam_utf8_disarm(text);
    fprintf(stderr, "gradcam%s%s: %s%s\n", command ? " " : "", command ? command : "", before, text);
}

int say_failure(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    print_line("", NULL, format, arguments);
    va_end(arguments);
    return STATUS_FAILURE;
}

int say_usage(const char *command, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    print_line("", command, format, arguments);
    va_end(arguments);
    return STATUS_USAGE;
}

void say_warning(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    print_line("warning: ", NULL, format, arguments);
    va_end(arguments);
}

void say_hint(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    print_line("", NULL, format, arguments);
    va_end(arguments);
}

void say_note(const char *format, ...)
{
    va_list arguments;

    if (!isatty(STDERR_FILENO))
        return;
    va_start(arguments, format);
    print_line("", NULL, format, arguments);
    va_end(arguments);
}

static void receive(void *opaque, enum GradcamLogLevel level, const char *message)
{
    SayLog *log = opaque;

    if (level == GRADCAM_LOG_ERROR)
        snprintf(log->error, sizeof(log->error), "%s", message);
    else if (level == GRADCAM_LOG_WARNING)
        say_warning("%s", message);
    else if (log->verbose)
        say_failure("%s", message);
}

void say_log_init(SayLog *log, int verbose)
{
    *log = (SayLog) { .log = { receive, log }, .verbose = verbose };
}

int say_library(SayLog *log, int error, const char *what)
{
    if (log->error[0])
        say_failure("%s", log->error);
    else
        say_failure("%s: %s", what, gradcam_strerror(error));
    log->error[0] = 0;
    return STATUS_FAILURE;
}

void progress_begin(size_t total)
{
    bar.total = isatty(STDERR_FILENO) && total > 1 ? total : 0;
}

void progress_step(size_t done, const char *name)
{
    enum { WIDTH = 24 };
    char line[WIDTH + 1];

    if (!bar.total)
        return;
    const int filled = (int)(WIDTH * done / bar.total);
    memset(line, '.', WIDTH);
    memset(line, '#', filled);
    line[WIDTH] = 0;
    fflush(stdout);
    fprintf(stderr, "\r\033[K[%s] %zu/%zu %.40s", line, done, bar.total, name);
    fflush(stderr);
    bar.shown = 1;
}

void progress_stage(const char *text)
{
    progress_hide();
    if (!text || !isatty(STDERR_FILENO))
        return;
    fprintf(stderr, "%s", text);
    fflush(stderr);
    bar.shown = 1;
}

void progress_end(void)
{
    progress_hide();
    bar.total = 0;
}
