"""Reads the tensors of a legacy PyTorch .pth file without PyTorch: Python's standard library only.

A legacy file (torch.save before version 1.6) is a row of pickles: magic number, protocol, machine, then the object itself whose
tensors point at storages by key, then the list of keys, and after it the storages: element count (int64) and bytes.

A pickle can call anything it names. This reader admits an ordered dict, the function that rebuilds a tensor, and the storage types:
whatever else a file names is refused, so a stranger's file can fail, but not act.
"""

import collections
import pickle
import struct

MAGIC = 0x1950A86A20F9469CFC6C
PROTOCOL = 1001
ELEMENT_BYTES = {"FloatStorage": 4, "LongStorage": 8}


class FormatError(Exception):
    """The file is not what it should be; the text says why, in one line."""


class Tensor:
    """Shape, element type and, once the storages have been read, row-major little-endian bytes."""

    def __init__(self, storage, offset, shape, stride):
        self.storage = storage
        self.offset = offset
        self.shape = list(shape)
        self.stride = list(stride)

    def raw(self):
        """The bytes in row-major order, whatever order the storage has (weights that came from TensorFlow are transposed views)."""
        if any(size < 1 for size in self.shape):
            raise FormatError("an empty tensor")
        last = self.offset + sum((size - 1) * stride for size, stride in zip(self.shape, self.stride))
        if last >= self.storage.elements:
            raise FormatError("a tensor of shape %s reaches past its storage" % self.shape)
        elements = memoryview(self.storage.data).cast("I" if self.storage.width == 4 else "Q")
        axes = [(size, stride) for size, stride in zip(self.shape, self.stride) if size > 1] or [(1, 1)]
        starts = [self.offset]
        for size, stride in axes[:-1]:
            starts = [start + stride * index for start in starts for index in range(size)]
        size, stride = axes[-1]
        # a slice of stride 0 does not exist: such a tensor repeats one element
        if stride == 0:
            return b"".join(bytes(elements[start : start + 1]) * size for start in starts)
        return b"".join(elements[start : start + (size - 1) * stride + 1 : stride].tobytes() for start in starts)


class Storage:
    def __init__(self, kind, elements):
        self.width = ELEMENT_BYTES[kind]
        self.elements = elements
        self.data = b""


def _rebuild(storage, offset, shape, stride, *_):
    if not isinstance(storage, Storage) or not isinstance(offset, int) or offset < 0:
        raise FormatError("a tensor without a storage")
    for numbers in (shape, stride):
        if not isinstance(numbers, tuple) or len(numbers) > 8 or not all(isinstance(n, int) and n >= 0 for n in numbers):
            raise FormatError("a tensor with an impossible shape")
    return Tensor(storage, offset, shape, stride)


class _Reader(pickle.Unpickler):
    ADMITTED = {
        ("collections", "OrderedDict"): collections.OrderedDict,
        ("torch._utils", "_rebuild_tensor_v2"): _rebuild,
        ("torch", "FloatStorage"): "FloatStorage",
        ("torch", "LongStorage"): "LongStorage",
    }

    def __init__(self, file):
        super().__init__(file, encoding="utf-8")
        self.storages = {}

    def find_class(self, module, name):
        if (module, name) not in self.ADMITTED:
            raise FormatError("it names %s.%s; only tensors and dicts are admitted" % (module, name))
        return self.ADMITTED[module, name]

    def persistent_load(self, saved_id):
        if not isinstance(saved_id, tuple) or len(saved_id) != 6 or saved_id[0] != "storage":
            raise FormatError("an unknown kind of reference")
        _, kind, key, _, elements, view = saved_id
        if kind not in ("FloatStorage", "LongStorage") or not isinstance(elements, int) or view is not None:
            raise FormatError("a storage of an unknown kind")
        if key not in self.storages:
            self.storages[key] = Storage(kind, elements)
        return self.storages[key]


def _read_storages(file, storages):
    keys = _Reader(file).load()
    if not isinstance(keys, list) or set(keys) != set(storages):
        raise FormatError("the list of storages does not fit the tensors")
    for key in keys:
        storage = storages[key]
        head = file.read(8)
        if len(head) != 8 or struct.unpack("<q", head)[0] != storage.elements:
            raise FormatError("storage %s has another size than its tensor says" % key)
        storage.data = file.read(storage.elements * storage.width)
        if len(storage.data) != storage.elements * storage.width:
            raise FormatError("the file ends too early (an unfinished download?)")


def read(file):
    """The file's state dict: name -> Tensor. `file` is open for reading bytes. Raises FormatError."""
    try:
        if _Reader(file).load() != MAGIC or _Reader(file).load() != PROTOCOL:
            raise FormatError("it is not a legacy PyTorch file")
        machine = _Reader(file).load()
        if not isinstance(machine, dict) or machine.get("little_endian") is not True:
            raise FormatError("it was written on a big-endian machine")
        reader = _Reader(file)
        state = reader.load()
        if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
            raise FormatError("it does not hold a plain dict of tensors")
        _read_storages(file, reader.storages)
        return state
    except FormatError:
        raise
    except Exception as error:
        raise FormatError("it cannot be unpickled (%s)" % error) from error
