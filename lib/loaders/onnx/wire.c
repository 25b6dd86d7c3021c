/* The field callback of all messages, and the decoder around it. */
#include "loaders/onnx/wire.h"

#include <inttypes.h>
#include <pb_common.h>
#include <pb_decode.h>
#include <string.h>

#include "base/checked.h"
#include "base/status.h"

#define ITEMS_PER_NODE 64 /* inputs, outputs, attributes and weights that a node may have on average */

static bool fail_format(axm_onnx_reader *reader, const pb_field_t *field, const char *problem)
{
    reader->status = axm_fail(ACTMAX_ERROR_FORMAT, "the ONNX file is damaged: field %u of a message %s; save or fetch it again",
                              (unsigned)field->tag, problem);
    return false;
}

static bool fail_memory(axm_onnx_reader *reader, uint64_t bytes)
{
    reader->status = axm_no_memory(bytes, "reading an ONNX file");
    return false;
}

/* nanopb hands a number that is not packed over as a copy on its stack, which must not be pointed at. */
static bool lies_in_file(const axm_onnx_reader *reader, const pb_istream_t *in)
{
    uintptr_t begin = (uintptr_t)reader->data, at = (uintptr_t)in->state;
    return at >= begin && at - begin <= reader->size && in->bytes_left <= reader->size - (at - begin);
}

static bool take_span(axm_onnx_reader *reader, pb_istream_t *in, const pb_field_t *field, axm_onnx_span *out)
{
    if (!lies_in_file(reader, in)) return fail_format(reader, field, "has the wrong wire type");
    out->data = in->state;
    out->size = (uint32_t)in->bytes_left;
    out->depth = reader->depth + 1;
    return pb_read(in, NULL, in->bytes_left);
}

static bool take_one(pb_istream_t *in, const pb_field_t *field)
{
    axm_onnx_one *one = field->pData;
    if (one->span.data) return fail_format(one->reader, field, "occurs twice");
    return take_span(one->reader, in, field, &one->span);
}

static bool take_many(pb_istream_t *in, const pb_field_t *field)
{
    axm_onnx_many *many = field->pData;
    axm_onnx_reader *reader = many->reader;
    if (++reader->items > reader->limits->nodes * ITEMS_PER_NODE) {
        reader->status = axm_fail(ACTMAX_ERROR_LIMIT, "the ONNX file has more parts than limit_nodes (%" PRId64 ") allows",
                                  reader->limits->nodes);
        return false;
    }
    if (many->count == many->capacity) {
        uint32_t grown = many->capacity ? many->capacity * 2 : 4;
        axm_onnx_span *items = grown > many->capacity ? axm_arena_array(reader->arena, grown, sizeof *items) : NULL;
        if (!items) return fail_memory(reader, (uint64_t)grown * sizeof *items);
        if (many->count) memcpy(items, many->items, many->count * sizeof *items);
        many->items = items;
        many->capacity = grown;
    }
    return take_span(reader, in, field, &many->items[many->count++]);
}

/* Room for `more` numbers behind those that are there, which may still lie in the file. */
static uint8_t *reserve_numbers(axm_onnx_numbers *numbers, size_t more, size_t width)
{
    axm_onnx_reader *reader = numbers->reader;
    size_t needed;
    if (!axm_add_size(numbers->count, more, &needed) || needed > (uint64_t)reader->limits->tensor_elements) {
        reader->status = axm_fail(ACTMAX_ERROR_LIMIT,
                                  "a list of numbers in the ONNX file is longer than limit_tensor_elements (%" PRId64 ") allows",
                                  reader->limits->tensor_elements);
        return NULL;
    }
    if (needed > numbers->capacity) {
        size_t grown = numbers->capacity > needed / 2 ? numbers->capacity * 2 : needed;
        uint8_t *data = axm_arena_array(reader->arena, grown, width);
        if (!data) {
            fail_memory(reader, (uint64_t)grown * width);
            return NULL;
        }
        if (numbers->count) memcpy(data, numbers->data, numbers->count * width);
        numbers->data = data;
        numbers->capacity = grown;
    }
    return (uint8_t *)numbers->data + numbers->count * width;
}

/* A varint ends with the byte whose top bit is clear. */
static size_t count_varints(const uint8_t *data, size_t size)
{
    size_t count = 0;
    for (size_t i = 0; i < size; ++i)
        count += data[i] < 0x80;
    return count;
}

static bool take_varints(pb_istream_t *in, const pb_field_t *field, axm_onnx_numbers *numbers)
{
    bool packed = lies_in_file(numbers->reader, in);
    size_t count = packed ? count_varints(in->state, in->bytes_left) : 1;
    if (count == 0) return in->bytes_left == 0 || fail_format(numbers->reader, field, "ends in the middle of a number");
    uint8_t *out = reserve_numbers(numbers, count, sizeof(int64_t));
    if (!out) return false;
    for (size_t i = 0; i < count; ++i) {
        uint64_t value;
        if (!pb_decode_varint(in, &value)) return fail_format(numbers->reader, field, "holds a number that is too long");
        memcpy(out + i * sizeof value, &value, sizeof value);
    }
    numbers->count += count;
    return in->bytes_left == 0 || fail_format(numbers->reader, field, "ends in the middle of a number");
}

static bool take_fixed(pb_istream_t *in, const pb_field_t *field, axm_onnx_numbers *numbers, size_t width)
{
    size_t count = in->bytes_left / width;
    if (in->bytes_left % width) return fail_format(numbers->reader, field, "ends in the middle of a number");
    if (numbers->count == 0 && lies_in_file(numbers->reader, in)) {
        if (count > (uint64_t)numbers->reader->limits->tensor_elements) return reserve_numbers(numbers, count, width) != NULL;
        numbers->data = in->state;
        numbers->count = count;
        return pb_read(in, NULL, in->bytes_left);
    }
    uint8_t *out = reserve_numbers(numbers, count, width);
    if (!out) return false;
    numbers->count += count;
    return pb_read(in, out, in->bytes_left);
}

bool axm_onnx_field(pb_istream_t *istream, pb_ostream_t *ostream, const pb_field_t *field)
{
    (void)ostream;
    if (!istream) return false;
    switch (PB_LTYPE(field->type)) {
    case PB_LTYPE_VARINT: return take_varints(istream, field, field->pData);
    case PB_LTYPE_FIXED32: return take_fixed(istream, field, field->pData, sizeof(float));
    case PB_LTYPE_FIXED64: return take_fixed(istream, field, field->pData, sizeof(double));
    default: return PB_HTYPE(field->type) == PB_HTYPE_REPEATED ? take_many(istream, field) : take_one(istream, field);
    }
}

int32_t axm_onnx_decode(axm_onnx_reader *reader, axm_onnx_span span, const pb_msgdesc_t *fields, void *message, const char *what)
{
    if (span.depth > reader->limits->nesting)
        return axm_fail(ACTMAX_ERROR_LIMIT, "%s in the ONNX file lies deeper than limit_nesting (%" PRId64 ") allows", what,
                        reader->limits->nesting);
    pb_field_iter_t field;
    if (pb_field_iter_begin(&field, fields, message)) do {
            if (PB_ATYPE(field.type) == PB_ATYPE_CALLBACK) *(axm_onnx_reader **)field.pData = reader;
        } while (pb_field_iter_next(&field));
    reader->depth = span.depth;
    reader->status = ACTMAX_OK;
    pb_istream_t stream = pb_istream_from_buffer(span.data, span.size);
    if (pb_decode(&stream, fields, message)) return ACTMAX_OK;
    if (reader->status < 0) return reader->status;
    size_t at = (size_t)(span.data - reader->data) + (span.size - stream.bytes_left);
    return axm_fail(ACTMAX_ERROR_FORMAT,
                    "the file is cut off or is no ONNX model: %s cannot be read (%s, at byte %zu); save or fetch "
                    "it again",
                    what, PB_GET_ERROR(&stream), at);
}

/* The length of the UTF-8 character at data, 0 when it is none (or a control character). */
static uint32_t character_length(const uint8_t *data, uint32_t size)
{
    static const uint32_t lowest[5] = {0, 0, 0x80, 0x800, 0x10000};
    uint8_t first = data[0];
    if (first < 0x80) return first >= 0x20 && first != 0x7f;
    uint32_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc0 || first > 0xf7 || length > size) return 0;
    uint32_t code = first & (0x7fu >> length);
    for (uint32_t i = 1; i < length; ++i) {
        if ((data[i] & 0xc0) != 0x80) return 0;
        code = code << 6 | (data[i] & 0x3fu);
    }
    bool valid = code >= lowest[length] && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
    return valid ? length : 0;
}

int32_t axm_onnx_text(axm_onnx_reader *reader, axm_onnx_span span, const char **out)
{
    *out = "";
    if (span.size == 0) return ACTMAX_OK;
    for (uint32_t i = 0, length; i < span.size; i += length) {
        length = character_length(span.data + i, span.size - i);
        if (length == 0)
            return axm_fail(ACTMAX_ERROR_FORMAT, "a name in the ONNX file, at byte %zu, is not UTF-8 text; the file is damaged",
                            (size_t)(span.data - reader->data) + i);
    }
    *out = axm_arena_text(reader->arena, (const char *)span.data, span.size);
    return *out ? ACTMAX_OK : axm_no_memory(span.size, "a name");
}
