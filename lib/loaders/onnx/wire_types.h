/* What the generated message structs hold for fields that are not plain numbers: places in the file, and gathered numbers. */
#ifndef AXM_LOADERS_ONNX_WIRE_TYPES_H
#define AXM_LOADERS_ONNX_WIRE_TYPES_H

#include <stddef.h>
#include <stdint.h>

typedef struct axm_onnx_reader axm_onnx_reader;

/* A string, a byte string or a message, where it lies in the file. data NULL: absent. */
typedef struct axm_onnx_span {
    const uint8_t *data;
    uint32_t size;
    uint32_t depth; /* of messages, the file itself being 1 */
} axm_onnx_span;

/* The three kinds of field. Each begins with the reader, which axm_onnx_decode sets. */
typedef struct axm_onnx_one {
    axm_onnx_reader *reader;
    axm_onnx_span span;
} axm_onnx_one;

typedef struct axm_onnx_many {
    axm_onnx_reader *reader;
    axm_onnx_span *items;
    uint32_t count, capacity;
} axm_onnx_many;

/* Varints as int64_t, or floats, or doubles, by the field. One packed run of floats or doubles stays in the file: then data may
 * be unaligned and capacity is 0. */
typedef struct axm_onnx_numbers {
    axm_onnx_reader *reader;
    const void *data;
    size_t count, capacity;
} axm_onnx_numbers;

#endif
