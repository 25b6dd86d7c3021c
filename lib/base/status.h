/* Status codes are those of actmax.h; the message of the last failure or note is kept for each thread. */
#ifndef AXM_BASE_STATUS_H
#define AXM_BASE_STATUS_H

#include <stdint.h>

#include "actmax.h"

#if defined(__GNUC__)
#define AXM_PRINTF(format_index, first_index) __attribute__((format(printf, format_index, first_index)))
#else
#define AXM_PRINTF(format_index, first_index)
#endif

/* Sets this thread's message (one line: what, where, what to do next) and returns `status`, so that
 * `return axm_fail(ACTMAX_ERROR_..., ...)` reads well. Never allocates. Also used for notes (status > 0). */
int32_t axm_fail(int32_t status, const char *format, ...) AXM_PRINTF(2, 3);

/* Puts "<context>: " before the message that is already set; returns `status`. */
int32_t axm_fail_within(int32_t status, const char *format, ...) AXM_PRINTF(2, 3);

/* The standard message for memory that could not be had; returns ACTMAX_ERROR_NO_MEMORY. */
int32_t axm_no_memory(uint64_t bytes, const char *what);

const char *axm_message(void);
void axm_message_clear(void);

#endif
