#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Trains the network that is built into libgradcam, and writes it as ONNX.

The network tells which of ten kinds of things (samples/shapes.c) are in a picture. It learns from drawn
scenes (samples/scenes.c) and from the names of what is in them, never from where it is: that its maps point
at the named object is earned. Picture 160 x 160 RGB, torchvision's mean and std; ten logits, one yes-or-no
question each.

    python3 train_default.py --scenes 48000 --minutes 34 --output default.onnx

Needs torch (CPU), numpy, onnx and a C compiler.
"""

import argparse
import ctypes
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time

import numpy as np
from ctypes import c_float, c_int, c_uint32

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCES = [os.path.join(HERE, "..", "samples", name) for name in ("scenes.c", "scenes_draw.c", "shapes.c")]
SIZE = 160
CLASSES = 10
MEAN = (123.675, 116.28, 103.53)
STD = (58.395, 57.12, 57.375)


# ------------------------------------------------------------------------------------------ scenes, by ctypes


class Color(ctypes.Structure):
    _fields_ = [(name, c_float) for name in "rgb"]


class Surface(ctypes.Structure):
    _fields_ = (
        [("texture", c_int), ("color", Color * 2)]
        + [(name, c_float) for name in ("angle", "period", "x", "y", "rough")]
        + [("seed", c_uint32)]
    )


class Object(ctypes.Structure):
    _fields_ = (
        [("shape", c_int)]
        + [(name, c_float) for name in ("x", "y", "size", "angle", "bevel", "gloss")]
        + [("surface", Surface), ("phase", c_float)]
    )


class Mark(ctypes.Structure):
    _fields_ = (
        [("kind", c_int)]
        + [(name, c_float) for name in ("x", "y", "angle", "width", "height", "soft", "opacity")]
        + [("color", Color)]
    )


class Scene(ctypes.Structure):
    _fields_ = (
        [("aspect", c_float), ("ground", Surface), ("glow", Color)]
        + [
            (name, c_float)
            for name in (
                "glow_x",
                "glow_y",
                "glow_size",
                "light_x",
                "light_y",
                "shadow",
                "shadow_length",
                "shadow_soft",
                "vignette",
            )
        ]
        + [("marks", c_int), ("mark", Mark * 20), ("objects", c_int), ("object", Object * 4)]
    )


class Renderer:
    """samples/scenes.c and what it needs as a shared library."""

    def __init__(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "scenes.so")
            subprocess.check_call(
                [
                    os.environ.get("CC", "cc"),
                    "-std=gnu11",
                    "-O3",
                    "-march=native",
                    "-fno-math-errno",
                    "-shared",
                    "-fPIC",
                    "-o",
                    path,
                    *SOURCES,
                    "-lm",
                ]
            )
            self.library = ctypes.CDLL(path)
        self.shapes = ctypes.c_void_p()
        self.library.gcam_shapes_create(ctypes.byref(self.shapes))
        self.library.gcam_shape_name.restype = ctypes.c_char_p
        self.names = [self.library.gcam_shape_name(i).decode() for i in range(CLASSES)]

    def describe(self, seed, aspect, low, high):
        scene = Scene()
        self.library.gcam_scene_describe(
            ctypes.byref(scene), self.shapes, ctypes.c_uint32(seed), c_float(aspect), low, high
        )
        return scene

    def at(self, scene, seconds):
        moved = Scene()
        self.library.gcam_scene_at(ctypes.byref(moved), ctypes.byref(scene), ctypes.c_double(seconds))
        return moved

    def render(self, scene, out):
        height, width = out.shape[:2]
        self.library.gcam_scene_render(
            ctypes.byref(scene),
            self.shapes,
            ctypes.c_void_p(out.ctypes.data),
            ctypes.c_ssize_t(3 * width),
            width,
            height,
        )
        return out

    def mask(self, scene, index, height, width):
        mask = np.empty((height, width), np.uint8)
        self.library.gcam_scene_mask(
            ctypes.byref(scene),
            self.shapes,
            index,
            ctypes.c_void_p(mask.ctypes.data),
            ctypes.c_ssize_t(width),
            width,
            height,
        )
        return mask


def training_scene(renderer, seed):
    """Any aspect from portrait to 16:9, squeezed into the square; up to four objects; some as in the demo."""
    choice = np.random.default_rng(seed)
    aspect = float(choice.choice([1, 4 / 3, 16 / 9, choice.uniform(0.7, 1.9)]))
    if choice.random() < 0.25:
        scene = renderer.describe(seed, max(aspect, 4 / 3), 2, 4)
        return renderer.at(scene, choice.uniform(0, 60))
    return renderer.describe(seed, aspect, int(choice.integers(0, 3)), 4)


def render_part(job):
    pixels, answers, first, last, base = job
    renderer = Renderer()
    pixels, answers = np.load(pixels, mmap_mode="r+"), np.load(answers, mmap_mode="r+")
    for i in range(first, last):
        scene = training_scene(renderer, base + i)
        renderer.render(scene, pixels[i])
        for o in scene.object[: scene.objects]:
            answers[i, o.shape] = 1


def render_all(folder, count, base, processes):
    """Draws the scenes into two files that are mapped, not loaded; nothing when they are there already."""
    pixels, answers = (
        os.path.join(folder, "%s-%d-%d.npy" % (name, count, base)) for name in ("pixels", "answers")
    )
    if os.path.exists(pixels + ".done"):
        return np.load(pixels, mmap_mode="r"), np.load(answers)
    np.lib.format.open_memmap(pixels, "w+", np.uint8, (count, SIZE, SIZE, 3)).flush()
    np.lib.format.open_memmap(answers, "w+", np.uint8, (count, CLASSES)).flush()
    edges = np.linspace(0, count, 8 * processes + 1).astype(int)
    with multiprocessing.Pool(processes) as pool:
        pool.map(
            render_part, [(pixels, answers, a, b, base) for a, b in zip(edges[:-1], edges[1:])], chunksize=1
        )
    open(pixels + ".done", "w").close()
    return np.load(pixels, mmap_mode="r"), np.load(answers)


# ---------------------------------------------------------------------------------------------------- network


def build():
    import torch.nn as nn

    class Residual(nn.Module):
        def __init__(self, channels):
            super().__init__()
            self.conv1 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
            self.bn1 = nn.BatchNorm2d(channels)
            self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
            self.bn2 = nn.BatchNorm2d(channels)
            self.relu = nn.ReLU()

        def forward(self, x):
            y = self.relu(self.bn1(self.conv1(x)))
            return self.relu(self.bn2(self.conv2(y)) + x)

    def step(inputs, outputs, stride):
        return nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()
        )

    class Network(nn.Module):
        """160 -> 80 -> 40 -> 20; a cell of the last convolution sees 111 x 111 pixels.

        The blur hardly changes the logits, which are means over all cells, but steadies the maps: where the strongest
        cell lies no longer hangs on one cell's noise.
        """

        def __init__(self):
            super().__init__()
            self.trunk = nn.Sequential(
                step(3, 24, 2),
                step(24, 32, 2),
                Residual(32),
                step(32, 64, 2),
                Residual(64),
                Residual(64),
                step(64, 96, 1),
            )
            self.blur = nn.AvgPool2d(3, 1, 1)
            self.pool = nn.AdaptiveAvgPool2d(1)
            self.classify = nn.Linear(96, CLASSES)

        def forward(self, x):
            features = self.blur(self.trunk(x))
            return self.classify(self.pool(features).flatten(1)), features

    return Network()


# --------------------------------------------------------------------------------------------------- training


def augment(x, rng):
    """x: N x 3 x H x W, 0..255. Mirrors, turns, colour casts, noise, blur by resizing."""
    import torch
    import torch.nn.functional as F

    count = x.shape[0]
    if rng.random() < 0.5:
        x = x.flip(3)
    if rng.random() < 0.5:
        x = x.flip(2)
    if rng.random() < 0.5:
        x = x.transpose(2, 3)
    if rng.random() < 0.25:
        small = int(rng.integers(80, 150))
        x = F.interpolate(x, size=(small, small), mode="bilinear", antialias=True)
        x = F.interpolate(x, size=(SIZE, SIZE), mode="bilinear")
    gain = torch.from_numpy(
        rng.uniform(0.75, 1.25, (count, 1, 1, 1)) * rng.uniform(0.9, 1.1, (count, 3, 1, 1))
    ).float()
    shift = torch.from_numpy(rng.uniform(-25, 25, (count, 1, 1, 1))).float()
    x = (x - 128) * gain + (128 + shift)
    if rng.random() < 0.5:
        x = x + torch.randn_like(x) * torch.from_numpy(rng.uniform(0, 14, (count, 1, 1, 1))).float()
    return x.clamp(0, 255)


def normalized(x):
    import torch

    return (x - torch.tensor(MEAN).view(1, 3, 1, 1)) / torch.tensor(STD).view(1, 3, 1, 1)


def train(network, pixels, answers, minutes, coarse, batch, rate, seed, save):
    import torch
    import torch.nn.functional as F

    rng = np.random.default_rng(seed)
    decay = [p for p in network.parameters() if p.ndim > 1]
    plain = [p for p in network.parameters() if p.ndim <= 1]
    optimizer = torch.optim.AdamW(
        [{"params": decay, "weight_decay": 0.02}, {"params": plain, "weight_decay": 0}], rate
    )
    start, last_save, step, seen, running = time.time(), time.time(), 0, 0, None
    order, at = rng.permutation(len(pixels)), 0
    network.train()
    while True:
        spent = (time.time() - start) / (60 * minutes)
        if spent >= 1:
            break
        if at + batch > len(order):
            order, at = rng.permutation(len(pixels)), 0
        chosen = np.sort(order[at : at + batch])
        at += batch
        x = torch.from_numpy(pixels[chosen]).permute(0, 3, 1, 2).float()
        x = augment(x, rng)
        if spent < coarse:  # coarse pictures first: more of them in the same time
            x = F.interpolate(x, size=(128, 128), mode="bilinear", antialias=True)
        x = normalized(x).contiguous(memory_format=torch.channels_last)
        y = torch.from_numpy(answers[chosen]).float()
        for group in optimizer.param_groups:  # warm-up, then down to zero on a half cosine
            group["lr"] = rate * min(1, (step + 1) / 100) * 0.5 * (1 + np.cos(np.pi * spent))
        with torch.autocast("cpu", torch.bfloat16):
            logits = network(x)[0]
        loss = F.binary_cross_entropy_with_logits(logits.float(), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        step += 1
        seen += batch
        running = float(loss.detach()) if running is None else 0.98 * running + 0.02 * float(loss.detach())
        if step % 50 == 0:
            print(
                "%5.1f min, step %d, %.1f epochs, loss %.4f, %.0f pictures/s"
                % (
                    (time.time() - start) / 60,
                    step,
                    seen / len(pixels),
                    running,
                    seen / (time.time() - start),
                ),
                flush=True,
            )
        if time.time() - last_save > 240:
            save()
            last_save = time.time()
    save()


# ------------------------------------------------------------------------------------------------- evaluation


def evaluate(network, renderer, count, base):
    """Grad-CAM over scenes of two or more objects: how often its maximum lies on the named object."""
    import torch

    hits = near = total = elsewhere = correct = 0
    per_class = np.zeros((CLASSES, 2), int)
    network.eval()
    for i in range(count):
        scene = renderer.describe(base + i, (1, 4 / 3, 16 / 9)[i % 3], 2, 4)
        picture = renderer.render(scene, np.empty((SIZE, SIZE, 3), np.uint8))
        x = normalized(torch.from_numpy(picture).permute(2, 0, 1)[None].float())
        with torch.no_grad():
            features = network(x)[1]
        features = features.requires_grad_()
        logits = network.classify(network.pool(features).flatten(1))[0]
        shapes = [o.shape for o in scene.object[: scene.objects]]
        correct += sum((logits[c].item() > 0) == (c in shapes) for c in range(CLASSES))
        for index, shape in enumerate(shapes):
            (gradient,) = torch.autograd.grad(logits[shape], features, retain_graph=True)
            cam = (gradient.mean((2, 3), keepdim=True) * features).sum(1)[0].detach().numpy()
            cell = SIZE // cam.shape[0]
            mask = renderer.mask(scene, index, SIZE, SIZE) > 127

            def on_object(values, margin):
                y, x = np.unravel_index(np.argmax(values), values.shape)
                top, left = y * cell + cell // 2, x * cell + cell // 2
                return mask[max(top - margin, 0) : top + margin, max(left - margin, 0) : left + margin].any()

            exact, close = on_object(cam, 1), on_object(cam, cell // 2)
            hits, near, total = hits + exact, near + close, total + 1
            elsewhere += not on_object(-cam, cell // 2)
            per_class[shape] += (close, 1)
    print(
        "maximum exactly on the object %.2f %%, in a cell that touches it %.2f %%; "
        "counterfactual elsewhere %.2f %%; "
        "answers right %.2f %%; of %d maps"
        % (
            100 * hits / total,
            100 * near / total,
            100 * elsewhere / total,
            100 * correct / count / CLASSES,
            total,
        )
    )
    print(
        ", ".join("%s %.1f" % (name, 100 * a / b) for name, (a, b) in zip(renderer.names, per_class)),
        flush=True,
    )


def rename(graph):
    """Short names in order of computation: conv1, relu1 ... conv1.weight instead of the exporter's."""
    new, counts = {name: name for name in ("image", "features", "logits")}, {}
    for node in graph.node:
        kind = {"GlobalAveragePool": "pool", "AveragePool": "blur", "Gemm": "classify"}.get(
            node.op_type, node.op_type.lower()
        )
        counts[kind] = counts.get(kind, 0) + 1
        node.name = "%s%d" % (kind, counts[kind]) if kind in ("conv", "relu", "add") else kind
        for name, part in zip(node.input[1:], ("weight", "bias")):
            if node.op_type in ("Conv", "Gemm"):
                new[name] = "%s.%s" % (node.name, part)
        new.setdefault(node.output[0], node.name)
    for node in graph.node:
        node.input[:] = [new[name] for name in node.input]
        node.output[:] = [new[name] for name in node.output]
    for weights in graph.initializer:
        weights.name = new[weights.name]


def export(network, path):
    import torch

    network.eval()
    torch.onnx.export(
        network,
        torch.zeros(1, 3, SIZE, SIZE),
        path,
        opset_version=17,
        dynamo=False,
        input_names=["image"],
        output_names=["logits", "features"],
    )
    import onnx

    model = onnx.load(path)
    del model.graph.output[1]  # "features" stays the name of the last map, inside the graph
    model.graph.name = "gradcam-default"
    rename(model.graph)
    # Each class is a question of its own: probabilities are the sigmoid of the logits, not their softmax.
    model.graph.node.append(onnx.helper.make_node("Sigmoid", ["logits"], ["probabilities"], name="sigmoid"))
    model.graph.output.append(
        onnx.helper.make_tensor_value_info("probabilities", onnx.TensorProto.FLOAT, [1, CLASSES])
    )
    onnx.checker.check_model(model)
    onnx.save(model, path)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scenes", type=int, default=48000)
    parser.add_argument("--minutes", type=float, default=34)
    parser.add_argument(
        "--coarse", type=float, default=0.4, help="share of the time on pictures of 128 x 128"
    )
    parser.add_argument("--batch", type=int, default=48)
    parser.add_argument("--rate", type=float, default=3e-3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--start", help="weights (.pt) to go on from")
    parser.add_argument("--work", default=tempfile.gettempdir(), help="folder for the drawn scenes")
    parser.add_argument("--output", default=os.path.join(HERE, "default.onnx"))
    options = parser.parse_args()

    started = time.time()
    pixels, answers = render_all(options.work, options.scenes, 1 << 24, options.threads)
    print("drew %d scenes in %.0f s" % (options.scenes, time.time() - started), flush=True)
    import torch

    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)
    network = build().to(memory_format=torch.channels_last)
    print(
        "torch %s, %d parameters" % (torch.__version__, sum(p.numel() for p in network.parameters())),
        flush=True,
    )
    if options.start:
        network.load_state_dict(torch.load(options.start))
    weights = os.path.splitext(options.output)[0] + ".pt"
    train(
        network,
        pixels,
        answers,
        options.minutes,
        options.coarse,
        options.batch,
        options.rate,
        options.seed,
        lambda: torch.save(network.state_dict(), weights),
    )
    network = network.to(memory_format=torch.contiguous_format)
    evaluate(network, Renderer(), 1000, 0)
    export(network, options.output)


if __name__ == "__main__":
    sys.exit(main())
