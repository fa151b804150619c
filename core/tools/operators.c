/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gradcam operators: what a network may be made of.
 */
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "json.h"

static const Option options[] = {
    { "json", 0, NULL, "print JSON" },
    { 0 }
};

static void write_operators(void)
{
    GradcamOperator operator = { .size = sizeof(operator) };
    Json json = { .out = stdout };

    json_open(&json, NULL, '[');
    for (size_t i = 0; gradcam_operator_at(i, &operator); i++) {
        json_open(&json, NULL, '{');
        json_string(&json, "domain", operator.domain);
        json_string(&json, "type", operator.type);
        json_integer(&json, "constant", operator.constant);
        json_close(&json, '}');
    }
    json_close(&json, ']');
}

// Those of a kind, in lines of a page's width.
static void print_operators(const char *heading, int own, int constant)
{
    GradcamOperator operator = { .size = sizeof(operator) };
    size_t column = 0;

    printf("%s\n", heading);
    for (size_t i = 0; gradcam_operator_at(i, &operator); i++) {
        if (operator.constant != constant || (operator.domain[0] == 0) != own)
            continue;
        if (column + strlen(operator.type) > 76) {
            putchar('\n');
            column = 0;
        }
        column += (size_t)printf("%s%s", column ? " " : "  ", operator.type);
    }
    putchar('\n');
}

static int run_operators(const Arguments *arguments)
{
    if (option_given(arguments, "json")) {
        write_operators();
        return STATUS_OK;
    }
    print_operators("Operators of ONNX, forward and backward:", 1, 0);
    print_operators("Of constants or shapes only:", 1, 1);
    print_operators("Of ONNX Runtime (com.microsoft):", 0, 0);
    return STATUS_OK;
}

const Command command_operators = {
    .name = "operators",
    .summary = "the operators of ONNX that a network may be made of",
    .usage = "[OPTION]...",
    .examples = "  gradcam operators\n",
    .options = { options },
    .run = run_operators,
};
