#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes imagenet.tsv: the labels and groups of the 1000 ILSVRC classes, from WordNet.

    apt-get install wordnet-base
    models/make_imagenet.py > models/imagenet.tsv

In: imagenet_synsets.txt beside this script (the WordNet ids of the classes; class order is the order of the ids), and
data.noun and index.noun of WordNet 3.0 (--dict DIR, default /usr/share/wordnet). An id is "n" and the offset of a noun
synset in data.noun. Out: a label table as core/model/labels.h describes it.

A label is the words of the class's synset. A group is a synset above at least one class, with the classes below it. A
word with several senses belongs, of all synsets that are a class or above one, to the first in WordNet's order of
senses (the commonest first), and only that synset lists it when it is a group: so "car" is the automobile and not the
railway car, "plane" the airplane and not the carpenter's. "cat" is WordNet's "cat, true cat": the house cats, cougar
and lynx, but not the big cats, which are under "feline".
"""
import argparse
import os
import sys

HEADER = """\
#gradcam labels
# The 1000 classes of ILSVRC in their usual order, and the groups above them. Made by make_imagenet.py from WordNet 3.0;
# core/model/labels.h describes the format: class INDEX ID NAMES, group ID NAMES CLASSES, separated by tabs.
#
# WordNet's licence:
#
"""


def words(synset):
    return ", ".join(word.replace("_", " ") for word in synset)


def read_synsets(path):
    """Offset -> (words, offsets of the hypernyms, of instances too), and the licence at the top of the file."""
    synsets, licence = {}, []
    with open(path, encoding="utf-8") as file:
        for line in file:
            if line.startswith("  "):
                licence.append(line.split(None, 1)[1].rstrip() if len(line.split()) > 1 else "")
                continue
            fields = line.split(" | ")[0].split()
            count = int(fields[3], 16)
            names = fields[4:4 + 2 * count:2]
            at = 5 + 2 * count
            pointers = [fields[i:i + 4] for i in range(at, at + 4 * int(fields[at - 1]), 4)]
            synsets[fields[0]] = names, [p[1] for p in pointers if p[0] in ("@", "@i") and p[2] == "n"]
    return synsets, licence


def read_senses(path):
    """Lower-case word -> offsets of its synsets, the commonest first."""
    senses = {}
    with open(path, encoding="utf-8") as file:
        for line in file:
            if not line.startswith("  "):
                fields = line.split()
                senses[fields[0]] = fields[6 + int(fields[3]):]
    return senses


def above(synsets, offset, seen):
    for hypernym in synsets[offset][1]:
        if hypernym not in seen:
            seen.add(hypernym)
            above(synsets, hypernym, seen)
    return seen


def ranges(indices):
    """[1, 2, 3, 7] -> "1-3,7"."""
    runs = []
    for index in sorted(indices):
        if runs and index == runs[-1][1] + 1:
            runs[-1][1] = index
        else:
            runs.append([index, index])
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in runs)


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--dict", default="/usr/share/wordnet", help="folder of data.noun and index.noun")
    parser.add_argument("--synsets", default=os.path.join(here, "imagenet_synsets.txt"))
    args = parser.parse_args()
    with open(args.synsets, encoding="utf-8") as file:
        ids = [line.strip() for line in file if line.strip() and not line.startswith("#")]
    if len(ids) != 1000 or ids != sorted(set(ids)):
        sys.exit(f"{args.synsets} is not a sorted list of 1000 ids")
    synsets, licence = read_synsets(os.path.join(args.dict, "data.noun"))
    senses = read_senses(os.path.join(args.dict, "index.noun"))

    classes = [id[1:] for id in ids]
    groups = {}
    for index, offset in enumerate(classes):
        for hypernym in above(synsets, offset, set()):
            groups.setdefault(hypernym, []).append(index)
    covered = groups.keys() | set(classes)
    owner = {word: next((o for o in offsets if o in covered), None) for word, offsets in senses.items()}

    out = open(sys.stdout.fileno(), "w", encoding="utf-8", newline="\n")
    out.write(HEADER + "".join(f"# {line}".rstrip() + "\n" for line in licence).rstrip("# \n") + "\n")
    for index, offset in enumerate(classes):
        out.write(f"class\t{index}\tn{offset}\t{words(synsets[offset][0])}\n")
    for offset in sorted(groups):
        names = words(word for word in synsets[offset][0] if owner[word.lower()] == offset)
        if names:
            out.write(f"group\tn{offset}\t{names}\t{ranges(groups[offset])}\n")


if __name__ == "__main__":
    main()
