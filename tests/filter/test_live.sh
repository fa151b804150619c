#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# live=1 on streams over the loopback, with 30 frames a second and a network that takes some 300 ms for each map.
# timeout: 180

. "$SRC/tests/filter/live.sh"

look=$slow:stride=1
probe="-probesize 100000 -analyzeduration 500000"

send_udp() {
    send -f lavfi -i testsrc2=s=640x360:r=30 -c:v mpeg2video -b:v 2M -g 10 -f mpegts \
        "udp://127.0.0.1:$port?pkt_size=1316"
}

# UDP: nothing is held up or piles up. The camera stops sending for a while and comes back, then dies.
next_port
receive $probe -i "udp://127.0.0.1:$port?timeout=3000000"
await 10 listened udp
send_udp
await 10 grep -q ^lavfi.gradcam.key meta        # the network has all its memory
sleep 1
first=$(resident $receiver)
sleep 3
kill -STOP $sender
sleep 1
held=$(grep -c '^frame:' meta)
sleep 1
[ "$(grep -c '^frame:' meta)" = "$held" ] && ! ended $receiver
check "live: a camera that stalls" $? \
    "receiver $(ended $receiver && echo ended), $held frames before, $(grep -c '^frame:' meta) after"
kill -CONT $sender
await 5 eval '[ $(grep -c "^frame:" meta) -gt $((held + 60)) ]'
check "live: comes back" $? "$held frames before, $(grep -c '^frame:' meta) after"
last=$(resident $receiver)
kill -KILL $sender
wait $sender 2> /dev/null
await_end $receiver
find_faults
[ $status != 124 ] && [ -z "$problem" ]
check "live: dies; the file is whole" $? "status $status, $problem $(tail -n 2 log)"
problem=
find_miscounts
[ -z "$problem" ]
check "live: UDP, $counts" $? "$problem"
[ -n "$last" ] && [ $((last - first)) -lt 30000 ]
check "live: memory does not grow" $? "from $first to $last kB"

# RTMP and RTSP: the stream ends, and so does the receiver, with no frame left behind.
# NAME PROTOCOL: the receiver listens, the camera, whose options are the rest, sends 4 seconds.
listening() {
    name=$1 url=$2
    shift 2
    await 10 listened tcp
    send -f lavfi -i testsrc2=s=640x360:r=30:d=4 "$@" "$url"
    await_end $sender
    begin=$(date +%s%N)
    await_end $receiver
    took=$((($(date +%s%N) - begin) / 1000000))
    find_faults
    find_miscounts
    [ $status = 0 ] && [ "$in" = 120 ] && [ -z "$problem" ] && [ $took -lt 4000 ]
    check "live: $name, $counts" $? \
        "status $status, $in of 120 frames, ended $took ms late $problem $(cat log sender.log)"
}
next_port
receive $probe -f flv -listen 1 -i rtmp://127.0.0.1:$port/live
listening RTMP rtmp://127.0.0.1:$port/live -c:v flv -b:v 2M -g 30 -f flv
next_port
receive $probe -rtsp_flags listen -listen_timeout 20 -i rtsp://127.0.0.1:$port/live
listening RTSP rtsp://127.0.0.1:$port/live -c:v mpeg4 -b:v 2M -g 30 -f rtsp -rtsp_transport tcp

# The picture changes its size in mid-stream.
start=1
for size in 320x240 640x360 400x300; do
    ff -f lavfi -i testsrc2=s=$size:r=30:d=1.5 -c:v mpeg4 -b:v 2M -g 10 -output_ts_offset $start -f mpegts $size.ts
    start=$(echo $start | awk '{ print $1 + 1.5 }')
done
cat 320x240.ts 640x360.ts 400x300.ts > sizes.ts
next_port
sized=scale=320:240 receive $probe -i "udp://127.0.0.1:$port?timeout=2000000"
await 10 listened udp
send -f mpegts -i sizes.ts -c copy -f mpegts "udp://127.0.0.1:$port?pkt_size=1316"
await_end $sender
await_end $receiver
find_faults
[ $status = 0 ] && [ "$in" = 135 ] && [ -z "$problem" ]
check "live: changes of size" $? "status $status, $problem $(cat log)"

# Ctrl-C while nobody sends, with the first map under way, in the middle, and when the camera has stalled. (In the
# last case ffmpeg waits until its read times out.)
for moment in "no stream yet" "the first map is computed" "all runs" "the camera stalls"; do
    next_port
    limit=9000000
    [ "$moment" != "the camera stalls" ] || limit=1000000
    receive $probe -i "udp://127.0.0.1:$port?timeout=$limit"
    await 10 listened udp
    case $moment in
    "no stream yet")    ;;
    *)                  send_udp; await 10 test -s in ;;
    esac
    case $moment in
    "all runs")         await 10 grep -q ^lavfi.gradcam.key meta; sleep 1 ;;
    "the camera stalls") await 10 grep -q ^lavfi.gradcam.key meta; kill -STOP $sender; sleep 0.3 ;;
    esac
    interrupt
    problem=
    [ "$moment" = "no stream yet" ] || { kill -KILL $sender; wait $sender 2> /dev/null; find_faults; }
    [ $status != 124 ] && [ $took -lt 2000 ] && [ -z "$problem" ]
    check "live: Ctrl-C when $moment" $? "status $status after $took ms, $problem"
done

# The map under way, which takes seconds on one thread, is given up.
"$BUILD/tests/filter/slow_network" slower.onnx 3000 > slow.log 2>&1
rm -f in
program ffmpeg -re -f lavfi -i testsrc2=s=320x240:r=30 -vf gradcam=model=slower.onnx:class=3:threads=1:live=1 \
    -f framemd5 -flush_packets 1 in 2> log &
receiver=$!
children="$children $receiver"
await 10 test -s in
sleep 0.5
interrupt
[ $status != 124 ] && [ $took -lt 2000 ]
check "Ctrl-C when a map takes seconds" $? "status $status after $took ms, $(cat slow.log log)"

exit $bad
