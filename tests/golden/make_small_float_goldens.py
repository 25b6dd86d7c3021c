"""Writes small_floats.txt: floats of 4 and 8 bits as ml_dtypes and ONNX's reference evaluator compute them.

    python make_small_float_goldens.py > small_floats.txt

Lines: NAME COUNT value*COUNT. codes_TYPE: the value of each code. x: numbers; TYPE: they cast to it, TYPE_open: without saturation.
powers: numbers; up, down, nearest: they cast to float8e8m0. scales_KIND: of the 24 numbers `image`, shape [1, 3, 2, 4]; each of
quantize_TYPE_KIND: QuantizeLinear of it, dequantize_TYPE_KIND: and back.
"""

import itertools

import ml_dtypes
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

TYPES = {"float8e4m3fn": ml_dtypes.float8_e4m3fn, "float8e4m3fnuz": ml_dtypes.float8_e4m3fnuz, "float8e5m2": ml_dtypes.float8_e5m2,
         "float8e5m2fnuz": ml_dtypes.float8_e5m2fnuz, "float8e8m0": ml_dtypes.float8_e8m0fnu, "float4e2m1": ml_dtypes.float4_e2m1fn}
OPSET = 25


def line(name, values):
    values = np.asarray(values).astype(np.float32).ravel()
    print(name, values.size, *(f"{v:.9g}" for v in values))


def probes():
    """Halves between neighbours and what is just beside them, the ends of every type, and what is no finite number."""
    found = set()
    for kind in TYPES.values():
        codes = np.arange(16 if kind is ml_dtypes.float4_e2m1fn else 256, dtype=np.uint8).view(kind).astype(np.float64)
        if kind is ml_dtypes.float8_e8m0fnu:
            continue
        codes = np.unique(np.abs(codes[np.isfinite(codes)]))
        codes = np.append(codes, 2 * codes[-1] - codes[-2])
        halves = ((codes[1:] + codes[:-1]) / 2).astype(np.float32)
        halves = np.concatenate([halves[:5], halves[-5:], halves[9:40:7]])
        for near in (halves, np.nextafter(halves, np.float32(0)), np.nextafter(halves, np.float32(1e30))):
            found.update(near.tolist())
    found.update([0.0, 1e-30, 1e6, 3.0e38, float("inf"), 0.1, 1.1, 3.3, 37.0])
    x = np.array(sorted(found), np.float32)
    return np.concatenate([x, -x, np.array([np.nan], np.float32)])


def cast(x, name, saturate):
    node = helper.make_node("Cast", ["x"], ["y"], to=getattr(TensorProto, name.upper()), saturate=saturate)
    return run([node], {"x": x})


def run(nodes, inputs):
    graph = helper.make_graph(nodes, "g", [helper.make_tensor_value_info(k, TensorProto.FLOAT, v.shape) for k, v in inputs.items()],
                              [helper.make_empty_tensor_value_info(nodes[-1].output[0])])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)])
    with np.errstate(all="ignore"):
        return ReferenceEvaluator(model).run(None, inputs)[0].astype(np.float32)


def main():
    for name, kind in TYPES.items():
        line(f"codes_{name}", np.arange(16 if name == "float4e2m1" else 256, dtype=np.uint8).view(kind).astype(np.float32))
    x = probes()
    line("x", x)
    for name in TYPES:
        if name != "float8e8m0":
            line(name, cast(x, name, 1))
            line(f"{name}_open", cast(x, name, 0))

    powers = np.array([0.75, 1.0, 1.25, 1.5, 1.75, 3.0, 0.124, 1.1e-38 * 1.5, 1.7e38, 1e-3, 4.0, np.nan], np.float32)
    line("powers", powers)
    for mode in ("up", "down", "nearest"):
        line(mode, numpy_helper.to_float8e8m0(powers, True, mode).astype(np.float32))

    rng = np.random.default_rng(3)
    image = np.round(rng.normal(size=(1, 3, 2, 4)) * 64).astype(np.float32) / 64
    image[0, 0, 0, 0], image[0, 1, 1, 1] = 300.0, -4000.0
    line("image", image)
    scales = {"tensor": np.float32(0.25), "axis": np.array([0.5, 0.125, 3.0], np.float32),
              "blocks": rng.choice(np.float32([0.25, 0.375, 2.0]), size=(1, 3, 2, 2))}
    for kind, scale in scales.items():
        line(f"scales_{kind}", scale)
    for name, (kind, scale) in itertools.product(["float8e4m3fn", "float8e5m2fnuz", "float4e2m1"], scales.items()):
        blocks = {"axis": 3, "block_size": 2} if kind == "blocks" else {"axis": 1}
        quantize = helper.make_node("QuantizeLinear", ["x", "s"], ["q"], output_dtype=getattr(TensorProto, name.upper()), **blocks)
        back = helper.make_node("DequantizeLinear", ["q", "s"], ["y"], **blocks)
        line(f"quantize_{name}_{kind}", run([quantize], {"x": image, "s": np.asarray(scale)}))
        line(f"dequantize_{name}_{kind}", run([quantize, back], {"x": image, "s": np.asarray(scale)}))


if __name__ == "__main__":
    assert onnx.defs.onnx_opset_version() >= OPSET
    main()
