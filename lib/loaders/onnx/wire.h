/* Reading protobuf messages with nanopb, one level at a time: a message's submessages, strings and bytes are recorded as places
 * in the file and read by a later call, so nothing is copied and nothing recurses. */
#ifndef AXM_LOADERS_ONNX_WIRE_H
#define AXM_LOADERS_ONNX_WIRE_H

#include "base/alloc.h"
#include "base/limits.h"
#include "loaders/onnx/onnx.pb.h"

struct axm_onnx_reader {
    const uint8_t *data; /* the whole file */
    size_t size;
    axm_arena *arena; /* lists and numbers go here */
    const axm_limits *limits;
    int64_t items;  /* recorded so far, against limits->nodes */
    uint32_t depth; /* of the message that is being read */
    int32_t status; /* of a field callback that failed */
};

/* Reads one message into a zeroed struct of the type that `fields` describes. what: for messages, e.g. "a node". */
int32_t axm_onnx_decode(axm_onnx_reader *reader, axm_onnx_span span, const pb_msgdesc_t *fields, void *message, const char *what);

/* A NUL-terminated copy in the reader's arena; "" when absent. Fails on what is not UTF-8 or holds control characters. */
int32_t axm_onnx_text(axm_onnx_reader *reader, axm_onnx_span span, const char **out);

static inline int64_t axm_onnx_integer(const axm_onnx_numbers *numbers, size_t i)
{
    return ((const int64_t *)numbers->data)[i]; /* varints are never left in the file */
}

#endif
