#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The sample that uses the filter through libavfilter: it says what ffmpeg's metadata filter says.

. "$SRC/tests/filter/common.sh"

watch=$BUILD/samples/watch
[ -x "$watch" ] || { echo "skip - filter sample: it was not built (Debian: libavfilter-dev)"; exit 0; }

# With B-frames, and times that do not begin at 0.
ff -f lavfi -i testsrc2=s=160x120:r=25:d=2 -c:v mpeg4 -bf 2 -output_ts_offset 3 film.ts
for options in "class=$any" "class=star|heart:stride=3:lookahead=2" class=auto:stride=1000:"enable='lt(n,20)'"; do
    ff -copyts -i film.ts -vf "gradcam=$options,metadata=print:file=meta" -fps_mode passthrough -f null -
    "$watch" film.ts "gradcam=$options" > lines 2> log
    status=$?
    values meta label | tr ' ' '\n' > names
    values meta w | tr ' ' '\n' > widths
    cut -f 2 lines > names.watch
    awk '{ print (NF > 4 ? $NF : "-") }' lines | sed 's/x.*//' > widths.watch
    [ $status = 0 ] && grep -q "[a-z]" names && cmp -s names names.watch && cmp -s widths widths.watch && ! [ -s log ]
    check "sample: a line for each frame, $options" $? \
        "status $status, $(wc -l < lines) lines, $(wc -l < names) frames $(cat log)"
done
sed -n 's/^frame:.*pts_time://p' meta | awk '{ printf "%.3f\n", $1 }' > times
cut -f 1 lines > times.watch
[ -s times ] && cmp -s times times.watch
check "sample: times" $? "$(head -n 1 times), $(head -n 1 times.watch)"

"$watch" film.ts gradcam=class=unicorn > lines 2> log
[ $? = 1 ] && ! [ -s lines ] && grep -q unicorn log
check "sample: a class that is not known" $? "$(cat log)"
"$watch" nosuch.mp4 > lines 2> log
[ $? = 1 ] && [ "$(cat log)" = "watch: nosuch.mp4: No such file or directory" ]
check "sample: a file that is not there" $? "$(cat log)"

exit $bad
