#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Prints colormap_knots.h: the colour maps that have no formula, as few knots with straight lines between them.

    python3 core/picture/colormap_knots.py > core/picture/colormap_knots.h   (needs matplotlib; not part of the build)

For each map the fewest knots are chosen (dynamic programming over the 256 entries) such that every entry that
core/picture/colormap.c interpolates is within one code value of matplotlib's (rounded, not cut off as in its byte
tables).
"""
import matplotlib

NAMES = ["turbo", "viridis", "inferno", "magma", "plasma", "cividis"]


def interpolate(a, b, pos, length):
    """As colormap.c: rounded to nearest, halves up, in integers."""
    return (2 * (a * (length - pos) + b * pos) + length) // (2 * length)


def fits(table, i, j):
    return all(abs(interpolate(table[i][c], table[j][c], k - i, j - i) - table[k][c]) <= 1
               for k in range(i + 1, j) for c in range(3))


def knots(table):
    best = {0: (1, None)}
    for j in range(1, 256):
        best[j] = min((best[i][0] + 1, i) for i in range(j) if fits(table, i, j))
    path, i = [], 255
    while i is not None:
        path.append(i)
        i = best[i][1]
    return path[::-1]


print("/* Made by colormap_knots.py from matplotlib %s: do not edit. Position, R, G, B. */" % matplotlib.__version__)
for name in NAMES:
    colors = matplotlib.colormaps[name]
    table = [[int(255 * v + 0.5) for v in colors(i)[:3]] for i in range(256)]
    print("\nstatic const uint8_t knots_%s[][4] = {" % name)
    line = "   "
    for i in knots(table):
        entry = " { %d, %d, %d, %d }," % (i, *table[i])
        if len(line + entry) > 108:
            print(line)
            line = "   "
        line += entry
    print(line)
    print("};")
