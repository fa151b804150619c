#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The network that is built in, from the command line: in rendered scenes of several things it points at the one that
# was asked for.
# timeout: 300

. "$SRC/tests/cli/common.sh"
run info
if grep -q 'without its default network' stderr; then
    echo "skip - cli built-in network: this build has none"
    exit 0
fi
[ $status = 0 ] && grep -q '^licence' stdout
check "info without a model is about the built-in network" $?
run classes
[ $status = 0 ] && [ "$(wc -l < stdout)" -ge 2 ]
check "classes of the built-in network" $?
command -v python3 > /dev/null || { echo "skip - cli built-in network: no python3"; exit 0; }

asked=0 hits=0
for seed in 1 2 3 4 5 6; do
    "$BUILD/samples/scenes_main" still 640 480 $seed scene > log 2>&1 || { echo "skip - cli scenes: none"; exit 0; }
    for mask in scene-*.pgm; do
        thing=${mask#scene-}
        thing=${thing%.pgm}
        run explain scene.ppm -c "$thing" --json
        asked=$((asked + 1))
        python3 - "$mask" stdout << 'END' && hits=$((hits + 1))
import json, sys
data = open(sys.argv[1], "rb").read()
magic, width, height, most = data.split(None, 4)[:4]
width, height = int(width), int(height)
pixels = data[len(data) - width * height:]
spot = json.load(open(sys.argv[2]))["pictures"][0]["maps"][0]["map"].get("hottest")
near = 24       # pixels: a cell of the map is 32 wide
sys.exit(not spot or not any(
    pixels[y * width + x] > 127
    for y in range(max(0, int(spot["y"]) - near), min(height, int(spot["y"]) + near))
    for x in range(max(0, int(spot["x"]) - near), min(width, int(spot["x"]) + near))))
END
    done
    rm -f scene*
done
echo "$hits of $asked" > stdout
[ $asked -ge 10 ] && [ $((hits * 10)) -ge $((asked * 9)) ]
check "it points at what was asked for ($hits of $asked)" $?

exit $bad
