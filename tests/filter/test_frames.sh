#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Every frame goes through once, in order, with its time, at any stride; key frames and timeline are where they should
# be; the filter lives in graphs of any shape.

. "$SRC/tests/filter/common.sh"

# OPTIONS: runs the filter beside its input, whose frames have uneven times, writing the files in and out.
compare() {
    ff -filter_complex "testsrc2=s=96x64:r=25:d=2,trim=end_frame=${count:-50},setpts='N*N+7*N+3',split[in][b];
                        [b]gradcam=$1,metadata=print:file=meta[out]" \
        -map '[in]' -fps_mode passthrough -f framemd5 in -map '[out]' -fps_mode passthrough -f framemd5 out
    [ $status = 0 ] && [ "$(stamps in)" = "$(stamps out)" ] && [ "$(frames out)" = "${count:-50}" ]
}

for stride in 1 2 7 1000; do
    for more in lookahead=0 lookahead=3 live=1; do
        compare "stride=$stride:$more"
        check "each frame once with its time, stride=$stride:$more" $?
    done
done
for count in 1 2 8; do
    compare stride=7:lookahead=2
    check "each frame once, $count frames" $?
done
count=
ff -f lavfi -i testsrc2=s=96x64:d=1 -vf trim=end_frame=0,gradcam -f framemd5 out
[ $status = 0 ] && [ "$(frames out)" = 0 ]
check "no frames at all" $?

compare stride=20:lookahead=1
want="1 $(seq -s ' ' 19 | sed 's/[0-9]*/0/g')"
[ "$(values meta key)" = "$want $want $(echo "$want" | cut -c 1-19)" ]
check "key frames are every stride-th" $? "$(values meta key)"
want=$(seq -s ' ' 0 19)
[ "$(values meta age)" = "$want $want $(seq -s ' ' 0 9)" ]
check "age counts frames since the key frame" $? "$(values meta age)"
missing=
for key in label class score probability age key empty cx cy ms; do
    [ "$(values meta $key | tr ' ' '\n' | grep -c '[^-]')" -ge 50 ] || missing="$missing $key"
done
[ -z "$missing" ]
check "metadata on each frame" $? "missing:$missing"

compare "opacity=1:stride=3:lookahead=2:enable='between(n,10,19)'"
sums in > a; sums out > b
[ $status = 0 ] && [ "$(diff a b | grep -c '^>')" = 10 ] &&
    [ "$(paste -d = a b | sed -n '11,20p' | grep -c '^\(.*\)=\1$')" = 0 ] &&
    [ "$(values meta key)" = "1 0 0 1 0 0 1 0 0 1" ]       # the others have no metadata
check "enable: other frames pass untouched, a key frame begins" $? "$(values meta key)"
compare "stride=4:live=1:enable='mod(n,2)'"
check "enable on and off all the time" $?

ff -filter_complex "testsrc2=s=96x64:d=1,split=3[a][b][c];[a]gradcam=class=star[x];
                    [b]gradcam=class=heart:stride=2[y];[c]null[z];[x][y][z]hstack=inputs=3" -f framemd5 out
[ $status = 0 ] && [ "$(frames out)" = 25 ] && grep -q 'dimensions 0: 288x64' out
check "two filters of one network in a graph" $?
ff -filter_complex "testsrc2=s=96x64:d=1,gradcam[x];testsrc=s=96x64:d=1,format=yuv420p,gradcam=lookahead=2[y];
                    [x][y]concat" -f framemd5 out
[ $status = 0 ] && [ "$(frames out)" = 50 ]
check "filters one after the other, concat" $?
ff -filter_complex "testsrc2=s=96x64:d=1,gradcam=class=star,gradcam=class=heart" -f framemd5 out
[ $status = 0 ] && [ "$(frames out)" = 25 ]
check "a filter behind a filter" $?

# FFmpeg's command line throws away what a filter holds back when the size changes, so nothing may be held back.
ff -f lavfi -i testsrc2=s=64x48:r=10:d=1,format=yuvj420p -c:v mjpeg a.mkv
ff -f lavfi -i testsrc2=s=98x82:r=10:d=1,format=yuvj420p -c:v mjpeg b.mkv
ff -f lavfi -i testsrc2=s=98x82:r=10:d=1,format=yuvj444p -c:v mjpeg c.mkv
printf "file '%s'\n" a.mkv b.mkv c.mkv a.mkv > list
ff -f concat -i list -vf gradcam=stride=7 -f framemd5 out
[ $status = 0 ] && [ "$(frames out)" = 40 ]
check "size and format change in mid-stream" $? "$(frames out) of 40 frames"
ff -reinit_filter 0 -f concat -i list -vf perms=ro,gradcam=stride=7:lookahead=3,scale=64:48 -f framemd5 out
[ $status = 0 ] && [ "$(frames out)" = 40 ]
check "the same within one graph" $? "$(frames out) of 40 frames"

# What a file is cut from and with: the same frames as without the filter, each with its time.
ff -f lavfi -i testsrc2=s=96x64:r=25:d=4 -c:v mpeg4 -bf 2 -g 12 -flags +ilme+ildct film.mkv
# NAME INPUT-OPTIONS GRAPH [INTERP]: with the filter in the place of FILTER in the graph, and without it.
beside() {
    ff $2 -i film.mkv -vf "$(echo "$3" | sed s/FILTER/null/)" -fps_mode passthrough -f framemd5 in
    ff $2 -i film.mkv -vf "$(echo "$3" | sed "s/FILTER/gradcam=stride=4${4:+:interp=$4}/")" -fps_mode passthrough \
        -f framemd5 out
    [ $status = 0 ] && [ "$(frames in)" -gt 5 ] && [ "$(stamps in)" = "$(stamps out)" ] &&
        [ "$(sums in)" != "$(sums out)" ]
    check "$1" $? "$(frames out) of $(frames in) frames"
}
for interp in hold linear motion; do
    beside "seeking and a duration, interp=$interp" "-flags2 +export_mvs -ss 1.3 -t 1.1" FILTER $interp
    beside "select before, trim behind, interp=$interp" "-flags2 +export_mvs" \
        "select='not(eq(mod(n,3),1))',FILTER,trim=start=1:end=3" $interp
    beside "frames twice and out of time, interp=$interp" "-flags2 +export_mvs" \
        "loop=loop=3:size=9:start=20,setpts='N*N*3/TB/1000',FILTER" $interp
    ff -flags2 +export_mvs -i film.mkv \
        -vf "setpts=NAN,gradcam=stride=4:interp=$interp:smooth=1,metadata=print:file=meta" \
        -f null -
    [ $status = 0 ] && [ "$(values meta key | wc -w)" = 100 ]
    check "no timestamps, interp=$interp" $? "$(values meta key | wc -w) frames"
done
level=info ff -f lavfi -i testsrc2=s=96x64:r=25:d=1 -vf setfield=bff,gradcam,setsar=4/3,showinfo -f null -
[ "$(grep -c 'n: .* sar:4/3 .* i:B ' log)" = 25 ]
check "interlaced frames stay what they are" $? "$(grep -m 1 'n: ' log)"
level=error

exit $bad
