"""A small writer of ONNX files: Python's standard library only.

It knows as much of protobuf and of ONNX as a convolutional network needs: float32 and int64 initialisers kept as raw data, nodes
with integer, real and text attributes, one image input, one output.

    graph = Graph("net", input_name="image", input_shape=[1, 3, 32, 32])
    weight = graph.tensor("conv1_weight", [8, 3, 3, 3], raw_float32_bytes)
    x = graph.node("Conv", "conv1", ["image", weight], kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    graph.save("net.onnx", output_name=x, output_shape=[1, 8, 32, 32])

A node's output has the node's name, so that a layer and its tensor are found by the same word. The field numbers are those of
onnx.proto.
"""

import os
import struct

FLOAT = 1
INT64 = 7
OPSET = 13
IR_VERSION = 7


def varint(value):
    """Base-128 varint; a negative int64 takes ten bytes, as protobuf says."""
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def integer(field, value):
    return varint(field << 3) + varint(value)


def real(field, value):
    return varint(field << 3 | 5) + struct.pack("<f", value)


def chunk(field, data):
    """A length-delimited field: text, bytes or a nested message."""
    if isinstance(data, str):
        data = data.encode("utf-8")
    return varint(field << 3 | 2) + varint(len(data)) + data


def attribute(name, value):
    """AttributeProto, its type told by the Python type."""
    body = chunk(1, name)
    if isinstance(value, bool):
        raise TypeError("write 0 or 1 for attribute " + name)
    if isinstance(value, int):
        return body + integer(3, value) + integer(20, 2)
    if isinstance(value, float):
        return body + real(2, value) + integer(20, 1)
    if isinstance(value, str):
        return body + chunk(4, value) + integer(20, 3)
    return body + b"".join(integer(8, item) for item in value) + integer(20, 7)


def value_info(name, shape):
    """ValueInfoProto of a float32 tensor; a text in the shape is a free dimension of that name."""
    dims = b"".join(chunk(1, integer(1, size) if isinstance(size, int) else chunk(2, size)) for size in shape)
    return chunk(1, name) + chunk(2, chunk(1, integer(1, FLOAT) + chunk(2, dims)))


class Graph:
    def __init__(self, name, input_name, input_shape, doc=""):
        self.name = name
        self.doc = doc
        self.inputs = chunk(11, value_info(input_name, input_shape))
        self.nodes = []
        self.initializers = []
        self.names = {input_name}

    def _claim(self, name):
        if name in self.names:
            raise ValueError("the name '%s' is used twice" % name)
        self.names.add(name)
        return name

    def tensor(self, name, shape, raw, data_type=FLOAT):
        """An initialiser; raw is little-endian, row-major. Returns its name."""
        count = 1
        for size in shape:
            count *= size
        expected = count * (8 if data_type == INT64 else 4)
        if len(raw) != expected:
            raise ValueError("tensor '%s' of shape %s needs %d bytes, %d given" % (name, shape, expected, len(raw)))
        body = b"".join(integer(1, size) for size in shape) + integer(2, data_type) + chunk(8, name) + chunk(9, raw)
        self.initializers.append(chunk(5, body))
        return self._claim(name)

    def constant(self, name, value):
        """A float32 scalar."""
        return self.tensor(name, [], struct.pack("<f", value))

    def node(self, operator, name, inputs, **attributes):
        """A node with one output of the node's own name, which is returned."""
        missing = [item for item in inputs if item and item not in self.names]
        if missing:
            raise ValueError("node '%s' reads '%s', which nothing has made" % (name, missing[0]))
        body = b"".join(chunk(1, item) for item in inputs) + chunk(2, name) + chunk(3, name) + chunk(4, operator)
        body += b"".join(chunk(5, attribute(key, value)) for key, value in attributes.items())
        self.nodes.append(chunk(1, body))
        return self._claim(name)

    def to_bytes(self, output_name, output_shape, producer="actmax examples"):
        graph = b"".join(self.nodes) + chunk(2, self.name) + b"".join(self.initializers)
        if self.doc:
            graph += chunk(10, self.doc)
        graph += self.inputs + chunk(12, value_info(output_name, output_shape))
        model = integer(1, IR_VERSION) + chunk(2, producer) + chunk(7, graph)
        return model + chunk(8, chunk(1, "") + integer(2, OPSET))

    def save(self, path, output_name, output_shape):
        """Writes the file whole or not at all."""
        part = path + ".part"
        try:
            with open(part, "wb") as file:
                file.write(self.to_bytes(output_name, output_shape))
            os.replace(part, path)
        except BaseException:
            if os.path.exists(part):
                os.remove(part)
            raise
