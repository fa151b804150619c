#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The ffmpeg that was built, and the registration script on the tree it came from and on trees that do not
# fit.

bad=0
check() { # NAME STATUS: an `ok` line when STATUS is 0
    if [ "$2" = 0 ]; then echo "ok - $1"; else echo "not ok - $1: see the log"; bad=1; fi
}
route=$(sed -n 's/^FFMPEG_ROUTE = //p' "$BUILD/config.mak")
if [ -z "$route" ]; then
    echo "skip - ffmpeg: configured without"
    exit 0
fi

"$BUILD/bin/ffmpeg" -hide_banner -filters | grep -q ' gradcam  *V->V '
check "ffmpeg has the gradcam filter" $?
"$BUILD/bin/ffmpeg" -loglevel error -f lavfi -i testsrc=duration=0.2 -vf negate,eq -f null -
check "ffmpeg runs other filters" $?
"$BUILD/bin/ffprobe" -loglevel error -f lavfi -i testsrc=duration=0.2 -show_entries stream=width -of csv=p=0 \
    | grep -qx 320
check "ffprobe runs" $?

if [ "$route" = dropin ]; then
    /usr/bin/ffmpeg -hide_banner -filters | grep -q ' gradcam '
    [ $? != 0 ]
    check "the system's ffmpeg is as it was" $?
    /usr/bin/ffmpeg -version > system
    "$BUILD/bin/ffmpeg" -version > ours
    diff system ours
    check "it introduces itself as the installed one, without a warning" $?
fi

# The files that the script edits, as they are in the tree that was built, and without the edits.
tree=$(dirname "$(ls "$BUILD"/ffmpeg/*/configure)")
mkdir -p tree/libavfilter
cp "$tree/configure" tree/
cp "$tree/libavfilter/Makefile" "$tree/libavfilter/allfilters.c" tree/libavfilter/
cp -R tree before
"$SRC/filter/register" tree
check "register runs on a tree that has the filter" $?
rm -rf tree/libavfilter/gradcam
diff -r before tree
check "and changes nothing" $?
sed 's/^gradcam_filter_deps=.*/gradcam_filter_deps="libgradcam"/' before/configure > tree/configure
"$SRC/filter/register" tree && cmp before/configure tree/configure
check "what an earlier version of it put in is replaced" $?

for file in configure libavfilter/Makefile libavfilter/allfilters.c; do
    grep -v -i gradcam "before/$file" > "tree/$file"
done
cp -R tree bare
"$SRC/filter/register" --copy tree
check "register runs on a bare tree" $?
[ -f tree/libavfilter/gradcam/vf_gradcam.c ] && [ ! -L tree/libavfilter/gradcam/vf_gradcam.c ]
check "--copy copies the sources" $?
rm -rf tree/libavfilter/gradcam
diff -r before tree
check "and makes the same of it" $?

# The trap: the line in configure that finds the library must stand at the beginning of a statement.
cat > probe.sh <<'END'
enabled() { [ "$1" = libgradcam ]; }
require_pkg_config() { echo "required $*"; }
check_pkg_config() { return 1; }
END
sed -n '/^enabled libg/,/^enabled libh\|^enabled libi/p' tree/configure >> probe.sh
[ "$(sh probe.sh 2> /dev/null)" = "required libgradcam gradcam gradcam.h gradcam_version" ]
check "configure looks for the library whatever else is enabled" $?

mkdir -p odd/libavfilter
cp bare/configure odd/
cp bare/libavfilter/Makefile odd/libavfilter/
echo 'int no_filters;' > odd/libavfilter/allfilters.c
"$SRC/filter/register" odd > out 2>&1
[ $? != 0 ] && grep -q "no filter list" out
check "a tree that is too different is refused" $?
"$SRC/filter/register" "$PWD/before/libavfilter" > out 2>&1
[ $? != 0 ] && grep -q "is not an FFmpeg source tree" out
check "what is no FFmpeg tree is refused" $?
exit $bad
