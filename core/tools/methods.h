/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The option that says how maps are made.
 */
#ifndef GCAM_TOOLS_METHODS_H
#define GCAM_TOOLS_METHODS_H

#include "command.h"
#include "gradcam.h"

#define METHOD_OPTION \
    { "method", 0, "NAME", \
      "how maps are made: a name, and its options behind slashes, as in smoothgrad/samples=20; see gradcam methods " \
      "(default gradcam)" }

// What --method says; Grad-CAM where it is not given. Returns a status.
int method_read(const Arguments *arguments, GradcamMethod *method);

#endif
