#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Makes layers.txt: what pytorch-grad-cam makes of several layers of the network of methods.py, on its picture, in lines
# as in methods.txt; the layers' names are joined by +. And what it makes of one by eigen smoothing, with the sign by
# which the largest magnitude is positive, as the SVD's is arbitrary, and without what is below 0. Not part of any test.
# Needs what methods.py needs:
#
#     tests/golden/layers.py tests/golden
import os
import sys

import numpy as np
import torch
from pytorch_grad_cam import GradCAM, GradCAMPlusPlus, HiResCAM, LayerCAM, XGradCAM
from pytorch_grad_cam.refine_cam import RefineCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

from methods import CLASS, SIZE, Net, fill


def smooth(cam, net, x):
    a = cam.activations_and_grads
    net.zero_grad()
    cam.outputs = out = a(x)
    out[0, CLASS].backward()
    image = cam.get_cam_image(x, cam.target_layers[0], [ClassifierOutputTarget(CLASS)], a.activations[0].numpy(),
                              a.gradients[0].numpy(), True)[0]
    a.release()
    return (-image if -image.min() > image.max() else image).clip(0)


def main(folder):
    random = np.random.default_rng(7)
    net = Net().double().eval()
    fill(net, random)
    x = torch.tensor(random.uniform(-1.5, 1.5, (1, 3, SIZE, SIZE)).round(3).astype(np.float32)).double()
    layers = {"a1": net.relu1, "a2": net.relu2, "a3": net.join}
    cases = [("a1+a3", "gradcam", GradCAM, {}), ("a1+a2+a3", "layercam", LayerCAM, {}),
             ("a1+a2", "gradcam++", GradCAMPlusPlus, {}), ("a1+a3", "hirescam", HiResCAM, {}),
             ("a1+a3", "refinecam", RefineCAM, {}), ("a1+a2", "refinecam/base=layercam", RefineCAM,
                                                     {"base_method": LayerCAM})]
    with open(os.path.join(folder, "layers.txt"), "w") as out:
        for names, method, make, options in cases:
            cam = make(net, [layers[name] for name in names.split("+")], **options)
            values = cam(x, [ClassifierOutputTarget(CLASS)])[0]
            numbers = " ".join(f"{v:.6g}" for v in values.ravel())
            print(names, method, *values.shape, numbers, file=out)
        for name, method, make in [("a3", "gradcam", GradCAM), ("a1", "gradcam++", GradCAMPlusPlus),
                                   ("a2", "xgradcam", XGradCAM)]:
            values = smooth(make(net, [layers[name]]), net, x)
            numbers = " ".join(f"{v:.6g}" for v in values.ravel())
            print(name, method + "/smooth=eigen", *values.shape, numbers, file=out)


main(sys.argv[1])
