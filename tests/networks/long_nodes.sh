#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# timeout: 1200
#
# The ONNX project's own tests of operators: what is read is right. PYTHON has onnx, else the test is skipped.

python=${PYTHON:-python3}
if ! "$python" -c "import numpy, onnx.backend.test.case.node" 2> /dev/null; then
    echo "skip - ONNX's tests of operators: PYTHON=$python lacks numpy or onnx"
    exit
fi
"$python" -W ignore "$SRC/tests/networks/nodes.py" "$BUILD/networks/nodes" --gradcam "$BUILD/bin/gradcam" \
    --table "$BUILD/networks/nodes.md"
