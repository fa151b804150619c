/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The gradcam command line: finds the command and runs it. A client of gradcam.h only.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <libavutil/log.h>

#include "command.h"

static const Command *const commands[] = {
    &command_explain, &command_compile, &command_info, &command_layers, &command_classes, &command_methods,
    &command_operators, &command_bench, &command_eval, &command_annotate, &command_compare, &command_models,
    &command_fetch,
};
#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void print_help(FILE *out)
{
    fputs("gradcam shows where a neural network looks (Grad-CAM).\n\nExamples:\n"
          "  gradcam explain dog.jpg -o overlay.png        with the built-in network and its best guess\n"
          "  gradcam explain dog.jpg -m vgg16.onnx -c dog -o overlay.png\n"
          "  gradcam compile vgg16.onnx -o vgg16.bin       opens at once from then on\n"
          "  gradcam classes vgg16.bin terrier\n"
          "\nUsage: gradcam COMMAND [ARGUMENT]... [OPTION]...\n\nCommands:\n", out);
    for (size_t i = 0; i < COMMANDS; i++)
        fprintf(out, "  %-12s %s\n", commands[i]->name, commands[i]->summary);
    fputs("\nOptions:\n"
          "  --help       this text; gradcam COMMAND --help for a command's own\n"
          "  --version    the version\n"
          "\nExit status: 0 done, 1 something failed, 2 the command line is wrong.\n", out);
}

static const Command *find_command(const char *name)
{
    for (size_t i = 0; i < COMMANDS; i++)
        if (!strcmp(commands[i]->name, name))
            return commands[i];
    return NULL;
}

static int unknown_command(const char *name)
{
    const char *names[COMMANDS + 1] = { NULL };

    for (size_t i = 0; i < COMMANDS; i++)
        names[i] = commands[i]->name;
    const char *nearest = find_nearest(name, names);
    if (nearest)
        return say_usage(NULL, "unknown command \"%s\", did you mean %s?", name, nearest);
    return say_usage(NULL, "unknown command \"%s\", see gradcam --help", name);
}

static int run_command(const Command *command, int argc, char **argv)
{
    Arguments arguments;
    int status = arguments_parse(&arguments, command, argc, argv);

    if (!status && arguments.help)
        command_print_help(command, stdout);
    else if (!status)
        status = command->run(&arguments);
    arguments_free(&arguments);
    return status;
}

static int run(int argc, char **argv)
{
    if (argc < 2) {
        print_help(stderr);
        return STATUS_USAGE;
    }
    const char *first = argv[1];
    const Command *command = find_command(first);
    if (command)
        return run_command(command, argc - 2, argv + 2);
    if (!strcmp(first, "--version")) {
        printf("gradcam %s\n", gradcam_version());
        return STATUS_OK;
    }
    if (!strcmp(first, "--help") || !strcmp(first, "-h") || !strcmp(first, "help")) {
        command = argc > 2 ? find_command(argv[2]) : NULL;
        if (argc > 2 && !command)
            return unknown_command(argv[2]);
        if (command)
            command_print_help(command, stdout);
        else
            print_help(stdout);
        return STATUS_OK;
    }
    if (first[0] == '-')
        return say_usage(NULL, "unknown option %s, see gradcam --help", first);
    return unknown_command(first);
}

int main(int argc, char **argv)
{
    av_log_set_level(AV_LOG_QUIET);     // what failed is said once, by us
    const int status = run(argc, argv);

    errno = 0;
    if (fflush(stdout) || ferror(stdout))
        return say_failure("cannot write to stdout: %s", strerror(errno ? errno : EIO));
    return status;
}
