#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Others can open our files: the public Python package `gguf` reads the sample that test_modelfile writes, and a
# compiled network, the built-in one.
# timeout: 300

venv=$BUILD/venv-gguf
if ! "$venv/bin/python" -c 'import gguf' 2> /dev/null; then
    rm -rf "$venv"
    if ! { python3 -m venv "$venv" && "$venv/bin/pip" install --quiet gguf numpy; } > pip.log 2>&1; then
        rm -rf "$venv"
        echo "skip - gguf_python: the Python package gguf cannot be installed ($(tail -n 1 pip.log))"
        exit 0
    fi
fi
if ! "$BUILD/tests/modelfile/test_modelfile" write sample.bin 2> write.log; then
    echo "not ok - gguf_python: no sample was written: $(cat write.log)"
    exit 1
fi
"$venv/bin/python" - "$SRC/models" << 'END'
import sys
import numpy
from gguf import GGUFReader, GGMLQuantizationType

failures = 0


def check(name, condition, reason=""):
    global failures
    failures += not condition
    print(f"ok - gguf_python {name}" if condition else f"not ok - gguf_python {name}: {reason}")


reader = GGUFReader("sample.bin")
want = {
    "GGUF.version": 3, "GGUF.tensor_count": 6, "general.architecture": "gradcam", "general.alignment": 64,
    "general.name": "sample", "test.u32": 4000000000, "test.u64": 1 << 60, "test.f32": 0.25, "test.bool": True,
    "test.strings": ["tench, Tinca tinca", "", "Königspudel"], "test.u8s": [0, 255, 10], "test.i32s": [-7, 8],
    "test.f32s": [1.5, -2, 3],
}
for key, value in want.items():
    field = reader.fields.get(key)
    got = field.contents() if field else None
    check(f"reads {key}", got == value, f"got {got!r}")

weights = numpy.array([1, 2, 3, 4, 5, 6, -1, -2, -3.5, 1e-6, 0, 65504], numpy.float32).reshape(2, 3, 1, 2)
tensors = {
    "weights": (GGMLQuantizationType.F32, weights), "half": (GGMLQuantizationType.F16, weights.astype(numpy.float16)),
    "bytes": (GGMLQuantizationType.I8, numpy.array([1, -2, 3, -4, 5], numpy.int8)),
    "empty": (GGMLQuantizationType.I32, numpy.zeros((0, 4), numpy.int32)),
    "scalar": (GGMLQuantizationType.F32, numpy.float32(5)),
    "indices": (GGMLQuantizationType.I64, numpy.array([-1, 0, 1 << 40])),
}
check("finds the tensors", [t.name for t in reader.tensors] == list(tensors), [t.name for t in reader.tensors])
for tensor in reader.tensors:
    kind, value = tensors[tensor.name]
    right = tensor.tensor_type == kind and tensor.data.shape == value.shape and (tensor.data == value).all()
    check(f"reads tensor {tensor.name}", right, f"got {tensor.tensor_type!r} {tensor.data.tolist()}")
    check(f"finds {tensor.name} aligned", tensor.data_offset % 64 == 0, f"offset {tensor.data_offset}")

reader = GGUFReader(sys.argv[1] + "/default.bin")
contents = {key: field.contents() for key, field in reader.fields.items()}
labels = open(sys.argv[1] + "/default.labels.txt").read().split("\n")[:-1]
check("reads a network's labels", contents.get("gradcam.labels") == labels, contents.get("gradcam.labels"))
check("reads a network's size and layer", (contents["gradcam.input.width"], contents["gradcam.input.height"],
                                           contents["gradcam.layer"]) == (160, 160, "features"))
check("reads a network's graph", len(contents["gradcam.graph"]) > 1000)
weights = sum(int(t.n_elements) for t in reader.tensors)
check("reads a network's weights", weights > 200000 and all(t.name.startswith("initializer.") for t in reader.tensors),
      weights)
sys.exit(failures > 0)
END
