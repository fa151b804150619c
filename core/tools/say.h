/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What the command line tells its user: data goes to stdout, talk to stderr, one sentence for what went
 * wrong.
 */
#ifndef GCAM_TOOLS_SAY_H
#define GCAM_TOOLS_SAY_H

#include <stdio.h>

#include "gradcam.h"

// Exit statuses. Functions that return one have told the user themselves.
enum { STATUS_OK = 0, STATUS_FAILURE = 1, STATUS_USAGE = 2 };

#if defined(__GNUC__)
#define SAY_FORMAT(at, first) __attribute__((format(printf, at, first)))
#else
#define SAY_FORMAT(at, first)
#endif

// Prints "gradcam: " and the sentence, returns STATUS_FAILURE.
SAY_FORMAT(1, 2) int say_failure(const char *format, ...);
// The same, with the command's name, for STATUS_USAGE.
SAY_FORMAT(2, 3) int say_usage(const char *command, const char *format, ...);
SAY_FORMAT(1, 2) void say_warning(const char *format, ...);
// What is no fault, but may explain what is seen.
SAY_FORMAT(1, 2) void say_hint(const char *format, ...);
// Only when stderr is a terminal.
SAY_FORMAT(1, 2) void say_note(const char *format, ...);

// A log for the library: keeps the last error for say_library(), prints warnings, and the rest when
// `verbose`.
typedef struct SayLog {
    GradcamLog log;
    int verbose;
    char error[1024];
} SayLog;

void say_log_init(SayLog *log, int verbose);
// What the library said about its error, else `what` and the error's own text. Returns STATUS_FAILURE.
int say_library(SayLog *log, int error, const char *what);

// A bar on stderr while `total` things are done one after the other, when stderr is a terminal; nothing else.
void progress_begin(size_t total);
void progress_step(size_t done, const char *name);
// A line that stays until the next call, for work that cannot be counted. NULL ends it.
void progress_stage(const char *text);
void progress_end(void);

// Takes the bar away before something else is printed; it comes back with the next step.
void progress_hide(void);

#endif
