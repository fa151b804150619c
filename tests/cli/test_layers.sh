#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The automatic choice of the layer, as gradcam layers marks it: where a network has nothing but its classes' score
# maps, those.

python3 "$SRC/tests/models/tiny_onnx.py" tiny.onnx || { echo "skip - layers: no python3"; exit 0; }
marked=$("$BUILD/bin/gradcam" layers tiny.onnx | sed -n 's/^\* *\([^ ]*\).*/\1/p')
if [ "$marked" = relu ]; then
    echo "ok - layers: score maps are chosen where there is nothing else"
else
    echo "not ok - layers: score maps are chosen where there is nothing else: '$marked' is marked"
    exit 1
fi

# Several layers, and methods that take none of several, or not one.
failed=0
{ printf 'P6 16 16 255\n'; head -c 768 "$SRC/tests/golden/methods.txt"; } > picture.ppm
explain() {
    "$BUILD/bin/gradcam" explain picture.ppm -m "$SRC/tests/golden/methods.onnx" --labels none "$@" 2>&1
}
check() {
    if [ "$2" = "$3" ]; then echo "ok - layers: $1"; else echo "not ok - layers: $1: '$2', not '$3'"; failed=1; fi
}
check "two of them" "$(explain -l a1+a3 --json | tr -d ' \n' \
    | sed -n 's/.*"layers":\(\[[^]]*\]\).*/\1/p')" '["a1","a3"]'
check "their map has the size of the largest" "$(explain -l last2 --json | grep -c '"width": 12,')" 1
check "one, by name" "$(explain -l a1 --json | grep -c '"layer": "a1"')" 1
check "a method of one layer" "$(explain -l a1+a3 --method reciprocam | grep -c 'takes no several layers')" 1
check "a method of several layers" "$(explain -l a1 --method refinecam | grep -c 'several layers')" 1
check "more stages than there are" "$(explain -l last3 | grep -c 'has 2 stages')" 1
check "bench" "$("$BUILD/bin/gradcam" bench "$SRC/tests/golden/methods.onnx" -l last2 --runs 1 --quiet | grep -c .)" 1
exit $failed
