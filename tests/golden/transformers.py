#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Makes transformers.txt: the maps that pytorch-grad-cam finds for the zoo's transformers, run by PyTorch through
# onnx2torch. Not part of any test. Needs torch, onnx, onnx2torch and grad-cam from PyPI, and the zoo with its weights:
#
#     tests/golden/transformers.py ZOO resnet18.npz > tests/golden/transformers.txt
#
# The picture is the `input` of the .npz. A line is: network, tensor, class, logit, height, width, raw map.
import sys

import numpy as np
import onnx
import torch
from onnx2torch import convert
from pytorch_grad_cam import GradCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

NETWORKS = {
    "vit_b_16": ("/encoder/layers/encoder_layer_11/ln_1/LayerNormalization_output_0", 14),
    "vit_b_16_dynamo": ("layer_norm_22", 14),
    "swin_t": ("/features/features.7/features.7.1/norm1/LayerNormalization_output_0", 7),
}


def find_module(net, graph, tensor):
    name = next(node.name for node in graph.node if tensor in node.output)
    modules = {path.replace(".", "/"): module for path, module in net.named_modules()}
    return modules[name.strip("/").replace(".", "/")]


def to_channels_first(tokens, side):
    if tokens.dim() == 3:               # without the class token
        tokens = tokens[:, tokens.shape[1] - side * side:].reshape(1, side, side, -1)
    return tokens.permute(0, 3, 1, 2)


def main(zoo, picture):
    x = torch.tensor(np.load(picture)["input"])
    for name, (tensor, side) in NETWORKS.items():
        model = onnx.load(f"{zoo}/{name}.onnx")
        for node in model.graph.node:   # onnx2torch does not know it, and no dimension is 0 here
            for attribute in [a for a in node.attribute if a.name == "allowzero"]:
                node.attribute.remove(attribute)
        net = convert(model).eval()
        layer = find_module(net, model.graph, tensor)
        for index in (243, 282):
            cam = GradCAM(net, [layer], reshape_transform=lambda t: to_channels_first(t, side))
            scores = cam.activations_and_grads(x)
            scores[0, index].backward()
            a = cam.activations_and_grads.activations[0].numpy()
            g = cam.activations_and_grads.gradients[0].numpy()
            raw = cam.get_cam_image(x, layer, [ClassifierOutputTarget(index)], a, g, False)[0].clip(0)
            cam.activations_and_grads.release()
            numbers = " ".join(f"{v:.7g}" for v in raw.ravel())
            print(name, tensor, index, f"{scores[0, index].item():.7g}", side, side, numbers)


main(*sys.argv[1:])
