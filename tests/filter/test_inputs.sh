#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Networks that take grey, that remember, and that are asked something: in a video.
# timeout: 300

. "$SRC/tests/filter/common.sh"
command -v python3 > /dev/null || { echo "skip - filter inputs: no python3"; exit 0; }
[ -f "$SHARED/models/play/pong.onnx" ] || { echo "skip - filter inputs: no shared test data"; exit 0; }

# LOG CSV: median difference of the best action's score at most 0.05, and the same action on 97 % of the frames.
player() {
    python3 - "$1" "$2" << 'END'
import csv, json, statistics, sys
frames = [json.loads(line) for line in open(sys.argv[1])]
frames = [f for f in frames if f.get("classes")]
rows = list(csv.DictReader(open(sys.argv[2])))
assert len(frames) == len(rows), (len(frames), len(rows))
same, off = 0, []
for f, r in zip(frames, rows):
    best = max(f["classes"], key=lambda c: c["score"])
    same += best["class"] == int(r["best"])
    off.append(abs(best["score"] - float(r["action%d" % best["class"]])))
assert same >= 0.97 * len(rows) and statistics.median(off) <= 0.05, (same, statistics.median(off))
END
}

play=$SHARED/models/play
actions='0|1|2|3|4|5'
for game in pong:87:149 spaceinvaders:0:142; do
    name=${game%%:*} rest=${game#*:}
    how=mean=${rest%:*}:std=${rest#*:}:stride=1:class=$actions
    ff -i "$play/$name.mkv" -vf "gradcam=$play/$name.onnx:$how:log_path=$name.json" \
        -f null -
    [ $status = 0 ] && player $name.json "$play/$name.csv" 2> reason
    check "$name: the player that remembers acts as it did" $? "$(tail -n 1 reason)"
done
ff -i "$play/pong.mkv" -f null \
    -vf "gradcam=$play/pong.onnx:mean=87:std=149:stride=1:class=$actions:state=none:log_path=none.json" -
[ $status = 0 ] && ! player none.json "$play/pong.csv" 2> reason
check "without its memory it does not" $?
ff -i "$play/pong.mkv" -vf "gradcam=$play/pong.onnx:state=memory=action" -f null -
[ $status != 0 ] && grep -q "memory=action' pairs shapes" log
check "a state of another shape is refused" $?

vqa=$SHARED/models/easy_vqa.onnx
words=$(yes 0 | head -n 26 | paste -s -d /)
level=warning ff -f lavfi -i testsrc2=s=64x64:d=0.1 -vf "gradcam=$vqa:layer=auto:mean=127.5:std=255" -f null -
grep -q "input 'question' of 27 elements is not given" log
check "an input that is left out is said" $?
level=warning ff -f lavfi -i testsrc2=s=64x64:d=0.1 \
    -vf "gradcam=$vqa:mean=127.5:std=255:input=question=1/$words" -f null -
[ $status = 0 ] && ! grep -q "question" log
check "a question in a video" $?
ff -f lavfi -i testsrc2=s=64x64:d=0.1 -vf "gradcam=$vqa:mean=127.5:std=255:input=question=1/2" -f null -
[ $status != 0 ] && grep -q "question' has 27 elements, not 2" log
check "a question of too few words is refused" $?
ff -f lavfi -i testsrc2=s=64x64:d=0.1 -vf "gradcam=c=star:mean=0.485/0.456/0.406:std=0.229/0.224/0.225" \
    -f framemd5 small
ff -f lavfi -i testsrc2=s=64x64:d=0.1 -vf "gradcam=c=star:mean=123.675/116.28/103.53:std=58.395/57.12/57.375" \
    -f framemd5 large
[ $status = 0 ] && [ "$(sums small)" = "$(sums large)" ]
check "mean and std of pixels in 0..1 are those of 0..255" $?
ff -f lavfi -i testsrc2=s=64x64:d=0.1 -vf "gradcam=mean=0.485/0.456/0.406" -f null -
[ $status != 0 ] && grep -q 'mean 0.485 is one of pixels in 0..1' log
check "so is such a mean beside the network's std" $?
ff -f lavfi -i testsrc2=s=64x64:d=0.1 -vf gradcam=class=$any:preset=caffe -f framemd5 preset
ff -f lavfi -i testsrc2=s=64x64:d=0.1 -vf gradcam=class=$any:mean=103.939/116.779/123.68:std=1:bgr=1 -f framemd5 numbers
ff -f lavfi -i testsrc2=s=64x64:d=0.1 -vf gradcam=class=$any -f framemd5 plain
[ -s preset ] && [ "$(sums preset)" = "$(sums numbers)" ] && [ "$(sums preset)" != "$(sums plain)" ]
check "a preset is what its numbers are" $? "$(sums preset | head -n 1), $(sums numbers | head -n 1)"
ff -f lavfi -i testsrc2=s=64x64:d=0.1 -vf gradcam=preset=keras -f null -
[ $status != 0 ] && grep -q 'preset=keras is none of torchvision, caffe, tf, unit, none' log
check "a preset that there is not is refused" $?
ff -f lavfi -i testsrc2=s=64x64:d=0.1 -vf gradcam=preset=tf:std=2 -f null -
[ $status != 0 ] && grep -q 'preset=tf leaves nothing to mean, std and bgr' log
check "a preset and numbers beside it are refused" $?
level=info ff -f lavfi -i testsrc2=s=64x64:d=0.1 \
    -vf "gradcam=$SHARED/models/resnet18_pqf.onnx" -f null -
grep -q 'does not tell how scores become probabilities, taken as probability=softmax' log
check "a softmax that is assumed is told of" $?
level=info ff -f lavfi -i testsrc2=s=64x64:d=0.1 \
    -vf "gradcam=$SHARED/models/resnet18_pqf.onnx:probability=softmax" -f null -
! grep -q 'scores become probabilities' log
check "and not where it is given" $?
level=error
exit $bad
