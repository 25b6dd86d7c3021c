"""Animations of progress: GIF files, written frame by frame."""

from __future__ import annotations

from . import _errors
from ._handles import Handle, Recipe
from ._images import to_handle
from ._library import call, encoded, library, out
from ._progress import Progress
from ._types import ImageLike, PathLike


class Animation:
    """An animated GIF that repeats for ever; memory does not grow with it.

        with actmax.Animation("progress.gif", every=4) as film:
            model.maximize("fire5/concat", 3, progress=film)

    path: of the file, which is there when the animation is finished (or the with block is left in good order), whole or not at all.
    size: (height, width) of all frames; the first frame's unless given. Frames of other sizes are resized. delay: seconds that a frame is
    shown, in hundredths. every: as a progress callback, one frame each so many steps, besides the first and the last.
    """

    def __init__(self, path: PathLike, size: tuple[int, int] | None = None, delay: float = 0.1, every: int = 1):
        if every < 1:
            raise _errors.InvalidError(f"every is a number of steps, at least 1, not {every}")
        self._path, self._delay, self._every = path, delay, int(every)
        self._handle: Handle | None = None
        self._closed, self._frames = False, 0
        if size is not None:
            self._open(*size)

    def _open(self, height, width):
        milliseconds = round(self._delay * 1000)
        pointer = out("animation_new", encoded(self._path), width, height, milliseconds, Recipe(), path=self._path)
        self._handle = Handle(pointer, "animation")

    def _opened(self, height, width):
        if self._closed:
            raise _errors.InvalidError(f"the animation {str(self._path)!r} is finished; begin a new one")
        if self._handle is None:
            self._open(height, width)
        return self._handle

    def add(self, image: ImageLike | Progress) -> None:
        """Adds a frame: an image as everywhere, or the Progress of a run, during its callback."""
        if isinstance(image, Progress):
            height, width = image.pixels.shape[:2]
            call("animation_add_progress", self._opened(height, width), image._pointer, path=self._path)
            return
        handle = to_handle(image)
        height, width = library.actmax_image_height(handle), library.actmax_image_width(handle)
        call("animation_add", self._opened(height, width), handle, path=self._path)

    def __call__(self, progress: Progress) -> None:
        """So that an Animation is a progress callback."""
        if progress.step in (1, progress.steps) or progress.step % self._every == 0:
            self.add(progress)

    @property
    def frames(self) -> int:
        """How many frames were added."""
        return int(library.actmax_animation_frames(self._handle)) if self._handle is not None else self._frames

    def finish(self) -> None:
        """Completes the file."""
        if self._handle is None or self._closed:
            raise _errors.InvalidError(f"the animation {str(self._path)!r} has no frame, or is finished already")
        call("animation_finish", self._handle, path=self._path)
        self._closed = True

    def __enter__(self) -> Animation:
        return self

    def __exit__(self, kind, _value, _traceback) -> None:
        if kind is None and not self._closed:
            self.finish()
        self._closed = True
        self._frames, self._handle = self.frames, None  # unfinished: the file is dropped

    def __repr__(self):
        return f"<Animation {str(self._path)!r}: {self.frames} frames{', finished' if self._closed else ''}>"
