/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The layers that a map is made of: one, or several whose maps are fused.
 */
#ifndef GCAM_MODEL_LAYERS_H
#define GCAM_MODEL_LAYERS_H

#include "model.h"
#include "tokens.h"

// In: what a user wrote: a layer as gcam_model_find_layer() takes it, several joined by '+', or "last3": the automatic
// choice and the two stages before it, each the last tensor of the next larger resolution through which all goes that
// leads to the scores. A name that has a '+' or reads like a number of stages is the name. *out has the layers in order
// of computation, each once. -ENOENT, -EINVAL for too many, -ENOTSUP where there are none; the log tells.
int gcam_layers_find(const GradcamModel *model, const char *text, GcamLayers *out, const GradcamLog *log);

// The layer that a module of PyTorch puts out, "layer4": the last one that an exporter says was computed inside of it.
// -1 where there is none. (modules.c)
int gcam_layers_find_module(const GradcamModel *model, const char *module);

// Marks the values through which all goes that leads from the picture to the logits, by value: no other way leads round
// them, as one does round what lies inside of a residual block. -ENOMEM. (choose.c)
int gcam_layers_mark_cuts(const GradcamModel *model, char *cut);

// *chosen: the layer to explain where nobody named one, or -1. needed[v]: the logits depend on v; tokens: by value.
// -ENOMEM. (choose.c)
int gcam_layers_choose(const GradcamModel *model, const char *needed, const GcamTokens *tokens, int *chosen);

// Warns where most of the network lies behind the layer that was chosen. (choose.c)
void gcam_layers_warn_early(const GradcamModel *model, const GradcamLog *log);

// The text of several layers: their names, joined. NULL when there is no memory for it; gcam_free() it.
char *gcam_layers_text(const GradcamModel *model, const GcamLayers *layers);

#endif
