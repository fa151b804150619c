#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The public headers: each compiles alone, in C and in C++, and holds what a header is to hold (headers.py).

bad=0
check() { # NAME STATUS: an `ok` line when STATUS is 0
    if [ "$2" = 0 ]; then echo "ok - $1"; else echo "not ok - $1: see the log"; bad=1; fi
}
CC=$(sed -n 's/^CC = //p' "$BUILD/config.mak")

for header in "$SRC"/core/gradcam*.h; do
    name=${header##*/}
    echo "#include \"$name\"" > header.c
    $CC -std=c99 -Wall -Wextra -Wpedantic -Werror -fsyntax-only -I"$SRC/core" header.c
    check "$name compiles alone as C99" $?
    if command -v c++ > /dev/null; then
        c++ -x c++ -std=c++11 -Wall -Wextra -Werror -fsyntax-only -I"$SRC/core" header.c
        check "$name compiles alone as C++11" $?
    fi
done

if command -v python3 > /dev/null; then
    python3 "$SRC/tests/build/headers.py" "$SRC"/core/gradcam*.h
    check "functions are documented, structs can grow and enumerations have names" $?
    printf '%s\n' 'GRADCAM_API int gradcam_a(void);' '// b' 'GRADCAM_API int gradcam_b(void);' 'enum GradcamC {' \
        'GRADCAM_C_COUNT' '};' > bad.h
    [ "$(python3 "$SRC/tests/build/headers.py" bad.h | wc -l)" = 4 ]
    check "headers.py sees what a header lacks" $?
fi
exit $bad
