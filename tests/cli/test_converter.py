#!/usr/bin/env python3
"""Tests of the Python files in examples/ that read PyTorch weights and write ONNX. Standard library only.

    python3 tests/cli/test_converter.py EXAMPLES [unittest's arguments]
"""

import collections
import io
import os
import pickle
import struct
import sys
import tempfile
import types
import unittest

sys.dont_write_bytecode = True
if len(sys.argv) < 2:
    sys.exit(__doc__)
sys.path.insert(0, os.path.abspath(sys.argv[1]))
import legacy_pth  # noqa: E402
import onnx_writer  # noqa: E402

# Stand-ins under PyTorch's names, so that pickle writes what torch.save wrote before version 1.6.
torch = types.ModuleType("torch")
torch_utils = types.ModuleType("torch._utils")


def _rebuild_tensor_v2(*words):
    raise AssertionError("the reader called the writer's function")


_rebuild_tensor_v2.__module__, _rebuild_tensor_v2.__qualname__ = "torch._utils", "_rebuild_tensor_v2"
torch_utils._rebuild_tensor_v2 = _rebuild_tensor_v2
torch.FloatStorage = type("FloatStorage", (), {"__module__": "torch"})
torch.HalfStorage = type("HalfStorage", (), {"__module__": "torch"})
sys.modules["torch"], sys.modules["torch._utils"] = torch, torch_utils


class Saved:
    """A tensor as torch.save writes it: a call of _rebuild_tensor_v2 with a reference to a storage."""

    def __init__(self, storage, offset, shape, stride):
        self.words = (storage, offset, shape, stride, False, collections.OrderedDict())

    def __reduce__(self):
        return _rebuild_tensor_v2, self.words


class Reference:
    def __init__(self, key, count, kind=torch.FloatStorage):
        self.saved_id = ("storage", kind, key, "cpu", count, None)


class Pickler(pickle.Pickler):
    def persistent_id(self, item):
        return item.saved_id if isinstance(item, Reference) else None


def legacy_file(state, storages, keys=None):
    file = io.BytesIO()
    for item in (legacy_pth.MAGIC, legacy_pth.PROTOCOL, {"protocol_version": 1001, "little_endian": True}):
        pickle.dump(item, file, protocol=2)
    Pickler(file, protocol=2).dump(state)
    pickle.dump(sorted(storages) if keys is None else keys, file, protocol=2)
    for key in sorted(storages):
        file.write(struct.pack("<q%df" % len(storages[key]), len(storages[key]), *storages[key]))
    return file.getvalue()


def read(data):
    return legacy_pth.read(io.BytesIO(data))


class Weights(unittest.TestCase):
    def setUp(self):
        self.storage = [float(value) for value in range(12)]
        state = collections.OrderedDict()
        state["plain"] = Saved(Reference("a", 12), 0, (2, 3), (3, 1))
        state["turned"] = Saved(Reference("a", 12), 6, (3, 2), (1, 3))
        state["scalar"] = Saved(Reference("a", 12), 11, (), ())
        state["spread"] = Saved(Reference("a", 12), 4, (2, 2), (1, 0))
        self.file = legacy_file(state, {"a": self.storage})

    def test_values(self):
        tensors = read(self.file)
        values = {name: struct.unpack("<%df" % (len(t.raw()) // 4), t.raw()) for name, t in tensors.items()}
        self.assertEqual(values["plain"], (0, 1, 2, 3, 4, 5))
        self.assertEqual(values["turned"], (6, 9, 7, 10, 8, 11))
        self.assertEqual(values["scalar"], (11,))
        self.assertEqual(values["spread"], (4, 4, 5, 5))
        self.assertEqual(tensors["turned"].shape, [3, 2])

    def test_nothing_is_called(self):
        class Command:
            def __reduce__(self):
                return os.system, ("exit 1",)

        class Opened:
            def __reduce__(self):
                return open, (os.devnull,)

        for state in ({"weight": Command()}, {"weight": Opened()}, {"weight": Saved(Reference("a", 12, torch.HalfStorage), 0, (1,), (1,))}):
            with self.assertRaisesRegex(legacy_pth.FormatError, "only tensors and dicts are admitted"):
                read(legacy_file(state, {"a": self.storage}))
        with self.assertRaises(legacy_pth.FormatError):
            read(pickle.dumps(Command()))

    def test_damaged_files(self):
        for size in range(0, len(self.file), 7):
            with self.assertRaises(legacy_pth.FormatError):
                read(self.file[:size])
        past = {"weight": Saved(Reference("a", 12), 8, (3, 2), (2, 1))}
        with self.assertRaisesRegex(legacy_pth.FormatError, "past its storage"):
            read(legacy_file(past, {"a": self.storage}))["weight"].raw()
        for shape, stride, offset in (((-1,), (1,), 0), ((2,), (1,), -4), (("x",), (1,), 0), ((2,), [1], 0)):
            with self.assertRaises(legacy_pth.FormatError):
                read(legacy_file({"weight": Saved(Reference("a", 12), offset, shape, stride)}, {"a": self.storage}))
        with self.assertRaisesRegex(legacy_pth.FormatError, "list of storages"):
            read(legacy_file({"weight": Saved(Reference("a", 12), 0, (2,), (1,))}, {"a": self.storage}, keys=["b"]))


class Onnx(unittest.TestCase):
    def test_wire_format(self):  # the examples of protobuf's encoding guide
        self.assertEqual(onnx_writer.integer(1, 150), bytes.fromhex("089601"))
        self.assertEqual(onnx_writer.chunk(2, "testing"), bytes.fromhex("120774657374696e67"))
        self.assertEqual(onnx_writer.integer(1, -2), bytes.fromhex("08feffffffffffffffff01"))

    def test_mistakes_are_found(self):
        graph = onnx_writer.Graph("net", "image", [1, 1, 2, 2])
        with self.assertRaisesRegex(ValueError, "needs 16 bytes"):
            graph.tensor("weight", [2, 2], b"\0" * 12)
        with self.assertRaisesRegex(ValueError, "nothing has made"):
            graph.node("Relu", "relu", ["imag"])
        with self.assertRaisesRegex(ValueError, "used twice"):
            graph.node("Relu", "image", ["image"])

    def test_saved_whole_or_not_at_all(self):
        graph = onnx_writer.Graph("net", "image", [1, 1, 2, 2])
        output = graph.node("Relu", "relu", ["image"])
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "net.onnx")
            with self.assertRaises(TypeError):
                graph.save(path, output, [None])
            self.assertEqual(os.listdir(folder), [])
            graph.save(path, output, [1, 1, 2, 2])
            self.assertEqual(os.listdir(folder), ["net.onnx"])


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0]] + sys.argv[2:])
