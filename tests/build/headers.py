#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# headers.py HEADER...: what the public headers lack. Prints one line for each
#
#   - function without a comment directly above it, or above the declarations that it directly follows;
#   - function that returns an int whose comment, or that of the block it stands in, tells nothing of what that is: no
#     error (-EINVAL), no 0 or 1, "or", "Returns", "Whether", "as in", "likewise". One that opens, creates or copies may
#     leave it to the head of the header, which tells of errors at large;
#   - enumeration that ends in a number of its values (_COUNT), which would change when it grows;
#   - enumeration without a function from value to name, GradcamThing: gradcam_thing_name(enum GradcamThing), and one
#     back, gradcam_thing_find(const char *);
#   - struct that cannot grow and is not among those that the head of a header says stay as they are: one that does not
#     begin with its size, unless it is only ever handed out by pointer, one at a time;
#   - struct that can grow within another one, or in an array that the library hands out with a count.

import re
import sys

TELLS = re.compile(r'-E[A-Z]+|\bor\b|Returns|Whether|Number|\b[01][,:.;]|\bas\b|likewise')
AT_LARGE = re.compile(r'_(open|create|compile|copy|ref|parse|resolve)\w*$')


def functions(lines):
    """Name, declaration and comment of each function; the comment is that of the declarations it directly follows."""
    comment, fresh, text = [], True, ''
    for line in lines:
        if text or line.startswith('GRADCAM_API'):
            text += ' ' + line
            if line.rstrip().endswith(';'):
                name = re.search(r'(gradcam_\w+)\(', text)
                if name:
                    yield name.group(1), text, ' '.join(comment)
                text, fresh = '', True
        elif line.startswith('//'):
            comment = [line] if fresh else comment + [line]
            fresh = False
        else:
            comment, fresh = [], True


def structs(text):
    """Name and members, without comments, of each struct that is told."""
    for name, body in re.findall(r'^typedef struct (Gradcam\w+) \{(.*?)^\}', text, re.S | re.M):
        yield name, re.sub(r'//[^\n]*', '', body)


def check_functions(path, text):
    for name, declared, comment in functions(text.split('\n')):
        if not comment:
            yield f'{path}: {name} has no comment'
        elif re.search(r'GRADCAM_API int \w', declared) and not AT_LARGE.search(name) and not TELLS.search(comment):
            yield f'{path}: the comment of {name} does not tell what it returns'


def check_enumerations(path, text, everything):
    for name, body in re.findall(r'^enum (Gradcam\w+) \{(.*?)\};', text, re.S | re.M):
        word = re.sub(r'(?<!^)([A-Z])', r'_\1', name[len('Gradcam'):]).lower()
        if re.search(r'_COUNT\b', body):
            yield f'{path}: {name} says how many there are'
        if f'gradcam_{word}_name(enum {name} ' not in everything:
            yield f'{path}: {name} has no gradcam_{word}_name()'
        if f'gradcam_{word}_find(const char *' not in everything:
            yield f'{path}: {name} has no gradcam_{word}_find()'


def check_structs(path, text, everything):
    code = re.sub(r'//[^\n]*', '', everything)
    head = re.search(r'These stay as they are:(.*?)\.\n', everything.replace('\n * ', ' ') + '\n', re.S)
    stay = set(re.findall(r'Gradcam\w+', head.group(1))) if head else set()
    every = dict(structs(everything))
    sized = {name for name, body in every.items() if body.lstrip().startswith('size_t size;')}
    for name, body in structs(text):
        handed_out = re.search(rf'\bconst {name} \*gradcam_\w+\(|{name} \*\*', code)
        counted = re.search(rf'\b{name} \*gradcam_\w+\([^;]*size_t \*\w*count', code)
        if name not in sized and name not in stay and not handed_out:
            yield f'{path}: {name} cannot grow: it neither begins with its size nor stays as it is'
        if name in sized and name in stay:
            yield f'{path}: {name} begins with its size and is said to stay as it is'
        if name not in stay and counted:
            yield f'{path}: {name} can grow and is handed out in an array'
        for member in re.findall(r'\b(Gradcam\w+) \w+(?:\[\w*\])?;', body):
            if member in every and member not in stay:
                yield f'{path}: {name} holds a {member}, which can grow'


def main(paths):
    texts = [open(path, encoding='utf-8').read() for path in paths]
    everything = '\n'.join(texts)
    flat = re.sub(r'\s+', ' ', everything)
    found = []
    for path, text in zip(paths, texts):
        found += check_functions(path, text)
        found += check_enumerations(path, text, flat)
        found += check_structs(path, text, everything)
    print('\n'.join(found))
    return 1 if found else 0


sys.exit(main(sys.argv[1:]))
