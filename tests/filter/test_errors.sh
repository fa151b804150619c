#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What cannot work ends with one clear sentence that names the thing at fault, a status other than 0, and nothing
# written. Damaged video does no harm.

. "$SRC/tests/filter/common.sh"

# Whether ffmpeg failed without crashing. (From FFmpeg 7 on, its status can be any number.)
failed() {
    case $status in 0 | 124 | 132 | 134 | 135 | 136 | 137 | 139) return 1 ;; esac
}

# NAME OPTIONS PATTERN: ffmpeg refuses; exactly one line of the filter's has the pattern.
refused() {
    rm -f out.mkv
    ff -f lavfi -i testsrc2=s=64x48:d=1 -vf "gradcam=$2" -c:v ffv1 out.mkv
    failed && ! [ -s out.mkv ] && [ "$(grep gradcam log | grep -ci -- "$3")" = 1 ]
    check "$1" $? "status $status, output $(wc -c 2> /dev/null < out.mkv) bytes, $(head -n 3 log | tr '\n' ' ')"
}

python3 "$SRC/tests/models/tiny_onnx.py" tiny.onnx || { echo "skip - filter errors: no python3"; exit 0; }
: > empty.bin
head -c 4 "$SRC/models/default.bin" > stub.bin
head -c 100000 "$SRC/models/default.bin" > short.bin
head -c 700 tiny.onnx > short.onnx
echo "hello, I am no network" > text.onnx
ff -f lavfi -i testsrc2=s=64x48 -frames:v 1 picture.png
{ head -c 50000 "$SRC/models/default.bin"; head -c 5000 /dev/zero | LC_ALL=C tr '\0' '\377'
  tail -c +55001 "$SRC/models/default.bin"; } > damaged.bin

refused "a missing model" model=nosuch.bin "nosuch.bin'*: No such file"
refused "an empty model" model=empty.bin empty.bin
refused "a model of four bytes" model=stub.bin stub.bin
refused "a truncated .bin" model=short.bin "short.bin.* cut short"
refused "a truncated .onnx" model=short.onnx short.onnx
refused "a text as a model" model=text.onnx text.onnx
refused "a picture as a model" model=picture.png picture.png
refused "a directory as a model" model=. directory
refused "an unknown class" class=unicorn unicorn
refused "a class out of range" class=12345 12345
refused "an empty class" class= class
refused "one unknown class of two" "class='star|unicorn'" unicorn
refused "too many top classes" "class='auto\\:99'" auto:99
refused "an unknown layer" layer=nosuch nosuch
refused "unknown logits" logits=nosuch nosuch
refused "missing labels" labels=nosuch.txt nosuch.txt
refused "a mean of two numbers" mean=1/2 mean=1/2
refused "a mean that is no number" mean=1/2/x mean=1/2/x
refused "a std of 0" std=1/0/1 std=1/0/1
refused "an unknown option" bogus=1 "option 'bogus'"
refused "an unknown colour map" colormap=rainbow "option .\?colormap"
refused "an opacity above 1" opacity=1.5 opacity=1.5
refused "an opacity that is no expression" "opacity=if(" "opacity=if( is neither"
refused "an unknown variable" "opacity=x*2" "opacity=x\*2 is neither"
refused "a threshold below 0" threshold=-1 threshold=-1
refused "a box above 1" box=2 box=2
refused "a range that is none" scale=fixed:low=3:high=2 "low=3 is not below high=2"
refused "a range too narrow for floats" scale=fixed:low=1:high=1.00000001 "low=1 is not below high=1"
refused "an unknown colour" "colors='red|nocolor'" "colors=red|nocolor: .nocolor. is not a colour"
refused "a log in no directory" log_path=no/such/log.json "log_path=no/such/log.json: No such file"
mkfifo fifo
refused "a log for a FIFO that nobody reads" log_path=fifo "log_path=fifo: a FIFO that nobody reads"
refused "maps for a FIFO" map_path=fifo "map_path=fifo: not a regular file"
refused "maps in no directory" map_path=no/such/maps.npy "map_path=no/such/maps.npy: No such file"
refused "maps in a name that makes no sense" map_path=maps%s.npy "map_path=maps%s.npy: a % stands before d"
refused "pictures in a name that makes no sense" seen_path=%d%d.ppm "seen_path=%d%d.ppm: a % stands before d"
refused "a FIFO as a model" model=fifo "fifo.*a FIFO"
refused "a FIFO as labels" labels=fifo "fifo.*a FIFO"
refused "a network that takes more memory than is allowed" memory=1 "memory allowed"
refused "a stride below 0" stride=-1 "option .\?stride"

# A full disk ends the log with one sentence, and not the video.
if [ -c /dev/full ]; then
    for format in json csv; do
        ff -f lavfi -i testsrc2=s=64x48:d=1 -vf gradcam=log_path=/dev/full:log_fmt=$format -f framemd5 out
        [ $status = 0 ] && [ "$(frames out)" = 25 ] && [ "$(grep -c log_path=/dev/full log)" = 1 ]
        check "a log as $format on a full disk" $?
    done
fi

ff -f lavfi -i testsrc2=s=64x48:d=1 -vf "gradcam=seen_path=no/such/%d.ppm" -f framemd5 out
[ $status = 0 ] && [ "$(frames out)" = 25 ] && [ "$(grep -c 'seen_path=no/such/%d.ppm, which ends here' log)" = 1 ]
check "pictures in no directory end, and not the video" $?

# A network without a layer that has rows and columns: x [1,3,8,8] -> Flatten -> Gemm -> y [1,10].
python3 - "$SRC/tests/models/tiny_onnx.py" flat.onnx <<'PYTHON'
import sys
exec(open(sys.argv[1]).read().split("weights =")[0])        # its functions that write a network
weights = [i % 7 / 7 for i in range(10 * 192)]
graph = data(1, node("Flatten", ("x",), "flat")) + data(1, node("Gemm", ("flat", "w"), "y"))
graph += data(2, "flat") + data(5, tensor("w", (192, 10), weights))
graph += data(11, value_info("x", (1, 3, 8, 8))) + data(12, value_info("y", (1, 10)))
model = number(1, 8) + data(7, graph) + data(8, data(1, "") + number(2, 13))
open(sys.argv[2], "wb").write(model)
PYTHON
ff -f lavfi -i testsrc2=s=64x48:d=1 -vf gradcam=tiny.onnx:layer=relu -f framemd5 out
check "a network of one layer, named" $status
refused "a network with no spatial layer" model=flat.onnx flat

# A damaged network either runs or is refused; it does not crash.
ff -f lavfi -i testsrc2=s=64x48:d=0.2 -vf gradcam=model=damaged.bin -f framemd5 out
[ $status = 0 ] || failed
check "a damaged network does not crash" $?

# Video that is cut off, and video with bytes changed.
ff -f lavfi -i testsrc2=s=160x120:d=3 -c:v mpeg4 -g 12 whole.avi
head -c $(($(wc -c < whole.avi) * 2 / 3)) whole.avi > cut.avi
ff -i cut.avi -f framemd5 want
ff -i cut.avi -vf gradcam -f framemd5 out
[ $status = 0 ] && [ "$(frames out)" -gt 10 ] && [ "$(stamps out)" = "$(stamps want)" ]
check "video that is cut off gives what it has" $?
ff -i whole.avi -c copy -bsf:v noise=amount=50 noisy.avi
ff -i noisy.avi -f framemd5 want
ff -i noisy.avi -vf gradcam=stride=2 -f framemd5 out
{ [ $status = 0 ] || failed; } && [ "$(frames out)" -gt 10 ] && [ "$(stamps out)" = "$(stamps want)" ]
check "damaged video goes through" $?
# Bytes above 127 that no format begins with.
yes 'no picture' | LC_ALL=C tr 'a-z\n ' '\200-\231\300\301' | head -c 3000 > garbage.avi
ff -i garbage.avi -vf gradcam -c:v ffv1 garbage.mkv
failed && ! [ -s garbage.mkv ] && grep -q garbage.avi log
check "garbage as video" $?

exit $bad
