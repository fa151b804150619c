#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# gradcam annotate: its boxes are read again by gradcam eval, in every form, and are the maps' own.

. "$SRC/tests/cli/common.sh"
command -v python3 > /dev/null || { echo "skip - cli annotate: no python3"; exit 0; }
[ -x "$BUILD/samples/scenes_main" ] || { echo "skip - cli annotate: no sample that renders scenes"; exit 0; }

mkdir photos
for seed in 3 5; do
    "$BUILD/samples/scenes_main" still 160 160 $seed photos/scene$seed || exit 1
done
rm photos/*.pgm

# EXPRESSION: whether it is true of the JSON on stdout, `r` its measures.
is_true() {
    python3 -c 'import json, sys
d = json.load(open("stdout"))
r = d["rows"][0]["measures"]
sys.exit(not eval("(" + sys.argv[1] + ")"))' "$1" 2>> stderr
}
same='d["items"] == 2 and r["iou"]["n"] == 2 and r["iou"]["value"] > .999'

run annotate photos -o set/Annotations
[ $status = 1 ] && complains 'cannot make'
check "a folder in none" $?
mkdir set && run annotate photos -o set/Annotations
[ $status = 0 ] && ! [ -s stdout ] && [ -f set/Annotations/scene3.xml ]
check "annotate writes PASCAL VOC" $?
run eval set --images photos --metrics iou --threshold 0.4 --json
if grep -q 'was built without' stderr; then
    echo "skip - cli annotate voc: $(sed 's/.*this gradcam/this gradcam/' stderr)"
else
    [ $status = 0 ] && is_true "$same"
    check "and they are the maps' boxes" $?
fi
run annotate photos -o coco --form coco
run eval coco/instances.json --images photos --metrics iou --threshold 0.4 --json
if grep -q 'was built without' stderr; then
    echo "skip - cli annotate coco: $(sed 's/.*this gradcam/this gradcam/' stderr)"
else
    [ $status = 0 ] && is_true "$same"
    check "annotate writes COCO" $?
fi
run annotate photos/scene3.ppm -o yolo --form yolo
[ $status = 0 ] && [ "$(wc -l < yolo/classes.txt)" = 10 ] && python3 - << 'END' 2>> stderr
import re
number, x, y, w, h = map(float, open("yolo/scene3.txt").read().split())
xml = open("set/Annotations/scene3.xml").read()
x0, y0, x1, y1 = (int(re.search(f"<{k}>(\\d+)", xml)[1]) for k in ("xmin", "ymin", "xmax", "ymax"))
assert open("yolo/classes.txt").read().split("\n")[int(number)] == re.search("<name>(.*)</name>", xml)[1]
assert abs(x - (x0 - 1 + x1) / 320) < 1e-5 and abs(w - (x1 - x0 + 1) / 160) < 1e-5
assert abs(y - (y0 - 1 + y1) / 320) < 1e-5 and abs(h - (y1 - y0 + 1) / 160) < 1e-5
END
check "annotate writes YOLO" $?
run annotate photos/scene3.ppm -o masks --form masks
[ $status = 0 ] && [ "$(ls masks | wc -l)" = 1 ] && run explain masks/*.png -c 0
check "annotate writes masks" $?
run annotate photos/scene3.ppm -o none --least 1
[ $status = 0 ] && ! grep -q '<object>' none/scene3.xml
check "what is not sure is left out" $?
run annotate photos missing.ppm -o some
[ $status = 1 ] && [ -f some/scene5.xml ] && complains missing.ppm
check "a picture that is missing" $?
refused "annotate without a folder" 2 "-o DIR" annotate photos
refused "annotate by a score that is no class" 2 "classes" annotate photos -o set -c 'prob(star)'
exit $bad
