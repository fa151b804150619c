#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# gradcam explain, compile, info, layers and classes with a network: results, files, pictures of all kinds.
# timeout: 300

. "$SRC/tests/cli/common.sh"
need_network explain
command -v python3 > /dev/null || { echo "skip - cli explain: no python3"; exit 0; }

json() { python3 -m json.tool < "$1" > /dev/null; }
# FILE SHAPE: a valid .npy of float32 with that shape and finite numbers ("" for any shape).
npy() {
    python3 - "$1" "$2" << 'END'
import ast, math, struct, sys
data = open(sys.argv[1], "rb").read()
assert data[:8] == b"\x93NUMPY\x01\x00"
length = struct.unpack("<H", data[8:10])[0]
assert (10 + length) % 64 == 0 and data[10 + length - 1:10 + length] == b"\n"
header = ast.literal_eval(data[10:10 + length].decode())
assert header["descr"] == "<f4" and header["fortran_order"] is False
values = [v[0] for v in struct.iter_unpack("<f", data[10 + length:])]
assert len(values) == header["shape"][0] * header["shape"][1] and all(map(math.isfinite, values))
assert not sys.argv[2] or header["shape"] == tuple(map(int, sys.argv[2].split("x")))
END
}
# FILE: width and height in a PNG's header.
png_size() { python3 -c 'import struct, sys; d = open(sys.argv[1], "rb").read(24)
assert d[:8] == b"\x89PNG\r\n\x1a\n"; print("%dx%d" % struct.unpack(">II", d[16:24]))' "$1"; }

make_picture 120 80 > picture.ppm
run info "$network"
[ $status = 0 ] && grep -q '^input' stdout && ! [ -s stderr ]
check "info" $?
run info "$network" --json
[ $status = 0 ] && json stdout
check "info --json is JSON" $?
run layers "$network"
[ $status = 0 ] && [ "$(grep -c '^\*' stdout)" = 1 ]
check "layers marks one as auto" $?
layer=$(sed -n 's/^\* \([^ ]*\).*/\1/p' stdout)
shape=$(sed -n 's/^\*.*x *\([0-9]*\) x *\([0-9]*\)$/\1x\2/p' stdout)
run layers "$network" --json
[ $status = 0 ] && json stdout && grep -q '"auto": true' stdout
check "layers --json is JSON" $?
run classes "$network"
[ $status = 0 ] && [ -s stdout ]
check "classes" $?
class=$(sed -n '2s/^ *[0-9]*  \([^,]*\).*/\1/p' stdout)
run classes "$network" --json
[ $status = 0 ] && json stdout
check "classes --json is JSON" $?
refused "a pattern that no class has" 1 'xyzzy' classes "$network" xyzzy

run explain picture.ppm -m "$network"
[ $status = 0 ] && [ "$(wc -l < stdout)" = 1 ] && grep -q '^picture.ppm: .*probability' stdout
check "explain prints the result" $?
run explain picture.ppm -m "$network" -c "$class" --json
[ $status = 0 ] && json stdout && grep -q '"probability"' stdout
check "explain --json is JSON" $?
cp stdout first.json
run explain picture.ppm -m "$network" -c "$class" --json --layer "$layer"
cmp -s stdout first.json
check "the automatic layer by its name is the same" $?
run explain picture.ppm -m "$network" -c "$class" --json --threads 1
cmp -s stdout first.json
check "one thread gives the same" $?
run explain picture.ppm -m "$network" -c 1 -o overlay.png --map map.npy
[ $status = 0 ] && [ "$(png_size overlay.png)" = 120x80 ] && npy map.npy "$shape"
check "overlay and map are written" $?
[ -z "$(ls | grep tmp)" ]
check "no temporary file is left" $?
run explain picture.ppm -m "$network" -c 1 -o side.png --output side
[ $status = 0 ] && [ "$(png_size side.png)" = 240x80 ]
check "output side" $?
run explain picture.ppm -m "$network" -c 1 -o alpha.png --output alpha
[ $status = 0 ] && [ "$(png_size alpha.png)" = 120x80 ] && [ "$(od -An -tu1 -j25 -N1 alpha.png | tr -d ' ')" = 6 ]
check "output alpha" $?
refused "alpha in a format without" 2 'alpha needs' explain picture.ppm -m "$network" -c 1 -o a.jpg --output alpha
for look in --upsample=bilinear --threshold=0.5 --scale=fixed --blend=flat; do
    run explain picture.ppm -m "$network" -c 1 -o look.png $look
    [ $status = 0 ] && ! cmp -s look.png overlay.png
    check "$look changes the picture" $?
done
refused "a range that is none" 2 'not below' explain picture.ppm --scale fixed --low 2 --high 1
refused "a colour that is none" 2 'not a colour' explain picture.ppm --colors 'red|lila'
for output in heatmap mask; do
    run explain picture.ppm -m "$network" -c 1 -o $output.png --output $output
    [ $status = 0 ] && [ "$(png_size $output.png)" = 120x80 ] && ! cmp -s $output.png overlay.png
    check "output $output" $?
done
for ending in jpg webp tiff bmp ppm tga; do
    run explain picture.ppm -m "$network" -c 1 -o overlay.$ending
    if grep -q 'no picture format' stderr; then
        echo "skip - cli overlay as .$ending: this FFmpeg cannot write it"
        continue
    fi
    run explain overlay.$ending -m "$network"
    check "overlay as .$ending can be read again" $status
done
for fit in stretch crop pad; do
    run explain picture.ppm -m "$network" -c 1 --fit $fit -o $fit.png
    cp stdout $fit.txt
    [ $status = 0 ] && [ "$(png_size $fit.png)" = 120x80 ]
    check "fit $fit" $?
done
! cmp -s crop.txt stretch.txt && ! cmp -s pad.txt stretch.txt
check "fits differ" $?
run explain picture.ppm -m "$network" -c 1 --method counterfactual --map against.npy
[ $status = 0 ] && npy against.npy "$shape" && ! cmp -s against.npy map.npy
check "counterfactual" $?
run explain picture.ppm -m "$network" -c 1 -o -
cmp -s stdout overlay.png
check "-o - writes the picture to stdout" $?
"$gradcam" explain - -m "$network" -c 1 -o piped.png < picture.ppm > stdout 2> stderr
status=$?
cmp -s piped.png overlay.png
check "a picture from stdin" $?

# Several pictures and classes.
cp picture.ppm second.ppm
mkdir out
run explain picture.ppm second.ppm -m "$network" -c 1 -o out --map out --preset torchvision
[ $status = 0 ] && [ "$(ls out | tr '\n' ' ')" = "picture.npy picture.png second.npy second.png " ] && ! [ -s stderr ]
check "a directory for several pictures" $?
run explain picture.ppm second.ppm -m "$network" -c auto:2 -o '{name}_{class}.png' --json
[ $status = 0 ] && json stdout && [ "$(ls picture_*.png second_*.png | wc -l)" = 4 ]
check "a pattern for several classes" $?
run explain picture.ppm -m "$network" -c 1 -c 2 -o both.png --boxes --json
[ $status = 0 ] && [ "$(png_size both.png)" = 120x80 ] && python3 - << 'END'
import json
p = json.load(open("stdout"))["pictures"][0]
assert p["out"] == "both.png" and len(p["maps"]) == 2
for m in p["maps"]:
    x, y, w, h = m["box"]
    assert 0 <= x < x + w <= 120 and 0 <= y < y + h <= 80 and 0 <= m["centre"][0] < 120
END
check "a repeated -c: both classes in one picture, with boxes" $?
run explain picture.ppm -m "$network" -c 1 --colors red -o red.png
run explain picture.ppm -m "$network" -c '1|2' --colors none -o shared.png
[ $status = 0 ] && ! cmp -s both.png shared.png && ! cmp -s red.png overlay.png
check "colours of classes" $?
run explain picture.ppm -m "$network" -c '1|2' --sheet sheet.png
[ $status = 0 ] && [ "$(png_size sheet.png | tr x '\n' | sort -n | head -1)" -gt 160 ]
check "a contact sheet" $?
run explain picture.ppm second.ppm -m "$network" -c 1 --sheet out
[ $status = 0 ] && [ -s out/picture-sheet.png ] && [ -s out/second-sheet.png ]
check "a contact sheet for each picture" $?
run explain picture.ppm -m "$network" -c '1|2' --sheet methods.png --methods gradcam,refinecam,smoothgrad/samples=3
[ $status = 0 ] && [ "$(png_size methods.png | awk -Fx '{ print $1 * $2 }')" -gt \
                     "$(png_size sheet.png | awk -Fx '{ print $1 * $2 }')" ]
check "a contact sheet of methods, one of which does not fit" $?
refused "methods without a sheet" 2 '--sheet' explain picture.ppm -m "$network" --methods gradcam
refused "a method for the sheet that there is not" 2 'no method' explain picture.ppm -m "$network" --sheet a.png \
        --methods gradcam,nothing
refused "one sheet for two pictures" 2 '{name}' explain picture.ppm second.ppm -m "$network" --sheet one.png
refused "one name for two pictures" 2 '{name}' explain picture.ppm second.ppm -m "$network" -o one.png
refused "one name for two classes" 2 '{class}' explain picture.ppm -m "$network" -c auto:2 --map one.npy
mkdir other && cp picture.ppm other/
run explain picture.ppm other/picture.ppm -m "$network" -c 1 -o out
[ $status = 1 ] && grep -q 'two results' stderr
check "two pictures of one name" $?

# Pictures that are wrong or odd.
echo "not a picture" > text.png
echo "not an array" > text.npy
echo "not a picture" > text.txt
head -c 100 picture.ppm > short.ppm
head -c 700 overlay.png > short.png
: > empty.jpg
refused "a picture that is not there" 1 'missing\.jpg' explain missing.jpg -m "$network"
refused "text called .png" 1 'text\.png' explain text.png -m "$network"
refused "text called .txt" 1 'text\.txt' explain text.txt -m "$network"
refused "an empty picture" 1 'empty\.jpg' explain empty.jpg -m "$network"
mkdir -p empty
refused "a directory without pictures" 1 empty explain empty -m "$network"
refused "a picture that ends in its header" 1 'short\.ppm' explain short.ppm -m "$network"
run explain picture.ppm -m "$network" -c 1 -o whole.jpg --output heatmap
if [ $status = 0 ]; then
    head -c $(($(wc -c < whole.jpg) * 2 / 3)) whole.jpg > damaged.jpg
    run explain damaged.jpg -m "$network"
    [ $status = 0 ] && grep -q 'warning: damaged\.jpg is damaged' stderr && [ -s stdout ]
    check "a damaged picture is used with a warning" $?
fi
run explain picture.ppm missing.jpg second.ppm -m "$network" --preset unit
[ $status = 1 ] && [ "$(wc -l < stdout)" = 2 ] && [ "$(wc -l < stderr)" = 1 ]
check "one wrong picture among several" $?
run explain picture.ppm missing.jpg -m "$network" --json
[ $status = 1 ] && json stdout
check "JSON stays valid then" $?
for size in 1x1 1x50 50x1 3x3 301x7; do
    make_picture ${size%x*} ${size#*x} > odd.ppm
    run explain odd.ppm -m "$network" -c 1 -o odd.png --map odd.npy
    [ $status = 0 ] && [ "$(png_size odd.png)" = $size ] && npy odd.npy "$shape"
    check "a picture of $size" $?
done
# Each of EXIF's eight orientations.
if [ -f whole.jpg ]; then
    python3 - << 'END'
import struct
jpeg = open("whole.jpg", "rb").read()
for n in range(1, 9):
    tiff = b"II*\0" + struct.pack("<IHHHIHHI", 8, 1, 0x112, 3, 1, n, 0, 0)
    app1 = b"Exif\0\0" + tiff
    open(f"exif{n}.jpg", "wb").write(jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(app1) + 2) + app1 + jpeg[2:])
END
    good=0
    for n in 1 2 3 4 5 6 7 8; do
        run explain exif$n.jpg -m "$network" -c 1 --opacity 0 -o exif$n.ppm
        [ $status = 0 ] || continue
        python3 - exif1.ppm exif$n.ppm $n << 'END' && good=$((good + 1))
import sys
def read(path):
    magic, width, height, most, = open(path, "rb").read().split(None, 4)[:4]
    data = open(path, "rb").read()[-3 * int(width) * int(height):]
    return int(width), int(height), data
w, h, stored = read(sys.argv[1])
tw, th, turned = read(sys.argv[2])
place = {1: lambda x, y: (x, y), 2: lambda x, y: (w - 1 - x, y), 3: lambda x, y: (w - 1 - x, h - 1 - y),
         4: lambda x, y: (x, h - 1 - y), 5: lambda x, y: (y, x), 6: lambda x, y: (h - 1 - y, x),
         7: lambda x, y: (h - 1 - y, w - 1 - x), 8: lambda x, y: (y, w - 1 - x)}[int(sys.argv[3])]
assert (tw, th) == ((w, h) if int(sys.argv[3]) < 5 else (h, w))
for y in range(h):
    for x in range(w):
        u, v = place(x, y)
        a, b = stored[3 * (y * w + x):][:3], turned[3 * (v * tw + u):][:3]
        assert all(abs(p - q) < 3 for p, q in zip(a, b)), (x, y, a, b)
END
    done
    echo "$good of 8" > stdout
    [ $good = 8 ]
    check "pictures are turned as EXIF says" $?
fi
cp picture.ppm 'a%03d:b {x}.ppm'
run explain 'a%03d:b {x}.ppm' -m "$network"
check "a file name that looks like a pattern" $status

# Files that cannot be written.
refused "a format that does not exist" 2 'overlay\.xyz' explain picture.ppm -m "$network" -o overlay.xyz
run explain picture.ppm -m "$network" -o nowhere/overlay.png
[ $status = 1 ] && grep -q nowhere stderr
check "a directory that is not there" $?
if [ -c /dev/full ]; then
    "$gradcam" info "$network" > /dev/full 2> stderr
    status=$?
    : > stdout
    [ $status = 1 ] && complains 'stdout'
    check "stdout that is full" $?
fi

refused "a class that does not exist" 1 'xyzzy' explain picture.ppm -m "$network" -c xyzzy
refused "all of too many classes" 1 '1000 classes, and 64' explain picture.ppm -m "$network" -c all
refused "a layer that does not exist" 1 'xyzzy' explain picture.ppm -m "$network" --layer xyzzy
refused "an input that does not exist" 1 'xyzzy' explain picture.ppm -m "$network" --input xyzzy=1
refused "an input without a value" 2 'NAME=VALUES' explain picture.ppm -m "$network" --input xyzzy

# A network with a further input: a question of 27 words to count.
vqa=$SHARED/models/easy_vqa.onnx
if [ -f "$vqa" ]; then
    zeros=0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0
    run explain picture.ppm -m "$vqa" --input question=1.5,2,$zeros --json
    [ $status = 0 ] && json stdout
    check "a further input" $?
    cp stdout given.json
    python3 - << 'END'
import struct
header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (27,), }"
header += b" " * (117 - len(header)) + b"\n"
with open("question.npy", "wb") as file:
    file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header)
    file.write(struct.pack("<27d", 1.5, 2, *[0] * 25))
END
    run explain picture.ppm -m "$vqa" --input question=question.npy --json
    cmp -s stdout given.json
    check "a further input from a .npy" $?
    run explain picture.ppm -m "$vqa" --json
    [ $status = 0 ] && ! cmp -s stdout given.json
    check "a further input matters" $?
    refused "too few elements" 1 'has 27 elements, not 3' explain picture.ppm -m "$vqa" --input question=1,2,3
    refused "an input that is not there" 1 'no input "x", but "question"' explain picture.ppm -m "$vqa" --input x=1
    refused "an input that is no number" 2 'numbers' explain picture.ppm -m "$vqa" --input question=1,b
    refused "a .npy that is none" 1 'text\.npy' explain picture.ppm -m "$vqa" --input question=text.npy
else
    echo "skip - cli a further input: no shared test data"
fi

# How pixels become the input.
run explain picture.ppm -m "$network" --json
grep -q 'does not tell how pixels become its input, taken as caffe: .*data' stderr && cp stdout assumed.json
check "assumed preprocessing is said" $?
run explain picture.ppm -m "$network" --json --preset caffe
[ $status = 0 ] && cmp -s stdout assumed.json && ! [ -s stderr ]
check "a preset" $?
run explain picture.ppm -m "$network" --json --color bgr --range 255 --mean 103.939,116.779,123.68
cmp -s stdout assumed.json
check "a preset of colours in another order" $?
run info "$network" --preset tf
grep -q '^mean *127.5, 127.5, 127.5 (pixels in 0..255)' stdout
check "info tells what was given" $?
run info "$network"
grep -q '^mean.*; assumed)' stdout && grep -q "^pixels *caffe: its input is called 'data'" stdout
check "info tells what was assumed, and why" $?
run explain picture.ppm -m "$SHARED/models/tiny_darknet.onnx" --json --preset caffe
grep -q 'warning: .*tiny_darknet.* probability of 1: pixels may' stderr
check "scores of another range of pixels are warned of" $?
refused "no such preset" 2 'caffe' info "$network" --preset xyzzy
refused "a preset and a mean" 2 'exclude' info "$network" --preset tf --mean 1
# One notation for both units, the filter's.
run info "$network" --json --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225
cp stdout small.json
run info "$network" --json --mean 123.675/116.28/103.53 --std 58.395/57.12/57.375
[ $status = 0 ] && python3 -c 'import json
a, b = json.load(open("small.json")), json.load(open("stdout"))
assert all(abs(x - y) < 1e-3 for key in ("mean", "std") for x, y in zip(a[key], b[key])) and a["mean"][0] > 100'
check "mean and std of either range" $?
refused "numbers for 0..1 as such for 0..255" 1 '255 times' info "$network" --range 255 --mean 0.485,0.456,0.406 \
    --std 0.229,0.224,0.225

# Arrays in the place of a picture: sin(0.7 i), of which the scores are known.
if [ -f "$SHARED/cases/networks/expected.json" ]; then
    # FILE DESCR SHAPE: such an array.
    array() { python3 - "$1" "$2" "$3" << 'END'
import math, struct, sys
shape = tuple(map(int, sys.argv[3].split("x")))
count = math.prod(shape)
header = repr({"descr": sys.argv[2], "fortran_order": False, "shape": shape}).ljust(117) + "\n"
with open(sys.argv[1], "wb") as file:
    file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode())
    if sys.argv[2] == "<f4":
        file.write(struct.pack("<%df" % count, *[math.sin(0.7 * i) for i in range(count)]))
    else:
        file.write(bytes(i % 7 for i in range(count)))
END
    }
    # NETWORK: the scores of the JSON in stdout are those that are expected.
    scores() { python3 - "$1" << 'END'
import json, math, os, sys
want = json.load(open(os.environ["SHARED"] + "/cases/networks/expected.json"))[sys.argv[1] + ".onnx"]["outputs"]
want = next(iter(want.values()))["first"]
top = json.load(open("stdout"))["pictures"][0]["top"]
assert top and all(abs(t["score"] - want[t["class"]]) <= 2e-4 for t in top)
END
    }
    for case in gray1:1x1x64x64 ch1_28:1x1x28x28 atari4:1x4x84x84 chw_rank3:3x64x64; do
        name=${case%:*} shape=${case#*:}
        array "$name.npy" '<f4' "$shape"
        run explain "$name.npy" -m "$SHARED/cases/networks/$name.onnx" --json -o "$name.png"
        [ $status = 0 ] && scores "$name" && [ "$(png_size "$name.png")" = "${shape##*x}x${shape##*x}" ]
        check "an array for $name" $?
    done
    array bare.npy '<f4' 1x64x64
    run explain bare.npy -m "$SHARED/cases/networks/gray1.onnx" --json
    [ $status = 0 ] && scores gray1
    check "an array without its batch" $?
    array bytes.npy '|u1' 1x64x64x3
    run explain bytes.npy -m "$SHARED/cases/networks/u8nhwc.onnx"
    [ $status = 0 ]
    check "an array of bytes, channels last" $?
    array wrong.npy '<f4' 64x64x3
    refused "an array of another shape" 1 'wrong.npy has shape 64x64x3; input "x" takes 3x64x64' \
        explain wrong.npy -m "$SHARED/cases/networks/chw_rank3.onnx"
    run explain picture.ppm -m "$SHARED/cases/networks/gray1.onnx" -o gray.png
    [ $status = 0 ] && [ "$(png_size gray.png)" = 120x80 ]
    check "a picture for a network on grey" $?
    run info "$SHARED/models/play/pong.onnx"
    [ $status = 0 ] && grep -q "^input .*80 x 80, grey" stdout && grep -q "memory, .*memory_out" stdout
    check "info tells of grey and of memory" $?
    run explain picture.ppm -m "$SHARED/models/easy_vqa.onnx"
    [ $status = 0 ] && grep -q 'input "question" is not given' stderr
    check "an input that is left out is said" $?
else
    echo "skip - cli arrays: no shared test data"
fi

# Compiled form.
run compile "$network" -o net.bin --name tested --licence CC0 --mean 10,20,30 --range 255 --color bgr
[ $status = 0 ] && ! [ -s stdout ] && [ -s net.bin ]
check "compile" $?
run info net.bin --json
[ $status = 0 ] && grep -q '"name": "tested"' stdout && grep -q '"licence": "CC0"' stdout &&
    grep -q '"color": "bgr"' stdout && [ "$(grep -A 3 '"mean"' stdout | tr -d ' \n')" = '"mean":[10,20,30' ]
check "what compile was given is in the .bin" $?
run compile "$network" -o same.bin
run explain picture.ppm -m same.bin -c 1 --map same.npy
cmp -s same.npy map.npy
check "the .bin gives the same map" $?
run compile "$network" -o half.bin --weights fp16
[ $status = 0 ] && [ "$(wc -c < half.bin)" -lt "$(wc -c < same.bin)" ]
check "fp16 is smaller" $?
run compile "$network" -o nowhere/net.bin
[ $status = 1 ] && grep -q nowhere stderr
check "compile to a directory that is not there" $?

exit $bad
