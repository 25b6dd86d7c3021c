#!/usr/bin/env python3
"""Measures actmax and PyTorch in turn and writes a table, JSON and a plot. `sh tests/bench/run.sh` prepares what this needs.

    run.py --torch PYTHON --programs FOLDER --models FOLDER --out FOLDER [--peers PYTHON] [--quick] [--rounds N] [--threads N]
           [WORKLOAD ...]

A workload is a group (agree, step, cam, picture, kerasvis, peers, kernels, memory, load, each, pixels, steady, threads) or one of it,
as step/vgg16_class. Python's standard library only.
"""

import argparse
import json
import os
import statistics
import struct
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import measure  # noqa: E402
import plot  # noqa: E402
import table  # noqa: E402
import workloads as w  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))


class Bench:
    def __init__(self, options):
        self.o = options
        self.rounds = 1 if options.quick else options.rounds
        self.rows = []
        self.layouts = {}
        self.agreed = {}
        self.actmax_facts = {}
        self.torch_facts = {}

    # ---- Commands ----

    def model(self, network, ending="onnx"):
        return os.path.join(self.o.models, "%s.%s" % (network, ending))

    def has(self, network):
        return os.path.exists(self.model(network))

    def image(self, network):
        return os.path.join(self.o.models, "image%d.bmp" % w.NETWORKS[network]["side"])

    def actmax(self, mode, network, layer=None, filters=(), steps=1, warm=2, extra=()):
        words = [os.path.join(self.o.programs, "bench_actmax"), mode, self.model(network)]
        words += ["--steps", str(steps), "--warm", str(warm), "--set", "threads=%d" % self.o.threads]
        for setting in w.NETWORKS[network]["settings"]:
            words += ["--set", setting]
        for index in filters:
            words += ["--filter", str(index)]
        return words + (["--layer", layer] if layer else []) + list(extra)

    def torch(self, mode, network, layer=None, filters=(), steps=1, warm=2, extra=(), fold=False, layout=None):
        about = w.NETWORKS[network]
        words = [self.o.torch, "-B", os.path.join(HERE, "bench_torch.py"), mode, self.model(network, "pt")]
        words += ["--target", layer or about["score"], "--preprocess", about["preprocess"], "--threads", str(self.o.threads)]
        words += ["--steps", str(steps), "--warm", str(warm)]
        for index in filters:
            words += ["--filter", str(index)]
        words += ["--fold"] if fold else []
        words += ["--channels-last"] if layout == "channels_last" else []
        return words + list(extra)

    def layout(self, network, layer, filters, fold):
        """The faster memory format of PyTorch for this work, found once."""
        key = (network, layer, tuple(filters), fold)
        if key not in self.layouts:
            lines, _ = measure.run(self.torch("choose", network, layer, filters, 1 if self.o.quick else 5, 1, fold=fold))
            self.layouts[key] = measure.find(lines, "choice")
        return self.layouts[key]["layout"]

    def steps(self, count):
        return 2 if self.o.quick else count

    def note_facts(self, lines, of_torch=False):
        facts = measure.find(lines, "facts")
        (self.torch_facts if of_torch else self.actmax_facts).update((key, facts[key]) for key in ("version", "kernels") if key in facts)

    def add(self, row):
        self.rows.append(row)
        print(table.line(row), flush=True)

    def wanted(self, group, names):
        """The names of a group that were asked for and whose network is there."""
        for name in names:
            if not self.o.workload or group in self.o.workload or "%s/%s" % (group, name) in self.o.workload:
                yield name

    # ---- Rows ----

    def agree(self):
        """Both compute the same: the score and the gradient's length for one image, PyTorch's in double precision."""
        for network in self.wanted("agree", filter(self.has, w.NETWORKS)):
            extra = ["--image", self.image(network)]
            found, _ = measure.run(self.actmax("gradient", network, None, [20], 1, 0, extra))
            other, _ = measure.run(self.torch("gradient", network, None, [20], 1, 0, extra + ["--double"]))
            a, b = measure.find(found, "result"), measure.find(other, "result")
            apart = max(abs(a[key] - b[key]) / max(abs(b[key]), 1e-12) for key in ("activation", "gradient_norm"))
            title = "%s: score and gradient apart" % w.NETWORKS[network]["title"]
            self.add({"group": "agree", "name": network, "title": title, "value": apart, "unit": "relative", "must": w.AGREE,
                      "least_is_best": True, "actmax_result": a, "torch_result": b})

    def compare(self, group, name, title, kind, commands, must, stretch, facts=None):
        """A row of actmax against PyTorch, and against PyTorch folded where there is such a command."""
        results = measure.in_turn(commands, self.rounds)
        row = {"group": group, "name": name, "title": title, "unit": "ms", "must": must, "stretch": stretch}
        for key, rounds in results.items():
            row[key] = measure.summary(rounds, kind)
        row["ratio"] = measure.ratio(row["torch"], row["actmax"])
        if "torch_folded" in row:
            row["ratio_folded"] = measure.ratio(row["torch_folded"], row["actmax"])
            row["must_folded"], row["stretch_folded"] = w.FOLDED
        row.update(facts or {})
        row.update({key: value for key, value in measure.find(results["torch"][0][0], "work").items() if key != "kind"})
        self.add(row)
        return row

    def step(self):
        for name in self.wanted("step", (n for n, s in w.STEPS.items() if self.has(s[0]))):
            network, layer, index, steps, must, stretch = w.STEPS[name]
            count = self.steps(steps)
            commands = {"actmax": self.actmax("step", network, layer, [index], count)}
            layouts = {}
            for fold in (False, True) if w.NETWORKS[network]["normalised"] else (False,):
                key = "torch_folded" if fold else "torch"
                layouts[key] = self.layout(network, layer, [index], fold)
                commands[key] = self.torch("step", network, layer, [index], count, fold=fold, layout=layouts[key])
            what = "%s %d" % (layer or "class", index)
            self.compare("step", name, "%s step, %s" % (w.NETWORKS[network]["title"], what), "step", commands, must, stretch,
                         {"layouts": layouts})

    def cam(self):
        for network in self.wanted("cam", filter(self.has, w.CAMS)):
            count, must, stretch = w.CAMS[network]
            about = w.NETWORKS[network]
            extra = ["--image", self.image(network), "--cam-layer", about["cam"]]
            count = self.steps(count)
            commands = {"actmax": self.actmax("cam", network, None, [], count, 2, extra)}
            for fold in (False, True) if about["normalised"] else (False,):
                key, layout = "torch_folded" if fold else "torch", self.layout(network, None, [20], fold)
                commands[key] = self.torch("cam", network, None, [], count, 2, extra, fold, layout)
            self.compare("cam", network, "%s Grad-CAM, warm" % about["title"], "cam", commands, must, stretch)

    def program(self, words, settings):
        command = [os.path.join(self.o.programs, "actmax", "examples", "actmax"), *words, "--threads", str(self.o.threads)]
        for setting in settings:
            name, value = setting.split("=")
            command += ["--" + name.replace("_", "-"), value]
        return command

    def whole(self, group, name, title, commands, must, stretch, after):
        """Whole processes, and the same with PyTorch's time counted from after its import."""
        if not self.o.quick:
            measure.in_turn(commands, 1)  # the files are in the cache from here on
        results = measure.in_turn(commands, self.rounds)
        ours, theirs = measure.summary(results["actmax"]), measure.summary(results["torch"])
        row = {"group": group, "name": name, "title": title, "unit": "ms", "must": must, "stretch": stretch, "actmax": ours,
               "torch": theirs, "ratio": measure.ratio(theirs, ours)}
        self.add(row)
        if after:
            imported = measure.summary(results["torch"], group)
            self.add(dict(row, name=name + "_after_import", title=title + ", PyTorch after its import", torch=imported,
                          ratio=measure.ratio(imported, ours), must=after[0], stretch=after[1]))

    def picture(self):
        for network in self.wanted("picture", filter(self.has, w.PICTURES)):
            about = w.NETWORKS[network]
            ours, theirs = (os.path.join(self.o.out, "cam_%s_%s.bmp" % (network, who)) for who in ("actmax", "torch"))
            words = ["cam", self.model(network), self.image(network), "--layer", about["cam"], "--out", ours]
            extra = ["--image", self.image(network), "--cam-layer", about["cam"], "--out", theirs]
            commands = {"actmax": self.program(words, about["settings"]),
                        "torch": self.torch("picture", network, extra=extra, layout=self.layout(network, None, [20], False))}
            self.whole("picture", network, "%s Grad-CAM picture, start to file" % about["title"], commands, *w.PICTURE["whole"],
                       w.PICTURE["after_import"])

    def by_kerasvis(self, steps):
        """The program that makes the picture by keras-vis's rule."""
        network, layer, index = w.KERASVIS[:3]
        words = ["maximize", self.model(network), "--layer", layer, "--filter", str(index), "--steps", str(steps), "--out"]
        return self.program(words + [os.path.join(self.o.out, "kerasvis_actmax.bmp")], w.KERASVIS_OPTIONS)

    def kerasvis(self):
        network, layer, index, steps, must, stretch = w.KERASVIS
        for _ in self.wanted("kerasvis", ["vgg16"] if self.has(network) else []):
            steps = 3 if self.o.quick else steps
            extra = ["--out", os.path.join(self.o.out, "kerasvis_torch.bmp"), "--preprocess", "raw"]
            layout = self.layout(network, layer, [index], False)
            commands = {"actmax": self.by_kerasvis(steps),
                        "torch": self.torch("kerasvis", network, layer, [index], steps, extra=extra, layout=layout)}
            title = "%d steps by keras-vis's rule, VGG16 %s %d, start to file" % (steps, layer, index)
            self.whole("kerasvis", network, title, commands, must, stretch, None)

    def peers(self):
        """Other libraries on the same work, where a Python has them; their rows stand in PyTorch's column."""
        network, about = "vgg16", w.NETWORKS["vgg16"]
        steps = 3 if self.o.quick else w.KERASVIS[3]
        for name in self.wanted("peers", w.PEERS if self.o.peers and self.has(network) else []):
            if not measure.imports(self.o.peers, w.PEERS[name]):
                print("%s does not import %s: its row is left out" % (self.o.peers, w.PEERS[name]))
                continue
            out = os.path.join(self.o.out, "peer_%s.png" % name)
            theirs = [self.o.peers, "-B", os.path.join(HERE, "bench_peers.py"), name, self.model(network, "pt"), "--out", out]
            theirs += ["--steps", str(steps), "--image", self.image(network), "--threads", str(self.o.threads)]
            ours, title = self.by_kerasvis(steps), "%s, %d steps, VGG16 block3_conv3, start to file" % (name, steps)
            if name == "grad-cam":
                words = ["cam", self.model(network), self.image(network), "--layer", about["cam"], "--out"]
                ours = self.program(words + [os.path.join(self.o.out, "peer_actmax.png")], about["settings"])
                title = "grad-cam, VGG16 picture, start to file"
            goals = w.PICTURE["whole"] if name == "grad-cam" else w.KERASVIS[4:]
            try:
                self.whole("peers", name, title, {"actmax": ours, "torch": theirs}, *goals, None)
            except SystemExit as failure:
                print("%s does not run here: its row is left out\n%s" % (name, str(failure)[-300:]))

    def kernels(self, peak):
        command = [os.path.join(self.o.programs, "bench_kernels"), "--threads", str(self.o.threads)]
        command += ["--repeat", "1" if self.o.quick else "9"]
        for _ in self.wanted("kernels", ["vgg16"]):
            results = measure.in_turn({"actmax": command}, self.rounds)["actmax"]
            for direction in ("forward", "backward"):
                layers = {}
                for line in (line for lines, _ in results for line in lines if line.get("direction") == direction):
                    layers.setdefault(line["layer"], {"gflop": line["gflop"], "times": []})["times"].append(line["ms"])
                each = {name: layer["gflop"] / statistics.median(layer["times"]) * 1e3 for name, layer in layers.items()}
                total = sum(layer["gflop"] for layer in layers.values())
                milliseconds = sum(statistics.median(layer["times"]) for layer in layers.values())
                title = "VGG16 3x3 layers, %s, over the multiply-add peak" % direction
                self.add({"group": "kernels", "name": direction, "title": title, "value": total / milliseconds * 1e3 / peak,
                          "unit": "of peak", "must": w.KERNELS[0], "stretch": w.KERNELS[1],
                          "milliseconds": milliseconds, "gflops_of_layers": each})

    def memory(self):
        alone = None
        for name in self.wanted("memory", (n for n, s in w.STEPS.items() if self.has(s[0]))):
            alone = alone or measure.peaks([self.o.torch, "-B", "-c", "import torch"])
            network, layer, index = w.STEPS[name][:3]
            ours = measure.peaks(self.actmax("step", network, layer, [index], 3))
            layout = self.layout(network, layer, [index], False)
            theirs = measure.peaks(self.torch("step", network, layer, [index], 3, layout=layout))
            title = "%s peak memory, %s" % (w.NETWORKS[network]["title"], layer or "class")
            self.add({"group": "memory", "name": name, "title": title, "value": ours["peak_mb"] / theirs["peak_mb"],
                      "unit": "of PyTorch's", "must": w.MEMORY[name], "least_is_best": True,
                      "anonymous_share": ours["anon_mb"] / theirs["anon_mb"], "actmax_mb": ours, "torch_mb": theirs,
                      "torch_alone_mb": alone})

    def load(self):
        a = w.LOAD
        for _ in self.wanted("load", [a["network"]] if self.has(a["network"]) else []):
            command = self.actmax("load", a["network"], a["layer"], [a["filter"]], 1)
            measure.run(command)  # the file is in the cache from here on
            results = measure.in_turn({"actmax": command}, max(self.rounds, 1 if self.o.quick else 9))["actmax"]
            took = measure.summary(results, "load")
            anonymous = statistics.median(measure.find(lines, "facts")["anon_kb"] / 1024 for lines, _ in results)
            title = "VGG16 (528 MB), %s: load to packed and planned" % a["layer"]
            self.add({"group": "load", "name": "time", "title": title, "value": took["median"], "unit": "ms", "must": a["must_ms"],
                      "stretch": a["stretch_ms"], "least_is_best": True, "actmax": took})
            self.add({"group": "load", "name": "memory", "title": title + ", RssAnon", "value": anonymous, "unit": "MB",
                      "must": a["must_mb"], "least_is_best": True})

    def each(self):
        for name in self.wanted("each", (n for n, s in w.EACH.items() if self.has(s[0]))):
            network, layer, count, side, steps, must, stretch = w.EACH[name]
            extra = ["--set", "size=%d" % side, "--repeat", "1" if self.o.quick else "3"]
            command = self.actmax("each", network, layer, range(count), self.steps(steps), 0, extra)
            results = measure.in_turn({"actmax": command}, self.rounds)["actmax"]
            together, apart = measure.summary(results, "each"), measure.summary(results, "single")
            what = (w.NETWORKS[network]["title"], layer or "classes", count, side, side)
            title = "%s %s, %d pictures %dx%d: calls for each / one call" % what
            found = measure.ratio(apart, together)
            self.add({"group": "each", "name": name, "title": title, "value": found["median"], "unit": "times", "must": must,
                      "stretch": stretch, "ratio": found, "together": together, "apart": apart})

    def pixels(self):
        for _ in self.wanted("pixels", ["vgg16"] if self.has("vgg16") else []):
            sizes = w.SIZES[:2] if self.o.quick else w.SIZES
            commands = {str(side): self.actmax("step", "vgg16", "block3_conv3", [56], self.steps(6), 1, ["--set", "size=%d" % side])
                        for side in sizes}
            results = measure.in_turn(commands, self.rounds)
            costs = {side: 1e6 * measure.summary(rounds, "step")["median"] / int(side) ** 2 for side, rounds in results.items()}
            self.add({"group": "pixels", "name": "vgg16", "title": "Cost of a pixel, %d to %d, VGG16 block3_conv3: most over least, less 1"
                      % (sizes[0], sizes[-1]), "value": max(costs.values()) / min(costs.values()) - 1.0, "unit": "share",
                      "must": w.EVEN_PIXELS, "least_is_best": True, "nanoseconds_of_a_pixel": costs})

    def steady(self):
        for _ in self.wanted("steady", ["vgg16"] if self.has("vgg16") else []):
            count = 8 if self.o.quick else 200
            command = self.actmax("step", "vgg16", "block3_conv3", [56], count, 4, ["--set", "size=128"])
            drifts = []
            for lines, _ in measure.in_turn({"actmax": command}, self.rounds)["actmax"]:
                times = measure.values(lines, "step")
                early, late = times[: len(times) // 4], times[-(len(times) // 4) :]
                drifts.append(statistics.median(late) / statistics.median(early) - 1.0)
            self.add({"group": "steady", "name": "vgg16", "title": "Cost of a step, last quarter of %d over the first, less 1" % count,
                      "value": abs(statistics.median(drifts)), "unit": "share", "must": w.EVEN_STEPS, "least_is_best": True,
                      "drifts": drifts})

    def threads(self):
        for name in self.wanted("threads", (n for n, s in w.STEPS.items() if self.has(s[0]))):
            network, layer, index, steps = w.STEPS[name][:4]
            commands = {str(n): self.actmax("step", network, layer, [index], self.steps(steps), 2, ["--set", "threads=%d" % n])
                        for n in (1, 2)}
            results = measure.in_turn(commands, self.rounds)
            found = measure.ratio(measure.summary(results["1"], "step"), measure.summary(results["2"], "step"))
            self.add({"group": "threads", "name": name, "title": "Two threads against one, %s step, %s"
                      % (w.NETWORKS[network]["title"], layer or "class"), "value": found["median"], "unit": "times",
                      "must": w.TWO_THREADS, "ratio": found})


def write_images(folder):
    """Square pictures of soft colours with some grain, one for each input size."""
    for side in sorted({about["side"] for about in w.NETWORKS.values()}):
        row = (3 * side + 3) // 4 * 4
        data = bytearray()
        for y in range(side):
            line = bytearray()
            for x in range(side):
                grain = (x * 7919 + y * 104729) % 61
                blue, green, red = x * 190 // side + grain, y * 190 // side + grain, (x + y) * 60 // side + 2 * grain
                line += bytes((blue, green, red))
            data += line + bytes(row - 3 * side)
        head = struct.pack("<2sIHHIIiiHHIIiiII", b"BM", 54 + len(data), 0, 0, 54, 40, side, side, 1, 24, 0, len(data), 0, 0, 0, 0)
        with open(os.path.join(folder, "image%d.bmp" % side), "wb") as file:
            file.write(head + data)


def convert_models(bench):
    for network in filter(bench.has, w.NETWORKS):
        source, saved = bench.model(network), bench.model(network, "pt")
        if not os.path.exists(saved) or os.path.getmtime(saved) < os.path.getmtime(source):
            measure.run([bench.o.torch, "-B", os.path.join(HERE, "bench_torch.py"), "convert", source, saved])


def write_results(bench, machine):
    report = {"quick": bench.o.quick, "rounds": bench.rounds, "threads": bench.o.threads, "host": measure.machine(), "machine": machine,
              "actmax": bench.actmax_facts, "pytorch": bench.torch_facts, "rows": bench.rows}
    for row in bench.rows:
        row["reached"] = table.reached(row)
    with open(os.path.join(bench.o.out, "results.json"), "w") as file:
        json.dump(report, file, indent=1)
    text = table.whole(report)
    with open(os.path.join(bench.o.out, "table.md"), "w") as file:
        file.write(text)
    with open(os.path.join(bench.o.out, "plot.svg"), "w") as file:
        file.write(plot.svg(report))
    return text


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("torch", "programs", "models", "out"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--peers", help="a Python that may have torch-lucent, tf-keras-vis or grad-cam")
    parser.add_argument("--quick", action="store_true", help="one round of tiny repetitions: shows that it runs; the times mean nothing")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("workload", nargs="*")
    bench = Bench(parser.parse_args())
    groups = ("agree", "step", "cam", "picture", "kerasvis", "peers", "kernels", "memory", "load", "each", "pixels", "steady", "threads")
    unknown = [name for name in bench.o.workload if name.split("/")[0] not in groups]
    if unknown:
        raise SystemExit("no workload '%s'; the groups are %s" % (unknown[0], ", ".join(groups)))
    os.makedirs(bench.o.out, exist_ok=True)
    write_images(bench.o.models)
    convert_models(bench)
    for network in w.NETWORKS:
        if not bench.has(network):
            print("no %s here: its rows are left out" % w.NETWORKS[network]["title"])
    bench.note_facts(measure.run([os.path.join(bench.o.programs, "bench_actmax"), "facts", "-"])[0])
    bench.note_facts(measure.run([bench.o.torch, "-B", os.path.join(HERE, "bench_torch.py"), "facts"])[0], True)
    machine_command = [os.path.join(bench.o.programs, "bench_machine"), str(bench.o.threads)]
    machine = [measure.run(machine_command)[0][0]]
    for group in groups:
        getattr(bench, group)(*([machine[0]["fma_gflops"]] if group == "kernels" else []))
        write_results(bench, machine)  # so that a run that is broken off leaves what it has
    machine.append(measure.run(machine_command)[0][0])
    print("\n" + write_results(bench, machine))
    print("written: table.md, results.json and plot.svg in " + bench.o.out)
    missed = [row for row in bench.rows if row["group"] == "agree" and not row["reached"]]
    if missed:
        raise SystemExit("actmax and PyTorch do not compute the same for %s" % ", ".join(row["name"] for row in missed))


if __name__ == "__main__":
    main()
