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
    cat > bad.h << 'END'
GRADCAM_API int gradcam_a(void);
// It says no word of it.
GRADCAM_API int gradcam_b(void);
// 0, or -ENOMEM.
GRADCAM_API int gradcam_c(void);
enum GradcamD {
    GRADCAM_D_COUNT
};
typedef struct GradcamE {
    int member;
} GradcamE;
typedef struct GradcamF {
    size_t size;
} GradcamF;
typedef struct GradcamG {
    size_t size;
    GradcamF inner;
} GradcamG;
// Returns them, *count of them.
GRADCAM_API const GradcamF *gradcam_h(size_t *count);
END
    cat > expected << 'END'
bad.h: GradcamD has no gradcam_d_find()
bad.h: GradcamD has no gradcam_d_name()
bad.h: GradcamD says how many there are
bad.h: GradcamE cannot grow: it neither begins with its size nor stays as it is
bad.h: GradcamF can grow and is handed out in an array
bad.h: GradcamG holds a GradcamF, which can grow
bad.h: gradcam_a has no comment
bad.h: the comment of gradcam_b does not tell what it returns
END
    python3 "$SRC/tests/build/headers.py" bad.h | LC_ALL=C sort | diff expected -
    check "headers.py sees what a header lacks" $?
fi
exit $bad
