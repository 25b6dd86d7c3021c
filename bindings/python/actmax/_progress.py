"""Progress of a maximisation: what a callback sees, how it stops a run, Ctrl-C, and progress bars."""

import contextlib
import ctypes
import signal

import numpy as np

from . import _images
from ._library import call, library

_NUMBERS = (
    "step",
    "steps",
    "objective",
    "loss",
    "activation",
    "lp_norm",
    "total_variation",
    "scale",
    "scales",
    "picture",
    "pictures",
    "seconds",
    "done",
)
_WHOLE = {"step", "steps", "scale", "scales", "picture", "pictures"}


class Progress:
    """A run after one of its steps.

    step, steps: of this picture, over all scales. objective: higher is better. loss: what is minimised. picture, pictures: which one of
    maximize_each() or maximize_sheet(), which make several side by side and show each after each step. done: the share of the whole
    call, 0 to 1. Also activation, lp_norm, total_variation, scale, scales and seconds.
    """

    step: int
    steps: int
    objective: float
    loss: float
    activation: float
    lp_norm: float
    total_variation: float
    scale: int
    scales: int
    picture: int
    pictures: int
    seconds: float
    done: float

    def __init__(self, pointer):
        self._pointer = pointer
        self._stopped = False
        value = ctypes.c_double()
        for name in _NUMBERS:
            call("progress_number", pointer, name.encode(), ctypes.byref(value))
            setattr(self, name, int(value.value) if name in _WHOLE else value.value)

    def stop(self):
        """Ends the run after this step; the best image so far is the result."""
        self._stopped = True

    @property
    def pixels(self):
        """The image as it stands: float32 in 0..255, (height, width, channels); to be asked for during the callback only."""
        if self._pointer is None:
            raise RuntimeError("the image of a Progress can be read during the callback only; keep progress.image instead")
        sizes = [ctypes.c_int32() for _ in range(3)]
        data = library.actmax_progress_image(self._pointer, *(ctypes.byref(size) for size in sizes))
        width, height, channels = (size.value for size in sizes)
        return _images.floats_of(data, (height, width, channels))

    @property
    def image(self):
        """The image as it stands: uint8, (height, width) when it is grey; to be asked for during the callback only."""
        rounded = np.floor(np.clip(self.pixels, 0, 255) + 0.5).astype(np.uint8)
        return rounded[:, :, 0] if rounded.shape[2] == 1 else rounded

    def __repr__(self):
        return f"<Progress: step {self.step} of {self.steps}, objective {self.objective:.6g}>"


class _Bar:
    """Drives a progress bar of tqdm's kind: made with total=, moved by update(n), ended by close()."""

    def __init__(self, make):
        self.make, self.bar, self.done = make, None, 0

    def __call__(self, progress):
        total = progress.steps * progress.pictures
        done = round(progress.done * total)
        if self.bar is None:
            self.bar = self.make(total=total, unit="step")
        if hasattr(self.bar, "set_postfix"):
            self.bar.set_postfix(objective=f"{progress.objective:.4g}", refresh=False)
        self.bar.update(done - self.done)
        self.done = done

    def close(self):
        if self.bar is not None:
            self.bar.close()


class Watch:
    """The callback of one run: calls the caller's, and holds what it or the keyboard did until the run is over."""

    def __init__(self, progress):
        is_bar = isinstance(progress, type) and hasattr(progress, "update") and hasattr(progress, "close")
        self.bar = _Bar(progress) if is_bar else None
        self.progress = self.bar or progress
        self.error = None
        self.interrupts = 0

    def step(self, _user, pointer):
        """What the C library calls; no exception may leave it."""
        try:
            if self.interrupts:
                return 1
            if self.progress is None:
                return 0
            state = Progress(pointer)
            try:
                self.progress(state)
            finally:
                state._pointer = None
            return 1 if state._stopped or self.interrupts else 0
        except KeyboardInterrupt:
            self.interrupts += 1
            return 1
        except BaseException as error:
            self.error = error
            return 1

    def _interrupt(self, _number, _frame):
        self.interrupts += 1

    @contextlib.contextmanager
    def watching(self):
        """Ctrl-C is counted instead of raised, where Python would raise KeyboardInterrupt; a handler of the caller's own stays."""
        installed = False
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            try:
                signal.signal(signal.SIGINT, self._interrupt)
                installed = True
            except ValueError:  # only the main thread may, and only it is interrupted
                pass
        try:
            yield
        finally:
            if installed:
                signal.signal(signal.SIGINT, signal.default_int_handler)
            if self.bar is not None:
                self.bar.close()

    def settle(self):
        """After the run: what the callback raised, or a second Ctrl-C."""
        error, self.error = self.error, None
        if error is not None:
            raise error
        if self.interrupts > 1:
            raise KeyboardInterrupt
