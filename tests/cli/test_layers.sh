#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The automatic choice of the layer, as gradcam layers marks it: where a network has nothing but its classes' score maps,
# those.

python3 "$SRC/tests/models/tiny_onnx.py" tiny.onnx || { echo "skip - layers: no python3"; exit 0; }
marked=$("$BUILD/bin/gradcam" layers tiny.onnx | sed -n 's/^\* *\([^ ]*\).*/\1/p')
if [ "$marked" = relu ]; then
    echo "ok - layers: score maps are chosen where there is nothing else"
else
    echo "not ok - layers: score maps are chosen where there is nothing else: '$marked' is marked"
    exit 1
fi
