"""Shared by the make_onnx_*.py scripts: building small models, running them, and the container that the C tests read.

A container is little-endian: the magic "AXMONNX1", then records. A record is a name, a model (u32 size and bytes), the image
input, the inputs to be bound (u8 count), and the outputs (u8 count). A name is u8 length and bytes; an input or output is a name
and an array: u8 rank, i32 dims, float32 values. See tests/unit/onnx_cases.h for the reader.
"""
import struct
import zlib

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

MAGIC = b"AXMONNX1"


def values(name, *shape, low=-1.0, high=1.0):
    """The same numbers for the same name in every run."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    return rng.uniform(low, high, shape).astype(np.float32)


def node(op, inputs, outputs, **attributes):
    """Inputs and outputs as words: "x w b"; a lone "-" stands for an omitted one."""
    words = lambda text: ["" if word == "-" else word for word in text.split()]
    domain = attributes.pop("domain", "")
    name = attributes.pop("name", "")
    return helper.make_node(op, words(inputs), words(outputs), name=name, domain=domain, **attributes)


def make(nodes, x, weights=(), opset=13, outputs=("y",), bound=(), ir=None, x_dims=None, x_type=TensorProto.FLOAT, also_inputs=False,
         opset_domain="", x_name="x", extra_opsets=()):
    """weights: (name, array or TensorProto); bound: (name, array), inputs of the graph."""
    initializers = [w if isinstance(w, TensorProto) else numpy_helper.from_array(np.asarray(w[1]), w[0]) for w in weights]
    inputs = [helper.make_tensor_value_info(x_name, x_type, list(x.shape) if x_dims is None else x_dims)]
    for name, array in bound:
        inputs.append(helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape))
    if also_inputs or opset < 9:
        inputs += [helper.make_tensor_value_info(w.name, w.data_type, list(w.dims)) for w in initializers]
    ends = [helper.make_tensor_value_info(name, x_type, None) for name in outputs]
    graph = helper.make_graph(nodes, "g", inputs, ends, initializers)
    sets = [helper.make_opsetid(opset_domain, opset)] + [helper.make_opsetid(*e) for e in extra_opsets]
    model = helper.make_model(graph, opset_imports=sets, producer_name="")
    model.ir_version = ir or (3 if opset < 9 else 8 if opset < 19 else 10)
    return model


def run_ort(model, feeds):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(None, feeds)


def run(name, model, feeds, oracle="both"):
    """What ONNX Runtime computes. The reference evaluator must agree, unless it fails on the model or the case says why not to
    ask it (oracle="ort"); oracle="reference" asks it alone."""
    results = None if oracle == "reference" else run_ort(model, feeds)
    if oracle != "ort":
        try:
            reference = ReferenceEvaluator(model).run(None, feeds)
        except Exception as problem:  # it does not know all old operators
            if results is None:
                raise
            print(f"{name}: ONNX Runtime alone ({type(problem).__name__})")
            return [np.asarray(r) for r in results]
        results = results or reference
        for a, b in zip(results, reference):
            if np.shape(a) != np.shape(b) or not np.allclose(a, b, rtol=1e-4, atol=1e-5):
                raise SystemExit(f"{name}: the oracles differ: ONNX Runtime {np.shape(a)}, reference {np.shape(b)}\n{a}\n{b}")
    return [np.asarray(r) for r in results]


def text(word):
    data = word.encode()
    return struct.pack("<B", len(data)) + data


def array(name, data):
    data = np.asarray(data)
    flat = np.ascontiguousarray(data, dtype="<f4").tobytes()
    return text(name) + struct.pack(f"<B{data.ndim}i", data.ndim, *data.shape) + flat


def record(name, model, x, bound, outputs, x_name="x"):
    model = model if isinstance(model, bytes) else model.SerializeToString()
    parts = [text(name), struct.pack("<I", len(model)), model, array(x_name, x), struct.pack("<B", len(bound))]
    parts += [array(n, a) for n, a in bound]
    parts.append(struct.pack("<B", len(outputs)))
    parts += [array(n, a) for n, a in outputs]
    return b"".join(parts)


def write(path, records):
    with open(path, "wb") as file:
        file.write(MAGIC)
        for r in records:
            file.write(r)
    print(path, len(records), "records", sum(map(len, records)), "bytes")
