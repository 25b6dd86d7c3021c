#include "onnx_write.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
/* cmocka needs those before it */
#include <cmocka.h>

void write_bytes(onnx_writer *to, const void *data, size_t size)
{
    if (size > to->capacity - to->size) {
        to->capacity = (to->size + size) * 2;
        to->data = realloc(to->data, to->capacity);
        assert_non_null(to->data);
    }
    if (size) memcpy(to->data + to->size, data, size);
    to->size += size;
}

void write_varint(onnx_writer *to, uint64_t value)
{
    do {
        uint8_t byte = (uint8_t)((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
        write_bytes(to, &byte, 1);
        value >>= 7;
    } while (value);
}

void write_tag(onnx_writer *to, uint32_t field, uint32_t wire_type)
{
    write_varint(to, (uint64_t)field << 3 | wire_type);
}

void write_number(onnx_writer *to, uint32_t field, uint64_t value)
{
    write_tag(to, field, 0);
    write_varint(to, value);
}

void write_blob(onnx_writer *to, uint32_t field, const void *data, size_t size)
{
    write_tag(to, field, 2);
    write_varint(to, size);
    write_bytes(to, data, size);
}

void write_text(onnx_writer *to, uint32_t field, const char *text)
{
    write_blob(to, field, text, strlen(text));
}

size_t begin_message(onnx_writer *to, uint32_t field)
{
    write_tag(to, field, 2);
    write_bytes(to, "\x80\x80\x80\x80\x00", 5);
    return to->size;
}

void end_message(onnx_writer *to, size_t mark)
{
    size_t length = to->size - mark;
    for (size_t i = 0; i < 5; i++)
        to->data[mark - 5 + i] = (uint8_t)((length >> (7 * i) & 0x7f) | (i < 4 ? 0x80 : 0));
}

static void write_end(onnx_writer *to, uint32_t field, const char *name)
{
    size_t value = begin_message(to, field);
    write_text(to, 1, name);
    size_t type = begin_message(to, 2), tensor = begin_message(to, 1);
    write_number(to, 1, 1); /* float32 */
    if (field == GRAPH_INPUT) {
        size_t shape = begin_message(to, 2);
        for (int i = 0; i < 4; i++) {
            size_t dim = begin_message(to, 1);
            write_number(to, 1, (uint64_t[]){1, 2, 4, 4}[i]);
            end_message(to, dim);
        }
        end_message(to, shape);
    }
    end_message(to, tensor);
    end_message(to, type);
    end_message(to, value);
}

size_t begin_model(onnx_writer *to)
{
    write_number(to, MODEL_IR, 8);
    size_t opset = begin_message(to, MODEL_OPSET);
    write_number(to, OPSET_VERSION, 13);
    end_message(to, opset);
    size_t graph = begin_message(to, MODEL_GRAPH);
    write_end(to, GRAPH_INPUT, "x");
    write_end(to, GRAPH_OUTPUT, "y");
    return graph;
}

void end_model(onnx_writer *to, size_t mark)
{
    end_message(to, mark);
}

static void write_words(onnx_writer *to, uint32_t field, const char *words)
{
    while (*words) {
        size_t length = strcspn(words, " ");
        write_blob(to, field, words, length);
        words += length + (words[length] == ' ');
    }
}

void write_node(onnx_writer *to, const char *op, const char *inputs, const char *outputs)
{
    size_t node = begin_message(to, GRAPH_NODE);
    write_words(to, NODE_INPUT, inputs);
    write_words(to, NODE_OUTPUT, outputs);
    write_text(to, NODE_OP, op);
    end_message(to, node);
}

void write_int64s(onnx_writer *to, const char *name, const int64_t *values, size_t count)
{
    size_t tensor = begin_message(to, GRAPH_INITIALIZER);
    write_number(to, TENSOR_DIMS, count);
    write_number(to, TENSOR_TYPE, 7);
    write_text(to, TENSOR_NAME, name);
    write_blob(to, TENSOR_RAW, values, count * sizeof *values);
    end_message(to, tensor);
}

static void write_entry(onnx_writer *to, const char *key, const char *value)
{
    if (!value) return;
    size_t entry = begin_message(to, TENSOR_EXTERNAL);
    write_text(to, 1, key);
    write_text(to, 2, value);
    end_message(to, entry);
}

void write_external(onnx_writer *to, const char *name, const char *location, const char *offset, const char *length)
{
    size_t tensor = begin_message(to, GRAPH_INITIALIZER);
    write_number(to, TENSOR_DIMS, 2);
    write_number(to, TENSOR_DIMS, 1);
    write_number(to, TENSOR_DIMS, 1);
    write_number(to, TENSOR_TYPE, 1);
    write_text(to, TENSOR_NAME, name);
    write_entry(to, "location", location);
    write_entry(to, "offset", offset);
    write_entry(to, "length", length);
    write_number(to, TENSOR_LOCATION, 1);
    end_message(to, tensor);
}
