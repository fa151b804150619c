#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# samples/hello.c as a user builds it, in C and in C++, with the shared and with the static library; what it says where
# something is wrong; and that core/c.md quotes it word by word.

bad=0
check() { # NAME STATUS: an `ok` line when STATUS is 0
    if [ "$2" = 0 ]; then echo "ok - hello: $1"; else echo "not ok - hello: $1: see the log"; bad=1; fi
}
CC=$(sed -n 's/^CC = //p' "$BUILD/config.mak")
sanitize=$(sed -n 's/^SANITIZE = \(.\)/-fsanitize=\1/p' "$BUILD/config.mak")
strict="-Wall -Wextra -Werror $sanitize"
export PKG_CONFIG_PATH="$BUILD/lib/pkgconfig" LD_LIBRARY_PATH="$BUILD/lib"
static=$(pkg-config --static --libs gradcam | sed "s|-lgradcam|$BUILD/lib/libgradcam.a|")

# A star, or what is like one: yellow on blue.
awk 'BEGIN {
    printf "P3\n96 64\n255\n"
    for (y = 0; y < 64; y++)
        for (x = 0; x < 96; x++) {
            dx = x - 30; dy = y - 30; a = atan2(dx, -dy) * 5 / 6.2831853; a -= int(a + 5.5) - 5; if (a < 0) a = -a
            print (sqrt(dx * dx + dy * dy) < 24 - 26 * a) ? "230 190 60" : "40 60 90"
        }
}' > ascii.ppm
# (PPM of bytes, from that of digits.)
{ printf 'P6\n96 64\n255\n'
  LC_ALL=C awk 'NR > 3 { for (i = 1; i <= 3; i++) printf "%c", $i + 0 }' ascii.ppm; } > star.ppm
[ "$(wc -c < star.ppm)" = $((96 * 64 * 3 + 13)) ] || echo "not ok - hello: the picture of the test is none"

build() { # NAME COMMAND...: builds hello and runs it
    name=$1
    shift
    "$@" -o hello && rm -f "$name.ppm" && ./hello "" star star.ppm "$name.ppm" > said 2>&1
    status=$?
    cat said
    [ $status = 0 ] && [ ! -s said ] && [ "$(wc -c < "$name.ppm")" = "$(wc -c < star.ppm)" ] \
        && ! cmp -s star.ppm "$name.ppm"
    check "$name" $?
}
build shared-C $CC -std=c99 $strict "$SRC/samples/hello.c" $(pkg-config --cflags --libs gradcam)
build static-C $CC $strict "$SRC/samples/hello.c" $(pkg-config --cflags gradcam) $static
if command -v c++ > /dev/null; then
    build shared-C++ c++ -std=c++11 $strict -x c++ "$SRC/samples/hello.c" -x none \
        $(pkg-config --cflags --libs gradcam)
    build static-C++ c++ $strict -x c++ "$SRC/samples/hello.c" -x none $(pkg-config --cflags gradcam) $static
    cmp shared-C.ppm static-C.ppm && cmp shared-C.ppm shared-C++.ppm && cmp shared-C.ppm static-C++.ppm
    check "the same picture from all of them" $?
fi

wrong() { # NAME PATTERN ARGUMENT...: fails, with a sentence that has the pattern
    name=$1 pattern=$2
    shift 2
    ./hello "$@" > said 2>&1
    status=$?
    cat said
    [ $status = 1 ] && grep -q "$pattern" said
    check "$name" $?
}
wrong "a network that is not there" nowhere.onnx nowhere.onnx star star.ppm out.ppm
wrong "a class that is not there" unicorn "" unicorn star.ppm out.ppm
wrong "a picture that is not there" none.ppm "" star none.ppm out.ppm
head -c 1000 star.ppm > short.ppm
wrong "a picture that is cut short" short.ppm "" star short.ppm out.ppm
wrong "a place where nothing can be written" nowhere/out.ppm "" star star.ppm nowhere/out.ppm

sed -n '/^\/\/ The map of a class, from/,/^int main/p' "$SRC/samples/hello.c" | sed -e '$d' -e 's/^./    &/' > program
sed -n '/^    \/\/ The map of a class, from/,/^    cc samples/p' "$SRC/core/c.md" | sed '$d' > quoted
[ "$(wc -l < program)" -gt 20 ] && diff program quoted
check "core/c.md quotes it" $?
exit $bad
