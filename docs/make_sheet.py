"""Puts PNG pictures of one height side by side, row by row, into one PNG. Python's standard library only.

    python3 docs/make_sheet.py OUT.png COLUMNS GAP PICTURE.png...
"""

import struct
import sys
import zlib


def read(path):
    """Rows of RGB bytes of an 8-bit RGB or grey PNG without interlacing."""
    data = open(path, "rb").read()
    at, packed = 8, b""
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at : at + 8])
        body = data[at + 8 : at + 8 + size]
        if kind == b"IHDR":
            width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", body)
        elif kind == b"IDAT":
            packed += body
        at += size + 12
    if depth != 8 or colour not in (0, 2) or interlaced:
        raise SystemExit(f"{path}: only plain 8-bit RGB and grey PNG files are read here")
    channels = 3 if colour == 2 else 1
    raw, stride, rows = zlib.decompress(packed), width * channels, []
    previous = bytearray(stride)
    for y in range(height):
        start = y * (stride + 1)
        rule, line = raw[start], bytearray(raw[start + 1 : start + 1 + stride])
        for i in range(stride):
            a = line[i - channels] if i >= channels else 0
            b, c = previous[i], previous[i - channels] if i >= channels else 0
            if rule == 1:
                guess = a
            elif rule == 2:
                guess = b
            elif rule == 3:
                guess = (a + b) // 2
            elif rule == 4:
                p = a + b - c
                distance = (abs(p - a), abs(p - b), abs(p - c))
                guess = (a, b, c)[distance.index(min(distance))]
            else:
                guess = 0
            line[i] = (line[i] + guess) & 255
        rows.append(bytes(line) if channels == 3 else bytes(v for v in line for _ in range(3)))
        previous = line
    return rows


def filtered(row, previous):
    """The row under the PNG filter (none, left, above) whose bytes are smallest, as is usual."""
    left = bytes(v - w & 255 for v, w in zip(row, b"\0\0\0" + row))
    above = bytes(v - w & 255 for v, w in zip(row, previous))
    return min((b"\0" + row, b"\1" + left, b"\2" + above), key=lambda line: sum(min(v, 256 - v) for v in line))


def write(path, rows):
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", len(rows[0]) // 3, len(rows), 8, 2, 0, 0, 0)
    previous = [bytes(len(rows[0]))] + rows
    body = zlib.compress(b"".join(filtered(row, before) for row, before in zip(rows, previous)), 9)
    open(path, "wb").write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b""))


def main():
    if len(sys.argv) < 5:
        raise SystemExit(__doc__)
    out, columns, gap = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    pictures = [read(path) for path in sys.argv[4:]]
    lines = []
    for first in range(0, len(pictures), columns):
        row = pictures[first : first + columns]
        for y in range(max(len(p) for p in row)):
            line = (b"\xff" * (3 * gap)).join(p[y] if y < len(p) else b"\xff" * len(p[0]) for p in row)
            lines.append(line)
        if first + columns < len(pictures):
            lines.extend([b""] * gap)
    widest = max(len(line) for line in lines)
    write(out, [line + b"\xff" * (widest - len(line)) for line in lines])


main()
