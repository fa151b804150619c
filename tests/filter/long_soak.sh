#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# timeout: 20000
#
# A soak: three ffmpegs at once, as fast as they can, for SOAK_MINUTES (60), with classes, styles and methods that
# change all the time, pictures that change their size, filter graphs that are made again and again, and one that is
# live. What each needs of memory, threads and open files after the first minute must be what it needs at the end.

. "$SRC/tests/filter/common.sh"

minutes=${SOAK_MINUTES:-60}
seconds=$(awk "BEGIN { print int(60 * $minutes) }")
warm=$((seconds < 300 ? seconds / 5 : 60))      # from when on memory is to stay
bound=12000                                     # kB by which it may differ: frames in flight

[ -r /proc/self/status ] || { echo "skip - filter soak: no /proc"; exit 0; }
children=
trap 'for child in $children; do kill -KILL $child 2> /dev/null; done' EXIT
trap 'exit 1' HUP INT TERM

# Films whose picture changes its size, or its colours, in mid-stream; with motion vectors.
# NAME SIZE FORMAT CODEC START: three seconds of one kind, to be put behind each other.
film() {
    ff -f lavfi -i "testsrc2=s=$2:r=25:d=3" -c:v $4 -b:v 1M -g 12 -pix_fmt $3 -output_ts_offset $5 -f mpegts part &&
        cat part >> $1.ts
    [ $status = 0 ]
}
rm -f sizes.ts formats.ts
film sizes 320x240 yuv420p mpeg4 1 && film sizes 426x240 yuv420p mpeg4 4 && film sizes 200x150 yuv420p mpeg4 7 &&
    film formats 320x240 yuv420p mpeg2video 1 && film formats 320x240 yuv422p mpeg2video 4
check "films for the soak" $?

# Some thousand commands, for as long as the film may get. (Not where graphs are made anew: sendcmd needs 20 kB for each
# command, and gives it back slowly.)
awk -v seconds=$((30 * seconds)) -v step=$((seconds > 200 ? seconds / 100 : 2)) 'BEGIN {
    split("star heart moon flower fish key|ring arrow auto auto:2 bolt", class, " ")
    split("turbo jet viridis hot gray", colormap, " ")
    split("overlay mask heatmap overlay", output, " ")
    for (s = 1; s * step < seconds; s++) {
        at = s * step " gradcam "
        if (s % 4 == 0) print at "class " class[1 + s / 4 % 10] ";"
        if (s % 4 == 1) print at "colormap " colormap[1 + int(s / 4) % 5] ";"
        if (s % 4 == 2) print at (s % 8 == 2 ? "method counterfactual" : "method gradcam") ";"
        if (s % 4 == 3) print at "output " output[1 + int(s / 4) % 4] ", gradcam stride " 1 + s % 7 \
            ", gradcam smooth " s % 3 / 2 ";"
    }
}' > commands

# NAME OPTIONS...: an ffmpeg in the background, which writes its progress to NAME.progress.
start() {
    name=$1
    shift
    (exec "$BUILD/bin/ffmpeg" -nostdin -hide_banner -v error -stats_period 10 -progress $name.progress "$@" -f null - \
        > $name.log 2>&1) &
    eval "$name=$!"
    children="$children $!"
}

start files -stream_loop -1 -i formats.ts -vf "sendcmd=f=commands,gradcam=stride=3:lookahead=4:interp=linear:threads=2"
start sizes -flags2 +export_mvs -stream_loop -1 -i sizes.ts \
    -vf "gradcam=class=auto\\:2:stride=5:interp=motion:scale=running:smooth=0.5"
start live -reinit_filter 0 -stream_loop -1 -i formats.ts \
    -vf "perms=random,sendcmd=f=commands,gradcam=live=1:stride=2:class=auto\\:2,scale=320:240:flags=neighbor"

# PID: kB in memory, the most of some looks at it; threads; open files.
measure() {
    most=0
    for look in 1 2 3 4 5 6 7 8 9 10; do
        sleep 0.3
        now=$(sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' /proc/$1/status 2> /dev/null)
        [ "${now:-0}" -le $most ] || most=$now
    done
    echo $most "$(sed -n 's/^Threads:[^0-9]*//p' /proc/$1/status)" "$(ls /proc/$1/fd | wc -l)"
}

sleep $warm
for name in files sizes live; do
    eval "measure \$$name" > $name.first
done
sleep $((seconds - warm - 9))
for name in files sizes live; do
    eval "measure \$$name" > $name.last
done

for name in files sizes live; do
    eval "pid=\$$name"
    read -r memory threads files < $name.first
    read -r memory_last threads_last files_last < $name.last
    kill -INT $pid
    wait $pid
    status=$?
    cp $name.log log
    frames=$(sed -n 's/^frame=//p' $name.progress | tail -n 1)
    [ "${frames:-0}" -gt $((20 * seconds)) ] && { [ $status = 255 ] || [ $status = 0 ]; } && ! [ -s log ]
    check "soak, $name: $frames frames in $minutes minutes" $? "$frames frames, status $status, $(tail -n 2 log)"
    [ "$memory" -gt 0 ] && [ "$memory_last" -gt 0 ] && [ $((memory_last - memory)) -lt $bound ] &&
        [ "$files" = "$files_last" ] && [ $((threads_last - threads)) -lt 8 ]
    check "soak, $name: $memory kB after $warm s, $memory_last at the end; $threads_last threads" $? \
        "$memory kB, $threads threads, $files files after $warm s; $memory_last, $threads_last, $files_last at the end"
done

exit $bad
