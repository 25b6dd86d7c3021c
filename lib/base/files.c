/* A list that grows. */
#include "base/files.h"

#include "base/status.h"

int32_t axm_files_add(axm_files *files, axm_allocator *allocator, axm_file *file)
{
    files->allocator = allocator;
    if (files->count == files->capacity) {
        size_t wanted = files->count < 4 ? 4 : files->count * 2;
        void *grown = files->items;
        if (!axm_grow_array(allocator, &grown, files->capacity, wanted, sizeof *files->items)) {
            axm_file_close(file);
            return axm_no_memory((uint64_t)wanted * sizeof *files->items, "the list of open files");
        }
        files->items = grown;
        files->capacity = wanted;
    }
    files->items[files->count++] = *file;
    return ACTMAX_OK;
}

void axm_files_close(axm_files *files)
{
    for (size_t i = 0; i < files->count; ++i)
        axm_file_close(&files->items[i]);
    if (files->items) axm_free(files->allocator, files->items);
    *files = (axm_files){0};
}
