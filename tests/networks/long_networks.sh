#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# timeout: 7200
#
# Small networks of 160 and more architectures, by PyTorch: at least 97 % are read, and all that are, are exact. Goes on
# where it was stopped: what is done lies in BUILD/networks. PYTHON has torch and its kin, else the test is skipped.

python=${PYTHON:-python3}
work=$BUILD/networks
reference=$SHARED/../bench/reference/onnxref.py

modules="numpy, onnx, onnxruntime, onnxscript, timm, torch, torchvision, transformers"
if ! "$python" -c "import $modules" 2> /dev/null; then
    echo "skip - architectures: PYTHON=$python lacks one of $modules"
    exit
fi
[ -f "$reference" ] || { echo "skip - maps: there is no reference, so only logits are compared"; reference=; }
"$python" "$SRC/tests/networks/networks.py" "$work" --gradcam "$BUILD/bin/gradcam" --table "$work/table.md" \
    --again wrong ${reference:+--reference "$reference"}
if "$python" - "$work/journal.jsonl" << 'END'
import json, sys
results = [json.loads(line)["result"] for line in open(sys.argv[1])]
files = [r for r in results if r != "no file"]
read = [r for r in files if r != "refused"]
sys.exit(len(files) < 160 or len(read) < 0.97 * len(files))
END
then echo "ok - of 160 architectures at least 97 % are read"
else echo "not ok - of 160 architectures at least 97 % are read: $(head -n 1 "$work/table.md")"
fi
wrong=$(grep -c '"result": "wrong"' "$work/journal.jsonl")
if [ "$wrong" = 0 ]
then echo "ok - all that are read are exact"
else echo "not ok - all that are read are exact: $wrong are not, see $work/table.md"
fi
