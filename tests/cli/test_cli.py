#!/usr/bin/env python3
"""Tests of the program `actmax` and of the two small example programs, on the small network in examples/.

    python3 tests/cli/test_cli.py PROGRAM EXAMPLES [unittest's arguments]

PROGRAM is the built program (minimal_maximize and minimal_cam lie beside it), EXAMPLES the folder examples/. Numbers to compare with
are in expected.json, which make_expected.py wrote with ONNX Runtime and PyTorch. Python's standard library only.
"""

import json
import os
import re
import subprocess
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from cli_support import HERE, Places, ProgramTest, example, read_bytes, read_npy, read_png, with_orientation, write_bytes  # noqa: E402
from test_cli_errors import Errors, Interruption, Outputs  # noqa: E402, F401

COMMANDS = ["info", "classify", "maximize", "cam", "saliency", "strongest", "ops"]
OPERATORS = """Conv Gemm MatMul BatchNormalization Relu LeakyRelu Sigmoid HardSigmoid HardSwish Tanh Clip Softmax LogSoftmax MaxPool
AveragePool GlobalAveragePool GlobalMaxPool LRN Add Sub Mul Div Concat Pad Flatten Reshape Squeeze Unsqueeze Transpose ReduceMean
Dropout Identity""".split()
MAXIMIZE_KEYS = ["file", "layer", "filter", "activation_start", "activation_end", "activation_saved", "steps", "seconds"]


def expected(name):
    with open(os.path.join(HERE, "expected.json"), encoding="utf-8") as file:
        return json.load(file)[name]


class Help(ProgramTest):
    def test_program(self):
        text = self.actmax("--help").out
        for command in COMMANDS:
            self.assertRegex(text, r"(?m)^  %s\b" % command)
        for code in ("0", "1", "2", "3", "130"):
            self.assertRegex(text, r"(?m)^  %s +\w" % code)
        self.assertEqual(text, self.actmax("help").out)

    def test_commands_list_their_options(self):
        options = self.actmax("options", "--json").json()
        self.assertGreater(len(options), 40)
        for command in COMMANDS:
            text = self.actmax(command, "--help").out
            self.assertEqual(text, self.actmax("help", command).out)
            self.assertIn("--json", text)
            if command == "ops":
                continue
            for flag in ("preprocess", "mean", "std", "scale", "channels", "input-size", "threads"):
                self.assertRegex(text, r"(?m)^  --%s " % flag, command)
        text = self.actmax("maximize", "--help").out
        for option in options:
            if option["part"] in ("cam", "overlay"):
                continue
            self.assertIn(" " + option["flag"], text)
            self.assertIn(option["help"].split()[0], text)
        self.assertLessEqual(max(map(len, text.splitlines())), 120)

    def test_version(self):
        self.assertRegex(self.actmax("--version").out, r"^actmax \d+\.\d+\.\d+\n")
        said = self.actmax("version", "--json").json()
        self.assertTrue(said["features"]["onnx"])


class Info(ProgramTest):
    def test_layers(self):
        self.assertEqual(self.actmax("info", self.network, "--json").json(), {"layers": expected("layers")})

    def test_table(self):
        text = self.actmax("info", self.network).out
        for layer in expected("layers"):
            self.assertRegex(text, r"(?m)^%s +%s\b.*\b%d\b" % (layer["name"], layer["type"], layer["parameters"]))
        self.assertIn("23,946", text.replace("23946", "23,946"))  # the sum of the column

    def test_operators(self):
        listed = self.actmax("ops", "--json").json()
        self.assertEqual([name for name in OPERATORS if name not in listed], [])
        self.assertEqual(self.actmax("ops").out.split(), listed)

    def test_assumed_preprocessing_is_said(self):
        self.assertIn("note: ", self.actmax("info", self.network).err)
        self.assertRegex(self.actmax("classify", self.network, self.boot).err, "(?i)preprocess")
        self.assertNotRegex(self.actmax("classify", self.network, self.boot, "--preprocess", "unit").err, "(?i)preprocess")


class Classify(ProgramTest):
    def test_probabilities(self):
        outcome = self.actmax(
            "classify", self.network, self.boot, "--labels", self.labels, "--preprocess", "unit", "--top", "10", "--json"
        )
        said = outcome.json()
        self.assertEqual(len(said), 1)
        self.assertEqual(list(said[0]), ["image", "top"])
        self.assertEqual(said[0]["image"], self.boot)
        probabilities = expected("probabilities")
        order = sorted(range(10), key=lambda index: -probabilities[index])
        self.assertEqual([entry["class"] for entry in said[0]["top"]], order)
        for entry in said[0]["top"]:
            self.assertEqual(list(entry), ["class", "name", "probability"])
            self.assertAlmostEqual(entry["probability"], probabilities[entry["class"]], delta=1e-5)
        self.assertEqual(said[0]["top"][0]["name"], "ankle boot")
        self.assertRegex(outcome.err, "(?i)note: .*softmax")

    def test_ways_to_say_unit(self):
        usual = self.actmax("classify", self.network, self.boot, "--preprocess", "unit", "--json").out
        for words in (
            ["--preprocess=unit"],
            ["--scale", "0.00392156862745098"],
            ["--mean", "0", "--std", "255"],
            ["--preprocess", "raw", "--std=255"],
        ):
            said = json.loads(self.actmax("classify", self.network, self.boot, "--json", *words).out)
            for mine, other in zip(said[0]["top"], json.loads(usual)[0]["top"]):
                self.assertAlmostEqual(mine["probability"], other["probability"], delta=1e-6)

    def test_several_images_and_table(self):
        copy = self.path('a "strange"\nname.png')
        write_bytes(copy, read_bytes(self.boot))
        said = self.actmax("classify", self.network, self.boot, copy, "--top", "2", "--preprocess", "unit", "--json").json()
        self.assertEqual([item["image"] for item in said], [self.boot, copy])
        self.assertEqual([len(item["top"]) for item in said], [2, 2])
        self.assertIsNone(said[0]["top"][0]["name"])
        text = self.actmax("classify", self.network, self.boot, "--labels", self.labels, "--preprocess", "unit").out
        self.assertRegex(text, r"0\.9457 +class 9 +ankle boot")

    def test_name_that_is_no_utf8(self):
        copy = os.path.join(os.fsencode(self.folder), b"\xff\xc3.png")
        write_bytes(copy, read_bytes(self.boot))
        done = subprocess.run([Places.program, "classify", self.network, copy, "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertEqual(done.returncode, 0)
        self.assertTrue(json.loads(done.stdout.decode("utf-8"))[0]["image"].endswith("\ufffd\ufffd.png"))

    def test_large_colour_photograph_is_fitted(self):
        said = self.actmax("classify", self.network, example("chelsea.jpg"), "--preprocess", "unit", "--json").json()
        self.assertAlmostEqual(sum(entry["probability"] for entry in said[0]["top"]), 1, delta=0.2)


class Maximize(ProgramTest):
    def test_one_filter(self):
        said = self.maximize("--layer", "conv3", "--filter", "7", "--json").json()
        self.assertEqual(len(said), 1)
        self.assertEqual(list(said[0]), MAXIMIZE_KEYS)
        self.assertEqual((said[0]["file"], said[0]["layer"], said[0]["filter"]), (self.path("a.png"), "conv3", 7))
        self.assertEqual(said[0]["steps"], 20)
        self.assertGreater(said[0]["activation_end"], said[0]["activation_start"])
        self.assertAlmostEqual(said[0]["activation_saved"], said[0]["activation_end"], delta=0.05 * abs(said[0]["activation_end"]))
        width, height, channels, pixels = read_png(self.path("a.png"))
        self.assertEqual((width, height, channels), (28, 28, 1))
        self.assertGreater(max(pixels) - min(pixels), 40)
        self.assertEqual(self.files(), ["a.png"])

    def test_several_filters(self):
        said = self.maximize("--layer", "conv2", "--filter", "1,2", "--json").json()
        self.assertEqual(self.files(), ["a_1.png", "a_2.png"])
        self.assertEqual([item["file"] for item in said], [self.path("a_1.png"), self.path("a_2.png")])
        self.assertEqual([item["filter"] for item in said], [1, 2])
        self.assertNotEqual(read_bytes(self.path("a_1.png")), read_bytes(self.path("a_2.png")))
        self.maximize("--layer", "conv2", "--filter", "2", out="alone.png")
        self.assertEqual(read_bytes(self.path("alone.png")), read_bytes(self.path("a_2.png")))

    def test_range_of_filters(self):
        said = self.maximize("--layer", "conv2", "--filter", "2-4,9", "--json", "--steps", "2").json()
        self.assertEqual([item["filter"] for item in said], [2, 3, 4, 9])
        self.assertEqual(self.files(), ["a_2.png", "a_3.png", "a_4.png", "a_9.png"])

    def test_sheet(self):
        """Its pictures are those of the filters, the highest activation first."""
        outcome = self.maximize("--layer", "relu2", "--filter", "0-9", "--sheet", "2", "--json")
        said = outcome.json()
        self.assertEqual(list(said), ["file", "layer", "scanned", "dropped", "columns", "rows", "seconds", "filters"])
        self.assertEqual((said["scanned"], said["columns"], said["rows"]), (10, 2, 2))
        order = [item["filter"] for item in said["filters"]]
        activations = [item["activation"] for item in said["filters"]]
        self.assertEqual(activations, sorted(activations, reverse=True))
        width, height, channels, pixels = read_png(self.path("a.png"))
        self.assertEqual((width, height, channels), (61, 61, 1))
        for place, index in enumerate(order):
            self.maximize("--layer", "relu2", "--filter", index, out="one.png")
            top, left = place // 2 * 33, place % 2 * 33
            rows = [pixels[(top + y) * 61 + left : (top + y) * 61 + left + 28] for y in range(28)]
            self.assertEqual(b"".join(rows), read_png(self.path("one.png"))[3])
        if said["dropped"]:
            self.assertIn("note: %d of 10 filters are dead" % said["dropped"], outcome.err)

    def test_sheet_of_a_preset(self):
        """All of the layer, in the preset's square; what is set besides goes before."""
        words = ["--preset", "keras-io", "--layer", "conv2", "--sheet", "auto", "--size", "28", "--display-crop", "2"]
        text = self.maximize(*words, "--steps", "2").out
        self.assertEqual(read_png(self.path("a.png"))[:2], (8 * 24 + 7 * 5, 4 * 24 + 3 * 5))
        self.assertRegex(text, r"^%s: layer conv2, 32 of 32 filters \(0 dead\), .* s\n +0 +1 +2 " % self.path("a.png"))
        self.maximize(*words, "--steps", "2", "--sheet-filters", "4", "--sheet-margin", "1")
        self.assertEqual(read_png(self.path("a.png"))[:2], (4 * 24 + 3, 24))

    def test_animation(self):
        def frames(name):
            data = read_bytes(self.path(name))
            self.assertEqual((data[:6], data[-1:]), (b"GIF89a", b";"))
            return data.count(b"\x21\xf9\x04")  # graphic control extensions

        self.maximize("--layer", "conv2", "--filter", "1", "--gif", self.path("a.gif"), "--gif-every", "8")
        self.assertEqual(self.files(), ["a.gif", "a.png"])
        self.assertEqual(frames("a.gif"), 4)  # steps 1, 8, 16 and 20
        self.maximize("--layer", "conv2", "--filter", "1,2", "--gif", self.path("a.gif"))
        self.assertEqual((frames("a_1.gif"), frames("a_2.gif")), (20, 20))

    def test_sum_of_filters(self):
        said = self.maximize("--layer", "conv2", "--filter", "1+2", "--json").json()
        self.assertEqual(self.files(), ["a.png"])
        self.assertEqual(said[0]["filter"], [1, 2])

    def test_same_seed_same_bytes(self):
        def picture(name, *words):
            self.maximize("--layer", "conv2", "--filter", "3", *words, out=name)
            return read_bytes(self.path(name))

        usual = picture("a.png", "--threads", "1")
        self.assertEqual(usual, picture("b.png", "--threads", "2"))
        self.assertEqual(usual, picture("c.png", "--seed", "0"))
        self.assertNotEqual(usual, picture("d.png", "--seed", "1"))

    def test_class_is_seen_again(self):
        for name in ("dress", "bag"):
            said = self.maximize("--class", name, "--labels", self.labels, "--steps", "200", "--json").json()
            seen = self.actmax(
                "classify", self.network, self.path("a.png"), "--labels", self.labels, "--preprocess", "unit", "--json"
            ).json()
            self.assertEqual(seen[0]["top"][0]["name"], name)
            self.assertEqual(seen[0]["top"][0]["class"], said[0]["filter"])

    def test_options_reach_the_library(self):
        said = self.maximize(
            "--layer", "conv1", "--filter", "0", "--size", "40,52", "--scales", "2", "--jitter", "2", "--optimizer", "rmsprop", "--blur=1",
            "--no-clip", "--total-variation", "0", "--neuron-y", "5", "--neuron_x", "6", "--start", "grey", "--raw", self.path("a.npy"), "--json",
        ).json()  # fmt: skip
        self.assertEqual(said[0]["steps"], 40)
        self.assertEqual(read_png(self.path("a.png"))[:2], (52, 40))
        shape, _ = read_npy(self.path("a.npy"))
        self.assertEqual(shape, [40, 52, 1])

    def test_raw_is_the_picture(self):
        self.maximize("--layer", "conv2", "--filter", "0", "--raw", self.path("a.npy"))
        shape, values = read_npy(self.path("a.npy"))
        pixels = read_png(self.path("a.png"))[3]
        self.assertEqual(shape, [28, 28, 1])
        self.assertLessEqual(max(abs(value * 255 - pixel) for value, pixel in zip(values, pixels)), 0.5001)

    def test_start_image(self):
        self.maximize("--layer", "conv2", "--filter", "0", "--steps", "1", "--learning-rate", "0", "--start-image", self.boot,
                      "--parameters", "pixel")  # fmt: skip
        self.assertEqual(read_png(self.path("a.png"))[3], read_png(self.boot)[3])

    def test_other_formats_and_plain_line(self):
        text = self.maximize("--layer", "conv1", "--filter", "1", out="a.bmp").out
        self.assertEqual(read_bytes(self.path("a.bmp"))[:2], b"BM")
        self.maximize("--layer", "conv1", "--filter", "1", out="b.JPG")
        self.assertEqual(read_bytes(self.path("b.JPG"))[:2], b"\xff\xd8")
        self.assertRegex(text, r"^%s: layer conv1, filter 1: activation \S+ -> \S+ \(\S+ in the saved picture\), 20 steps, " % self.path("a.bmp"))


class Strongest(ProgramTest):
    def strongest(self, *words, **settings):
        return self.actmax("strongest", self.network, self.boot, "--layer", "relu2", "--preprocess", "unit", *words, **settings)

    def test_list(self):
        means = expected("relu2_means")
        order = sorted(range(32), key=lambda index: -means[index])
        said = self.strongest("--json", "--top", "7", "--raw", self.path("a.npy")).json()
        self.assertEqual((said["image"], said["layer"]), (self.boot, "relu2"))
        self.assertEqual([item["filter"] for item in said["filters"]], order[:7])
        for item in said["filters"]:
            self.assertAlmostEqual(item["activation"], means[item["filter"]], delta=1e-6)
            self.assertIsNone(item["file"])
        shape, values = read_npy(self.path("a.npy"))
        self.assertEqual(shape, [32])
        for mine, other in zip(values, means):
            self.assertAlmostEqual(mine, other, delta=1e-6)
        lines = self.strongest().out.splitlines()
        self.assertEqual(len(lines), 6)
        self.assertRegex(lines[1], r"^ +%.3f\d*  filter %d$" % (int(means[order[0]] * 1000) / 1000, order[0]))

    def test_pictures(self):
        """They are maximize's, and have fastai's names."""
        said = self.strongest("--json", "--top", "2", "--render", "--folder", self.folder, "--steps", "5").json()
        for item in said["filters"]:
            self.assertEqual(item["file"], self.path("layer_relu2_filter_%d.jpg" % item["filter"]))
            self.maximize("--layer", "relu2", "--filter", item["filter"], "--steps", "5", out="other.jpg")
            self.assertEqual(read_bytes(item["file"]), read_bytes(self.path("other.jpg")))
        self.assertEqual(len(self.files()), 3)

    def test_refused(self):
        self.refused(2, "give --layer", "strongest", self.network, self.boot)
        self.refused(2, "'relu9'.*'relu", "strongest", self.network, self.boot, "--layer", "relu9")
        self.refused(2, "--top many", "strongest", self.network, self.boot, "--layer", "relu2", "--top", "many")
        self.refused(2, "give --render", "strongest", self.network, self.boot, "--layer", "relu2", "--folder", self.folder)
        self.refused(1, "none", "strongest", self.network, self.boot, "--layer", "relu2", "--render", "--folder", self.path("none"))
        self.refused(3, "none.png", "strongest", self.network, self.path("none.png"), "--layer", "relu2")
        self.assertEqual(self.files(), [])


class Maps(ProgramTest):
    def cam(self, command, *words, **settings):
        return self.actmax(command, self.network, self.boot, "--preprocess", "unit", "--out", self.path("a.png"), *words, **settings)

    def test_grad_cam(self):
        said = self.cam("cam", "--raw", self.path("a.npy"), "--labels", self.labels, "--json").json()
        self.assertEqual((said["layer"], said["class"], said["name"]), ("relu3", expected("class"), "ankle boot"))
        self.assertAlmostEqual(said["score"], max(expected("logits")), delta=1e-5)
        shape, values = read_npy(self.path("a.npy"))
        self.assertEqual(shape, [7, 7])
        for mine, other in zip(values, sum(expected("cam_raw"), [])):
            self.assertAlmostEqual(mine, other, delta=1e-6)
        self.assertEqual(read_png(self.path("a.png"))[:3], (28, 28, 3))

    def test_class_by_index_and_name_and_layer(self):
        said = self.cam("cam", "--class", "bag", "--labels", self.labels, "--layer", "relu2", "--json").json()
        self.assertEqual((said["layer"], said["class"]), ("relu2", 8))
        by_name = read_bytes(self.path("a.png"))
        self.cam("cam", "--class", "8", "--layer", "relu2")
        self.assertEqual(by_name, read_bytes(self.path("a.png")))
        self.assertRegex(self.cam("cam").out, r"class 9, the top prediction, score 2\.32")

    def test_saliency(self):
        self.assertEqual(self.cam("saliency", "--json").json()["class"], 9)
        self.cam("saliency", "--layer", "relu2", "--filter", expected("filter"), "--raw", self.path("a.npy"))
        shape, values = read_npy(self.path("a.npy"))
        self.assertEqual(shape[:2], [28, 28])
        gradient = sum(expected("gradient"), [])
        largest = max(map(abs, gradient))
        for mine, other in zip(values, gradient):
            self.assertAlmostEqual(mine, other, delta=1e-5 * largest)

    def test_backprop_rules(self):
        plain = self.cam("saliency", "--heat", "--json").json()
        pictures = {read_bytes(self.path("a.png"))}
        for rule in ("guided", "relu"):
            said = self.cam("saliency", "--heat", "--backprop", rule, "--json").json()
            self.assertEqual((said["modified"], said["left"]), (3, 0))
            pictures.add(read_bytes(self.path("a.png")))
        self.assertEqual(plain["modified"], 0)
        self.assertEqual(len(pictures), 3)

    def test_cam_without_activation_behind_it_is_noted(self):
        outcome = self.cam("cam", "--backprop", "guided")
        self.assertRegex(outcome.err, "note: ")

    def test_filter_as_target(self):
        said = self.cam("cam", "--target-layer", "conv3", "--filter", "5", "--layer", "relu1", "--json").json()
        self.assertEqual((said["layer"], said["class"], said["name"]), ("relu1", 5, None))
        self.cam("saliency", "--layer", "conv2", "--filter", "5", "--heat", "--colormap", "viridis")
        self.refused(2, "--target-layer and --filter belong together", "cam", self.network, self.boot, "--out", self.path("b.png"),
                     "--filter", "5")  # fmt: skip

    def test_alpha_and_heat(self):
        self.cam("cam", "--alpha", "0")
        boot = read_png(self.boot)[3]
        self.assertEqual(read_png(self.path("a.png"))[3], bytes(value for value in boot for _ in range(3)))
        self.cam("cam", "--alpha", "1")
        overlay = read_png(self.path("a.png"))[3]
        self.cam("cam", "--heat")
        self.assertEqual(overlay, read_png(self.path("a.png"))[3])

    def test_exif_orientation(self):
        jpeg = read_bytes(example("chelsea.jpg"))
        for orientation, size in ((1, (451, 300)), (3, (451, 300)), (6, (300, 451)), (8, (300, 451))):
            turned = self.path("turned.jpg")
            write_bytes(turned, with_orientation(jpeg, orientation))
            self.actmax("cam", self.network, turned, "--preprocess", "unit", "--alpha", "0", "--out", self.path("b.png"))
            width, height, _, pixels = read_png(self.path("b.png"))
            self.assertEqual((width, height), size)
            if orientation == 1:
                upright = pixels
            elif orientation == 3:
                self.assertEqual(pixels[:3], upright[-3:])
            elif orientation == 6:  # the stored top row becomes the right column
                self.assertEqual(pixels[3 * 299 : 3 * 300], upright[:3])
            else:  # the stored top row becomes the left column, upwards
                self.assertEqual(pixels[:3], upright[3 * 450 : 3 * 451])


class SmallPrograms(ProgramTest):
    def run_small(self, name, *words):
        with open(example(name + ".c"), encoding="utf-8") as file:
            self.assertLess(len(file.readlines()), 60)
        program = os.path.join(os.path.dirname(Places.program), name)
        return subprocess.run([program] + list(words), stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=300, universal_newlines=True)

    def test_maximize(self):
        done = self.run_small("minimal_maximize", self.network, "conv2", "3", self.path("a.png"), "unit")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        start, end = map(float, re.search(r"activation (\S+) -> (\S+)", done.stdout).groups())
        self.assertGreater(end, start)
        self.assertEqual(read_png(self.path("a.png"))[:2], (28, 28))

    def test_cam(self):
        done = self.run_small("minimal_cam", self.network, self.boot, self.path("a.png"), "unit")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("class 9", done.stdout)
        self.assertEqual(read_png(self.path("a.png"))[:3], (28, 28, 3))

    def test_failure(self):
        done = self.run_small("minimal_cam", self.path("none.onnx"), self.boot, self.path("a.png"), "unit")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("none.onnx", done.stderr)
        self.assertEqual(self.run_small("minimal_maximize").returncode, 1)
        self.assertEqual(self.files(), [])


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    Places.program, Places.examples = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    unittest.main(argv=[sys.argv[0]] + sys.argv[3:])
