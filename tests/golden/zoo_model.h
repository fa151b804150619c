/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A network of the zoo, opened, with the picture that reference values were computed of.
 */
#ifndef TESTS_ZOO_MODEL_H
#define TESTS_ZOO_MODEL_H

#include <stdio.h>

#include "golden/npy.h"
#include "golden/zoo.h"
#include "gradcam.h"
#include "harness.h"

// Fills the network in the current directory and opens it; NULL, and a check that failed, where that goes wrong. *input
// has the picture as a network of 224 x 224 takes it; free it with zoo_close().
static inline GradcamModel *zoo_open(const char *shared, const char *name, Npy *input)
{
    GradcamModel *model = NULL;
    char path[4096], onnx[128];
    snprintf(path, sizeof(path), "%s/zoo", shared);
    snprintf(onnx, sizeof(onnx), "%.63s.onnx", name);
    CHECK(zoo_fill(path, name));
    snprintf(path, sizeof(path), "%s/golden/resnet18.npz", shared);
    CHECK(npz_unpack(path, "reference") && npy_read(input, "reference", "input"));
    CHECK_INT(gradcam_model_open(&model, onnx, NULL), 0);
    return model;
}

// Closes it and removes what was filled in.
static inline void zoo_close(GradcamModel **model, const char *name, Npy *input)
{
    gradcam_model_close(model);
    npy_free(input);
    zoo_remove(name);
    CHECK(!system("rm -rf reference"));
}

#endif
