#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Which frames get a map of their own: photos, sparse frames, cuts one after the other, a stride in seconds.

. "$SRC/tests/filter/common.sh"

# OPTIONS INPUT...: what is key on each frame, and the sum, in $keys and $maps.
look() {
    options=$1
    shift
    ff "$@" -vf "${before:+$before,}gradcam=c=star${options:+:$options},metadata=print:file=meta" \
        -fps_mode passthrough -f null -
    keys=$(values meta key)
    maps=$(echo "$keys" | tr ' ' '\n' | grep -c 1)
}

# Photos of one size, as a numbered sequence of pictures, 25 a second.
if [ -d "$SHARED/images/open" ]; then
    count=0
    for photo in "$SHARED"/images/open/ilsvrc_*.jpg; do
        count=$((count + 1))
        ln -s "$photo" $count.jpg
        [ $count -lt 20 ] || break
    done
    for options in "" stride=5 stride=1000; do
        look "$options" -i %d.jpg
        [ $status = 0 ] && [ "$maps" = 20 ]
        check "20 photos get 20 maps, ${options:-default}" $? "$keys"
    done
    look stride=1000:scene=0 -i %d.jpg
    [ $status = 0 ] && [ "$maps" = 1 ]
    check "one without scene" $? "$keys"
else
    echo "skip - filter photos: no shared test data"
fi
ff -f lavfi -i testsrc2=s=64x64:r=1:d=8 still%d.png
look "" -framerate 2 -i still%d.png
[ $status = 0 ] && [ "$maps" = 8 ]
check "pictures of two a second get a map each" $? "$keys"
look "" -i still1.png
[ $status = 0 ] && [ "$keys" = 1 ]
check "a single picture gets one" $? "$keys"

# Four sources, of which each frame is cut to the next one: after a cut, the difference from the frame before is as
# great as that frame's from its own.
shots="testsrc2=s=160x120:r=25:d=4[a];color=gray:s=160x120:r=25:d=4,noise=alls=20:all_seed=3,vignette[b];
       mandelbrot=s=160x120:rate=25,trim=duration=4,format=yuv420p[c];smptehdbars=s=160x120:r=25:d=4[d];
       [a][b][c][d]interleave=n=4,setpts=N/25/TB,trim=end_frame=40"
look stride=1000 -f lavfi -i "$shots"
[ $status = 0 ] && [ "$maps" = 40 ]
check "cuts one after the other are found" $? "$keys"
before=fps=1/2
look "" -f lavfi -i "testsrc2=s=160x120:r=25:d=20"
[ $status = 0 ] && [ "$maps" = 10 ]
check "a film of a frame each two seconds has no old maps" $? "$keys"
film="testsrc2=s=160x120:r=25:d=8[a];color=gray:s=160x120:r=25:d=8,noise=alls=20:all_seed=3,vignette[b];
      smptehdbars=s=160x120:r=25:d=8[c];[a][b][c]concat=n=3"
look stride=1000 -f lavfi -i "$film"
[ $status = 0 ] && [ "$keys" = "1 0 0 0 1 0 0 0 1 0 0 0" ]
check "its cuts are found" $? "$keys"
before=

# What has changed little by little has a map of its own, once it has nothing to do with that of the last one.
pan="testsrc2=s=640x120:r=1:d=1,loop=loop=99:size=1,setpts=N/25/TB,crop=160:120:x=4*n:y=0"
look stride=1000 -f lavfi -i "$pan"
[ $status = 0 ] && [ "$maps" -ge 2 ] && [ "$maps" -le 12 ]
check "drifting away from the last key frame" $? "$keys"
look stride=1000 -f lavfi -i "color=gray:s=160x120:r=25:d=2,noise=alls=40:allf=t"
[ $status = 0 ] && [ "$maps" = 1 ]
check "noise is no change" $? "$keys"

# Seconds.
for rate in 5:1 10:2 25:5 30:6 24:5; do
    frames=${rate#*:}
    want=$(awk -v n="$frames" 'BEGIN { for (i = 0; i < 24; i++) printf "%s%d", i ? " " : "", i % n == 0 }')
    for origin in start timestamp; do
        [ $rate != 24:5 ] || [ $origin = start ] || continue
        look every=0.2:scene=0:origin=$origin -f lavfi -i "testsrc2=s=64x64:r=${rate%:*},trim=end_frame=24"
        [ $status = 0 ] && [ "$keys" = "$want" ]
        check "every=0.2 at ${rate%:*} frames/s, origin=$origin" $? "$keys"
    done
done
look "every=0.2:scene=0" -f lavfi -i "testsrc2=s=64x64:r=100,trim=end_frame=12,setpts='N*N/100/TB'"
[ $status = 0 ] && [ "$keys" = "1 0 0 0 0 1 0 1 0 1 0 1" ]      # 0, .25, .49, .81, 1.21 s
check "every=0.2 where frames have uneven times" $? "$keys"
before="sendcmd='0.39 gradcam every 0.08'"
look "every=0.2:scene=0" -f lavfi -i "testsrc2=s=64x64:r=25,trim=end_frame=20"
[ $status = 0 ] && [ "$keys" = "1 0 0 0 0 1 0 0 0 0 1 0 1 0 1 0 1 0 1 0" ]
check "command every" $? "$keys"
before=setpts=NAN
look "every=0.2:scene=0" -f lavfi -i "testsrc2=s=64x64:r=25,trim=end_frame=11"
[ $status = 0 ] && [ "$keys" = "1 0 0 0 0 1 0 0 0 0 1" ]
check "every=0.2 where frames have no times" $? "$keys"

exit $bad
