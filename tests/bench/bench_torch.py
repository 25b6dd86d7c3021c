#!/usr/bin/env python3
"""Measures PyTorch on the workloads of bench_actmax.c and prints a line of JSON for each repetition.

    bench_torch.py convert NETWORK.onnx NETWORK.pt          so that the measured processes load PyTorch's own format
    bench_torch.py MODE NETWORK.pt [flags]

step, gradient, cam   as bench_actmax.c
picture               Grad-CAM of an image, laid over it and written to a file: the whole of a process
kerasvis              a maximisation by keras-vis's rule, written to a file: the whole of a process
choose                steps with contiguous and with channels_last tensors; says which is faster

PyTorch gets its best: see torch_network.py; the weights are mapped from the file, Adam is the fused one, and in Grad-CAM what comes
before the map's layer runs without a graph of gradients. Only torch is imported.
"""

import argparse
import json
import os
import struct
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import torch  # noqa: E402

AFTER_IMPORT = time.perf_counter()
import torch_network  # noqa: E402


def say(kind, **values):
    print(json.dumps(dict(values, kind=kind)), flush=True)


def memory():
    wanted = {"RssAnon": "anon_kb", "RssFile": "file_kb", "VmHWM": "peak_kb"}
    try:
        with open("/proc/self/status") as file:
            lines = [line.split() for line in file]
    except OSError:
        return {}
    return {wanted[words[0][:-1]]: int(words[1]) for words in lines if words and words[0][:-1] in wanted}


# ---- Images: 24-bit BMP, which needs no further package ----


def read_bmp(path):
    """Float pixels 0..255 as [1, 3, height, width], RGB."""
    with open(path, "rb") as file:
        data = bytearray(file.read())
    start, width, height = struct.unpack_from("<I", data, 10)[0], *struct.unpack_from("<ii", data, 18)
    row = (3 * width + 3) // 4 * 4
    pixels = torch.frombuffer(data, dtype=torch.uint8, count=row * height, offset=start)
    pixels = pixels.reshape(height, row)[:, : 3 * width].reshape(height, width, 3).flip(0, 2)
    return pixels.permute(2, 0, 1).unsqueeze(0).float()


def write_bmp(path, image):
    """image: [3, height, width], 0..255."""
    _, height, width = image.shape
    row = (3 * width + 3) // 4 * 4
    pixels = torch.zeros(height, row, dtype=torch.uint8)
    pixels[:, : 3 * width] = image.clamp(0, 255).round().to(torch.uint8).permute(1, 2, 0).flip(0, 2).reshape(height, 3 * width)
    size = row * height
    head = struct.pack("<2sIHHIIiiHHIIiiII", b"BM", 54 + size, 0, 0, 54, 40, width, height, 1, 24, 0, size, 0, 0, 0, 0)
    with open(path, "wb") as file:
        file.write(head + bytes(pixels.flatten().tolist()))


def preprocess(pixels, kind):
    if kind == "raw":
        return pixels
    if kind == "caffe":
        return pixels.flip(1) - torch.tensor([103.939, 116.779, 123.68]).reshape(1, 3, 1, 1)
    mean, deviation = {
        "tf": ([127.5] * 3, [127.5] * 3),
        "torch": ([123.675, 116.28, 103.53], [58.395, 57.12, 57.375]),
        "lite": ([127.0] * 3, [128.0] * 3),
        "squeezenet": ([104.0, 117.0, 123.0], [1.0] * 3),
    }[kind]
    pixels = pixels.flip(1) if kind == "squeezenet" else pixels
    return (pixels - torch.tensor(mean).reshape(1, 3, 1, 1)) / torch.tensor(deviation).reshape(1, 3, 1, 1)


def jet(map_):
    """Colours [3, height, width] of values in [0, 1]."""
    return torch.stack([(1.5 - (4.0 * map_ - centre).abs()).clamp(0, 1) for centre in (3.0, 2.0, 1.0)]) * 255.0


# ---- Parts ----


def load(options):
    return torch.load(options.network, mmap=True, weights_only=True)


def layout(tensor, options):
    return tensor.contiguous(memory_format=torch.channels_last) if options.channels_last else tensor


def network_for(options, saved, sliced=True):
    filters = options.filter if sliced and options.filter else None
    return torch_network.Network(saved, options.target, filters, options.fold, options.channels_last)


def score_of(network, output, filters):
    """The mean over space of each wanted channel, summed."""
    if filters and not network.sliced:
        output = output[:, filters]
    return output.mean() * output.shape[1]


def start_image(network, options):
    shape = list(network.shape)
    if options.size:
        shape[2:] = [options.size, options.size]
    torch.manual_seed(1)
    image = preprocess(127.5 + 40.0 * (torch.rand(shape) - 0.5), options.preprocess)
    return layout(image, options).detach().requires_grad_(True)


def adam(image, rate):
    try:
        return torch.optim.Adam([image], lr=rate, fused=True)
    except (RuntimeError, TypeError):
        return torch.optim.Adam([image], lr=rate)


def count_work(network, image):
    """Multiplications of a forward pass, by running it once. The pass back to the image has as many."""
    network.counting = True
    with torch.no_grad():
        network(image)
    network.counting = False
    return {"gflop_step": 4e-9 * network.forward_macs, "weight_bytes": network.weight_bytes}


# ---- Modes ----


def time_steps(network, options, steps):
    image = start_image(network, options)
    optimizer = adam(image, 0.01)
    times = []
    for _ in range(options.warm + steps):
        began = time.perf_counter()
        optimizer.zero_grad(set_to_none=True)
        score = score_of(network, network(image), options.filter)
        (-score).backward()
        optimizer.step()
        times.append(1e3 * (time.perf_counter() - began))
    return times[options.warm :]


def run_step(options):
    network = network_for(options, load(options))
    for milliseconds in time_steps(network, options, options.steps):
        say("step", ms=milliseconds)
    at_peak = memory()
    say("work", **count_work(network, start_image(network, options)))
    return at_peak


def run_choose(options):
    saved, medians = load(options), {}
    for name in ("contiguous", "channels_last") * 2:
        options.channels_last = name == "channels_last"
        times = sorted(time_steps(network_for(options, saved), options, options.steps))
        medians[name] = min(medians.get(name, 1e30), times[len(times) // 2])
    say("choice", layout=min(medians, key=medians.get), **medians)
    return memory()


def run_gradient(options):
    """With --double in double precision: what actmax's result is compared with."""
    saved, kind = load(options), torch.float64 if options.double else torch.float32
    saved["tensors"] = {name: t.to(kind) if t.is_floating_point() else t for name, t in saved["tensors"].items()}
    network = network_for(options, saved, sliced=False)
    image = layout(preprocess(read_bmp(options.image).to(kind), options.preprocess), options).requires_grad_(True)
    for i in range(options.warm + options.steps):
        began = time.perf_counter()
        score = score_of(network, network(image), options.filter)
        (gradient,) = torch.autograd.grad(score, image)
        if i >= options.warm:
            say("gradient", ms=1e3 * (time.perf_counter() - began))
        if i == 0:
            say("result", activation=score.item(), gradient_norm=gradient.norm().item())
    return memory()


def grad_cam(network, pixels, options):
    """The map in [0, 1] at the image's size, the class and its score."""
    height, width = pixels.shape[2:]
    values = [None] * network.slots
    cut = network.place(options.cam_layer)
    with torch.no_grad():
        x = pixels
        if (height, width) != tuple(network.shape[2:]):
            x = torch.nn.functional.interpolate(x, size=network.shape[2:], mode="bilinear", antialias=True)
        values[0] = layout(preprocess(x, options.preprocess), options)
        network.run(values, 0, cut)
    slot = network.names[options.cam_layer]
    features = values[slot] = values[slot].detach().requires_grad_(True)
    scores = network.run(values, cut)[network.target]
    scores = scores.mean((2, 3)) if scores.dim() == 4 else scores
    best = int(scores[0].argmax())
    (gradient,) = torch.autograd.grad(scores[0, best], features)
    with torch.no_grad():
        map_ = (gradient.mean((2, 3), keepdim=True) * features).sum(1, keepdim=True).clamp(min=0)
        map_ = torch.nn.functional.interpolate(map_, size=(height, width), mode="bilinear", align_corners=False)[0, 0]
        low, high = map_.min(), map_.max()
        map_ = (map_ - low) / (high - low + 1e-20)
    return map_, best, scores[0, best].item()


def run_cam(options):
    network = network_for(options, load(options), sliced=False)
    pixels = read_bmp(options.image)
    for i in range(options.warm + options.steps):
        began = time.perf_counter()
        _, best, score = grad_cam(network, pixels, options)
        if i >= options.warm:
            say("cam", ms=1e3 * (time.perf_counter() - began))
        if i == 0:
            say("result", **{"class": best, "activation": score})
    return memory()


def run_picture(options):
    network = network_for(options, load(options), sliced=False)
    pixels = read_bmp(options.image)
    map_, _, _ = grad_cam(network, pixels, options)
    write_bmp(options.out, 0.5 * jet(map_) + 0.5 * pixels[0])
    say("picture", ms=1e3 * (time.perf_counter() - AFTER_IMPORT))
    return memory()


def run_kerasvis(options):
    """Loss: -activation + 10 Lp norm (p 6) + 10 total variation; gradient to length 1; RMSprop with 0.95 and 1e-7."""
    network = network_for(options, load(options))
    torch.manual_seed(1)
    noise = torch.rand(network.shape)
    noise = (noise - noise.mean()) / (noise.std() + 1e-7)
    image = layout(noise * 12.75 + 127.5, options).requires_grad_(True)
    squares = torch.zeros_like(image)
    best, best_loss = image.detach().clone(), float("inf")
    for _ in range(options.steps):
        activation = score_of(network, network(image), options.filter)
        lp = image.abs().pow(6).sum().pow(1 / 6) / image.numel()
        dy = image[:, :, 1:, :-1] - image[:, :, :-1, :-1]
        dx = image[:, :, :-1, 1:] - image[:, :, :-1, :-1]
        loss = -activation + 10.0 * lp + 10.0 * (dy * dy + dx * dx).sum() / image.numel()
        (gradient,) = torch.autograd.grad(loss, image)
        with torch.no_grad():
            gradient *= torch.rsqrt(gradient.square().sum().clamp(min=1e-12))
            squares.mul_(0.95).addcmul_(gradient, gradient, value=0.05)
            image.addcdiv_(gradient, squares.add(1e-7).sqrt_(), value=-1.0)
            if loss.item() < best_loss:
                best_loss = loss.item()
                best.copy_(image)
    best = best[0]
    best = (best - best.mean()) / (best.std() + 1e-7) * 0.1 + 0.5
    write_bmp(options.out, best * 255.0)
    say("kerasvis", ms=1e3 * (time.perf_counter() - AFTER_IMPORT))
    return memory()


def convert(source, path):
    import onnx_reader

    torch_network.save_graph(onnx_reader.read(source), path + ".part")
    os.replace(path + ".part", path)


MODES = {"step": run_step, "choose": run_choose, "gradient": run_gradient, "cam": run_cam, "picture": run_picture,
         "kerasvis": run_kerasvis}


def main():
    if len(sys.argv) == 4 and sys.argv[1] == "convert":
        return convert(sys.argv[2], sys.argv[3])
    if sys.argv[1:] == ["facts"]:
        return say("facts", version=torch.__version__)
    parser = argparse.ArgumentParser()
    parser.add_argument("mode", choices=MODES)
    parser.add_argument("network")
    parser.add_argument("--target", required=True, help="the tensor whose channels are scores")
    parser.add_argument("--cam-layer")
    parser.add_argument("--filter", type=int, action="append")
    parser.add_argument("--image")
    parser.add_argument("--out")
    parser.add_argument("--preprocess", default="raw")
    parser.add_argument("--size", type=int)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--warm", type=int, default=2)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--fold", action="store_true")
    parser.add_argument("--double", action="store_true")
    parser.add_argument("--channels-last", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    used = MODES[options.mode](options)
    say("facts", version=torch.__version__, threads=torch.get_num_threads(), **used)


if __name__ == "__main__":
    main()
