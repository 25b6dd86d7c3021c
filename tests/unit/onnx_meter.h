/* Loads models of strangers and watches what the library takes. */
#ifndef AXM_TEST_ONNX_METER_H
#define AXM_TEST_ONNX_METER_H

#include <stddef.h>
#include <stdint.h>

#define MEBIBYTE ((size_t)1 << 20)

/* The status of actmax_model_load_memory on `size` bytes, which end where their block ends. Fails the test when something is left
 * behind, or more than `ceiling` bytes were taken at any time. */
int32_t onnx_load_metered(const void *data, size_t size, size_t ceiling);

#endif
