"""Tests of what the program `actmax` does with bad input, with outputs that cannot be written, and with Ctrl-C. Run by test_cli.py."""

import os
import resource
import select
import signal
import subprocess
import time

from cli_support import Places, ProgramTest, read_bytes, read_png, write_bytes


class Errors(ProgramTest):
    def test_command_line(self):
        self.refused(2, "a command is missing")
        self.refused(2, "no command 'maximise'.*'maximize'", "maximise")
        self.refused(2, "no command 'classfy'.*'classify'", "classfy")
        self.refused(2, "no command 'zzz'", "zzz")
        self.refused(2, "argument is missing", "info")
        self.refused(2, "unexpected argument 'two'", "info", "one", "two")
        self.refused(2, "'--layr'.*'--layer'", "maximize", self.network, "--layr", "conv1")
        self.refused(2, "no flag '--qqqqqqq'", "info", self.network, "--qqqqqqq")
        self.refused(2, "no flag '-v'", "info", self.network, "-v")
        self.refused(2, "does not use '--steps'", "classify", self.network, self.boot, "--steps", "3")
        self.refused(2, "--steps needs a value", "maximize", self.network, "--steps")
        self.refused(2, "--json takes no value", "info", self.network, "--json=1")

    def test_values(self):
        start = ["maximize", self.network, "--layer", "conv1", "--filter", "0", "--out", self.path("a.png")]
        for flag, value in (
            ("steps", "abc"), ("steps", "0"), ("steps", "1.5"), ("steps", "-3"), ("steps", "nan"), ("seed", "1e99"), ("jitter", "-1"),
            ("optimizer", "sgd"), ("preprocess", "vgg"), ("mean", "1,2,x"), ("std", "0"), ("clip", "2"), ("size", "0"), ("size", "1,2,3"),
            ("channels", "grb"), ("threads", "100000"), ("learning-rate", "inf"),
        ):  # fmt: skip
            line = self.refused(2, "--%s" % flag, *start, "--%s=%s" % (flag, value))
            self.assertIn(value, line)
        self.refused(2, "--top", "classify", self.network, self.boot, "--top", "0")
        self.refused(2, "--top", "classify", self.network, self.boot, "--top", "many")
        self.refused(2, "gif-every.*--gif", *start, "--gif-every", "3")
        self.refused(2, "gif-every 0", *start, "--gif", self.path("a.gif"), "--gif-every", "0")
        self.refused(2, "end in .gif", *start, "--gif", self.path("a.png"))
        self.refused(2, "adam.*rmsprop.*ascent", *start, "--optimizer", "sgd")
        self.assertEqual(self.files(), [])

    def test_files_that_cannot_be_read(self):
        whole = read_bytes(self.network)
        picture = read_bytes(self.boot)
        broken = {
            "empty.onnx": b"",
            "text.onnx": b"this is no model\n" * 50,
            "half.onnx": whole[: len(whole) // 2],
            "picture.onnx": picture,
            "web.onnx": b"<!DOCTYPE html><html>404</html>",
            "checkpoint.onnx": b"PK\3\4" + bytes(100),
        }
        for name, data in broken.items():
            write_bytes(self.path(name), data)
            self.refused(3, name, "info", self.path(name))
        self.refused(3, "none.onnx", "info", self.path("none.onnx"))
        self.refused(3, os.path.basename(self.folder), "info", self.folder)
        write_bytes(self.path("half.png"), picture[:150])
        write_bytes(self.path("text.jpg"), b"no picture")
        for name in ("none.png", "half.png", "text.jpg"):
            self.refused(3, name, "classify", self.network, self.path(name))
            self.refused(3, name, "cam", self.network, self.path(name), "--out", self.path("a.png"))
        self.assertNotIn("a.png", self.files())

    def test_one_bad_image_of_two(self):
        outcome = self.actmax("classify", self.network, self.boot, self.path("none.png"), "--json", expect=3)
        self.assertEqual(outcome.out, "")
        self.assertIn("none.png", outcome.err)

    def test_labels(self):
        start = ["classify", self.network, self.boot, "--labels"]
        self.refused(3, "none.txt", *start, self.path("none.txt"))
        write_bytes(self.path("empty.txt"), b"")
        self.refused(3, "empty", *start, self.path("empty.txt"))
        self.refused(3, "no label file", *start, self.network)
        write_bytes(self.path("three.txt"), b"a\nb\nc\n")
        self.refused(2, "3 labels.*10 classes", *start, self.path("three.txt"))

    def test_target(self):
        out = ["--out", self.path("a.png")]
        self.refused(2, "'conv33'.*'conv3'", "maximize", self.network, "--layer", "conv33", "--filter", "0", *out)
        self.refused(2, "'pool9'.*'pool1'", "cam", self.network, self.boot, "--layer", "pool9", *out)
        self.refused(2, "99.*conv1.*16|16.*99", "maximize", self.network, "--layer", "conv1", "--filter", "99", *out)
        self.refused(2, "10", "maximize", self.network, "--class", "10", *out)
        self.refused(2, "10", "cam", self.network, self.boot, "--class", "10", *out)
        for filters in ("-1", "x", "1,", "1,2+3", "1,1", "99999999999", "1+", "3-1", "1-", "-", "0-3+5", "0-70000", "0-3,2"):
            self.refused(2, "--filter", "maximize", self.network, "--layer", "conv1", "--filter=" + filters, *out)
        self.refused(2, "give --layer", "maximize", self.network, *out)
        self.refused(2, "either --class", "maximize", self.network, "--class", "1", "--layer", "conv1", *out)
        self.refused(2, "needs --labels", "cam", self.network, self.boot, "--class", "bag", *out)
        self.refused(2, "'bagg'.*'bag'", "cam", self.network, self.boot, "--class", "bagg", "--labels", self.labels, *out)
        self.refused(2, "out of range|99", "maximize", self.network, "--layer", "conv1", "--filter", "0", "--neuron-y", "99",
                     "--neuron-x", "0", *out)  # fmt: skip
        start = ["maximize", self.network, "--layer", "conv1", "--sheet", "2", *out]
        self.refused(2, "--raw and --gif", *start, "--raw", self.path("a.npy"))
        self.refused(2, "--raw and --gif", *start, "--gif", self.path("a.gif"))
        self.refused(2, "not a sum", *start, "--filter", "1+2")
        self.refused(2, "--sheet many.*auto", *start[:-4], "--sheet", "many", *out)
        self.refused(2, "dead", *start, "--steps", "1", "--drop-below", "1e9")
        self.assertEqual(self.files(), [])

    def test_name_of_two_classes(self):
        write_bytes(self.path("two.txt"), b"crane, bird\ncrane\nmachine, crane\nkite, bird\n" + b"x\n" * 6)
        start = ["maximize", self.network, "--labels", self.path("two.txt"), "--out", self.path("a.png"), "--steps", "1"]
        self.refused(2, r"'bird' fits several classes: 0 \(crane, bird\), 3 \(kite, bird\)", *start, "--class", "bird")
        said = self.actmax(*start, "--class", "crane", "--json").json()
        self.assertEqual(said[0]["filter"], 1)  # the whole label goes before a part of one


class Outputs(ProgramTest):
    def test_refused_before_the_work(self):
        start = ["maximize", self.network, "--layer", "conv1", "--filter", "0", "--steps", "1000000", "--out"]
        self.refused(1, "none", *start, self.path("none/a.png"))
        self.refused(2, r"\.png", *start, self.path("a.gif"))
        self.refused(2, r"\.png", *start, self.path("a"))
        self.refused(2, r"\.npy", *start, self.path("a.png"), "--raw", self.path("a.txt"))
        os.mkdir(self.path("folder.png"))
        self.refused(1, "folder", *start, self.path("folder.png"))
        self.refused(1, "not a folder", *start, self.boot + "/a.png")
        self.refused(2, "--out", "maximize", self.network, "--layer", "conv1", "--filter", "0")
        self.refused(2, "--out", "cam", self.network, self.boot)
        self.assertEqual(self.files(), ["folder.png"])

    def test_disk_full_leaves_the_old_file(self):
        def no_room():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (64, 64))

        write_bytes(self.path("a.png"), b"old")
        write_bytes(self.path("a.npy"), b"older")
        quick = ["--preprocess", "unit", "--out", self.path("a.png")]
        outcome = self.actmax(
            "maximize", self.network, "--layer", "conv1", "--filter", "0", "--steps", "2", *quick, expect=1, preexec_fn=no_room
        )
        self.assertIn("a.png", outcome.err)
        self.actmax("cam", self.network, self.boot, "--raw", self.path("a.npy"), *quick, expect=1, preexec_fn=no_room)
        self.assertEqual(self.files(), ["a.npy", "a.png"])
        self.assertEqual(read_bytes(self.path("a.png")), b"old")
        self.assertEqual(read_bytes(self.path("a.npy")), b"older")

    def test_standard_output_full(self):
        with open("/dev/full", "wb") as full:
            outcome = self.actmax("ops", expect=1, stdout=full)
        self.assertIn("standard output", outcome.err)


class Interruption(ProgramTest):
    def words(self, *more):
        return ["maximize", self.network, "--preprocess", "unit", "--layer", "conv3", "--filter", "1", "--steps", "1000000", *more]

    def test_no_bar_without_terminal(self):
        self.assertNotIn("\r", self.maximize("--layer", "conv1", "--filter", "0").err)

    def test_bar_on_terminal_and_interrupt(self):
        mine, theirs = os.openpty()
        process = subprocess.Popen(
            [Places.program] + self.words("--out", self.path("a.png")), stdout=subprocess.PIPE, stderr=theirs, stdin=subprocess.DEVNULL
        )
        os.close(theirs)
        seen = b""
        try:
            limit = time.monotonic() + 60
            while seen.count(b"\r") < 3 and time.monotonic() < limit:
                if select.select([mine], [], [], 0.2)[0]:
                    seen += os.read(mine, 4096)
            process.send_signal(signal.SIGINT)
            while process.poll() is None and time.monotonic() < limit:
                if select.select([mine], [], [], 0.2)[0]:
                    try:
                        seen += os.read(mine, 4096)
                    except OSError:  # Linux says so when the other side was closed
                        break
            self.assertEqual(process.wait(timeout=60), 130)
        finally:
            process.kill()
            process.stdout.close()
            os.close(mine)
        self.assertRegex(seen, rb"\r\x1b\[K\[[# ]{24}\] +\d+%  step \d+ of 1000000  activation ")
        self.assertEqual(self.files(), ["a.png"])
        self.assertEqual(read_png(self.path("a.png"))[:2], (28, 28))

    def test_time_limit(self):
        begin = time.monotonic()
        outcome = self.actmax(*self.words("--out", self.path("a.png"), "--time-limit", "0.5", "--json"))
        self.assertLess(time.monotonic() - begin, 30)
        self.assertRegex(outcome.err, "note: .*time limit")
        self.assertLess(outcome.json()[0]["steps"], 1000000)
