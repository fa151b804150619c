#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# A screen grab, live: an X server without a screen, a window in it that plays a film, and ffmpeg that looks on.

. "$SRC/tests/filter/common.sh"

command -v Xvfb > /dev/null || { echo "skip - filter screen: no Xvfb (Debian: xvfb)"; exit 0; }
for device in x11grab sdl; do
    "$BUILD/bin/ffmpeg" -v quiet -devices | grep -q " $device" ||
        { echo "skip - filter screen: this ffmpeg has no $device"; exit 0; }
done

children=
trap 'for child in $children; do kill -KILL $child 2> /dev/null; done' EXIT
trap 'exit 1' HUP INT TERM

# The server finds a number that is free, and tells it when it is ready.
Xvfb -displayfd 3 -screen 0 320x240x24 -nolisten tcp 3> display > server.log 2>&1 &
server=$!
children=$server
for try in $(seq 100); do
    [ -s display ] && break
    sleep 0.1
done
DISPLAY=:$(cat display)
export DISPLAY
[ "$DISPLAY" != : ] || { echo "skip - filter screen: Xvfb does not start: $(tail -n 1 server.log)"; exit 0; }

SDL_VIDEODRIVER=x11 "$BUILD/bin/ffmpeg" -nostdin -v error -re -f lavfi -i testsrc2=s=320x240:r=25 \
    -pix_fmt yuv420p -f sdl -window_x 0 -window_y 0 film > window.log 2>&1 &
children="$children $!"
sleep 1
ff -f x11grab -framerate 25 -video_size 320x240 -t 3 -i $DISPLAY.0+0,0 \
    -filter_complex "[0:v]split[a][b];[b]gradcam=class=$any:live=1:stride=2,metadata=print:file=meta[c]" \
    -map '[a]' -fps_mode passthrough -f framemd5 in -map '[c]' -fps_mode passthrough -f framemd5 out
pictures=$(sums in | sort -u | wc -l)
[ $status = 0 ] && [ "$(frames in)" -ge 20 ] && [ "$(frames out)" = "$(frames in)" ] &&
    [ "$(stamps in)" = "$(stamps out)" ] && grep -q 'dimensions 0: 320x240' out
check "screen: each frame, with its time" $? "$(frames out) of $(frames in) frames, $(tail -n 2 log)"
[ "$pictures" -ge 5 ] && [ "$(values meta label | tr ' ' '\n' | grep -c '[a-z]')" -ge 5 ]
check "screen: the window is seen, and what the network sees in it" $? \
    "$pictures different pictures, $(grep -c ^lavfi.gradcam.label meta) frames with a map, $(tail -n 2 window.log)"

exit $bad
