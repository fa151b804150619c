#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# headers.py HEADER...: what the public headers lack. Prints one line for each
#
#   - function without a comment directly above it, or above the declarations that it directly follows;
#   - enumeration that ends in a number of its values (_COUNT), which would change when it grows;
#   - enumeration without a function from value to name, GradcamThing: gradcam_thing_name(enum GradcamThing), and one
#     back, gradcam_thing_find(const char *);
#   - struct called ...Settings, ...Options or ...Info without size as its first member, but for the library's own.

import re
import sys

# Filled and kept by the library: new members are behind what a program knows.
OWN = {'GradcamModelInfo', 'GradcamScoreInfo', 'GradcamMethodInfo'}


def undocumented(lines):
    """Names of functions that no comment belongs to."""
    documented, inside = False, False
    for line in lines:
        if line.startswith('//'):
            documented = True
        elif line.startswith('GRADCAM_API'):
            name = re.search(r'(gradcam_\w+)\(', line)
            if not documented:
                yield name.group(1) if name else line
            inside = not line.rstrip().endswith(';')
        elif inside:
            inside = not line.rstrip().endswith(';')
        else:
            documented = False


def main(paths):
    found = []
    texts = [open(path, encoding='utf-8').read() for path in paths]
    everything = re.sub(r'\s+', ' ', '\n'.join(texts))
    for path, text in zip(paths, texts):
        found += [f'{path}: {name} has no comment' for name in undocumented(text.split('\n'))]
        for name, body in re.findall(r'^enum (Gradcam\w+) \{(.*?)\};', text, re.S | re.M):
            word = re.sub(r'(?<!^)([A-Z])', r'_\1', name[len('Gradcam'):]).lower()
            if re.search(r'_COUNT\b', body):
                found.append(f'{path}: {name} says how many there are')
            if f'gradcam_{word}_name(enum {name} ' not in everything:
                found.append(f'{path}: {name} has no gradcam_{word}_name()')
            if f'gradcam_{word}_find(const char *' not in everything:
                found.append(f'{path}: {name} has no gradcam_{word}_find()')
        structs = r'^typedef struct (Gradcam\w+(?:Settings|Options|Info)) \{(.*?)^\}'
        for name, body in re.findall(structs, text, re.S | re.M):
            if name not in OWN and not body.lstrip().startswith('size_t size;'):
                found.append(f'{path}: {name} does not begin with its size')
    print('\n'.join(found))
    return 1 if found else 0


sys.exit(main(sys.argv[1:]))
