/* Object headers of versions 1 and 2: lists of messages, continued in further blocks. Checksums are not looked at: whatever they
 * would find, the checks on the contents find too, or it is a valid file with other numbers. */
#include <string.h>

#include "base/status.h"
#include "loaders/keras/hdf5_internal.h"

#define SHARED        2
#define MOST_MESSAGES 65536

static int32_t add_message(axm_hdf5 *file, axm_hdf5_messages *list, const axm_hdf5_message *message)
{
    int32_t status = axm_hdf5_step(file);
    if (status < 0) return status;
    if (list->count >= MOST_MESSAGES) return axm_hdf5_damaged("object header without end");
    if (list->count == list->capacity) {
        size_t capacity = list->capacity ? list->capacity * 2 : 16;
        axm_hdf5_message *grown = axm_arena_array(file->arena, capacity, sizeof *grown);
        if (!grown) return axm_no_memory(0, "an HDF5 file");
        if (list->count) memcpy(grown, list->items, list->count * sizeof *grown);
        list->items = grown;
        list->capacity = capacity;
    }
    list->items[list->count++] = *message;
    return ACTMAX_OK;
}

/* A block of messages, each: type, size, flags, reserved. */
static int32_t read_block1(axm_hdf5 *file, axm_hdf5_cursor block, axm_hdf5_messages *out)
{
    while (block.left >= 8) {
        axm_hdf5_message message = {.type = (unsigned)axm_hdf5_take(&block, 2)};
        uint64_t size = axm_hdf5_take(&block, 2);
        message.flags = (unsigned)axm_hdf5_take(&block, 1);
        axm_hdf5_skip(&block, 3);
        message.body = (axm_hdf5_cursor){.at = axm_hdf5_skip(&block, size), .left = (size_t)size};
        if (block.over) return axm_hdf5_damaged("object header");
        int32_t status = add_message(file, out, &message);
        if (status < 0) return status;
    }
    return ACTMAX_OK;
}

static int32_t read_block2(axm_hdf5 *file, axm_hdf5_cursor block, bool ordered, axm_hdf5_messages *out)
{
    size_t prefix = ordered ? 6 : 4;
    while (block.left >= prefix) {
        axm_hdf5_message message = {.type = (unsigned)axm_hdf5_take(&block, 1)};
        uint64_t size = axm_hdf5_take(&block, 2);
        message.flags = (unsigned)axm_hdf5_take(&block, 1);
        axm_hdf5_skip(&block, ordered ? 2 : 0);
        message.body = (axm_hdf5_cursor){.at = axm_hdf5_skip(&block, size), .left = (size_t)size};
        if (block.over) return axm_hdf5_damaged("object header");
        int32_t status = add_message(file, out, &message);
        if (status < 0) return status;
    }
    return ACTMAX_OK;
}

/* Continuation messages are followed as they come up in the growing list. */
static int32_t follow(axm_hdf5 *file, unsigned version, bool ordered, axm_hdf5_messages *out)
{
    for (size_t i = 0; i < out->count; ++i) {
        if (out->items[i].type != AXM_HDF5_CONTINUATION) continue;
        axm_hdf5_cursor body = out->items[i].body;
        uint64_t address = axm_hdf5_address(file, &body), size = axm_hdf5_length(file, &body);
        axm_hdf5_cursor block = axm_hdf5_span(file, address, size);
        if (body.over || block.over) return axm_hdf5_damaged("object header");
        int32_t status;
        if (version == 1) {
            status = read_block1(file, block, out);
        } else {
            if (!axm_hdf5_sign(&block, "OCHK") || block.left < 4) return axm_hdf5_damaged("object header");
            block.left -= 4; /* checksum */
            status = read_block2(file, block, ordered, out);
        }
        if (status < 0) return status;
    }
    return ACTMAX_OK;
}

static int32_t read_version2(axm_hdf5 *file, axm_hdf5_cursor c, axm_hdf5_messages *out)
{
    unsigned version = (unsigned)axm_hdf5_take(&c, 1), flags = (unsigned)axm_hdf5_take(&c, 1);
    bool ordered = flags & 0x04;
    if (version != 2) return axm_hdf5_unsupported("a newer object header");
    axm_hdf5_skip(&c, flags & 0x20 ? 16 : 0); /* times */
    axm_hdf5_skip(&c, flags & 0x10 ? 4 : 0);  /* where attributes become dense */
    uint64_t size = axm_hdf5_take(&c, 1u << (flags & 3));
    if (c.over || size > c.left) return axm_hdf5_damaged("object header");
    c.left = (size_t)size;
    int32_t status = read_block2(file, c, ordered, out);
    return status < 0 ? status : follow(file, 2, ordered, out);
}

int32_t axm_hdf5_read_header(axm_hdf5 *file, uint64_t object, axm_hdf5_messages *out)
{
    *out = (axm_hdf5_messages){0};
    axm_hdf5_cursor c = axm_hdf5_at(file, object), start = c;
    int32_t status = axm_hdf5_step(file);
    if (status < 0) return status;
    if (axm_hdf5_sign(&c, "OHDR")) return read_version2(file, c, out);
    c = start;
    unsigned version = (unsigned)axm_hdf5_take(&c, 1);
    axm_hdf5_skip(&c, 7); /* reserved, number of messages, references */
    uint64_t size = axm_hdf5_take(&c, 4);
    axm_hdf5_skip(&c, 4); /* to a multiple of 8 */
    if (c.over || version != 1 || size > c.left) return axm_hdf5_damaged("object header");
    c.left = (size_t)size;
    status = read_block1(file, c, out);
    return status < 0 ? status : follow(file, 1, false, out);
}

int32_t axm_hdf5_resolve(axm_hdf5 *file, unsigned type, bool shared, axm_hdf5_cursor *body)
{
    if (!shared) return ACTMAX_OK;
    unsigned version = (unsigned)axm_hdf5_take(body, 1), kind = (unsigned)axm_hdf5_take(body, 1);
    axm_hdf5_skip(body, version == 1 ? 6 : 0);
    uint64_t address = axm_hdf5_address(file, body);
    if (body->over || version < 1 || version > 3) return axm_hdf5_damaged("shared message");
    if (version == 3 && kind != 2) return axm_hdf5_unsupported("a heap of shared messages");
    axm_hdf5_messages messages;
    int32_t status = axm_hdf5_read_header(file, address, &messages);
    if (status < 0) return status;
    for (size_t i = 0; i < messages.count; ++i) {
        if (messages.items[i].type != type || (messages.items[i].flags & SHARED)) continue;
        *body = messages.items[i].body;
        return ACTMAX_OK;
    }
    return axm_hdf5_damaged("shared message");
}

int32_t axm_hdf5_message_of(axm_hdf5 *file, const axm_hdf5_messages *messages, unsigned type, axm_hdf5_cursor *out, bool *found)
{
    *found = false;
    for (size_t i = 0; i < messages->count; ++i) {
        if (messages->items[i].type != type) continue;
        *found = true;
        *out = messages->items[i].body;
        return axm_hdf5_resolve(file, type, messages->items[i].flags & SHARED, out);
    }
    return ACTMAX_OK;
}
