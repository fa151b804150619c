#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# timeout: 3600
#
# The automatic layer of each architecture, as PyTorch exports it, is that of layers.txt. PYTHON has torch and its kin,
# else the test is skipped.

python=${PYTHON:-python3}
modules="numpy, onnx, onnxscript, timm, torch, torchvision, transformers"
if ! "$python" -c "import $modules" 2> /dev/null; then
    echo "skip - automatic layers: PYTHON=$python lacks one of $modules"
    exit
fi
mkdir -p "$BUILD/networks/layers"
"$python" "$SRC/tests/networks/networks.py" "$BUILD/networks/layers" --gradcam "$BUILD/bin/gradcam" \
    --layers "$SRC/tests/networks/layers.txt" || true
