# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What gradcam eval must find, computed once more as the papers word it, in plain Python.
#
#     eval.py scenes FOLDER        boxes.csv of the masks that samples/scenes wrote there
#     eval.py check GRADCAM        figures.json, of boxes.csv, against maps and probabilities by gradcam explain
#     eval.py precision JOURNAL    puts a record whose average precision is 5/6 into a journal of pxap over one picture
import csv
import json
import math
import os
import struct
import subprocess
import sys


def read_pgm(path):
    data = open(path, "rb").read()
    head, pixels = data[:40].split(b"\n", 3)[:3], data
    width, height = map(int, head[1].split())
    return width, height, pixels[-width * height:]


def scenes(folder):
    rows = []
    for name in sorted(os.listdir(folder)):
        if not name.endswith(".pgm"):
            continue
        width, _, pixels = read_pgm(os.path.join(folder, name))
        on = [i for i, v in enumerate(pixels) if v > 127]
        if not on:
            continue
        scene, label = name[:-4].split("-")
        x, y = [i % width for i in on], [i // width for i in on]
        rows.append([f"{scene}.ppm", label, min(x), min(y), max(x) + 1, max(y) + 1, name])
    with open(os.path.join(folder, "boxes.csv"), "w", newline="") as out:
        head = ["file", "class", "xmin", "ymin", "xmax", "ymax", "mask"]
        csv.writer(out, lineterminator="\n").writerows([head] + rows)


def read_npy(path):
    data = open(path, "rb").read()
    end = 10 + struct.unpack("<H", data[8:10])[0]
    shape = eval(data[10:end].decode())["shape"]
    return shape, [v[0] for v in struct.iter_unpack("<f", data[end:])]


def write_npy(path, shape, values):
    text = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}"
    text += " " * (117 - len(text)) + "\n"
    with open(path, "wb") as out:
        out.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode())
        out.write(struct.pack(f"<{len(values)}f", *values))


def enlarge(rows, columns, raw, size):
    """Bilinear, half-pixel centres, edges clamped; then from lowest to highest value as 0 to 1."""
    def along(count):
        out = []
        for i in range(size):
            at = min(max((i + .5) * count / size - .5, 0), count - 1)
            low = min(int(at), count - 1)
            out.append((low, min(low + 1, count - 1), at - low))
        return out
    xs, ys = along(columns), along(rows)
    big = []
    for a, b, v in ys:
        for c, d, u in xs:
            top = raw[a * columns + c] * (1 - u) + raw[a * columns + d] * u
            bottom = raw[b * columns + c] * (1 - u) + raw[b * columns + d] * u
            big.append(top * (1 - v) + bottom * v)
    low, high = min(big), max(big)
    return [(m - low) / (high - low + 1e-7) for m in big]


def cubic(rows, columns, raw, size):
    """The same by the cubic convolution of Keys, a = -1/2."""
    def weight(x):
        x = abs(x)
        return 1.5 * x ** 3 - 2.5 * x ** 2 + 1 if x <= 1 else -.5 * x ** 3 + 2.5 * x ** 2 - 4 * x + 2 if x < 2 else 0

    def along(count):
        out = []
        for i in range(size):
            at = (i + .5) * count / size - .5
            low = math.floor(at)
            out.append([(min(max(k, 0), count - 1), weight(at - k)) for k in range(low - 1, low + 3)])
        return out
    xs, ys = along(columns), along(rows)
    wide = [[sum(w * raw[y * columns + x] for x, w in taps) for taps in xs] for y in range(rows)]
    big = [sum(w * wide[y][x] for y, w in taps) for taps in ys for x in range(size)]
    low, high = min(big), max(big)
    return [(m - low) / (high - low + 1e-7) for m in big]


def pixels(network, rows):
    """Average precision over all pictures' pixels, each threshold a thousandth."""
    size, on, off = 224, [0] * 1001, [0] * 1001
    for row in rows:
        network.explain(row[0], row[1], "--map", "map.npy")
        (high, wide), raw = read_npy("map.npy")
        width, height, mask = read_pgm(row[6])
        for at, m in enumerate(cubic(high, wide, raw, size)):
            thing = mask[at // size * height // size * width + at % size * width // size] > 127
            (on if thing else off)[int(m * 1000)] += 1
    area = right = wrong = 0
    for t in range(1000, -1, -1):
        right, wrong = right + on[t], wrong + off[t]
        area += right / max(right + wrong, 1) * on[t] / sum(on)
    return area


def precision(path):
    """By hand: a pixel on the thing at the maximum, precision 1 and recall 1/2; one on and one off at half of it,
    2/3 and 1; two off at none. 1 * 1/2 + 2/3 * 1/2 = 5/6."""
    on, off = [0] * 1001, [0] * 1001
    on[1000] = on[500] = off[500] = 1
    off[0] = 2
    lines = open(path).read().split("\n")
    words = lines[2].split(" ")
    words[4] = struct.pack("<2002H", *on, *off).hex()
    lines[2] = " ".join(words)
    open(path, "w").write("\n".join(lines))


def largest_part(on, size):
    left, best = set(on), []
    while left:
        part, stack = [], [left.pop()]
        while stack:
            at = stack.pop()
            part.append(at)
            x, y = at % size, at // size
            for j in (y - 1, y, y + 1):
                for i in (x - 1, x, x + 1):
                    if 0 <= i < size and 0 <= j < size and j * size + i in left:
                        left.remove(j * size + i)
                        stack.append(j * size + i)
        if len(part) > len(best):
            best = part
    x, y = [i % size for i in best], [i // size for i in best]
    return min(x), min(y), max(x) + 1, max(y) + 1


def iou(a, b):
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    both = max(width, 0) * max(height, 0)
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)


class Network:
    """The built-in one: 160 x 160, mean and std of torchvision, sigmoid."""
    size = 160
    mean, std = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)

    def __init__(self, gradcam):
        self.gradcam = gradcam

    def explain(self, path, label, *options):
        run = subprocess.run([self.gradcam, "explain", path, "-c", label, "--json", *options], check=True,
                             stdout=subprocess.PIPE)
        return json.loads(run.stdout)["pictures"][0]

    def map(self, path, label):
        self.explain(path, label, "--map", "map.npy")
        (rows, columns), raw = read_npy("map.npy")
        return enlarge(rows, columns, raw, self.size)

    def input(self, path):
        data = open(path, "rb").read()[-3 * self.size ** 2:]
        return [(data[3 * i + c] - self.mean[c]) / self.std[c] for c in range(3) for i in range(self.size ** 2)]

    def probability(self, values, label):
        write_npy("input.npy", (1, 3, self.size, self.size), values)
        return self.explain("input.npy", label)["maps"][0]["probability"]


def one(network, path, label, box):
    size = network.size
    m = network.map(path, label)
    picture = network.explain(path, label)
    top = [t["label"] for t in picture["top"]]
    p = picture["maps"][0]["probability"]
    most = max(m)
    found = largest_part([i for i, v in enumerate(m) if v >= .15 * most], size)
    peak = m.index(most)
    dx = max(box[0] - peak % size, peak % size - (box[2] - 1), 0)
    dy = max(box[1] - peak // size, peak // size - (box[3] - 1), 0)
    inside = sum(m[y * size + x] for y in range(box[1], box[3]) for x in range(box[0], box[2]))
    x = network.input(path)
    masked = network.probability([v * m[i % size ** 2] for i, v in enumerate(x)], label)
    order = sorted(range(size ** 2), key=lambda i: -m[i])

    def without(count):
        gone = set(order[:count])
        return network.probability([0 if i % size ** 2 in gone else v for i, v in enumerate(x)], label)
    half = without(size ** 2 // 2)
    return {
        "top1_error": top[0] != label, "iou": iou(found, box), "gt_known": iou(found, box) >= .5,
        "loc_top1_error": top[0] != label or iou(found, box) < .5,
        "pointing_game": math.hypot(dx, dy) < 15, "energy_pointing_game": inside / sum(m),
        "average_drop": max(0, p - masked) / p, "increase": masked > p, "complexity": sum(m) / size ** 2,
        "deletion": (p + half) / 4 + (half + network.probability([0] * len(x), label)) / 4,
    }


def check(gradcam):
    network = Network(gradcam)
    rows = list(csv.reader(open("boxes.csv")))[1:]
    wanted = [one(network, row[0], row[1], tuple(map(int, row[2:6]))) for row in rows]
    measures = json.load(open("figures.json"))["rows"][0]["measures"]
    bad = 0
    masked = pixels(network, rows)
    for name in [*wanted[0], "pxap"]:
        values = [float(w.get(name, masked)) for w in wanted]
        mean = sum(values) / len(values)
        if name == "pointing_game":
            classes = sorted({row[1] for row in rows})
            means = [[v for v, row in zip(values, rows) if row[1] == c] for c in classes]
            mean = sum(sum(v) / len(v) for v in means) / len(means)
        found = measures[name]
        good = abs(found["value"] - mean) < 2e-3 and found["n"] == len(rows) and \
            found["low"] <= found["value"] <= found["high"]
        print(f"ok - cli eval {name}" if good else f"not ok - cli eval {name}: {found['value']}, not {mean}")
        bad |= not good
    return bad


if sys.argv[1] == "scenes":
    scenes(sys.argv[2])
elif sys.argv[1] == "precision":
    precision(sys.argv[2])
else:
    sys.exit(check(sys.argv[2]))
