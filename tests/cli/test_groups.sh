#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# "dog" and "cat" as a user types them, on the photo of both: with each network the hottest place of each map lies in
# the box of the animal that was asked for. The boxes are those of the shared test data.

gradcam=$BUILD/bin/gradcam
photo=$SHARED/images/open/cat_dog.jpg
[ -n "$SHARED" ] && [ -f "$photo" ] || { echo "skip - groups on a photo: no shared test data"; exit 0; }

failed=0
# NETWORK OPTIONS...
try() {
    network=$1; shift
    for animal in dog cat; do
        "$gradcam" explain "$photo" -m "$SHARED/models/$network.onnx" -c $animal --json "$@" > map.json &&
            python3 - "$SHARED/images/open.csv" $animal << 'END' > result
import csv, json, sys
maps = json.load(open("map.json"))["pictures"][0]["maps"]
hot, wanted = maps[0]["map"]["hottest"], {"dog": 243, "cat": 282}[sys.argv[2]]
for row in csv.DictReader(open(sys.argv[1])):
    if row["file"] == "cat_dog.jpg" and int(row["class"]) == wanted:
        inside = int(row["xmin"]) <= hot["x"] < int(row["xmax"]) and int(row["ymin"]) <= hot["y"] < int(row["ymax"])
        print("inside" if inside else "at %g,%g, outside of %s" % (hot["x"], hot["y"], list(row.values())[2:6]))
END
        if [ "$(cat result)" = inside ]; then
            echo "ok - class=$animal lights the $animal, $network"
        else
            echo "not ok - class=$animal lights the $animal, $network: $(cat result)"
            failed=1
        fi
    done
}

try resnet18_pqf
try squeezenet1_1 --color bgr --range 255 --mean 104,117,123
try mobilenet_v2_1.0_224 --range 255 --mean 127.5,127.5,127.5 --std 127.5,127.5,127.5
exit $failed
