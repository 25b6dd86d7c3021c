"""A small reader of ONNX files for the benchmark: Python's standard library only, so that PyTorch alone is enough beside it.

read(path) gives {"inputs": [(name, shape)], "outputs": [name], "nodes": [{"op", "name", "inputs", "outputs", "attributes"}],
"tensors": {name: (shape, data_type, memoryview)}}. The field numbers are those of onnx.proto. Trusted files only.
"""

import mmap
import struct


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def signed(value):
    return value - (1 << 64) if value >> 63 else value


def fields(data):
    """Yields (field, value): an int, a float's four bytes, or a view."""
    at, end = 0, len(data)
    while at < end:
        key, at = varint(data, at)
        kind = key & 7
        if kind == 0:
            value, at = varint(data, at)
        elif kind == 2:
            size, at = varint(data, at)
            value, at = data[at : at + size], at + size
        else:
            size = 4 if kind == 5 else 8
            value, at = data[at : at + size], at + size
        yield key >> 3, value


def integers(value):
    """A repeated integer: one, or many packed."""
    if isinstance(value, int):
        return [signed(value)]
    out, at = [], 0
    while at < len(value):
        item, at = varint(value, at)
        out.append(signed(item))
    return out


def text(value):
    return bytes(value).decode("utf-8")


def tensor(data):
    shape, data_type, name, raw = [], 0, "", b""
    for field, value in fields(data):
        if field == 1:
            shape += integers(value)
        elif field == 2:
            data_type = value
        elif field == 8:
            name = text(value)
        elif field in (4, 9):
            raw = value
        elif field == 7:
            raw = struct.pack("<%dq" % len(integers(value)), *integers(value))
    return name, (shape, data_type, memoryview(raw))


def attribute(data):
    name, out = "", []
    for field, value in fields(data):
        if field == 1:
            name = text(value)
        elif field == 2:
            out = struct.unpack("<f", value)[0]
        elif field == 3:
            out = signed(value)
        elif field == 4:
            out = text(value)
        elif field == 5:
            out = tensor(value)[1]
        elif field == 7:
            out += [item[0] for item in struct.iter_unpack("<f", value)]
        elif field == 8:
            out += integers(value)
    return name, out


def node(data):
    out = {"op": "", "name": "", "inputs": [], "outputs": [], "attributes": {}}
    for field, value in fields(data):
        if field in (1, 2):
            out["inputs" if field == 1 else "outputs"].append(text(value))
        elif field == 3:
            out["name"] = text(value)
        elif field == 4:
            out["op"] = text(value)
        elif field == 5:
            key, item = attribute(value)
            out["attributes"][key] = item
    return out


def value_info(data):
    name, shape = "", []
    for field, value in fields(data):
        if field == 1:
            name = text(value)
        elif field == 2:
            for _, kind in fields(value):
                for part, dims in fields(kind):
                    if part == 2:
                        shape = [next((v for f, v in fields(d) if f == 1), 1) for _, d in fields(dims)]
    return name, shape


def read(path):
    with open(path, "rb") as file:
        view = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    graph = next(value for field, value in fields(view) if field == 7)
    out = {"inputs": [], "outputs": [], "nodes": [], "tensors": {}}
    for field, value in fields(graph):
        if field == 1:
            out["nodes"].append(node(value))
        elif field == 5:
            name, item = tensor(value)
            out["tensors"][name] = item
        elif field == 11:
            out["inputs"].append(value_info(value))
        elif field == 12:
            out["outputs"].append(value_info(value)[0])
    out["inputs"] = [item for item in out["inputs"] if item[0] not in out["tensors"]]
    return out
