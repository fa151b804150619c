#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes a small network as ONNX (opset 13): x [1,3,8,8] -> Conv 3x3 -> Relu -> GlobalAveragePool -> Flatten -> y
[1,10].

The protocol buffer is made by hand, so that no package is needed: fields by their numbers in onnx.proto.
"""
import struct
import sys


def varint(value):
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def number(field, value):
    return varint(field << 3) + varint(value)


def data(field, value):
    value = value.encode() if isinstance(value, str) else value
    return varint(field << 3 | 2) + varint(len(value)) + value


def tensor(name, dims, values):
    return b"".join(number(1, d) for d in dims) + number(2, 1) + data(8, name) + data(9, struct.pack(f"<{len(values)}f",
                                                                                                   *values))


def attribute(name, values):
    return data(1, name) + b"".join(number(8, v) for v in values) + number(20, 7)


def node(op, inputs, output, attributes=()):
    return (b"".join(data(1, i) for i in inputs) + data(2, output) + data(3, output) + data(4, op) +
            b"".join(data(5, a) for a in attributes))


def value_info(name, dims):
    shape = b"".join(data(1, number(1, d)) for d in dims)
    return data(1, name) + data(2, data(1, number(1, 1) + data(2, shape)))


weights = [((i * 7919) % 101 - 50) / 50 for i in range(10 * 3 * 3 * 3)]
graph = b"".join(data(1, n) for n in (
    node("Conv", ("x", "w"), "conv", (attribute("kernel_shape", (3, 3)), attribute("pads", (1, 1, 1, 1)))),
    node("Relu", ("conv",), "relu"), node("GlobalAveragePool", ("relu",), "pool"), node("Flatten", ("pool",), "y")))
graph += data(2, "tiny") + data(5, tensor("w", (10, 3, 3, 3), weights))
graph += data(11, value_info("x", (1, 3, 8, 8))) + data(12, value_info("y", (1, 10)))
model = number(1, 8) + data(2, "tiny_onnx.py") + data(7, graph) + data(8, data(1, "") + number(2, 13))
with open(sys.argv[1], "wb") as file:
    file.write(model)
