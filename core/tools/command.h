/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Commands and their options: what they are called, what is said about them, and reading them. Functions
 * that return a status (say.h) have told the user what is wrong.
 */
#ifndef GCAM_TOOLS_COMMAND_H
#define GCAM_TOOLS_COMMAND_H

#include <stddef.h>

#include "say.h"

typedef struct Option {
    const char *name;           // without dashes
    char letter;                // short form, or 0
    const char *argument;       // "FILE"; NULL for one that takes none
    const char *help;           // what it does, its range and default
} Option;

typedef struct Arguments Arguments;

typedef struct Command {
    const char *name;
    const char *summary;        // half a sentence
    const char *usage;          // what follows the name
    const char *examples;       // lines, each ended by a newline
    const Option *options[3];   // tables that end with a name of NULL
    size_t least, most;         // number of arguments that are not options
    int (*run)(const Arguments *arguments);     // returns a status
} Command;

typedef struct GivenOption {
    const Option *option;
    const char *value;
} GivenOption;

struct Arguments {
    const Command *command;
    GivenOption *given;         // in their order
    size_t given_count;
    const char **argument;
    size_t count;
    int help;                   // --help was given: nothing else was checked
};

extern const Command command_explain, command_compile, command_info, command_layers, command_classes,
                     command_methods, command_operators, command_bench, command_eval, command_annotate,
                     command_compare, command_models, command_fetch;

// argv without the program's and the command's name. Pointers are kept.
int arguments_parse(Arguments *arguments, const Command *command, int argc, char **argv);
void arguments_free(Arguments *arguments);
void command_print_help(const Command *command, FILE *out);

// The nearest of names (ended by NULL) to what was typed, or NULL when none is near.
const char *find_nearest(const char *typed, const char *const *names);

// Value of an option, the last one given; NULL when it was not.
const char *option_value(const Arguments *arguments, const char *name);
// All values of an option that may be repeated, joined by `between`; the caller frees it. NULL when it was not given,
// or memory is short.
char *option_joined(const Arguments *arguments, const char *name, char between);
int option_given(const Arguments *arguments, const char *name);

// These leave *value as it is when the option was not given.
int option_number(const Arguments *arguments, const char *name, double least, double most, double *value);
int option_integer(const Arguments *arguments, const char *name, int least, int most, int *value);
// names: ended by NULL; *value becomes the index.
int option_choice(const Arguments *arguments, const char *name, const char *const *names, int *value);
// Exactly `count` numbers with commas or slashes between them.
int option_numbers(const Arguments *arguments, const char *name, double *values, int count);

#endif
