/* Writes protobuf messages byte by byte, right or wrong as a test wants them. Lengths of nested messages are filled in at their
 * end, as varints of five bytes. */
#ifndef AXM_TEST_ONNX_WRITE_H
#define AXM_TEST_ONNX_WRITE_H

#include <stddef.h>
#include <stdint.h>

typedef struct onnx_writer {
    uint8_t *data; /* malloc'd */
    size_t size, capacity;
} onnx_writer;

void write_bytes(onnx_writer *to, const void *data, size_t size);
void write_varint(onnx_writer *to, uint64_t value);
void write_tag(onnx_writer *to, uint32_t field, uint32_t wire_type);
void write_number(onnx_writer *to, uint32_t field, uint64_t value);
void write_text(onnx_writer *to, uint32_t field, const char *text);
void write_blob(onnx_writer *to, uint32_t field, const void *data, size_t size);
size_t begin_message(onnx_writer *to, uint32_t field); /* a mark for end_message */
void end_message(onnx_writer *to, size_t mark);

/* Field numbers of onnx.proto. */
enum { MODEL_IR = 1, MODEL_GRAPH = 7, MODEL_OPSET = 8 };
enum { OPSET_DOMAIN = 1, OPSET_VERSION = 2 };
enum { GRAPH_NODE = 1, GRAPH_INITIALIZER = 5, GRAPH_INPUT = 11, GRAPH_OUTPUT = 12 };
enum { NODE_INPUT = 1, NODE_OUTPUT = 2, NODE_NAME = 3, NODE_OP = 4, NODE_ATTRIBUTE = 5 };
enum { ATTRIBUTE_NAME = 1, ATTRIBUTE_F = 2, ATTRIBUTE_I = 3, ATTRIBUTE_T = 5, ATTRIBUTE_INTS = 8, ATTRIBUTE_TYPE = 20 };
enum {
    TENSOR_DIMS = 1,
    TENSOR_TYPE = 2,
    TENSOR_FLOATS = 4,
    TENSOR_INT32S = 5,
    TENSOR_INT64S = 7,
    TENSOR_NAME = 8,
    TENSOR_RAW = 9,
    TENSOR_EXTERNAL = 13,
    TENSOR_LOCATION = 14
};

/* "x" (float, 1 x 2 x 4 x 4) and "y" as input and output of the graph, opset 13; begin_model leaves the graph open. */
size_t begin_model(onnx_writer *to);
void end_model(onnx_writer *to, size_t mark);
/* inputs and outputs are words. */
void write_node(onnx_writer *to, const char *op, const char *inputs, const char *outputs);
void write_int64s(onnx_writer *to, const char *name, const int64_t *values, size_t count); /* an initializer of one axis */
/* An initializer of two floats whose data lies in another file; offset and length as text, NULL: left out. */
void write_external(onnx_writer *to, const char *name, const char *location, const char *offset, const char *length);

#endif
