"""What the tests of the program `actmax` share: running it, and reading the files that it writes. Python's standard library only."""

import json
import os
import re
import shutil
import struct
import subprocess
import tempfile
import unittest
import zlib

HERE = os.path.dirname(os.path.abspath(__file__))


class Places:
    """Set by test_cli.py before the tests run."""

    program = None
    examples = None


class Outcome:
    def __init__(self, code, out, err):
        self.code = code
        self.out = out
        self.err = err

    def json(self):
        return json.loads(self.out)


def example(name):
    return os.path.join(Places.examples, name)


def read_bytes(path):
    with open(path, "rb") as file:
        return file.read()


def write_bytes(path, data):
    with open(path, "wb") as file:
        file.write(data)


def paeth(left, above, corner):
    estimate = left + above - corner
    return min((abs(estimate - left), 0, left), (abs(estimate - above), 1, above), (abs(estimate - corner), 2, corner))[2]


def unfilter(kind, line, above, step):
    """One row of a PNG, in place (PNG specification, section 9)."""
    for i in range(len(line)):
        left = line[i - step] if i >= step else 0
        corner = above[i - step] if i >= step else 0
        line[i] = (line[i] + (0, left, above[i], (left + above[i]) // 2, paeth(left, above[i], corner))[kind]) & 255


def read_png(path):
    """(width, height, channels, bytes) of an 8-bit grey or RGB picture; every chunk's checksum is tested."""
    data = read_bytes(path)
    assert data[:8] == b"\x89PNG\r\n\x1a\n", path
    at, packed, head, kind = 8, b"", None, None
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at : at + 8])
        body = data[at + 8 : at + 8 + size]
        assert struct.unpack(">I", data[at + 8 + size : at + 12 + size])[0] == zlib.crc32(kind + body)
        if kind == b"IHDR":
            head = struct.unpack(">IIBBBBB", body)
        elif kind == b"IDAT":
            packed += body
        at += 12 + size
    assert kind == b"IEND" and at == len(data), path + " is cut short"
    width, height, depth, colour = head[:4]
    channels = {0: 1, 2: 3}[colour]
    assert depth == 8
    raw, step = zlib.decompress(packed), width * channels
    rows, above = [], bytearray(step)
    for y in range(height):
        start = y * (step + 1)
        line = bytearray(raw[start + 1 : start + 1 + step])
        unfilter(raw[start], line, above, channels)
        rows.append(bytes(line))
        above = line
    return width, height, channels, b"".join(rows)


def read_npy(path):
    """(shape, list of floats) of a .npy file of version 1.0."""
    data = read_bytes(path)
    assert data[:8] == b"\x93NUMPY\x01\x00"
    size = struct.unpack("<H", data[8:10])[0]
    assert (10 + size) % 64 == 0
    header = data[10 : 10 + size].decode("ascii")
    match = re.fullmatch(r"\{'descr': '<f4', 'fortran_order': False, 'shape': \(([0-9, ]*)\), \} *\n", header)
    assert match, header
    shape = [int(word) for word in match.group(1).split(",") if word.strip()]
    count = 1
    for extent in shape:
        count *= extent
    assert len(data) == 10 + size + 4 * count
    return shape, list(struct.unpack("<%df" % count, data[10 + size :]))


def with_orientation(jpeg, orientation):
    """The JPEG with an EXIF segment that holds this orientation and nothing else (Exif 2.3, tag 0x0112)."""
    tiff = b"II*\0" + struct.pack("<IHHHIHHI", 8, 1, 0x0112, 3, 1, orientation, 0, 0)
    body = b"Exif\0\0" + tiff
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + jpeg[2:]


class ProgramTest(unittest.TestCase):
    """Each test has a folder of its own to write in."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="actmax-cli-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.network = example("fashion_mnist.onnx")
        self.boot = example("fashion_boot.png")
        self.labels = example("fashion_mnist_labels.txt")

    def path(self, name):
        return os.path.join(self.folder, name)

    def files(self):
        return sorted(os.listdir(self.folder))

    def actmax(self, *words, expect=0, **settings):
        """Runs the program; standard error has to be empty or lines that start with 'actmax: '."""
        done = subprocess.run(
            [Places.program] + [str(word) for word in words],
            stdout=settings.pop("stdout", subprocess.PIPE),
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            timeout=300,
            **settings,
        )
        out = (done.stdout or b"").decode("utf-8")
        err = done.stderr.decode("utf-8", "replace")
        self.assertEqual(done.returncode, expect, "%s\n%s%s" % (" ".join(map(str, words)), out, err))
        for line in err.splitlines():
            self.assertTrue(line.startswith("actmax: "), err)
        return Outcome(done.returncode, out, err)

    def refused(self, code, pattern, *words, **settings):
        """The program ends with this code, one line of error that fits the pattern, and nothing else said."""
        outcome = self.actmax(*words, expect=code, **settings)
        lines = [line for line in outcome.err.splitlines() if not line.startswith("actmax: note: ")]
        self.assertEqual(len(lines), 1, outcome.err)
        self.assertRegex(lines[0], pattern)
        self.assertEqual(outcome.out, "")
        return lines[0]

    def maximize(self, *words, out="a.png", **settings):
        """A quick maximisation in the test's folder."""
        return self.actmax(
            "maximize", self.network, "--preprocess", "unit", "--steps", "20", "--out", self.path(out), *words, **settings
        )
