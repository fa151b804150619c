#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The ONNX project's own tests of its operators, which the onnx package brings along, against gradcam: those of which
# `gradcam operators` has every operator.
#
#     nodes.py DIR [--gradcam PROGRAM] [--only WORD] [--table FILE]
#
# Each is put into a network of one row of pixels: a convolution of one weight, 1, and a reshape make the operator's
# first input of real numbers, its other inputs are constants, and the scores are all its outputs, negated. And a second
# time with all inputs constant, where folding computes them. A line of TAP for each test: ok; not ok where a number is
# wrong; refused tests, which gradcam says why it does not read, are listed in the table, and no failure.
import argparse, collections, json, pathlib, subprocess, sys

import numpy as np
import onnx
from onnx import TensorProto as T, helper, numpy_helper

# Where the expected values are not what ONNX Runtime computes either, and why.
OTHERWISE = {
    "test_resize_downsample_scales_linear_align_corners": "reckons with a size of the output that is not rounded",
    "test_resize_downsample_scales_cubic_align_corners": "likewise",
}

FLOATS = (T.FLOAT, T.DOUBLE, T.FLOAT16, T.BFLOAT16)
TAKEN = FLOATS + (T.INT8, T.UINT8, T.INT16, T.UINT16, T.INT32, T.UINT32, T.INT64, T.UINT64, T.BOOL)


def tensor(value, info):
    """A test's value as a tensor of the declared type, or None: sequences, optional values, strings."""
    if not info.type.HasField("tensor_type") or info.type.tensor_type.elem_type not in TAKEN:
        return None
    if isinstance(value, onnx.TensorProto):
        return value
    if not isinstance(value, (np.ndarray, np.generic)):
        return None
    made = numpy_helper.from_array(np.asarray(value), info.name)
    return made if made.data_type == info.type.tensor_type.elem_type else None


def wrap(case, inputs, live):
    """The network around a test, and its picture; `live`: the index of the input that the picture is, or None."""
    model = onnx.ModelProto()
    model.CopyFrom(case.model)
    graph = model.graph
    names = [i.name for i in graph.input]
    values = numpy_helper.to_array(inputs[live]).astype(np.float32) if live is not None else np.zeros(4, np.float32)
    picture = np.ascontiguousarray(values.reshape(1, 1, 1, -1))
    constants = [numpy_helper.from_array(np.ones((1, 1, 1, 1), np.float32), "w__")]
    head = [helper.make_node("Conv", ["picture__", "w__"], ["row__"])]
    if live is not None:
        constants.append(numpy_helper.from_array(np.array(values.shape, np.int64), "shape__"))
        head.append(helper.make_node("Reshape", ["row__", "shape__"], ["live__"]))
        head.append(helper.make_node("Cast", ["live__"], [names[live]], to=inputs[live].data_type))
    for k, value in enumerate(inputs):
        if k != live:
            constant = onnx.TensorProto()
            constant.CopyFrom(value)
            constant.name = names[k]
            constants.append(constant)
    constants.append(numpy_helper.from_array(np.array([1, -1], np.int64), "flat__"))
    tail, parts = [], []
    for k, output in enumerate(o for o in graph.output if o.name):
        tail.append(helper.make_node("Cast", [output.name], ["real%d__" % k], to=T.FLOAT))
        tail.append(helper.make_node("Reshape", ["real%d__" % k, "flat__"], ["part%d__" % k]))
        parts.append("part%d__" % k)
    tail.append(helper.make_node("Concat", parts, ["all__"], axis=1))
    tail.append(helper.make_node("Neg", ["all__"], ["negated__" if live is None else "scores__"]))
    if live is None:
        constants.append(numpy_helper.from_array(np.zeros(1, np.float32), "zero__"))
        tail.append(helper.make_node("GlobalAveragePool", ["row__"], ["mean__"]))
        tail.append(helper.make_node("Reshape", ["mean__", "flat__"], ["mean1__"]))
        tail.append(helper.make_node("Mul", ["mean1__", "zero__"], ["nothing__"]))
        tail.append(helper.make_node("Add", ["negated__", "nothing__"], ["scores__"]))
    nodes = list(graph.node)
    del graph.node[:], graph.input[:], graph.output[:], graph.value_info[:]
    graph.node.extend(head + nodes + tail)
    graph.initializer.extend(constants)
    graph.input.append(helper.make_tensor_value_info("picture__", T.FLOAT, list(picture.shape)))
    graph.output.append(helper.make_tensor_value_info("scores__", T.FLOAT, None))
    return model, picture


def compute(args, model, picture):
    """Scores, or a sentence that says why there are none."""
    file, array, scores = (str(args.dir / n) for n in ("node.onnx", "node.npy", "scores.npy"))
    onnx.save(model, file)
    np.save(array, picture)
    pathlib.Path(scores).unlink(missing_ok=True)
    done = subprocess.run([args.gradcam, "explain", array, "-m", file, "--labels", "none", "-c", "0", "-l", "row__",
                           "--scores", scores], capture_output=True, text=True, timeout=60)
    if done.returncode not in (0, 1, 2):
        raise RuntimeError("gradcam ended with status %d" % done.returncode)
    if done.returncode or not pathlib.Path(scores).exists():
        return (done.stderr.strip().splitlines() or ["status %d" % done.returncode])[0]
    return np.load(scores).reshape(-1)


def expected_scores(outputs):
    flat = [numpy_helper.to_array(o).astype(np.float64).reshape(-1) for o in outputs]
    return -np.concatenate(flat)


def check(case, args):
    """(kind, what) of a test: ok, wrong, refused, skipped."""
    inputs, outputs = case.data_sets[0]
    graph = case.model.graph
    inputs = [tensor(v, i) for v, i in zip(inputs, graph.input)]
    outputs = [tensor(v, i) for v, i in zip(outputs, graph.output)]
    if None in inputs or None in outputs or len(inputs) != len(graph.input) or len(outputs) != len(graph.output):
        return "skipped", "not of plain tensors"
    wanted = expected_scores(outputs)
    if not wanted.size:
        return "skipped", "nothing comes out"
    real = [k for k, i in enumerate(inputs) if i.data_type in FLOATS and numpy_helper.to_array(i).size]
    told, computed = [], 0
    for live in real[:1] + [None]:
        model, picture = wrap(case, inputs, live)
        ours = compute(args, model, picture)
        if isinstance(ours, str):
            told.append("%s: %s" % ("constant" if live is None else "live", ours))
            continue
        computed += 1
        rough = {T.FLOAT16: 2e-3, T.BFLOAT16: 2e-2}
        rtol = max([case.rtol, 1e-5] + [rough.get(o.data_type, 0) for o in outputs])
        near = ours.shape == wanted.shape and np.allclose(ours, wanted, rtol, max(case.atol, 1e-6), equal_nan=True)
        if not near:
            how = "all constant" if live is None else "input %d of the picture" % live
            far = np.abs(ours - wanted).max() if ours.shape == wanted.shape else np.nan
            return "wrong", "%s: %d values, %d expected, off by %g" % (how, ours.size, wanted.size, far)
    return ("ok", "; ".join(told)) if computed else ("refused", told[0])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("dir", type=pathlib.Path)
    parser.add_argument("--gradcam", default="build/bin/gradcam")
    parser.add_argument("--only", default="")
    parser.add_argument("--table", type=pathlib.Path, help="write what was refused, and why")
    args = parser.parse_args()
    args.dir.mkdir(parents=True, exist_ok=True)
    listed = json.loads(subprocess.run([args.gradcam, "operators", "--json"], capture_output=True, text=True,
                                       check=True).stdout)
    known = {(o["domain"], o["type"]) for o in listed}
    from onnx.backend.test.case import node
    count, refused, rows = collections.Counter(), [], []
    for case in node.collect_testcases(None):
        operators = {(n.domain.replace("ai.onnx", "") if n.domain == "ai.onnx" else n.domain, n.op_type)
                     for n in case.model.graph.node}
        if args.only not in case.name or case.name in OTHERWISE or not operators <= known:
            count["unknown"] += args.only in case.name
            continue
        kind, why = check(case, args)
        count[kind] += 1
        if kind != "skipped":
            result = "not ok" if kind == "wrong" else "ok"
            print("%s - %s%s" % (result, case.name, ": " + why if why else ""), flush=True)
        rows += ["| %s | %s | %s |" % (case.name, kind, why.replace("|", "/"))] if kind in ("refused", "wrong") else []
    told = "%d tests of %d have operators that are read; %d right, %d wrong, %d refused, %d not of plain tensors." % (
        sum(count.values()) - count["unknown"], sum(count.values()), count["ok"], count["wrong"], count["refused"],
        count["skipped"])
    if args.table:
        args.table.write_text("\n".join([told, "", "| test | | why |", "|---|---|---|"] + rows) + "\n")
    print("# " + told)
    return count["wrong"] > 0


if __name__ == "__main__":
    sys.exit(main())
