/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Reads the command line by tables of options, prints help from the same tables.
 */
#include "command.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define HELP_COLUMN 26
#define HELP_WIDTH  100

// --------------------------------------------------------------------------------------------------- nearest

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

// Edit distance (insert, remove, replace), case apart; words of at most 63 letters.
static size_t distance(const char *a, const char *b)
{
    enum { MOST = 63 };
    const size_t n = strlen(b);
    size_t row[MOST + 1];

    if (strlen(a) > MOST || n > MOST)
        return MOST;
    for (size_t j = 0; j <= n; j++)
        row[j] = j;
    for (size_t i = 1; a[i - 1]; i++) {
        size_t corner = row[0];
        row[0] = i;
        for (size_t j = 1; j <= n; j++) {
            const size_t replaced =
                corner + (tolower((unsigned char)a[i - 1]) != tolower((unsigned char)b[j - 1]));
            corner = row[j];
            row[j] = smaller(replaced, smaller(row[j], row[j - 1]) + 1);
        }
    }
    return row[n];
}

const char *find_nearest(const char *typed, const char *const *names)
{
    const char *nearest = NULL;
    size_t best = strlen(typed) / 3 + 2;

    for (; *names; names++) {
        const int begins = typed[0] && !strncmp(*names, typed, strlen(typed));
        const size_t d = begins ? 1 : distance(typed, *names);
        if (d < best && d < strlen(*names)) {
            best = d;
            nearest = *names;
        }
    }
    return nearest;
}

// --------------------------------------------------------------------------------------------------- options

static const Option *next_option(const Command *command, const Option *option, int *table)
{
    if (!option)
        *table = 0;
    option = option ? option + 1 : command->options[0];
    while (!option || !option->name) {
        if (++*table >= 3 || !command->options[*table])
            return NULL;
        option = command->options[*table];
    }
    return option;
}

static const Option *find_option(const Command *command, const char *name, size_t length)
{
    int table;

    for (const Option *o = NULL; (o = next_option(command, o, &table));)
        if (strlen(o->name) == length && !strncmp(o->name, name, length))
            return o;
    return NULL;
}

static const Option *find_letter(const Command *command, char letter)
{
    int table;

    for (const Option *o = NULL; (o = next_option(command, o, &table));)
        if (o->letter == letter)
            return o;
    return NULL;
}

static int unknown_option(const Command *command, const char *typed, size_t length)
{
    const char *names[64] = { "help", NULL };
    char name[64];
    size_t count = 1;
    int table;

    for (const Option *o = NULL; count < 63 && (o = next_option(command, o, &table));)
        names[count++] = o->name;
    names[count] = NULL;
    snprintf(name, sizeof(name), "%.*s", (int)length, typed);
    const char *nearest = find_nearest(name, names);
    if (nearest)
        return say_usage(command->name, "unknown option --%.*s, did you mean --%s?", (int)length, typed,
                         nearest);
    return say_usage(command->name, "unknown option --%.*s, see gradcam %s --help", (int)length, typed,
                     command->name);
}

// One word that begins with a dash, and perhaps the one after it; *at is moved past them.
static int parse_option(Arguments *arguments, int argc, char **argv, int *at)
{
    const Command *command = arguments->command;
    const char *word = argv[(*at)++], *value = NULL;
    const Option *option;

    if (!strcmp(word, "-h") || !strcmp(word, "--help")) {
        arguments->help = 1;
        return STATUS_OK;
    }
    if (word[1] == '-') {
        const char *name = word + 2, *equals = strchr(name, '=');
        const size_t length = equals ? (size_t)(equals - name) : strlen(name);
        option = find_option(command, name, length);
        if (!option)
            return unknown_option(command, name, length);
        value = equals ? equals + 1 : NULL;
    } else {
        option = find_letter(command, word[1]);
        if (!option)
            return say_usage(command->name, "unknown option -%c, see gradcam %s --help", word[1],
                             command->name);
        value = word[2] ? word + 2 : NULL;
    }
    if (!option->argument && value)
        return say_usage(command->name, "option --%s takes no value", option->name);
    if (option->argument && !value) {
        if (*at >= argc)
            return say_usage(command->name, "option --%s needs a value (%s)", option->name, option->argument);
        value = argv[(*at)++];
    }
    arguments->given[arguments->given_count++] = (GivenOption) { option, value };
    return STATUS_OK;
}

int arguments_parse(Arguments *arguments, const Command *command, int argc, char **argv)
{
    int options_ended = 0, status;

    *arguments = (Arguments) { .command = command };
    arguments->given = calloc(argc + 1, sizeof(*arguments->given));
    arguments->argument = calloc(argc + 1, sizeof(*arguments->argument));
    if (!arguments->given || !arguments->argument)
        return say_failure("out of memory");
    for (int at = 0; at < argc;) {
        if (!options_ended && !strcmp(argv[at], "--")) {
            options_ended = 1;
            at++;
        } else if (!options_ended && argv[at][0] == '-' && argv[at][1]) {
            status = parse_option(arguments, argc, argv, &at);
            if (status || arguments->help)
                return status;
        } else {
            arguments->argument[arguments->count++] = argv[at++];
        }
    }
    if (arguments->count < command->least)
        return say_usage(command->name, "too few arguments, it is used as: gradcam %s %s", command->name,
                         command->usage);
    if (arguments->count > command->most)
        return say_usage(command->name, "one argument too many: \"%s\"", arguments->argument[command->most]);
    return STATUS_OK;
}

void arguments_free(Arguments *arguments)
{
    free(arguments->given);
    free(arguments->argument);
    *arguments = (Arguments) { 0 };
}

const char *option_value(const Arguments *arguments, const char *name)
{
    for (size_t i = arguments->given_count; i-- > 0;)
        if (!strcmp(arguments->given[i].option->name, name))
            return arguments->given[i].value ? arguments->given[i].value : "";
    return NULL;
}

char *option_joined(const Arguments *arguments, const char *name, char between)
{
    size_t length = 0;
    char *joined = NULL;

    for (size_t i = 0; i < arguments->given_count; i++) {
        const char *value = arguments->given[i].value;
        if (strcmp(arguments->given[i].option->name, name) || !value)
            continue;
        char *longer = realloc(joined, length + strlen(value) + 2);
        if (!longer)
            break;
        joined = longer;
        if (length)
            joined[length++] = between;
        strcpy(joined + length, value);
        length += strlen(value);
    }
    return joined;
}

int option_given(const Arguments *arguments, const char *name)
{
    return option_value(arguments, name) != NULL;
}

static int parse_number(const char *text, const char **end, double *value)
{
    char *after;

    *value = strtod(text, &after);
    *end = after;
    return after != text && isfinite(*value) && !isspace((unsigned char)*text);
}

int option_number(const Arguments *arguments, const char *name, double least, double most, double *value)
{
    const char *text = option_value(arguments, name), *end;
    double number;

    if (!text)
        return STATUS_OK;
    if (!parse_number(text, &end, &number) || *end || number < least || number > most)
        return say_usage(arguments->command->name, "--%s takes a number from %g to %g, not \"%s\"", name,
                         least, most, text);
    *value = number;
    return STATUS_OK;
}

int option_integer(const Arguments *arguments, const char *name, int least, int most, int *value)
{
    const char *text = option_value(arguments, name), *end;
    double number;

    if (!text)
        return STATUS_OK;
    if (!parse_number(text, &end, &number) || *end || number < least || number > most ||
        number != rint(number))
        return say_usage(arguments->command->name, "--%s takes a whole number from %d to %d, not \"%s\"",
                         name, least, most, text);
    *value = (int)number;
    return STATUS_OK;
}

int option_choice(const Arguments *arguments, const char *name, const char *const *names, int *value)
{
    const char *text = option_value(arguments, name);
    char list[256] = "";

    if (!text)
        return STATUS_OK;
    for (int i = 0; names[i]; i++) {
        const size_t used = strlen(list);
        if (!strcmp(text, names[i])) {
            *value = i;
            return STATUS_OK;
        }
        snprintf(list + used, sizeof(list) - used, "%s%s", i ? ", " : "", names[i]);
    }
    return say_usage(arguments->command->name, "--%s is one of %s, not \"%s\"", name, list, text);
}

int option_numbers(const Arguments *arguments, const char *name, double *values, int count)
{
    const char *text = option_value(arguments, name), *at = text;

    if (!text)
        return STATUS_OK;
    for (int i = 0; i < count; i++) {
        const char *end;
        if (!parse_number(at, &end, &values[i]) || (i + 1 < count ? *end != ',' && *end != '/' : *end))
            return say_usage(arguments->command->name, "--%s takes %d numbers with commas or slashes between them, not "
                             "\"%s\"", name, count, text);
        at = end + 1;
    }
    return STATUS_OK;
}

// ------------------------------------------------------------------------------------------------------ help

// Words of text in lines of at most HELP_WIDTH columns, all but the first indented.
static void print_wrapped(FILE *out, const char *text, int column)
{
    int at = column;

    while (*text) {
        const int length = (int)strcspn(text, " ");
        if (at > column && at + length > HELP_WIDTH) {
            fprintf(out, "\n%*s", column, "");
            at = column;
        }
        fprintf(out, "%.*s", length, text);
        at += length;
        text += length;
        if (*text == ' ') {
            if (at + 1 + (int)strcspn(text + 1, " ") <= HELP_WIDTH)
                fputc(' ', out);
            at++;
            text++;
        }
    }
    fputc('\n', out);
}

static void print_option(FILE *out, const Option *option)
{
    char left[64];
    const char letter[] = { '-', option->letter, ',', ' ', 0 };

    snprintf(left, sizeof(left), "  %s--%s%s%s", option->letter ? letter : "    ", option->name,
             option->argument ? " " : "", option->argument ? option->argument : "");
    fprintf(out, "%-*s", HELP_COLUMN, left);
    if (strlen(left) + 1 > HELP_COLUMN)
        fprintf(out, "\n%*s", HELP_COLUMN, "");
    print_wrapped(out, option->help, HELP_COLUMN);
}

void command_print_help(const Command *command, FILE *out)
{
    static const Option help = { "help", 'h', NULL, "this text" };
    int table;

    fprintf(out, "gradcam %s: %s\n\nExamples:\n%s", command->name, command->summary, command->examples);
    fprintf(out, "\nUsage: gradcam %s %s\n\nOptions:\n", command->name, command->usage);
    for (const Option *o = NULL; (o = next_option(command, o, &table));)
        print_option(out, o);
    print_option(out, &help);
}
