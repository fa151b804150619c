#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What the filter says and understands beyond plain options: expressions, colours of classes, the log, all kinds of
# output, cuts, and pieces of a file that agree with the whole.

. "$SRC/tests/filter/common.sh"

still="-f lavfi -i testsrc2=s=96x64:r=10:d=2"

# FILE OPTIONS [SOURCE]: checksums of the frames that the filter makes of a test picture, one a line in FILE.
make_sums() {
    ff ${3:-$still} -vf "gradcam=class=$any:colors=none:$2" -f framemd5 frames.md5
    sums frames.md5 > "$1"
}

# FILE FILE: on which frames they are the same, as 0 and 1.
same() {
    paste -d ' ' "$1" "$2" | awk '{ printf("%s%d", (NR > 1 ? " " : ""), $1 == $2) }'
}

# ------------------------------------------------------------------------------------------------- expressions
make_sums plain opacity=0.5
make_sums none opacity=0
make_sums out "opacity='if(lt(t,0.95),0,0.5)'"
[ "$(same out none)" = "1 1 1 1 1 1 1 1 1 1 0 0 0 0 0 0 0 0 0 0" ] &&
    [ "$(same out plain)" = "0 0 0 0 0 0 0 0 0 0 1 1 1 1 1 1 1 1 1 1" ]
check "opacity by the time" $? "$(same out none)"
make_sums out "opacity='0.5*lt(n,7)'"
[ "$(same out plain)" = "1 1 1 1 1 1 1 0 0 0 0 0 0 0 0 0 0 0 0 0" ]
check "opacity by the number of the frame" $? "$(same out plain)"
make_sums out "opacity='if(gte(probability,0)*lte(probability,1),0.5,0)'"
[ "$(same out plain | tr -d ' 1')" = "" ]
check "opacity by the probability" $? "$(same out plain)"
make_sums out "opacity='if(lt(score,-1000),0.5,0)'"
[ "$(same out none | tr -d ' 1')" = "" ]
check "opacity by the score" $? "$(same out none)"
make_sums out "opacity='0.5*n/0'"       # 0/0 on the first frame, beyond 1 afterwards
make_sums full opacity=1
[ "$(same out none | cut -c 1)" = 1 ] && [ "$(same out full)" = "0 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1" ]
check "opacity beyond its range is brought into it" $? "$(same out full)"
make_sums out "threshold='lt(n,7)':opacity=0.5"
[ "$(same out plain)" = "0 0 0 0 0 0 0 1 1 1 1 1 1 1 1 1 1 1 1 1" ]
check "threshold by the number of the frame" $? "$(same out plain)"
ff $still -vf "gradcam=class=$any:stride=1:box='if(lt(n,10),0,0.5)',metadata=print:file=meta" -f null -
[ "$(values meta w | cut -d ' ' -f 1-10)" = "- - - - - - - - - -" ] &&
    [ "$(values meta w | cut -d ' ' -f 11-20 | tr -d -c -)" != "----------" ]
check "box by the number of the frame" $? "$(values meta w)"

# ----------------------------------------------------------------------------------------- colours and outputs
ff $still -vf "gradcam=class=star|heart:colors=red|lime,metadata=print:file=meta" -f null -
[ "$(values meta color | cut -d ' ' -f 1)" = 0xFF0000 ] && [ "$(values meta 2.color | cut -d ' ' -f 1)" = 0x00FF00 ]
check "colours of classes in the metadata" $? "$(values meta color)"
ff $still -vf "gradcam=class=star,metadata=print:file=meta" -f null -
[ "$(values meta color | cut -d ' ' -f 1)" = - ]
check "one class has the colormap" $?

# OPTIONS: the mean R, G, B of the first frame.
mean_color() {
    ff $still -frames:v 1 \
        -vf "format=gbrp,gradcam=$1,format=rgb24,scale=1:1:flags=area" -f rawvideo -pix_fmt rgb24 color
    od -An -tu1 -N3 color | tr -s ' ' | sed 's/^ //'
}
set -- $(mean_color "class=$any:colors=red:output=heatmap")
[ "$1" -gt 10 ] && [ "$2" = 0 ] && [ "$3" = 0 ]
check "heatmap of one colour is that colour on black" $? "$*"
set -- $(mean_color "class=$any:colors=red|blue:output=heatmap")
[ "$1" -gt 3 ] && [ "$2" = 0 ] && [ "$3" -gt 3 ]
check "heatmap of two colours has both" $? "$*"

# What other stock filters make of the metadata.
ff $still -vf "gradcam=class=star:stride=1,drawgraph=m1=lavfi.gradcam.score:fg1=0xFFFF0000:min=-20:max=20:size=96x64" \
    -frames:v 20 -f framemd5 graph
[ $status = 0 ] && [ "$(sums graph | sort -u | wc -l)" -gt 5 ]
check "drawgraph of the score" $? "$(tail -n 1 log)"
ff $still -vf "gradcam=class=star:stride=7,metadata=mode=select:key=lavfi.gradcam.key:value=1" -f framemd5 out
[ $status = 0 ] && [ "$(frames out)" = 3 ]
check "frames selected by the metadata" $? "$(frames out) frames"

# A legend of stock filters, where there is a font.
if ff $still -frames:v 1 -vf drawtext=text=a -f null - && [ $status = 0 ]; then
    legend="drawtext=text='%{metadata\:lavfi.gradcam.label}'"
    legend="$legend:fontcolor_expr=%{metadata\\\\:lavfi.gradcam.color}:fontsize=32"
    ff $still -frames:v 1 -vf "gradcam=class=star|heart:opacity=0:colors=red|lime,geq=0:128:128,$legend" \
        -f rawvideo -pix_fmt rgb24 legend
    [ $status = 0 ] && od -An -v -tu1 -w3 legend | awk '$1 > 150 && $2 < 120 { red++ } END { exit red < 20 }'
    check "legend by drawtext in the colour of the class" $?
else
    echo "skip - filter legend by drawtext: no font, or no drawtext"
fi

for size in 96x64 97x63 99x33; do
    for format in yuv420p yuv410p nv12 rgb24 gray gbrp10 yuv444p12; do
        ff -f lavfi -i testsrc2=s=100x64:r=10:d=1 -filter_complex "
            format=$format,crop=${size%x*}:${size#*x}:0:0:exact=1,split[a][b];
            [a]gradcam=class=$any:output=side,split[s][t];
            [s]crop=${size%x*}:${size#*x}:0:0:exact=1[left];[t]null[whole];
            [b]null[in]" -map '[left]' -f framemd5 left -map '[in]' -f framemd5 in -map '[whole]' -f framemd5 whole
        columns=$(sed -n 's/^#dimensions 0: \([0-9]*\)x.*/\1/p' whole)
        [ $status = 0 ] && [ "$(sums left)" = "$(sums in)" ] && [ "$columns" -ge $((2 * ${size%x*})) ] &&
            [ "$columns" -le $((2 * ${size%x*} + 3)) ]
        check "side: the frame on the left, $size $format" $? "$columns columns, $(head -n 2 log)"
    done
done
ff $still -filter_complex "format=yuv420p,split[a][b];[a]gradcam=class=$any:output=side,crop=96:64:96:0[right];
    [b]gradcam=class=$any[overlay]" -map '[right]' -f framemd5 a -map '[overlay]' -f framemd5 b
[ $status = 0 ] && [ "$(sums a)" = "$(sums b)" ]
check "side: the overlay on the right" $?
ff $still -vf "gradcam=class=$any:output=side:enable='lt(n,5)'" -f framemd5 out
[ $status = 0 ] && [ "$(frames out)" = 20 ]
check "side: frames at which the filter is disabled are as wide" $? "$(tail -n 1 log)"

# Laid over the frame again, colours and alpha give what the overlay is.
for colors in none red "red|blue"; do
    classes=$any
    [ "$colors" != red ] || classes=star
    ff $still -filter_complex "format=gbrp,split=3[a][b][c];[a]gradcam=class=$classes:colors='$colors'[x];
        [b]format=gbrap,gradcam=class=$classes:colors='$colors':output=alpha,split[d][e];[e]alphaextract,format=gbrp[w];
        [d]format=gbrp[heat];[c][heat][w]maskedmerge[y];[x][y]psnr=f=psnr" -f null -
    worst=$(sed 's/.*psnr_avg:\([^ ]*\) .*/\1/' psnr | sort -g | head -n 1)
    limit=45
    [ "$colors" != "red|blue" ] || limit=20         # where heat overlaps, weights are put together in another way
    [ $status = 0 ] && awk "BEGIN { exit !(\"$worst\" == \"inf\" || ${worst:-0} + 0 > $limit) }"
    check "alpha over the frame is the overlay, colors=$colors" $? "$worst dB, $(tail -n 1 log)"
done
ff $still -vf "gradcam=class=$any:output=alpha" -c:v ffv1 alpha.mkv
pixels=$("$BUILD/bin/ffprobe" -v error -show_entries stream=pix_fmt -of csv=p=0 alpha.mkv)
case $pixels in *a*) true ;; *) false ;; esac
check "alpha: a format that has it" $? "$pixels"

# ------------------------------------------------------------------------------------------------------- commands
layer=$("$BUILD/bin/gradcam" layers | awk '$2 == "Relu" { print $1; exit }')
ff $still \
    -vf "sendcmd='0.95 gradcam layer $layer',gradcam=class=$any:stride=1000:colors=none,metadata=print:file=meta" \
    -f framemd5 frames.md5
sums frames.md5 > out
make_sums plain stride=1000
make_sums other stride=10:layer=$layer
[ "$(values meta key)" = "1 0 0 0 0 0 0 0 0 0 1 0 0 0 0 0 0 0 0 0" ] && [ "$(sed 10q out)" = "$(sed 10q plain)" ] &&
    [ "$(tail -n 10 out)" = "$(tail -n 10 other)" ]
check "command layer" $? "$(values meta key)"

# ------------------------------------------------------------------------------------------------------------ log
ff $still -vf "gradcam=class=star|heart:stride=3:log_path=log.json,metadata=print:file=meta" -f null -
python3 - meta <<'PYTHON' > json.log 2>&1
import json, re
lines = [json.loads(line) for line in open("log.json")]
frames, summary = lines[:-1], lines[-1]["summary"]
assert [f["n"] for f in frames] == list(range(20)), "numbers"
assert [f["key"] for f in frames] == [int(n % 3 == 0) for n in range(20)], "keys"
assert all(abs(f["t"] - f["n"] / 10) < 1e-6 for f in frames), "times"
assert all([c["label"] for c in f["classes"]] == ["star", "heart"] for f in frames), "labels"
assert (summary["frames"], summary["shown"], summary["maps"]) == (20, 20, 7), summary
assert summary["labels"] == {"star": 20, "heart": 20}, summary
assert summary["methods"]["gradcam"]["maps"] == 7 and summary["methods"]["gradcam"]["ms_mean"] > 0, summary
assert all(f["method"] == "gradcam" for f in frames), "method"
told = re.split("frame:.*\n", open("meta").read())[1:]
for frame, text in zip(frames, told):
    told = dict(line.split("=", 1) for line in text.split())
    assert told["lavfi.gradcam.method"] == frame["method"]
    for prefix, c in zip(("", "2."), frame["classes"]):
        get = lambda key: told.get("lavfi.gradcam." + prefix + key)
        assert (get("label"), int(get("class"))) == (c["label"], c["class"])
        assert abs(float(get("score")) - c["score"]) < 1e-5
        box = [int(get(k)) for k in "xywh"] if get("x") else None
        assert box == c.get("box"), (box, c)
        centre = [int(get("cx")), int(get("cy"))] if get("cx") else None
        assert centre == c.get("centre"), (centre, c)
PYTHON
check "log in JSON says what the metadata say, and a summary" $? "$(tail -n 1 json.log)"
level=info ff $still -vf "gradcam=class=star|heart:stride=3:log_path=log.csv" -f null -
[ "$(wc -l < log.csv)" = 41 ] &&
    [ "$(cut -d , -f 8 log.csv | sort | uniq -c | tr -s ' \n' ' ')" = ' 20 "heart" 20 "star" 1 label ' ] &&
    [ "$(awk -F , '{ print NF }' log.csv | sort -u)" = 18 ]
check "log as CSV, by its name" $? "$(head -n 2 log.csv)"
grep -q '20 frames, 20 with a map; 7 maps.*; by gradcam 7 at [0-9.]* ms; ' log
check "summary at the end" $? "$(grep gradcam log | tail -n 1)"
ff $still -vf "gradcam=class=star|heart:stride=3:log_path=other.csv:log_fmt=json" -f null -
grep -q '^{"n": 0,' other.csv
check "log as JSON, whatever its name" $? "$(head -n 1 other.csv)"
level=info ff $still -vf gradcam=class=auto:3 -f null -
grep -q 'class=3 is the class of that index, flower; the top 3 are class=auto3' log
check "a colon in class= is told of" $? "$(grep gradcam log)"
level=info ff $still -vf gradcam=c=auto:3 -f null -
[ $status != 0 ] && grep -q 'the top 3 are class=auto3' log
check "a colon in c= is told of" $? "$(grep gradcam log)"
level=error

# ------------------------------------------------------------------------------------------- maps and pictures
# (What the network saw is of its size: the command line makes the same map of it.)
ff $still -vf "gradcam=class=star|heart:stride=7:scene=0:map_path=all.npy:seen_path=newest.ppm" -f null -
ff $still -vf "gradcam=class=star|heart:stride=7:scene=0:lookahead=2:map_path=map%03d.npy:seen_path=seen%d.ppm" \
    -f null -
[ "$(ls map*.npy | paste -s -d ' ')" = "map000.npy map007.npy map014.npy" ] &&
    [ "$(ls seen*.ppm | paste -s -d ' ')" = "seen0.ppm seen14.ppm seen7.ppm" ] && cmp newest.ppm seen14.ppm
check "maps and pictures are named by the frame" $? "$(ls *.npy *.ppm | paste -s -d ' ')"
"$BUILD/bin/gradcam" explain seen7.ppm -c star --map star.npy > said 2>&1 &&
    "$BUILD/bin/gradcam" explain seen7.ppm -c heart --map heart.npy > said 2>&1
python3 - > said 2>&1 <<'PYTHON'
import ast, struct
def load(path):
    data = open(path, "rb").read()
    assert data[:8] == b"\x93NUMPY\x01\0", path
    size, = struct.unpack("<H", data[8:10])
    header = ast.literal_eval(data[10:10 + size].decode())
    assert header["descr"] == "<f4" and not header["fortran_order"] and (10 + size) % 64 == 0
    return header["shape"], data[10 + size:]
shape, every = load("all.npy")
ones = [load("map%03d.npy" % n) for n in (0, 7, 14)]
assert shape[:2] == (3, 2) and all(one[0] == shape[1:] for one in ones), (shape, ones[0][0])
assert every == b"".join(one[1] for one in ones)
star, heart = load("star.npy"), load("heart.npy")
assert star[0] == shape[2:] and star[1] + heart[1] == ones[1][1] and star[1] != heart[1]
PYTHON
check "maps are the same bits in one file, in several, and by the command line of what was seen" $? "$(tail -n 1 said)"
ff $still -vf "sendcmd='1 gradcam class heart',gradcam=class=star|moon:stride=5:scene=0:map_path=all.npy" -f null -
[ $status = 0 ] && [ "$(grep -c 'all.npy ends here: 1 maps' log)" = 1 ] && grep -aq "'shape': (2, 2, " all.npy
check "maps of another shape end the file" $?

# ------------------------------------------------------------------------------------------------ cuts and pieces
film="testsrc2=s=160x120:r=10:d=1[p];testsrc2=s=160x120:r=10:d=1,negate[q];[p][q]concat"
for format in yuv420p yuv422p10 rgb24 nv12; do
    ff -filter_complex "$film,format=$format,gradcam=class=$any:stride=7,metadata=print:file=meta" -f null -
    [ "$(values meta key)" = "1 0 0 0 0 0 0 1 0 0 1 0 0 0 0 0 0 1 0 0" ]
    check "a cut gets a map of its own, $format" $? "$(values meta key)"
done
ff -filter_complex "$film,gradcam=class=$any:stride=7:scene=0,metadata=print:file=meta" -f null -
[ "$(values meta key)" = "1 0 0 0 0 0 0 1 0 0 0 0 0 0 1 0 0 0 0 0" ]
check "scene=0 looks for no cuts" $? "$(values meta key)"
for smooth in 0 5; do
    ff -filter_complex "$film,gradcam=class=$any:colors=none:stride=1:smooth=$smooth" -f framemd5 frames.md5
    sums frames.md5 > smooth$smooth
done
set -- $(same smooth0 smooth5)
[ "$1 $3 ${11} ${13}" = "1 0 1 0" ]
check "after a cut, maps are not smoothed with those before" $? "$*"

ff -f lavfi -i testsrc2=s=160x120:r=25:d=4 -c:v mpeg2video -g 12 -bf 2 -flags +cgop -sc_threshold 1000000000 \
    -q:v 3 whole.mkv
ff -i whole.mkv -c copy -avoid_negative_ts disabled -f segment -segment_time 0.9 piece%d.mkv
# OPTIONS [OPTION]: checksums of the whole, and of the pieces one after the other.
compare_pieces() {
    ff $2 -i whole.mkv -vf "gradcam=class=$any:$1" -f framemd5 frames.md5
    sums frames.md5 > whole
    : > pieces
    for piece in piece?.mkv; do
        ff $2 -i $piece -vf "gradcam=class=$any:$1" -f framemd5 frames.md5
        sums frames.md5 >> pieces
    done
    [ "$(ls piece?.mkv | wc -l)" -ge 3 ] && [ "$(wc -l < whole)" = "$(wc -l < pieces)" ] && cmp -s whole pieces
}
compare_pieces stride=4:origin=keyframe
check "pieces of a file agree with the whole, origin=keyframe" $? "$(same whole pieces)"
compare_pieces stride=4:origin=start
[ $? != 0 ]
check "pieces of a file do not, origin=start" $?
compare_pieces stride=5:origin=timestamp -copyts
check "pieces of a file agree with the whole, origin=timestamp" $? "$(same whole pieces)"
ff -i whole.mkv -vf "gradcam=class=$any:stride=1000:origin=keyframe:scene=0,metadata=print:file=meta" -f null -
[ "$(values meta key | tr ' ' '\n' | grep -n 1 | cut -d : -f 1 | head -n 3 | paste -s -d ' ')" = "1 11 21" ]
check "origin=keyframe: key frames of the video are key frames" $? "$(values meta key)"

# -------------------------------------------------------------------------------------------- arithmetic, stillness
ff -f lavfi -i "smptebars=s=160x120:r=10:d=2" -vf "gradcam=class=$any:stride=1:log_path=log.json" -f framemd5 a
ff -f lavfi -i "smptebars=s=160x120:r=10:d=2" \
    -vf "gradcam=class=$any:stride=1:still=-1:log_path=none.json" -f framemd5 b
[ "$(sums a)" = "$(sums b)" ] && grep -q '"maps": 20, .*"reused": 19' log.json && grep -q '"reused": 0' none.json
check "a still picture is looked at once, and looks the same" $? "$(tail -n 1 log.json)"
ff $still -vf "gradcam=class=$any:precision=bf16" -f framemd5 out
[ $status = 0 ] && [ "$(frames out)" = 20 ]
check "precision=bf16" $?

exit $bad
