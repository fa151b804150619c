#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The order of the folders of core/, read from #include lines.

usage: wings.py SOURCE [--count]

A folder may include only those that stand before it in WINGS of the Makefile (and the public headers, core/*.h); files
may not include each other in a circle, where X.c and X.h of a folder count as one. Prints a line for each breach, or
with --count how many files, modules, arrows and circles there are. Exits with 1 when there is a breach.
"""
import os
import re
import sys


def read(source):
    """{file: [included file]}, paths from core/, of all but what is not ours."""
    core = os.path.join(source, "core")
    files = sorted(os.path.relpath(os.path.join(d, f), core) for d, _, names in os.walk(core) for f in names
                   if f.endswith((".c", ".h")))
    known, includes = set(files), {}
    for file in files:
        with open(os.path.join(core, file), encoding="utf-8") as text:
            names = re.findall(r'^\s*#\s*include\s+"([^"]+)"', text.read(), re.M)
        beside = [os.path.normpath(os.path.join(os.path.dirname(file), name)) for name in names]
        includes[file] = [b if b in known else n for b, n in zip(beside, names) if b in known or n in known]
    return includes


def module(file):
    return os.path.splitext(file)[0]


def circles(includes):
    """Sets of modules that reach each other (Tarjan's strongly connected components of more than one)."""
    arrows = {}
    for file, names in includes.items():
        arrows.setdefault(module(file), set()).update(module(n) for n in names if module(n) != module(file))
    index, low, stack, found = {}, {}, [], []

    def visit(node):
        index[node] = low[node] = len(index)
        stack.append(node)
        for other in sorted(arrows.get(node, ())):
            if other not in index:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], index[other])
        if low[node] == index[node]:
            group = stack[stack.index(node):]
            del stack[stack.index(node):]
            if len(group) > 1:
                found.append(sorted(group))

    for node in sorted(arrows):
        if node not in index:
            visit(node)
    return arrows, found


def main():
    source = sys.argv[1]
    with open(os.path.join(source, "Makefile"), encoding="utf-8") as text:
        wings = re.search(r"^WINGS\s*:=\s*(.*)$", text.read(), re.M).group(1).split()
    order = {wing: i for i, wing in enumerate(wings + ["tools"])}
    includes = read(source)
    breaches = []
    for file, names in includes.items():
        wing = file.split("/")[0]
        for name in names:
            other = name.split("/")[0]
            if "/" in name and "/" in file and order[other] > order[wing]:
                breaches.append(f"core/{file} includes {name}, which stands above it")
            if "/" not in file and "/" in name:
                breaches.append(f"core/{file}, a public header, includes {name}")
    arrows, found = circles(includes)
    breaches += ["in a circle: " + ", ".join(group) for group in found]
    if "--count" in sys.argv:
        print(f"{len(includes)} files, {len(arrows)} modules, {sum(map(len, arrows.values()))} arrows, "
              f"{len(found)} circles")
    for breach in breaches:
        print(breach)
    return bool(breaches)


sys.exit(main())
