#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# filter/packaging/install and filter/wrapper, with a build directory of little things that have the right names: what
# is not ours is neither replaced nor removed, prefixes may have spaces and be moved, and nothing is left behind.

bad=0
check() { # NAME STATUS: an `ok` line when STATUS is 0
    if [ "$2" = 0 ]; then echo "ok - install: $1"; else echo "not ok - install: $1: see the log"; bad=1; fi
}
CC=$(sed -n 's/^CC = //p' "$BUILD/config.mak")

# A program that uses libavfilter.so.8, which tells what runs it, and the library in two: with and without the filter.
build=$PWD/build system=$PWD/system
mkdir -p "$build/lib/pkgconfig" "$build/frei0r" "$build/bin" "$build/ffmpeg/lib" "$build/gen" "$system"
echo 'const char *filters(void); const char *filters(void) { return FILTERS; }' > filters.c
printf '#include <stdio.h>\nconst char *filters(void);\nint main(void) { return puts(filters()) < 0; }\n' > main.c
library() { $CC -g -shared -fPIC -DFILTERS="\"$1\"" -Wl,-soname,libavfilter.so.8 -o "$2" filters.c; }
library stock "$system/libavfilter.so.8"
library gradcam "$build/ffmpeg/lib/libavfilter.so.8"
$CC -g main.c "$system/libavfilter.so.8" -Wl,-rpath,"$system" -Wl,--enable-new-dtags -o "$system/ffmpeg"
$CC -g -shared -fPIC -DFILTERS='"x"' -o "$build/lib/libgradcam.so.0" filters.c
cp "$build/lib/libgradcam.so.0" "$build/frei0r/gradcam.so"
$CC -g -c -DFILTERS='"x"' filters.c && ar rcs "$build/lib/libgradcam.a" filters.o
cp "$system/ffmpeg" "$build/bin/gradcam"
for program in ffmpeg mpv; do
    "$SRC/filter/wrapper" "$system/ffmpeg" libavfilter.so.8 ../ffmpeg/lib > "$build/bin/$program"
    chmod +x "$build/bin/$program"
done
[ "$("$system/ffmpeg")" = stock ] && [ "$("$build/bin/ffmpeg")" = gradcam ]
check "a wrapper runs the program with the other library" $?

# do_install WORD [NAME=VALUE]...: into $prefix
do_install() {
    word=$1
    shift
    env PREFIX="$prefix" BINDIR="$prefix/bin" LIBDIR="$prefix/lib" INCLUDEDIR="$prefix/include" \
        DATADIR="$prefix/share" MANDIR="$prefix/share/man" PROGRAM_SUFFIX= FFMPEG_ROUTE=dropin STRIP=strip \
        VERSION=0.1.0 SONAME=libgradcam.so.0 PRIVATE_LIBS=-lm "$@" \
        "$SRC/filter/packaging/install" "$word" "$build" > said 2>&1
    status=$?
    cat said
    return $status
}
# What lies under a directory, with its content.
listing() {
    (cd "$1" && find . -type f -printf '%p ' -exec sh -c 'cksum < "$1"' - {} \; -o -printf '%p %l\n') | sort
}

prefix="$PWD/my tools & more"
do_install install && [ "$("$prefix/bin/ffmpeg")" = gradcam ] && [ "$("$prefix/bin/mpv")" = gradcam ]
check "into a path with spaces" $?
grep -qF "PATH=\"$prefix/bin" said && grep -qF "LD_LIBRARY_PATH=\"$prefix/lib\"" said \
    && grep -qF "PKG_CONFIG_PATH=\"$prefix/lib/pkgconfig\"" said && grep -q '/bin/mpv$' said
check "it says how things are found, and which programs there are" $?
eval "set -- $(PKG_CONFIG_PATH="$prefix/lib/pkgconfig" pkg-config --cflags --libs gradcam)"
[ "$1" = "-I$prefix/include" ] && [ "$2" = "-L$prefix/lib" ]
check "pkg-config finds it there" $?
! { objdump -h "$prefix/bin/gradcam" "$prefix/lib/libgradcam.so.0" "$prefix/lib/frei0r-1/gradcam.so" \
    "$prefix/lib/gradcam/libavfilter.so.8" "$prefix/lib/libgradcam.a" | grep debug_info; }
check "without debug information" $?

mv "$prefix" moved
[ "$(moved/bin/ffmpeg)" = gradcam ] && ln -s "$PWD/moved/bin/ffmpeg" linked && [ "$(./linked)" = gradcam ]
check "a moved prefix works, and so do links to it" $?
mv moved/lib/gradcam/libavfilter.so.8 kept
! moved/bin/ffmpeg > said 2>&1 && grep -q 'libavfilter.so.8 is missing' said
check "without the library, a wrapper ends with a sentence" $?
mv kept moved/lib/gradcam/libavfilter.so.8
cp "$system/ffmpeg" before
sed 's/libavfilter\.so\.8/libavfilter.so.9/g' before > "$system/ffmpeg"
! moved/bin/ffmpeg > said 2>&1 && grep -q 'does not use libavfilter.so.8' said
check "and so it does when the program was upgraded to another" $?
cp before "$system/ffmpeg"
mv moved "$prefix"

do_install install && do_install uninstall && [ ! -e "$prefix" ]
check "a second time, then away: nothing is left, nor empty directories" $?

mkdir -p "$prefix/bin" "$prefix/lib"
echo 'echo mine' > "$prefix/bin/ffmpeg"
echo notes > "$prefix/lib/notes"
listing "$prefix" > before.list
do_install install
[ $? != 0 ] && grep -qF "$prefix/bin/ffmpeg" said && grep -q -e --program-suffix said
check "an ffmpeg of the user's own is named, not replaced" $?
listing "$prefix" > after.list
cmp before.list after.list
check "and nothing else is installed then" $?
do_install install PROGRAM_SUFFIX=-gradcam && [ "$("$prefix/bin/ffmpeg-gradcam")" = gradcam ]
check "under other names" $?
do_install install PROGRAM_SUFFIX=-x && [ ! -e "$prefix/bin/ffmpeg-gradcam" ] && [ -x "$prefix/bin/ffmpeg-x" ]
check "what an earlier installation had goes" $?
do_install uninstall && listing "$prefix" > after.list && cmp before.list after.list
check "uninstalling leaves what was there before" $?
do_install install FORCE=1 && [ "$("$prefix/bin/ffmpeg")" = gradcam ]
check "FORCE=1 replaces" $?
echo 'echo changed' > "$prefix/bin/mpv"
do_install uninstall
[ -f "$prefix/bin/mpv" ] && [ ! -e "$prefix/bin/ffmpeg" ] && grep -q 'bin/mpv was changed' said
check "what was changed since stays" $?
rm -r "$prefix"
mkdir -p "$prefix/bin"
echo 'echo mine' > "$prefix/bin/ffmpeg"
do_install uninstall && [ -f "$prefix/bin/ffmpeg" ]
check "uninstalling what was never installed removes nothing" $?
rm -r "$prefix"

do_install install DESTDIR="$PWD/dest" && [ -x "$PWD/dest$prefix/bin/ffmpeg" ] && [ ! -e "$prefix" ] \
    && ! grep -rqF "$PWD/dest" "$PWD/dest" && do_install uninstall DESTDIR="$PWD/dest" \
    && [ -z "$(find dest -type f -o -type l)" ]
check "below DESTDIR" $?

mkdir readonly
cp "$SRC/configure" readonly/
chmod a-w readonly
if [ "$(id -u)" = 0 ]; then
    # root may write anywhere; a file in the place of the directory stands for it.
    : > file
    ! "$SRC/configure" --build="$PWD/file/build" > said 2>&1 && grep -q -e '--build=DIR' said
else
    ! (cd readonly && ./configure > ../said 2>&1) && grep -q -e '--build=DIR' said
fi
check "configure tells of --build where it cannot write" $?

mkdir clean
cp "$BUILD/config.mak" clean/
touch clean/config.log
make -f "$SRC/Makefile" BUILD="$PWD/clean" distclean && [ ! -e clean ]
check "make distclean leaves nothing" $?
exit $bad
