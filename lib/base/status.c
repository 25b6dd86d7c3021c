/* The message of each thread's last failure or note. */
#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/format.h"

#define MESSAGE_BYTES 1024

static _Thread_local char message[MESSAGE_BYTES];

/* Formatted aside first, because the arguments may point into the message itself. Names from files are made printable:
 * they end up in terminals and logs. */
int32_t axm_fail(int32_t status, const char *format, ...)
{
    char text[MESSAGE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    axm_format(text, sizeof text, format, arguments);
    va_end(arguments);
    axm_format_printable(text);
    memcpy(message, text, strlen(text) + 1);
    return status;
}

int32_t axm_fail_within(int32_t status, const char *format, ...)
{
    char context[MESSAGE_BYTES / 2]; /* leaves room for what went wrong */
    va_list arguments;
    va_start(arguments, format);
    axm_format(context, sizeof context, format, arguments);
    va_end(arguments);
    if (message[0] == '\0') return axm_fail(status, "%s", context);
    return axm_fail(status, "%s: %s", context, message);
}

int32_t axm_no_memory(uint64_t bytes, const char *what)
{
    return axm_fail(ACTMAX_ERROR_NO_MEMORY,
                    "out of memory: %llu bytes for %s could not be had; use a smaller image, batch or network",
                    (unsigned long long)bytes, what);
}

const char *axm_message(void)
{
    return message;
}

void axm_message_clear(void)
{
    message[0] = '\0';
}
