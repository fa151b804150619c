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

// Whether a method refused a layer or a network, as some rightly do: CAM wants pooling and one linear layer behind it.
static inline int method_refused(const GradcamMethod *method, int error)
{
    return error == -ENOTSUP && !strcmp(method->info->name, "cam");
}

#endif
