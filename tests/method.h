/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Methods by what users write.
 */
#ifndef TESTS_METHOD_H
#define TESTS_METHOD_H

#include <errno.h>

#include "gradcam.h"
#include "harness.h"

static inline GradcamMethod method_named(const char *text)
{
    GradcamMethod method;
    CHECK_INT(gradcam_method_parse(&method, text, NULL), 0);
    return method;
}

// Whether a method refused a layer or a network, as some rightly do: CAM wants pooling and one linear layer behind it,
// excitation backpropagation operators that have its way back, RefineCAM several layers,
// those of attention blocks of a transformer.
static inline int method_refused(const GradcamMethod *method, int error)
{
    static const char *const particular[] = { "cam", "mwp", "cmwp", "refinecam", "attention", "rollout", "gae",
                                             "legrad" };
    int is_one = 0;
    for (size_t i = 0; i < sizeof(particular) / sizeof(particular[0]); i++)
        is_one |= !strcmp(method->info->name, particular[i]);
    return error == -ENOTSUP && is_one;
}

#endif
