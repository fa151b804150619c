#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Makes methods.onnx, a network of a few hundred numbers with all that a classifier is made of, and methods.txt: a
# picture, and what the methods make of it, computed by PyTorch in double precision from the formulas - and again by
# captum and pytorch-grad-cam, where these know the method; the script fails where the two differ. Not part of any test.
# Needs torch, onnx, captum and grad-cam from PyPI:
#
#     tests/golden/methods.py tests/golden
#
# A line is: layer, method, height, width, numbers.
import os
import sys

import captum.attr
import numpy as np
import onnx
import onnx.helper as oh
import torch
import torch.nn as nn
import torch.nn.functional as F
from pytorch_grad_cam import FullGrad, GradCAM, ScoreCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

SIZE, CLASS, CLASSES = 12, 3, 5


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 6, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(6)
        self.relu1 = nn.ReLU()
        self.pool = nn.MaxPool2d(2)
        self.conv2 = nn.Conv2d(6, 6, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(6)
        self.relu2 = nn.ReLU()
        self.conv3 = nn.Conv2d(6, 4, 1)
        self.relu3 = nn.ReLU()
        self.conv4 = nn.Conv2d(6, 4, 3, padding=1)
        self.relu4 = nn.ReLU()
        self.join = nn.Identity()
        self.average = nn.AvgPool2d(2)
        self.fc1 = nn.Linear(8 * (SIZE // 4) ** 2, 16)
        self.relu5 = nn.ReLU()
        self.fc2 = nn.Linear(16, CLASSES)

    def forward(self, x):
        self.a1 = self.relu1(self.bn1(self.conv1(x)))
        self.p1 = self.pool(self.a1)
        self.b2 = self.bn2(self.conv2(self.p1))
        self.a2 = self.relu2(self.b2 + self.p1)
        self.a3 = self.join(torch.cat([self.relu3(self.conv3(self.a2)), self.relu4(self.conv4(self.a2))], 1))
        return self.head(self.a3)

    def head(self, a3):
        self.f = self.average(a3).flatten(1)
        self.h = self.relu5(self.fc1(self.f))
        return self.fc2(self.h)


def fill(net, random):
    for name, p in list(net.named_parameters()) + list(net.named_buffers()):
        if name.endswith("num_batches_tracked"):
            continue
        low, high = (0.5, 1.5) if name.endswith("running_var") else (-1, 1)
        if name.startswith("fc1.weight") or name.startswith("conv2.weight"):
            low, high = -0.3, 0.3
        p.data = torch.tensor(random.uniform(low, high, p.shape).astype(np.float32)).double()


def write_onnx(net, path):
    weights = {name.replace(".", "_"): p.detach().numpy().astype(np.float32) for name, p in net.state_dict().items()
               if not name.endswith("num_batches_tracked")}

    def node(op, inputs, output, **attributes):
        return oh.make_node(op, inputs.split(), [output], name=output, **attributes)

    def norm(n, x, y):
        return node("BatchNormalization", f"{x} bn{n}_weight bn{n}_bias bn{n}_running_mean bn{n}_running_var", y,
                    epsilon=1e-5)

    nodes = [
        node("Conv", "x conv1_weight", "c1", pads=[1] * 4), norm(1, "c1", "b1"), node("Relu", "b1", "a1"),
        node("MaxPool", "a1", "p1", kernel_shape=[2, 2], strides=[2, 2]),
        node("Conv", "p1 conv2_weight", "c2", pads=[1] * 4), norm(2, "c2", "b2"), node("Add", "b2 p1", "s2"),
        node("Relu", "s2", "a2"),
        node("Conv", "a2 conv3_weight conv3_bias", "c3"), node("Relu", "c3", "r3"),
        node("Conv", "a2 conv4_weight conv4_bias", "c4", pads=[1] * 4), node("Relu", "c4", "r4"),
        node("Concat", "r3 r4", "a3", axis=1),
        node("AveragePool", "a3", "q", kernel_shape=[2, 2], strides=[2, 2]), node("Flatten", "q", "f"),
        node("Gemm", "f fc1_weight fc1_bias", "g", transB=1), node("Relu", "g", "h"),
        node("Gemm", "h fc2_weight fc2_bias", "logits", transB=1),
    ]
    graph = oh.make_graph(
        nodes, "methods", [oh.make_tensor_value_info("x", 1, [1, 3, SIZE, SIZE])],
        [oh.make_tensor_value_info("logits", 1, [1, CLASSES])],
        [onnx.numpy_helper.from_array(w, name) for name, w in weights.items()])
    model = oh.make_model(graph, opset_imports=[oh.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def same(what, ours, theirs, tolerance=1e-5):
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    worst = np.abs(ours - theirs).max() / np.abs(theirs).max()
    print(f"{what}: {worst:.1e}", file=sys.stderr)
    assert worst < tolerance, what


def scale(x):
    return (x - x.min()) / (x.max() - x.min() + 1e-7)


def up(x, size=SIZE, corners=False):
    return F.interpolate(x[None, None], (size, size), mode="bilinear", align_corners=corners)[0, 0]


def raw(cam, net, x):
    """A map of pytorch-grad-cam before it is scaled."""
    a = cam.activations_and_grads
    targets = [ClassifierOutputTarget(CLASS)]
    with torch.enable_grad():
        cam.outputs = out = a(x)
        net.zero_grad()
        out[0, CLASS].backward(retain_graph=True)
    image = cam.get_cam_image(x, cam.target_layers[0], targets, a.activations[0].numpy(),
                              a.gradients[0].numpy() if a.gradients else None, False)
    a.release()
    return image[0].clip(0)


# ------------------------------------------------------------------------------------- one formula after the other

def integrated(net, x, steps):
    mean = 0
    for n in range(steps):
        p = (x * (n + 0.5) / steps).requires_grad_()
        mean = mean + torch.autograd.grad(net(p)[0, CLASS], p)[0] / steps
    theirs = captum.attr.IntegratedGradients(net).attribute(x, target=CLASS, n_steps=steps, method="riemann_middle")
    same("integrated", (x * mean).detach(), theirs.detach())
    return (x * mean)[0].sum(0)


def gradcam(net, x):
    y = net(x.clone().requires_grad_())
    g = torch.autograd.grad(y[0, CLASS], net.a3)[0]
    return F.relu((g.mean((2, 3), keepdim=True) * net.a3).sum(1))[0].detach()


def guided_gradcam(net, x):
    guided = captum.attr.GuidedBackprop(net).attribute(x.clone().requires_grad_(), target=CLASS)
    m = gradcam(net, x)
    with GradCAM(net, [net.join]) as cam:
        same("gradcam", m, raw(cam, net, x))
    return guided[0].abs().max(0)[0] * scale(up(scale(m)))


def ablationcam(net, x):
    s = net(x)[0, CLASS]
    a, w = net.a3, []
    for k in range(a.shape[1]):
        left = a.clone()
        left[0, k] = 0
        w.append((s - net.head(left)[0, CLASS]) / s)
    return F.relu((torch.stack(w)[None, :, None, None] * a).sum(1))[0]


def scorecam(net, x):
    net(x)
    a, s = net.a3.clone(), []
    for k in range(a.shape[1]):
        mask = up(a[0, k], corners=True)
        s.append(net(x * (mask - mask.min()) / (mask.max() - mask.min() + 1e-8))[0, CLASS])
    m = F.relu((torch.softmax(torch.stack(s), 0)[None, :, None, None] * a).sum(1))[0]
    with ScoreCAM(net, [net.join]) as cam:
        same("scorecam", m.detach(), raw(cam, net, x))
    return m


def fullgrad(net, x, alone):
    def total(t):
        t = t.abs()
        if alone:
            return sum(up(scale(c)) for c in t[0])
        return up(scale(t[0]).sum(0))
    layers, outs = [net.bn1, net.bn2, net.conv3, net.conv4], []
    hooks = [layer.register_forward_hook(lambda m, i, o: outs.append(o)) for layer in layers]
    p = x.clone().requires_grad_()
    y = net(p)
    for hook in hooks:
        hook.remove()
    g = torch.autograd.grad(y[0, CLASS], [p] + outs)
    m = total(p * g[0])
    for layer, d in zip(layers, g[1:]):
        b = layer.bias
        if isinstance(layer, nn.BatchNorm2d):
            b = b - layer.weight * layer.running_mean / torch.sqrt(layer.running_var + layer.eps)
        m = m + total(b[None, :, None, None] * d)
    return m.detach()


def shapleycam(net, x):
    """The gradient of ReST, less half of its second derivative times A."""
    net(x)
    a = net.a3.detach().requires_grad_()
    y = net.head(a)[0]
    s = y[CLASS] + torch.log_softmax(y, 0)[CLASS]
    g = torch.autograd.grad(s, a, create_graph=True)[0]
    hess = torch.autograd.grad((g * a.detach()).sum(), a)[0]
    w = (g - 0.5 * hess).mean((2, 3), keepdim=True)
    return F.relu((w * a).sum(1))[0].detach()


# p_j = x_j sum_i w+_ij p_i / (sum_k w+_ik x_k), layer by layer.
def excite_linear(layer, x, p):
    w = layer.weight.clamp(min=0)
    return x * ((p / (x @ w.T)) @ w)


def excite_conv(layer, x, p):
    w = layer.weight.clamp(min=0)
    z = F.conv2d(x, w, padding=layer.padding)
    ratio = torch.where(z > 0, p / z, torch.zeros_like(p))
    return x * F.conv_transpose2d(ratio, w, padding=layer.padding)


def excite(net, x, p):
    """p at the layers a3 and a1, from that of fc2's inputs."""
    p = excite_linear(net.fc1, net.f, p).reshape(1, 8, SIZE // 4, SIZE // 4)
    p3 = torch.repeat_interleave(torch.repeat_interleave(p, 2, 2), 2, 3) * net.a3 / 4
    mean = net.average(net.a3)
    p3 = p3 / torch.repeat_interleave(torch.repeat_interleave(mean + (mean == 0), 2, 2), 2, 3)
    p2 = excite_conv(net.conv3, net.a2, p3[:, :4]) + excite_conv(net.conv4, net.a2, p3[:, 4:])
    whole = net.b2 + net.p1
    share = torch.where(net.a2 > 0, p2 / whole, torch.zeros_like(p2))
    pool = share * net.p1 + excite_conv(net.conv2, net.p1, share * net.b2)
    values, where = F.max_pool2d(net.a1, 2, return_indices=True)
    p1 = F.max_unpool2d(pool, where, 2)
    return p3, p1


def mwp(net, x):
    net(x)
    w = net.fc2.weight[CLASS]

    def top(w):
        w = w.clamp(min=0)
        return net.h * w / (net.h @ w)
    one, other = excite(net, x, top(w)), excite(net, x, top(-w))
    same("mwp adds up to 1", one[0].sum().detach(), 1)
    return ([p.sum(1)[0].detach() for p in one], [F.relu((p - q).sum(1))[0].detach() for p, q in zip(one, other)])


def main(folder):
    random = np.random.default_rng(7)
    net = Net().double().eval()
    fill(net, random)
    write_onnx(net, os.path.join(folder, "methods.onnx"))
    x = torch.tensor(random.uniform(-1.5, 1.5, (1, 3, SIZE, SIZE)).round(3).astype(np.float32)).double()
    print("logits", net(x)[0].tolist(), file=sys.stderr)
    maps = [("-", "picture", x[0].reshape(3 * SIZE, SIZE)), ("a3", "gradcam", gradcam(net, x)),
            ("a3", "integrated/steps=8", integrated(net, x, 8)), ("a3", "guided-gradcam", guided_gradcam(net, x))]
    with torch.no_grad():
        maps += [("a3", "ablationcam", ablationcam(net, x)), ("a3", "scorecam", scorecam(net, x))]
    one, contrast = mwp(net, x)
    maps += [("a3", "mwp", one[0]), ("a1", "mwp", one[1]), ("a3", "cmwp", contrast[0]), ("a1", "cmwp", contrast[1])]
    full = fullgrad(net, x, True)
    maps += [("a3", "fullgrad", fullgrad(net, x, False)), ("a3", "fullgrad/scale=channel", full)]
    with FullGrad(net, []) as cam:
        same("fullgrad", scale(full), scale(torch.tensor(cam(x, [ClassifierOutputTarget(CLASS)])[0])), 1e-4)
    maps += [("a3", "shapleycam", shapleycam(net, x))]
    with open(os.path.join(folder, "methods.txt"), "w") as out:
        for layer, method, values in maps:
            values = values.detach().numpy()
            numbers = " ".join(f"{v:.6g}" for v in values.ravel())
            print(layer, method, *values.shape, numbers, file=out)


if __name__ == "__main__":
    main(sys.argv[1])
