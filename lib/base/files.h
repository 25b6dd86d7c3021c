/* The files that an object keeps open. */
#ifndef AXM_BASE_FILES_H
#define AXM_BASE_FILES_H

#include "base/platform.h"

#define AXM_FILES_LIMIT 4096 /* torch.onnx writes a file for each tensor of a network of more than 2 GB */

typedef struct axm_files { /* zeroed: none */
    axm_file *items;
    size_t count, capacity;
    axm_allocator *allocator;
} axm_files;

/* Takes the file over, or closes it and fails. */
int32_t axm_files_add(axm_files *files, axm_allocator *allocator, axm_file *file);
void axm_files_close(axm_files *files);

#endif
