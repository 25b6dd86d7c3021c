"""Made by generate_options.py from the option table of libactmax; edits would be lost."""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, NamedTuple

import numpy.typing as npt

from ._progress import Progress
from ._results import Gradient, Map, Picture
from ._types import FilterLike, ImageLike, LayerLike, TargetLike

class Option(NamedTuple):
    name: str
    part: str
    type: str
    default: str
    choices: str
    minimum: float
    maximum: float
    help: str

OPTIONS: tuple[Option, ...]

class Calls:
    def __init__(
        self,
        path: str | os.PathLike[str] | bytes,
        *,
        inputs: Mapping[str, npt.ArrayLike] | None = None,
        external: Mapping[str, bytes] | None = None,
        input_size: float | Sequence[float] | None = None,
        input: str | None = None,
        load_mode: Literal["map", "copy"] | None = None,
        external_data: bool | None = None,
        weights: str | None = None,
        preprocess: Literal["raw", "unit", "tf", "torch", "caffe"] | None = None,
        scale: float | None = None,
        mean: float | Sequence[float] | None = None,
        std: float | Sequence[float] | None = None,
        channels: Literal["rgb", "bgr"] | None = None,
        limit_file_bytes: int | None = None,
        limit_tensor_elements: int | None = None,
        limit_nodes: int | None = None,
        limit_nesting: int | None = None,
        limit_planned_bytes: int | None = None,
        limit_image_pixels: int | None = None,
        limit_image_side: int | None = None,
        threads: int | None = None,
        cpu: Literal["auto", "c", "avx2", "avx512", "neon"] | None = None,
    ) -> None: ...
    def gradient(
        self,
        image: ImageLike,
        layer: LayerLike | None = None,
        filter: FilterLike = None,
        *,
        neuron_y: int | None = None,
        neuron_x: int | None = None,
        bypass: bool | None = None,
        backprop: Literal["none", "guided", "relu"] | None = None,
    ) -> Gradient: ...
    def maximize(
        self,
        layer: LayerLike | None = None,
        filter: FilterLike = None,
        *,
        progress: Callable[[Progress], object] | type | None = None,
        parts: Sequence[str | tuple[str, Mapping[str, object]]] | None = None,
        neuron_y: int | None = None,
        neuron_x: int | None = None,
        bypass: bool | None = None,
        size: float | Sequence[float] | None = None,
        seed: int | None = None,
        start: Literal["noise", "grey"] | None = None,
        start_mean: float | None = None,
        start_range: float | None = None,
        clip: bool | None = None,
        parameters: Literal["pixel", "pyramid"] | None = None,
        contrast: float | None = None,
        start_image: ImageLike | None = None,
        steps: int | None = None,
        time_limit: float | None = None,
        scales: int | None = None,
        scale_factor: float | None = None,
        scale_filter: Literal["cubic", "bilinear"] | None = None,
        scale_blur: float | None = None,
        gradient: Literal["none", "rms", "l2", "max"] | None = None,
        keep: Literal["last", "best"] | None = None,
        optimizer: Literal["adam", "rmsprop", "ascent"] | None = None,
        learning_rate: float | None = None,
        beta1: float | None = None,
        beta2: float | None = None,
        epsilon: float | None = None,
        weight_decay: float | None = None,
        amsgrad: bool | None = None,
        rho: float | None = None,
        rmsprop_epsilon: float | None = None,
        momentum: float | None = None,
        jitter: float | None = None,
        blur: float | None = None,
        scale_jitter: float | None = None,
        rotate: float | None = None,
        flip: float | None = None,
        lp_norm: float | None = None,
        lp_power: float | None = None,
        total_variation: float | None = None,
        tv_power: float | None = None,
    ) -> Picture: ...
    def maximize_each(
        self,
        layer: LayerLike | None,
        filters: Sequence[int],
        *,
        progress: Callable[[Progress], object] | type | None = None,
        parts: Sequence[str | tuple[str, Mapping[str, object]]] | None = None,
        neuron_y: int | None = None,
        neuron_x: int | None = None,
        bypass: bool | None = None,
        size: float | Sequence[float] | None = None,
        seed: int | None = None,
        start: Literal["noise", "grey"] | None = None,
        start_mean: float | None = None,
        start_range: float | None = None,
        clip: bool | None = None,
        parameters: Literal["pixel", "pyramid"] | None = None,
        contrast: float | None = None,
        start_image: ImageLike | None = None,
        steps: int | None = None,
        time_limit: float | None = None,
        scales: int | None = None,
        scale_factor: float | None = None,
        scale_filter: Literal["cubic", "bilinear"] | None = None,
        scale_blur: float | None = None,
        gradient: Literal["none", "rms", "l2", "max"] | None = None,
        keep: Literal["last", "best"] | None = None,
        optimizer: Literal["adam", "rmsprop", "ascent"] | None = None,
        learning_rate: float | None = None,
        beta1: float | None = None,
        beta2: float | None = None,
        epsilon: float | None = None,
        weight_decay: float | None = None,
        amsgrad: bool | None = None,
        rho: float | None = None,
        rmsprop_epsilon: float | None = None,
        momentum: float | None = None,
        jitter: float | None = None,
        blur: float | None = None,
        scale_jitter: float | None = None,
        rotate: float | None = None,
        flip: float | None = None,
        lp_norm: float | None = None,
        lp_power: float | None = None,
        total_variation: float | None = None,
        tv_power: float | None = None,
    ) -> list[Picture]: ...
    def grad_cam(
        self,
        image: ImageLike,
        target: TargetLike = None,
        layer: LayerLike | None = None,
        *,
        bypass: bool | None = None,
        backprop: Literal["none", "guided", "relu"] | None = None,
        cam_resize: Literal["bilinear", "spline", "nearest"] | None = None,
        cam_scaling: Literal["minmax", "max", "none"] | None = None,
        colormap: Literal["jet", "jet-opencv", "viridis", "turbo", "grey"] | None = None,
    ) -> Map: ...
    def saliency(
        self,
        image: ImageLike,
        target: TargetLike = None,
        *,
        bypass: bool | None = None,
        backprop: Literal["none", "guided", "relu"] | None = None,
        cam_resize: Literal["bilinear", "spline", "nearest"] | None = None,
        cam_scaling: Literal["minmax", "max", "none"] | None = None,
        colormap: Literal["jet", "jet-opencv", "viridis", "turbo", "grey"] | None = None,
    ) -> Map: ...
