/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Keys of a compiled model, a GGUF file: general.* as GGUF defines them, gradcam.* our own. Tensors are called
 * "initializer.N" for the N-th initializer of the graph, and "sums", [out][channels], for the weights of the first
 * product behind the default layer, summed over the cells of each channel.
 */
#ifndef GCAM_MODEL_FILE_KEYS_H
#define GCAM_MODEL_FILE_KEYS_H

#define KEY_NAME "general.name"                 // string
#define KEY_LICENCE "general.license"           // string
#define KEY_GRAPH "gradcam.graph"               // array of uint8: an ONNX model without its large initializers
#define KEY_SHA256 "gradcam.source.sha256"      // string: hex digest of the .onnx file
#define KEY_WIDTH "gradcam.input.width"         // uint32, of the picture
#define KEY_HEIGHT "gradcam.input.height"       // uint32
#define KEY_MEAN "gradcam.input.mean"           // array of 3 float32: x = (pixel - mean) / std, pixel in 0..255
#define KEY_STD "gradcam.input.std"             // array of 3 float32
#define KEY_COLOR "gradcam.input.color"         // string: "rgb" or "bgr", the order of the channels
#define KEY_CLUE "gradcam.input.clue"           // string: "graph" or "assumed", ": ", and why; absent where it was told
#define KEY_STATES "gradcam.input.states"       // string: "in=out,in2=out2" or "none"
#define KEY_LAYER "gradcam.layer"               // string: default target layer
#define KEY_SUM_LAYER "gradcam.sums.layer"      // string: the layer that tensor "sums" is for
#define KEY_LOGITS "gradcam.logits"             // string: tensor of the scores
#define KEY_LABELS "gradcam.labels"             // array of strings, one a class
#define KEY_GROUPS "gradcam.groups"             // array of strings: names, tab, classes (labels.h)
#define KEY_LABELS_LICENCE "gradcam.labels.license"     // string: what must go with copies of the labels

#define TENSOR_SUMS "sums"

#endif
