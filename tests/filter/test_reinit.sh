#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# A video whose size or format changes: FFmpeg makes the filter anew, which goes on as if nothing had been; and who may
# write to which log.

. "$SRC/tests/filter/common.sh"
command -v python3 > /dev/null || { echo "skip - filter reinit: no python3"; exit 0; }

ff -f lavfi -i testsrc2=s=64x48:r=10:d=1,format=yuvj420p -c:v mjpeg a.mkv
ff -f lavfi -i testsrc2=s=98x82:r=10:d=1,format=yuvj420p -c:v mjpeg b.mkv
ff -f lavfi -i testsrc2=s=98x82:r=10:d=1,format=yuvj444p -c:v mjpeg c.mkv
printf "file '%s'\n" a.mkv b.mkv c.mkv a.mkv > list

# LOG FRAMES: whether the log has so many frames, counted on, and one summary, the last line, that agrees.
whole() {
    python3 - "$1" "$2" 2> reason << 'END'
import json, sys
lines = [json.loads(line) for line in open(sys.argv[1])]
count = int(sys.argv[2])
assert [line.get("n") for line in lines[:-1]] == list(range(count)), [line.get("n") for line in lines]
summary = lines[-1]["summary"]
assert summary["frames"] == summary["shown"] == count and summary["maps"] == sum(line["key"] for line in lines[:-1])
END
}

for lookahead in 0 3; do
    level=info ff -f concat -i list -vf "gradcam=class=star:stride=3:lookahead=$lookahead:log_path=log.json" -f null -
    count=40
    [ $lookahead = 0 ] || count=$(($(wc -l < log.json) - 1))    # what is held back at a change is lost
    [ $status = 0 ] && [ "$count" -ge 20 ] && { [ $lookahead != 0 ] || whole log.json 40; }
    check "size and format change: the log goes on, lookahead=$lookahead" $? "$(tail -n 1 reason)"
    [ "$(grep -c 'frames, .* with a map' log)" = 1 ] && [ "$(grep -c summary log.json)" = 1 ]
    check "size and format change: one summary, lookahead=$lookahead" $? "$(grep -c 'with a map' log)"
done
ff -f concat -i list -vf "gradcam=class=star|heart:stride=3:log_path=log.csv:log_fmt=csv" -f null -
[ $status = 0 ] && [ "$(wc -l < log.csv)" = 81 ] && [ "$(grep -c '^n,t' log.csv)" = 1 ]
check "size and format change: CSV has one header" $? "$(wc -l < log.csv) lines"
ff -f concat -i list -vf "gradcam=class=star:log_path=log.json,metadata=print:file=meta" -frames:v 25 -f null -
[ $status = 0 ] && [ "$(tail -n 1 log.json | cut -c 1-12)" = '{"summary": ' ] && [ "$(grep -c summary log.json)" = 1 ]
check "an output that ends before its input: one summary" $? "$(tail -n 1 log.json)"
ff -f concat -i list -f null \
    -vf "split[a][b];[a]gradcam=class=star:log_path=a.json[c];[b]gradcam=class=heart:log_path=b.json[d];[c][d]hstack" -
[ $status = 0 ] && whole a.json 40 && whole b.json 40 && ! grep -q heart a.json && ! grep -q star b.json
check "two filters, each goes on with its own" $? "$(cat reason)"
ff -f concat -i list -vf "sendcmd='1.55 gradcam class heart',gradcam=class=star:stride=1:log_path=log.json" -f null -
[ $status = 0 ] && whole log.json 40
check "commands on the way" $? "$(cat reason)"

# The network is not opened anew: it has one thing to say of itself.
network=$SHARED/models/squeezenet1_1.onnx
if [ -f "$network" ]; then
    level=warning ff -f concat -i list -vf "gradcam=$network:stride=5" -f null -
    [ $status = 0 ] && [ "$(grep -c 'how pixels become its input' log)" = 1 ]
    check "the network is kept" $? "$(grep -c 'how pixels become its input' log) times opened"
else
    echo "skip - filter the network is kept: no shared test data"
fi

# A class that was held does not outlive the cut to another picture: each photo has the label that it has alone.
if [ -d "$SHARED/images/open" ] && [ -f "$network" ]; then
    alone=
    for n in 1 2 3 4 5 6 7 8; do
        photo=$(printf '%s\n' "$SHARED"/images/open/ilsvrc_*.jpg | sed -n "$((n * 3))p")
        ln -s "$photo" $n.jpg
        ff -i $n.jpg -vf "gradcam=$network:bgr=1:mean=104/117/123:std=1,metadata=print:file=meta" -f null -
        alone="$alone$(values meta class) "
    done
    ff -i %d.jpg -vf "gradcam=$network:bgr=1:mean=104/117/123:std=1,metadata=print:file=meta" -f null -
    [ $status = 0 ] && [ "$(values meta class) " = "$alone" ]
    check "photos one after the other are classified each by itself" $? "$(values meta class), alone $alone"
fi

# Logs.
for other in log.json ./log.json link.json; do
    rm -f log.json link.json
    ln -s log.json link.json
    ff -f lavfi -i testsrc2=s=64x48:d=1 -vf "gradcam=class=star:log_path=log.json,gradcam=class=heart:log_path=$other" \
        -f null -
    [ $status != 0 ] && [ "$(grep -c "log_path=$other: another gradcam filter writes to it" log)" = 1 ]
    check "two filters with one log, $other, are refused" $? "$(cat log)"
done
rm -f log.json link.json
for run in 1 2; do
    ff -f lavfi -i testsrc2=s=64x48:r=10:d=1 -vf "gradcam=class=star:log_path=log.json" -f null -
done
[ $status = 0 ] && whole log.json 10
check "another run begins the log anew" $? "$(cat reason)"

exit $bad
