/* Chunks: one is decoded and copied to its place in the dataset; those at the edge are cut. */
#include <string.h>

#include "base/status.h"
#include "loaders/keras/hdf5_internal.h"

/* Copies a whole chunk's elements that lie inside the dataset, line by line along the last axis. */
static void copy_in(const axm_hdf5_chunking *k, const int64_t *offset, const uint8_t *chunk)
{
    int64_t at[AXM_MAX_RANK] = {0}, part[AXM_MAX_RANK];
    int32_t last = k->rank - 1;
    for (int32_t i = 0; i < k->rank; ++i) {
        int64_t room = k->shape[i] - offset[i];
        part[i] = room < k->chunk[i] ? room : k->chunk[i];
    }
    for (;;) {
        size_t from = 0, to = 0;
        for (int32_t i = 0; i < k->rank; ++i) {
            from = from * (size_t)k->chunk[i] + (size_t)at[i];
            to = to * (size_t)k->shape[i] + (size_t)(offset[i] + at[i]);
        }
        memcpy(k->out + to * k->element, chunk + from * k->element, (size_t)part[last] * k->element);
        int32_t axis = last - 1;
        while (axis >= 0 && ++at[axis] == part[axis])
            at[axis--] = 0;
        if (axis < 0) return;
    }
}

int32_t axm_hdf5_place_chunk(axm_hdf5 *file, const axm_hdf5_chunking *chunking, const int64_t *offset, uint64_t address,
                             uint64_t stored, uint32_t mask)
{
    int32_t status = axm_hdf5_step(file);
    if (status < 0) return status;
    for (int32_t i = 0; i < chunking->rank; ++i)
        if (offset[i] < 0 || offset[i] >= chunking->shape[i]) return ACTMAX_OK; /* left from before the dataset shrank */
    axm_hdf5_cursor bytes = axm_hdf5_span(file, address, stored);
    if (bytes.over) return axm_hdf5_damaged("a chunk of a dataset");
    if (chunking->filter_count == 0) {
        if (stored != chunking->chunk_bytes) return axm_hdf5_damaged("a chunk of a dataset");
        copy_in(chunking, offset, bytes.at);
        return ACTMAX_OK;
    }
    if (chunking->chunk_bytes > file->decode) return axm_hdf5_damaged("chunks larger than the file can hold");
    file->decode -= chunking->chunk_bytes;
    axm_allocator *allocator = file->arena->allocator;
    size_t room = chunking->chunk_bytes + 4u * AXM_HDF5_FILTERS_MOST;
    uint8_t *out = axm_alloc(allocator, room), *spare = axm_alloc(allocator, room);
    status = out && spare ? axm_hdf5_unfilter(file, chunking, mask, bytes, out, spare) : ACTMAX_ERROR_NO_MEMORY;
    if (status >= 0) copy_in(chunking, offset, out);
    axm_free(allocator, out);
    axm_free(allocator, spare);
    return status;
}
