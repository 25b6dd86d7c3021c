"""Writes HDF5 files with h5py, and what h5py reads from them, for tests/unit/test_hdf5.c.

usage: make_hdf5_goldens.py [FOLDER]      (default: keras/ beside this script; needs h5py and numpy)

Writes hdf5.zip (the files, deflated) and hdf5.txt. The files hold the same things written in several ways: as the oldest and as the newest library would, with every storage and filter
that a user of Keras or h5py can choose. hdf5.txt lists what is to be found:
    list FILE GROUP COUNT HASH           the members' names, sorted, each followed by a NUL
    text FILE OBJECT ATTRIBUTE COUNT HASH     texts, each followed by a NUL; COUNT -1: no such attribute
    data FILE DATASET TYPE DIMS HASH     row-major little-endian bytes; DIMS joined by x, "scalar" for none
HASH is FNV-1a of 64 bits.
"""
import pathlib
import sys
import tempfile
import zipfile

import h5py
import numpy as np

random = np.random.default_rng(20)
lines = []


def fnv(data):
    value = 0xCBF29CE484222325
    for byte in data:
        value = ((value ^ byte) * 0x100000001B3) & (2**64 - 1)
    return f"{value:016x}"


def numbers(shape, dtype):
    count = int(np.prod(shape, dtype=np.int64))
    if np.dtype(dtype).kind == "f":
        return random.standard_normal(count).astype(dtype).reshape(shape)
    return random.integers(0, 100, count).astype(dtype).reshape(shape)


NAMES = {"f2": "float16", "f4": "float32", "f8": "float64", "i1": "int8", "u1": "uint8", "i4": "int32", "i8": "int64"}


def describe(path):
    """Everything that h5py finds in a file."""
    with h5py.File(path, "r") as file:

        def visit(name, item):
            for key in item.attrs:
                texts = item.attrs[key]
                if isinstance(texts, h5py.Empty):
                    texts = []
                texts = np.asarray(texts, dtype=object).reshape(-1).tolist() if not isinstance(texts, (str, bytes)) else [texts]
                data = b"".join((t.encode() if isinstance(t, str) else bytes(t)) + b"\0" for t in texts)
                lines.append(f"text {path.name} {name} {key} {len(texts)} {fnv(data)}")
            if isinstance(item, h5py.Group):
                members = sorted(item.keys())
                lines.append(f"list {path.name} {name} {len(members)} {fnv(b''.join(m.encode() + bytes(1) for m in members))}")
                for member in members[: 12 if len(members) > 30 else None]:
                    link = item.get(member, getlink=True)
                    if isinstance(link, h5py.HardLink) or member == "soft":
                        visit(f"{name}/{member}" if name != "/" else f"/{member}", item[member])
            elif isinstance(item, h5py.Dataset) and item.dtype.str[1:] in NAMES:
                little = np.asarray(item[()]).astype(item.dtype.newbyteorder("<")) if item.shape is not None else np.zeros(0)
                dims = "x".join(map(str, item.shape)) if item.shape else "scalar"
                lines.append(f"data {path.name} {name} {NAMES[item.dtype.str[1:]]} {dims} {fnv(little.tobytes())}")

        visit("/", file)


def storages(group):
    """Datasets in every storage that both old and new files have."""
    group["contiguous"] = numbers((3, 5), "f4")
    group["scalar"] = np.float32(2.5)
    group["empty"] = np.zeros((0, 4), "f4")
    for name in ("f2", "f8", "i1", "u1", "i4", "i8"):
        group[name] = numbers((7,), name)
    group["big4"] = numbers((4, 3), ">f4")
    group["big8"] = numbers((5,), ">f8")
    group["deep"] = numbers((2, 1, 3, 1, 2, 2), "f4")
    compact = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    compact.set_layout(h5py.h5d.COMPACT)
    values = numbers((6,), "f4")
    made = h5py.h5d.create(group.id, b"compact", h5py.h5t.IEEE_F32LE, h5py.h5s.create_simple((6,)), compact)
    made.write(h5py.h5s.ALL, h5py.h5s.ALL, values)
    group.create_dataset("never_written", (4, 4), "f4", fillvalue=1.5)
    group.create_dataset("never_written_0", (4, 4), "f4")
    group.create_dataset("gzip", data=numbers((20, 9), "f4"), chunks=(8, 4), compression="gzip", compression_opts=9)
    group.create_dataset("gzip_shuffle", data=numbers((20, 9), "f4"), chunks=(20, 9), compression="gzip", shuffle=True)
    group.create_dataset("shuffle_big", data=numbers((20,), ">f4"), chunks=(6,), shuffle=True)
    group.create_dataset("fletcher", data=numbers((9, 3), "f4"), chunks=(4, 3), fletcher32=True)
    group.create_dataset("fletcher_odd", data=numbers((9,), "u1"), chunks=(3,), fletcher32=True)
    group.create_dataset("all_filters", data=numbers((33,), "f8"), chunks=(10,), compression="gzip", shuffle=True, fletcher32=True)
    group.create_dataset("lzf", data=np.repeat(numbers((40,), "f4"), 30), chunks=(500,), compression="lzf")
    group.create_dataset("lzf_noise", data=numbers((40,), "f4"), chunks=(16,), compression="lzf")
    group.create_dataset("zeros", data=np.zeros((300, 100), "f4"), chunks=(300, 100), compression="gzip")
    part = group.create_dataset("part_written", (10, 10), "f4", chunks=(4, 4), fillvalue=-1)
    part[5:7, 1:9] = numbers((2, 8), "f4")
    shrunk = group.create_dataset("shrunk", data=numbers((10, 4), "f4"), chunks=(3, 2), maxshape=(None, 4))
    shrunk.resize(5, 0)


def texts(item):
    item.attrs["variable"] = "Grüße"
    item.attrs["nothing"] = ""
    item.attrs["fixed"] = np.bytes_(b"2.4.0")
    item.attrs["several_fixed"] = np.array([b"conv1/kernel:0", b"conv1/bias:0", b""])
    item.attrs["several_variable"] = ["a", "bb", "", "dddd"]
    item.attrs["table"] = np.array([[b"a", b"bc"], [b"def", b"g"]])
    item.attrs["none"] = np.zeros(0)
    item.attrs["space_padded"] = np.bytes_(b"two words ")


def fill(file, links):
    texts(file)
    storages(file.create_group("storages"))
    texts(file["storages/contiguous"])
    many = file.create_group("many")
    for i in range(links):
        many.create_group(f"layer_{i:03d}_{'x' * (i % 7)}")
    file["again"] = file["storages/gzip"]
    file["soft"] = h5py.SoftLink("/storages/contiguous")
    file["dangling"] = h5py.SoftLink("/nowhere")
    file["elsewhere"] = h5py.ExternalLink("other.h5", "/")
    file["type"] = np.dtype("<f4")
    file.create_dataset("of_type", data=numbers((3,), "f4"), dtype=file["type"])


def low_dataset(group, name, values, chunks, most=None, early=False):
    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plist.set_chunk(chunks)
    if early:
        plist.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    space = h5py.h5s.create_simple(values.shape, most or values.shape)
    made = h5py.h5d.create(group.id, name.encode(), h5py.h5t.IEEE_F32LE, space, plist)
    made.write(h5py.h5s.ALL, h5py.h5s.ALL, values)


def indexes(group):
    """What only new files have: one way to find chunks for each way in which a dataset may grow."""
    group.create_dataset("single", data=numbers((6, 4), "f4"), chunks=(6, 4))
    group.create_dataset("single_gzip", data=numbers((6, 4), "f4"), chunks=(6, 4), compression="gzip")
    low_dataset(group, "implicit", numbers((7, 5), "f4"), (2, 3), early=True)
    group.create_dataset("fixed", data=numbers((10, 6), "f4"), chunks=(3, 2))
    group.create_dataset("fixed_gzip", data=numbers((10, 6), "f4"), chunks=(3, 2), compression="gzip")
    group.create_dataset("fixed_growing", data=numbers((5, 4), "f4"), chunks=(2, 2), maxshape=(9, 11))
    group.create_dataset("fixed_paged", data=numbers((1500,), "u1"), chunks=(1,))
    group.create_dataset("fixed_paged_part", (5000,), "u1", chunks=(1,))[2100:2110] = numbers((10,), "u1")
    group.create_dataset("extensible", data=numbers((700,), "u1"), chunks=(1,), maxshape=(None,))
    group.create_dataset("extensible_gzip", data=numbers((90, 4), "f4"), chunks=(2, 4), maxshape=(None, 4), compression="gzip")
    group.create_dataset("extensible_second", data=numbers((5, 40), "f4"), chunks=(2, 3), maxshape=(8, None))
    group.create_dataset("extensible_pages", (140000,), "u1", chunks=(1,), maxshape=(None,))[132000:132010] = numbers((10,), "u1")
    group.create_dataset("tree", data=numbers((9, 8), "f4"), chunks=(2, 2), maxshape=(None, None))
    group.create_dataset("tree_gzip", data=numbers((9, 8), "f4"), chunks=(2, 2), maxshape=(None, None), compression="gzip")
    group.create_dataset("tree_deep", data=numbers((30, 30), "u1"), chunks=(1, 1), maxshape=(None, None))


def write(folder):
    with h5py.File(folder / "earliest.h5", "w", libver="earliest") as file:
        fill(file, 60)
        file.create_dataset("storages/many_chunks", data=numbers((400,), "u1"), chunks=(2,))
    with h5py.File(folder / "latest.h5", "w", libver="latest") as file:
        fill(file, 300)
        indexes(file.create_group("indexes"))
        for i in range(40):
            file["many"].attrs[f"attribute_{i:02d}"] = np.array([b"name%d" % i] * (i % 5 + 1))
        file["many"].attrs["huge"] = np.bytes_(b"0123456789abcdef" * 4200)
    with h5py.File(folder / "v110.h5", "w", libver=("v110", "v110")) as file:
        indexes(file.create_group("indexes"))
    with h5py.File(folder / "ordered.h5", "w", libver=("v108", "v108"), track_order=True) as file:
        texts(file)
        for i in range(12):
            file.create_group(f"z{9 - i}", track_order=True)["kernel"] = numbers((2, 2), "f4")
    with h5py.File(folder / "userblock.h5", "w", userblock_size=1024) as file:
        file.create_group("a/b/c")["d"] = numbers((4,), "f4")
        texts(file["a/b"])
    sizes = h5py.h5p.create(h5py.h5p.FILE_CREATE)
    sizes.set_sizes(4, 4)
    with h5py.File(h5py.h5f.create(bytes(folder / "narrow.h5"), fcpl=sizes)) as file:
        file.create_dataset("a/gzip", data=numbers((9, 9), "f4"), chunks=(4, 4), compression="gzip")
        texts(file["a"])


def main():
    target = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).parent / "keras"
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        write(folder)
        with zipfile.ZipFile(target / "hdf5.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(folder.iterdir()):
                describe(path)
                archive.writestr(zipfile.ZipInfo(path.name), path.read_bytes(), zipfile.ZIP_DEFLATED, 9)
    (target / "hdf5.txt").write_text("\n".join(lines) + "\n")
    print(f"{len(lines)} lines")


main()
