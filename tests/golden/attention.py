#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Makes attention.txt: maps of transformers' attention, from the formulas, with the matrices of all blocks multiplied as
# they stand in the papers, and gradients by PyTorch in double precision. Not part of any test. Needs torch and onnx
# from PyPI, the shared test data, the zoo with its weights, and REFERENCE, the folder of onnxref.py, which evaluates an
# ONNX file in PyTorch:
#
#     tests/golden/attention.py DATA ZOO REFERENCE > tests/golden/attention.txt
#
# The zoo's networks see the `input` of golden/resnet18.npz, the others sin(0.7 i) at element i. A line is: network,
# folder in the shared data, method, class, height, width, map.
import sys

import numpy as np
import torch

NETWORKS = {                            # folder, height, width and which tokens are patches, classes
    "vit_b_16": ("zoo", 14, 14, 1, (243, 282)),
    "vit_b_16_dynamo": ("zoo", 14, 14, 1, (243,)),
    "vit_registers": ("cases/networks", 4, 4, 5, (1, 2)),
}


def evaluate(onnxref, path, x):
    net = onnxref.Ref(path)
    graph = net.m.graph
    products = [node for node in graph.node if node.op_type == "MatMul"]
    softmax = [node.output[0] for node in graph.node if node.op_type == "Softmax"]
    env = net.run({net.inputs[0].name: x.requires_grad_()})
    attention = [env[name] for name in softmax if any(node.input[0] == name for node in products)]
    return env[graph.output[0].name].reshape(-1), attention


def maps(scores, attention, index):
    gradient = torch.autograd.grad(scores[index], attention, retain_graph=True)
    n = attention[0].shape[-1]
    a = [t.detach().reshape(-1, n, n) for t in attention]
    g = [t.reshape(-1, n, n) for t in gradient]
    yield "attention", a[-1].mean(0)[0]
    rolled = torch.eye(n).double()
    relevance = torch.eye(n).double()
    for p, dp in zip(a, g):
        both = p.mean(0) + torch.eye(n)
        rolled = both / both.sum(-1, keepdim=True) @ rolled
        relevance = relevance + (p * dp).clamp(min=0).mean(0) @ relevance
    yield "rollout", rolled[0]
    yield "gae", relevance[0]
    yield "legrad", sum(dp.clamp(min=0).mean((0, 1)) for dp in g)


def main(data, zoo, reference):
    sys.path.insert(0, reference)
    import onnxref
    onnxref.dtype(torch.float64)
    for name, (folder, height, width, before, classes) in NETWORKS.items():
        if folder == "zoo":
            path, x = f"{zoo}/{name}.onnx", np.load(f"{data}/golden/resnet18.npz")["input"]
        else:
            path, x = f"{data}/{folder}/{name}.onnx", np.sin(0.7 * np.arange(3 * 64 * 64)).reshape(1, 3, 64, 64)
        scores, attention = evaluate(onnxref, path, torch.tensor(x.astype(np.float32)).double())
        n = attention[0].shape[-1]
        print(name, len(attention), "blocks", n, "tokens", scores[list(classes)].tolist(), file=sys.stderr)
        for index in classes:
            for method, row in maps(scores, attention, index):
                if method in ("attention", "rollout") and index != classes[0]:
                    continue
                numbers = " ".join(f"{v:.6g}" for v in row[before:before + height * width].tolist())
                print(name, folder, method, index, height, width, numbers)


main(*sys.argv[1:])
