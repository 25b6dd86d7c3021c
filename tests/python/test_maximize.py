"""Maximisation: options, progress, Ctrl-C, threads."""

import concurrent.futures
import os
import pickle
import signal
import subprocess
import sys
import textwrap
import threading
import time

import numpy as np
import pytest

import actmax

STEPS = 8


def test_picture(model):
    result = model.maximize("conv2", 3, steps=30)
    assert result.image.shape == (28, 28) and result.image.dtype == np.uint8
    assert result.array.shape == (28, 28, 1) and result.array.dtype == np.float32
    assert result.activation_end > result.activation_start and result.score == result.activation_end
    assert (result.steps, result.layer, result.note, result.stopped) == (30, "conv2", "", False)
    assert "filter 3" in result.target and "conv2" in repr(result)
    # The activations, measured on what came out
    assert model.activations(result.array, "conv2").array[0, 3].mean() == pytest.approx(result.score, abs=1e-5)
    assert model.activations(result.image, "conv2").array[0, 3].mean() == pytest.approx(result.activation_saved, abs=1e-5)
    np.testing.assert_array_equal(result.image, np.floor(result.array[:, :, 0] * 255 + 0.5))
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(result)).image, result.image)


def test_reproducible(model, examples):
    first = model.maximize("conv3", 5, steps=STEPS)
    np.testing.assert_array_equal(model.maximize("conv3", 5, steps=STEPS).image, first.image)
    np.testing.assert_array_equal(model.maximize("conv3", 5, steps=STEPS, seed=0).image, first.image)
    assert not np.array_equal(model.maximize("conv3", 5, steps=STEPS, seed=1).image, first.image)
    other = actmax.Model(examples / "fashion_mnist.onnx", preprocess="unit", threads=2)
    np.testing.assert_array_equal(other.maximize("conv3", 5, steps=STEPS).image, first.image)


def test_one_step_by_hand(hand):
    """Gradient ascent from plain grey: 127.5 + rate * gradient / rms(gradient), which the pixels' scale cancels out of."""
    model = actmax.Model(hand.data, preprocess="unit", input_size=8)
    options = dict(parameters="pixel", start="grey", optimizer="ascent", momentum=0, jitter=0, scale_jitter=0, rotate=0, steps=1)
    result = model.maximize("conv", 1, learning_rate=20, gradient="rms", **options)
    one = np.zeros((4, 8, 8))
    one[1] = 1 / 64
    gradient = hand.conv_back(one)
    pixels = 127.5 + 20 * gradient / np.sqrt((gradient**2).mean())
    np.testing.assert_allclose(result.array * 255, pixels, atol=1e-3)
    assert result.activation_end == pytest.approx(hand.conv(pixels / 255)[1].mean(), abs=1e-5)


def test_options_arrive(model):
    assert model.maximize("conv2", 3, steps=STEPS, size=20).image.shape == (20, 20)
    assert model.maximize("conv2", 3, steps=STEPS, size=(20, 30)).image.shape == (20, 30)
    assert model.maximize("conv2", 3, steps=STEPS, scales=2).steps == 2 * STEPS
    base = model.maximize("conv2", 3, steps=STEPS).image
    for options in ({"parameters": "pixel"}, {"optimizer": "rmsprop"}, {"jitter": 0}, {"blur": 1.5}, {"flip": np.float32(1)}):
        assert not np.array_equal(model.maximize("conv2", 3, steps=STEPS, **options).image, base), options
    assert np.array_equal(model.maximize("conv2", 3, steps=np.int32(STEPS), clip=True, size=None).image, base)


def test_targets(model):
    both = model.maximize("conv2", [3, 4], steps=STEPS)
    assert "3+4" in both.target
    whole = model.maximize("conv2", steps=STEPS)
    assert "mean of all" in whole.target
    by_class = model.maximize(None, 9, steps=STEPS)
    np.testing.assert_array_equal(by_class.image, model.maximize("logits", 9, steps=STEPS).image)


def test_parts(model):
    kind = dict(steps=STEPS, scale_jitter=0, rotate=0)
    composed = model.maximize("conv2", 3, parts=["jitter"], steps=STEPS)
    np.testing.assert_array_equal(composed.image, model.maximize("conv2", 3, **kind).image)
    strong = model.maximize("conv2", 3, parts=[("jitter", {"jitter": 3}), ("blur", {"blur": "0.5"})], steps=STEPS)
    assert not np.array_equal(strong.image, composed.image)
    with pytest.raises(actmax.NotFoundError, match="jitter"):
        model.maximize("conv2", 3, parts=["jiter"])
    with pytest.raises(actmax.InvalidError, match="does not belong"):
        model.maximize("conv2", 3, parts=[("jitter", {"blur": 1})])


def test_maximize_each(model):
    seen = []
    results = model.maximize_each("conv3", [4, 9], steps=STEPS, progress=lambda p: seen.append((p.picture, p.pictures, p.step)))
    assert seen == [(picture, 2, step) for step in range(1, STEPS + 1) for picture in (1, 2)]  # side by side
    for result, filter in zip(results, (4, 9)):
        np.testing.assert_array_equal(result.image, model.maximize("conv3", filter, steps=STEPS).image)
    with pytest.raises(actmax.InvalidError, match="no filters"):
        model.maximize_each("conv3", [])


def test_sheet(model):
    """Its pictures are those of maximize_each, in the order of their activation as the last step saw it."""
    seen = {}

    def follow(progress):
        seen[progress.picture - 1] = progress.activation  # at the last step

    sheet = model.maximize_sheet("conv2", range(5), steps=STEPS, sheet=2, sheet_margin=3, progress=follow)
    assert sheet.filters == sorted(seen, key=lambda filter: -seen[filter])[:4]
    np.testing.assert_allclose(sheet.array, [seen[filter] for filter in sheet.filters], rtol=1e-6)
    assert (sheet.scanned, sheet.dropped, sheet.columns, sheet.rows) == (5, 0, 2, 2) and sheet.image.shape == (59, 59)
    for place, filter in enumerate(sheet.filters):
        y, x = place // 2 * 31, place % 2 * 31
        np.testing.assert_array_equal(sheet.image[y : y + 28, x : x + 28], model.maximize("conv2", filter, steps=STEPS).image)
    assert not sheet.image[28:31].any() and "4 of 5 filters" in repr(sheet)
    plain = model.maximize_sheet("conv2", steps=2, sheet=3, sheet_sort=False, sheet_filters=4)
    assert plain.filters == [0, 1, 2, 3] and (plain.columns, plain.rows) == (3, 2)
    with pytest.raises(actmax.NotFoundError, match="dead"):
        model.maximize_sheet("relu2", [0, 1], steps=2, drop_below=1e9)


def test_progress(model):
    seen = []

    def note(progress):
        assert progress.image.shape == (28, 28) and progress.image.dtype == np.uint8
        assert progress.pixels.shape == (28, 28, 1)
        seen.append(progress)

    result = model.maximize("conv2", 3, steps=STEPS, progress=note)
    assert [p.step for p in seen] == list(range(1, STEPS + 1)) and {p.steps for p in seen} == {STEPS}
    assert all(np.isfinite([p.objective, p.loss, p.seconds]).all() and p.scales == p.pictures == 1 for p in seen)
    assert result.steps == STEPS and "step 8 of 8" in repr(seen[-1])
    with pytest.raises(RuntimeError, match="during the callback"):
        seen[0].image


def test_stop(model):
    kept = []

    def stop(progress):
        kept.append(progress.image)
        if progress.step == 4:
            progress.stop()

    result = model.maximize("conv2", 3, steps=50, progress=stop)
    assert result.stopped and result.note == "stopped" and result.steps == len(kept) == 4
    assert "stopped by the caller" in result.notes
    limited = model.maximize("conv2", 3, steps=10**6, time_limit=0.05)
    assert limited.note == "time_limit" and not limited.stopped and 0 < limited.steps < 10**6


def test_what_a_callback_returns_is_ignored(model):
    assert model.maximize("conv2", 3, steps=STEPS, progress=lambda p: True).steps == STEPS


def test_exception_in_a_callback(model):
    class Own(Exception):
        pass

    calls = []

    def fail(progress):
        calls.append(progress.step)
        if len(calls) == 3:
            raise Own("from the callback")

    with pytest.raises(Own, match="from the callback"):
        model.maximize("conv2", 3, steps=50, progress=fail)
    assert calls == [1, 2, 3]
    assert model.maximize("conv2", 3, steps=STEPS).steps == STEPS


def test_calls_inside_a_callback(model, boot):
    """A callback may use the same model: it gets a session of its own."""
    plain = model.maximize("conv2", 3, steps=STEPS)
    classes = []
    nested = model.maximize("conv2", 3, steps=STEPS, progress=lambda p: classes.append(model.predict(boot).class_index))
    np.testing.assert_array_equal(nested.image, plain.image)
    assert classes == [9] * STEPS


class Bar:
    made = []

    def __init__(self, total=None, unit=""):
        self.total, self.n, self.closed = total, 0, False
        Bar.made.append(self)

    def update(self, n=1):
        self.n += n
        return True

    def close(self):
        self.closed = True


def test_progress_bars(model):
    Bar.made.clear()
    model.maximize("conv2", 3, steps=STEPS, scales=2, progress=Bar)
    model.maximize_each("conv2", [1, 2, 3], steps=STEPS, progress=Bar)
    assert [(bar.total, bar.n, bar.closed) for bar in Bar.made] == [(2 * STEPS,) * 2 + (True,), (3 * STEPS,) * 2 + (True,)]
    tqdm = pytest.importorskip("tqdm")
    result = model.maximize("conv2", 3, steps=STEPS, progress=tqdm.tqdm)
    with tqdm.tqdm(total=STEPS) as bar:
        same = model.maximize("conv2", 3, steps=STEPS, progress=lambda p: bar.update())
    assert result.steps == same.steps == bar.n == STEPS


def test_no_rise_is_said(hand):
    model = actmax.Model(hand.data, preprocess="unit", input_size=8)
    with pytest.warns(actmax.ActmaxWarning, match="did not rise") as caught:
        result = model.maximize("conv", 0, steps=2, learning_rate=0, parameters="pixel", optimizer="ascent")
    assert result.note == "no_rise" and caught[0].filename == __file__


# ---- Ctrl-C ----


def test_interrupt(model):
    before = signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:

        def press(progress):
            if progress.step == 3:
                os.kill(os.getpid(), signal.SIGINT)

        result = model.maximize("conv2", 3, steps=1000, progress=press)
        assert result.stopped and 3 <= result.steps <= 4
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler

        def press_twice(progress):
            if progress.step == 3:
                signal.raise_signal(signal.SIGINT)
                signal.raise_signal(signal.SIGINT)

        with pytest.raises(KeyboardInterrupt):
            model.maximize("conv2", 3, steps=1000, progress=press_twice)

        # A handler of the program's own stays in force.
        calls = []
        signal.signal(signal.SIGINT, lambda *_: calls.append(1))
        assert model.maximize("conv2", 3, steps=5, progress=press).steps == 5 and calls == [1]
    finally:
        signal.signal(signal.SIGINT, before)


def test_interrupt_from_outside(examples):
    """A process that maximises for a very long time, without a callback, and Ctrl-C from the terminal."""
    program = """
        import signal, sys, threading, actmax
        signal.signal(signal.SIGINT, signal.default_int_handler)
        model = actmax.Model(sys.argv[1], preprocess="unit", threads=1)
        threading.Timer(0.5, lambda: print("running", flush=True)).start()
        result = model.maximize("conv2", 3, steps=10**6)
        print(result.stopped, result.steps > 0, result.image.shape)
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program), examples / "fashion_mnist.onnx"], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout.readline() == "running\n"
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=60)
    finally:
        process.kill()
    assert out.strip() == "True True (28, 28)" and process.returncode == 0


# ---- Threads ----


def test_thread_pool_on_one_model(model):
    filters = range(12)
    alone = [model.maximize("conv3", i, steps=STEPS).image for i in filters]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda i: model.maximize("conv3", i, steps=STEPS).image, filters))
    for a, b in zip(alone, together):
        np.testing.assert_array_equal(a, b)


def test_errors_stay_with_their_thread(model, boot):
    def ask(i):
        if i % 2:
            return model.predict(boot).class_index
        with pytest.raises(actmax.NotFoundError, match=f"'layer {i}'"):
            model.find_layer(f"layer {i}")
        return None

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        assert list(pool.map(ask, range(100))) == [None, 9] * 50


def test_the_lock_of_the_interpreter_is_free(model):
    """While a thread maximises, this one runs on."""
    done = threading.Event()
    worker = threading.Thread(target=lambda: (model.maximize("conv3", 0, steps=10**6, time_limit=0.5), done.set()))
    worker.start()
    ticks = 0
    while not done.is_set():
        ticks += 1
        time.sleep(0.001)
    worker.join()
    assert ticks > 20
