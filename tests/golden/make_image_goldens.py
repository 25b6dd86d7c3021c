#!/usr/bin/env python3
"""Writes images.bin (expected arrays) and images/ (small files to decode) for the tests of lib/image.

Needs numpy, Pillow, SciPy, PyTorch, matplotlib and opencv-python-headless; made with Pillow 13.0, SciPy 1.17, PyTorch 2.13,
matplotlib 3.11, OpenCV 5.0. The tests themselves need none of them.

images.bin: records of { char name[40], char type ('B' bytes, 'f' float32), uint8 rank, uint8 pad[2], int32 dims[4], data }."""
import io
import pathlib
import struct
import zlib

import cv2
import matplotlib
import numpy as np
import scipy.ndimage
import torch
from PIL import Image, ImageOps

HERE = pathlib.Path(__file__).parent
FILES = HERE / "images"
random = np.random.default_rng(20)
records = []


def add(name, array):
    array = np.ascontiguousarray(array)
    kind = {"uint8": b"B", "float32": b"f"}[array.dtype.name]
    dims = list(array.shape) + [1] * (4 - array.ndim)
    assert len(name) < 40
    records.append(name.encode().ljust(40, b"\0") + kind + bytes([array.ndim, 0, 0]) + struct.pack("<4i", *dims) + array.tobytes())


def save(name, data):
    (FILES / name).write_bytes(data)


def encoded(image, kind, **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def picture(height, width, channels):
    """Smooth waves, hard edges and noise, so that every weight and both clips matter."""
    y, x = np.mgrid[0:height, 0:width]
    planes = [127 + 120 * np.sin(x / (3 + c)) * np.cos(y / (4 - c)) for c in range(channels)]
    out = np.stack(planes, -1) + random.normal(0, 40, (height, width, channels))
    out[height // 3:height // 2, width // 4:width // 2] = 255
    out[height // 2:height * 2 // 3, width // 3:] = 0
    return np.clip(out, 0, 255).astype(np.uint8)


def pillow_resizes():
    rgb, grey = picture(31, 41, 3), picture(31, 41, 1)
    add("source/rgb", rgb)
    add("source/grey", grey)
    filters = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}
    for name, method in filters.items():
        for width, height in ((46, 37), (17, 23), (41, 9), (30, 31), (1, 1), (7, 60), (2, 3)):
            add(f"pillow/{name}/rgb/{width}x{height}", np.asarray(Image.fromarray(rgb).resize((width, height), method)))
        for width, height in ((46, 37), (17, 23), (5, 4)):
            resized = Image.fromarray(grey[..., 0]).resize((width, height), method)
            add(f"pillow/{name}/grey/{width}x{height}", np.asarray(resized)[..., None])


def torchvision_fit(image, size):
    """torchvision.transforms.functional.resize(round(size * 256 / 224)) and center_crop(size) on a Pillow image."""
    short_to = round(size * 256 / 224)
    width, height = image.size
    short, long = min(width, height), max(width, height)
    long_to = int(short_to * long / short)
    new = (short_to, long_to) if width <= height else (long_to, short_to)
    resized = image.resize(new, Image.Resampling.BILINEAR) if image.size != new else image
    top, left = int(round((new[1] - size) / 2.0)), int(round((new[0] - size) / 2.0))
    region = [left * width / new[0], top * height / new[1], (left + size) * width / new[0], (top + size) * height / new[1]]
    return resized.crop((left, top, left + size, top + size)), np.float32(region)


def fits():
    rgb = picture(31, 41, 3)
    add("fit/source", rgb)
    for size in (28, 20, 32):
        for name, image in (("wide", Image.fromarray(rgb)), ("tall", Image.fromarray(rgb).transpose(Image.Transpose.ROTATE_90))):
            fitted, region = torchvision_fit(image, size)
            add(f"fit/{name}/{size}", np.asarray(fitted))
            add(f"fit/{name}/{size}/region", region)


def float_resizes():
    def case(name, x, y):
        add(f"{name}/x", np.float32(x))
        add(f"{name}/y", np.float32(y))

    for index, ((h, w), (oh, ow)) in enumerate((((7, 7), (28, 28)), ((5, 4), (13, 9)), ((14, 14), (6, 5)), ((1, 3), (4, 5)),
                                                ((2, 2), (5, 1)), ((3, 6), (3, 6)))):
        x = np.float32(random.normal(0, 2, (h, w)))
        for order, name in ((3, "spline"), (1, "corner")):
            if min(oh, ow, h) == 1:
                # zoom cannot place a single output sample at the first position, so the map's formula is asked for directly
                at = np.meshgrid(np.linspace(0, h - 1, oh) if oh > 1 else [0.0], np.linspace(0, w - 1, ow) if ow > 1 else [0.0],
                                 indexing="ij")
                y = scipy.ndimage.map_coordinates(x.astype(np.float64), at, order=order, mode="mirror")
            else:
                y = scipy.ndimage.zoom(x.astype(np.float64), (oh / h, ow / w), order=order)
            assert y.shape == (oh, ow)
            case(f"float/{name}/{index}", x[..., None], y[..., None])
    for index, ((h, w), (oh, ow)) in enumerate((((7, 5), (11, 13)), ((13, 11), (6, 5)), ((7, 7), (14, 14)), ((1, 2), (3, 3)))):
        x = np.float32(random.normal(0, 2, (h, w, 3)))
        t = torch.from_numpy(x.astype(np.float64)).permute(2, 0, 1)[None]
        for mode, name in (("bilinear", "half"), ("bicubic", "cubic")):
            y = torch.nn.functional.interpolate(t, size=(oh, ow), mode=mode, align_corners=False)
            case(f"float/{name}/{index}", x, y[0].permute(1, 2, 0).numpy())
        case(f"float/nearest/{index}", x, torch.nn.functional.interpolate(t, size=(oh, ow), mode="nearest")[0].permute(1, 2, 0).numpy())
    x = np.float32(random.normal(0, 2, (6, 5, 3)))
    case("float/opencv/0", x, cv2.resize(x, (9, 11), interpolation=cv2.INTER_LINEAR))


def colours():
    values = np.float32([-0.5, 0, 0.001, 0.0039, 0.25, 0.3333333, 0.5, 0.50390625, 0.75, 0.9, 0.996, 0.99999, 1.0, 1.5])
    values = np.concatenate([values, np.float32(random.random(50))])
    inside = np.clip(values, 0, 1)
    add("colour/values", values)
    for name in ("jet", "viridis", "turbo"):
        # keras-vis: np.uint8(cm.jet(map)[..., :3] * 255)
        add(f"colour/{name}/table", np.uint8(matplotlib.colormaps[name](np.arange(256))[:, :3] * 255))
        add(f"colour/{name}/values", np.uint8(matplotlib.colormaps[name](inside)[:, :3] * 255))
    add("colour/jet-opencv/table", cv2.applyColorMap(np.arange(256, dtype=np.uint8)[:, None], cv2.COLORMAP_JET)[:, 0, ::-1])
    # pytorch-grad-cam: applyColorMap(np.uint8(255 * mask))
    add("colour/jet-opencv/values", cv2.applyColorMap(np.uint8(255 * inside)[:, None], cv2.COLORMAP_JET)[:, 0, ::-1])
    a, b = (random.integers(0, 256, 300, dtype=np.uint8) for _ in range(2))
    add("overlay/a", a)
    add("overlay/b", b)
    for alpha in (0.0, 0.3, 0.5, 0.7, 1.0):
        add(f"overlay/{alpha}", (a * alpha + b * (1.0 - alpha)).astype(np.uint8))


def preprocessing():
    rgb = random.integers(0, 256, (4, 5, 3), dtype=np.uint8)
    t = torch.from_numpy(rgb).double() / 255
    mean, deviation = (torch.tensor(v, dtype=torch.float64) for v in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
    add("preprocess/rgb", rgb)
    add("preprocess/raw", rgb.astype(np.float32))
    add("preprocess/unit", t.float().numpy())
    add("preprocess/torch", ((t - mean) / deviation).float().numpy())
    add("preprocess/tf", np.float32(rgb.astype(np.float64) / 127.5 - 1))
    add("preprocess/caffe", np.float32(rgb[..., ::-1].astype(np.float64) - [103.939, 116.779, 123.68]))
    add("preprocess/luma", np.asarray(Image.fromarray(rgb).convert("L"), np.float32)[..., None])


def png_chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_by_hand(width, height, bits, colour, interlace, packed):
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, interlace)
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", packed) + png_chunk(b"IEND", b"")


def interlaced(rgb):
    rows = b""
    for y0, x0, dy, dx in ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)):
        part = rgb[y0::dy, x0::dx]
        if part.size:
            rows += b"".join(b"\0" + row.tobytes() for row in part)
    return png_by_hand(rgb.shape[1], rgb.shape[0], 8, 2, 1, zlib.compress(rows, 9))


def png_files():
    rgb, grey = random.integers(0, 256, (6, 7, 3), dtype=np.uint8), random.integers(0, 256, (6, 7), dtype=np.uint8)
    alpha = random.integers(0, 256, (6, 7), dtype=np.uint8)
    wide, wide_rgb = (random.integers(0, 65536, shape, dtype=np.uint16) for shape in ((6, 7), (6, 7, 3)))
    palette = Image.fromarray(rgb).quantize(16)
    clear = io.BytesIO()
    palette.save(clear, "PNG", transparency=3)
    black_white = Image.fromarray(grey).point(lambda v: 255 * (v > 99)).convert("1")
    files = {
        "rgb.png": (encoded(Image.fromarray(rgb), "PNG"), rgb),
        "grey.png": (encoded(Image.fromarray(grey), "PNG"), grey[..., None]),
        "rgba.png": (encoded(Image.fromarray(np.dstack([rgb, alpha])), "PNG"), rgb),
        "grey_alpha.png": (encoded(Image.fromarray(np.dstack([grey, alpha]), "LA"), "PNG"), grey[..., None]),
        "grey16.png": (cv2.imencode(".png", wide)[1].tobytes(), (wide >> 8).astype(np.uint8)[..., None]),
        "rgb16.png": (cv2.imencode(".png", wide_rgb[..., ::-1])[1].tobytes(), (wide_rgb >> 8).astype(np.uint8)),
        "palette.png": (encoded(palette, "PNG"), np.asarray(palette.convert("RGB"))),
        "palette_clear.png": (clear.getvalue(), np.asarray(palette.convert("RGB"))),
        "bits1.png": (encoded(black_white, "PNG"), np.asarray(black_white.convert("L"))[..., None]),
        "interlaced.png": (interlaced(rgb), rgb),
        "rgb.bmp": (encoded(Image.fromarray(rgb), "BMP"), rgb),
        "rgba.bmp": (encoded(Image.fromarray(np.dstack([rgb, alpha])), "BMP"), rgb),
        "palette.bmp": (encoded(palette, "BMP"), np.asarray(palette.convert("RGB"))),
    }
    for name, (data, expected) in files.items():
        assert np.array_equal(np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))[0, 0, 0], expected[0, 0, 0]) or "16" in name
        save(name, data)
        add(f"file/{name}", expected)


def jpeg_files():
    blocks = np.uint8([[[250, 10, 20], [20, 240, 30], [10, 30, 250]], [[240, 230, 20], [20, 20, 20], [120, 130, 240]]])
    upright = Image.fromarray(np.kron(blocks, np.ones((8, 8, 1), np.uint8)))
    undo = {1: None, 2: "FLIP_LEFT_RIGHT", 3: "ROTATE_180", 4: "FLIP_TOP_BOTTOM", 5: "TRANSPOSE", 6: "ROTATE_90", 7: "TRANSVERSE",
            8: "ROTATE_270"}
    for orientation, method in undo.items():
        stored = upright.transpose(getattr(Image.Transpose, method)) if method else upright
        exif = Image.Exif()
        exif.endian = "<" if orientation % 2 else ">"
        exif[0x010F] = "maker"
        exif[0x0112] = orientation
        data = encoded(stored, "JPEG", quality=92, subsampling=0, exif=exif)
        shown = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))))
        assert np.abs(shown.astype(int) - np.asarray(upright)).max() < 12
        save(f"exif_{orientation}.jpg", data)
        add(f"file/exif_{orientation}.jpg", shown)
    waves = Image.fromarray(np.uint8(127 + 100 * np.sin(np.mgrid[0:24, 0:40][0] / 5)[..., None] * np.cos(
        np.mgrid[0:24, 0:40][1][..., None] / np.float64([4, 6, 9]))))
    for name, image, options in (("progressive.jpg", waves, {"progressive": True, "quality": 90, "subsampling": 0}),
                                 ("baseline.jpg", waves, {"quality": 90, "subsampling": 0}),
                                 ("restart.jpg", waves, {"quality": 90, "subsampling": 0, "restart_marker_blocks": 2}),
                                 ("subsampled.jpg", waves, {"quality": 90, "subsampling": 2}),
                                 ("grey.jpg", waves.convert("L"), {"quality": 90})):
        data = encoded(image, "JPEG", **options)
        shown = np.asarray(Image.open(io.BytesIO(data)))
        save(name, data)
        add(f"file/{name}", shown if shown.ndim == 3 else shown[..., None])
    save("cmyk.jpg", encoded(waves.convert("CMYK"), "JPEG"))


def hostile_files():
    save("huge.png", png_by_hand(2000000000, 2000000000, 8, 2, 0, zlib.compress(bytes(100))))
    save("side.png", png_by_hand(70000, 1, 1, 0, 0, zlib.compress(bytes(1 + 70000 // 8))))
    save("bomb.png", png_by_hand(1, 1, 8, 0, 0, zlib.compress(bytes(3000000), 9)))
    save("short_pixels.png", png_by_hand(30, 30, 8, 2, 0, zlib.compress(bytes(91 * 10), 9)))
    save("animation.gif", encoded(Image.fromarray(picture(4, 4, 1)[..., 0]), "GIF"))


FILES.mkdir(exist_ok=True)
for stage in (pillow_resizes, fits, float_resizes, colours, preprocessing, png_files, jpeg_files, hostile_files):
    stage()
(HERE / "images.bin").write_bytes(b"".join(records))
