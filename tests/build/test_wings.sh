#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The order of the folders of core/: each includes only those before it, and no files include each other in a circle
# (wings.py). Then that wings.py sees such breaches, in a tree made up here. And that lines have at most 120 characters.

check() { # NAME STATUS: an `ok` line when STATUS is 0
    if [ "$2" = 0 ]; then echo "ok - $1"; else echo "not ok - $1: see the log"; bad=1; fi
}
bad=0

# long_lines DIR...: each line of more than 120 characters of sources and scripts, which may have no ending.
long_lines() {
    find "$@" -type f \( -name '*.[ch]' -o -name '*.py' -o -name '*.sh' -o ! -name '*.*' \) -exec \
        awk 'length($0) > 120 { print FILENAME ":" FNR ": " length($0) " characters" }' {} +
}
(cd "$SRC" && long_lines core filter models samples tests configure Makefile) > long
cat long
[ ! -s long ]
check "lines have at most 120 characters" $?
mkdir -p long_tree
printf '%120s\n%121s\n' / / > long_tree/script
[ "$(long_lines long_tree)" = "long_tree/script:2: 121 characters" ]
check "one of 121 is seen" $?

command -v python3 > /dev/null || { echo "skip - wings: no python3"; exit 0; }

python3 "$SRC/tests/build/wings.py" "$SRC"
check "folders of core/ include only those before them, and no files in a circle" $?

# A tree of two folders, then one breach at a time.
plant() { # FILE LINE: a file of one line in a tree without breaches
    rm -rf tree
    mkdir -p tree/core/low tree/core/high
    echo "WINGS := low high" > tree/Makefile
    : > tree/core/low/a.h
    echo '#include "low/a.h"' > tree/core/high/b.h
    [ -z "$1" ] || echo "$2" > "tree/core/$1"
    python3 "$SRC/tests/build/wings.py" tree
}
[ -z "$(plant)" ]
check "a tree in order has no breach" $?
[ "$(plant low/c.c '#include "high/b.h"')" = "core/low/c.c includes high/b.h, which stands above it" ]
check "an include of a folder above is seen" $?
[ "$(plant high/b.c '#include "c.h"'; echo '#include "b.h"' > tree/core/high/c.h
     python3 "$SRC/tests/build/wings.py" tree)" = "in a circle: high/b, high/c" ]
check "a circle, of which one arrow comes from a .c file, is seen" $?
[ "$(plant public.h '#include "low/a.h"')" = "core/public.h, a public header, includes low/a.h" ]
check "an include by a public header is seen" $?
exit $bad
