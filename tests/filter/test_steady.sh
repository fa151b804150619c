#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Maps over time: frames that wait for the next map, smoothing, the range of the colours, and boxes.

. "$SRC/tests/filter/common.sh"

# interp=linear and motion hold frames back until the next map, or the end, is there.
for stride in 1 5 7; do
    for lookahead in 0 2; do
        for count in 1 8 36; do
            interp=motion
            [ $((count % 2)) = 1 ] || [ $stride = 7 ] || interp=linear
            ff -filter_complex "testsrc2=s=96x64:r=25:d=2,trim=end_frame=$count,setpts='N*N+7*N+3',split[in][b];
                                [b]gradcam=c=$any:stride=$stride:lookahead=$lookahead:interp=$interp,
                                metadata=print:file=meta[out]" \
                -map '[in]' -fps_mode passthrough -f framemd5 in -map '[out]' -fps_mode passthrough -f framemd5 out
            [ $status = 0 ] && [ "$(stamps in)" = "$(stamps out)" ] && [ "$(frames out)" = $count ] || break 3
        done
    done
done
check "interp: each frame once, in order" $? \
    "interp=$interp:stride=$stride:lookahead=$lookahead, $count frames: $(cat log)"

# OPTIONS: writes the masks of a noisy still picture into ./masks, 64 x 64, one after the other.
masks() {
    ff -f lavfi -i "color=gray:s=64x64:r=25:d=1,drawbox=20:20:24:24:red:fill,noise=alls=60:allf=t:all_seed=5" \
        -vf "gradcam=c=$any:output=mask:$1,format=gray" -f rawvideo masks
}

# Mean difference of each byte of ./masks from the one of the frame before, in hundredths.
unrest() {
    od -An -v -tu1 -w4096 masks | awk '
        NR > 3 { for (i = 1; i <= NF; i += 7) { sum += $i > last[i] ? $i - last[i] : last[i] - $i; n++ } }
        { for (i = 1; i <= NF; i += 7) last[i] = $i }
        END { printf "%d", n ? 100 * sum / n : -1 }'
}

masks stride=1; rough=$(unrest)
masks stride=1:smooth=0.5; smooth=$(unrest)
[ $status = 0 ] && [ "$smooth" -ge 0 ] && [ $((2 * smooth)) -lt "$rough" ]
check "smooth makes maps steadier" $? "unrest $rough, smoothed $smooth"
masks stride=5; hold=$(od -An -v -tu1 masks | cksum)
masks stride=5:interp=linear; linear=$(od -An -v -tu1 masks | cksum)
[ $status = 0 ] && [ "$hold" != "$linear" ]
check "interp=linear shows something else than hold" $?
# Three frames at 0, 0.03 and 0.04 s, of which the first and the last are key frames: what lies between is a quarter of
# the one map and three of the other. Bilinear, which is linear in the map.
pictures="mandelbrot=s=64x64:rate=25,select='not(mod(n\\,30))',trim=end_frame=3,settb=1/1000"
uneven() {
    ff -f lavfi -i "$pictures,setpts='if(eq(N,1),30,N*20)'" -fps_mode passthrough -f rawvideo \
        -vf "gradcam=c=arrow:scene=0:upsample=bilinear:output=mask:$1,format=gray" masks
    od -An -v -tu1 -w4096 masks
}
uneven stride=1 > own
uneven stride=2:interp=linear > mixed
off=$(cat own mixed | awk '
    { for (i = 1; i <= NF; i++) v[NR, i] = $i }
    END { for (i = 1; i <= 4096; i++) {
              time += (d = v[5, i] - 0.25 * v[1, i] - 0.75 * v[3, i]) > 0 ? d : -d
              number += (d = v[5, i] - 0.5 * v[1, i] - 0.5 * v[3, i]) > 0 ? d : -d }
          printf "%d %d", time / 4096 * 100, number / 4096 * 100 }')
[ $status = 0 ] && [ "${off% *}" -le 100 ] && [ "${off#* }" -gt 300 ]
check "interp=linear mixes by time" $? "hundredths of a level from there by time and by number: $off"
masks stride=5:interp=motion; motion=$(od -An -v -tu1 masks | cksum)
[ $status = 0 ] && [ "$hold" = "$motion" ]
check "interp=motion without vectors is hold" $?

# Sum of the bytes of ./masks.
brightness() {
    od -An -v -tu1 masks | awk '{ for (i = 1; i <= NF; i++) sum += $i } END { printf "%d", sum }'
}
masks stride=5:scale=fixed:low=0:high=1e9; dark=$(brightness)
masks stride=5:scale=fixed:low=-2:high=-1; bright=$(brightness)
masks stride=5:scale=running; running=$(brightness)
[ $status = 0 ] && [ "$dark" -lt "$running" ] && [ "$running" -lt "$bright" ]
check "scale: fixed and running" $? "brightness $dark, $running, $bright"
masks stride=5:scale=fixed:low=1:high=1
[ $status != 0 ] && [ "$(grep -c 'low' log)" = 1 ]
check "low=high is refused in a sentence" $? "$(cat log)"

# drawbox finds the boxes, which are within the frame.
ff -f lavfi -i testsrc2=s=98x66:r=25:d=1 -vf "gradcam=c=$any:stride=3,metadata=print:file=meta" -f framemd5 out
for key in x y w h; do
    values meta $key | tr ' ' '\n' > $key
done
paste -d ' ' x y w h | grep -v '^- - - -$' > boxes          # a map that is empty has none
outside=$(awk 'NF != 4 || $1 < 0 || $2 < 0 || $3 < 1 || $4 < 1 || $1 + $3 > 98 || $2 + $4 > 66' boxes | wc -l)
[ $status = 0 ] && [ "$(wc -l < boxes)" -ge 20 ] && [ "$outside" = 0 ]
check "box: within the frame" $? "$outside of $(wc -l < boxes) boxes outside, the first $(head -n 1 boxes)"
for box in 0.15 0; do
    ff -filter_complex "testsrc2=s=96x64:r=25:d=1,gradcam=c=$any:stride=3:box=$box,split[a][b];
                        [b]drawbox=box_source=side_data_detection_bboxes:color=red[c]" \
        -map '[a]' -f framemd5 plain -map '[c]' -f framemd5 "drawn$box"
done
sums plain > a; sums drawn0.15 > b; sums drawn0 > c
if grep -q "box_source" log; then
    echo "skip - filter box: this drawbox reads no side data"
else
    [ $status = 0 ] && [ "$(diff a b | grep -c '^>')" -gt 20 ] && cmp -s a c
    check "box: drawn by drawbox from the side data, none with box=0" $?
fi

exit $bad
