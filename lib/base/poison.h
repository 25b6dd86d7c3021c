/* Lets AddressSanitizer see the edges of blocks that we cut from larger ones. Nothing in other builds. */
#ifndef AXM_BASE_POISON_H
#define AXM_BASE_POISON_H

#if defined(__SANITIZE_ADDRESS__)
#define AXM_ADDRESS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define AXM_ADDRESS_SANITIZER 1
#endif
#endif

#if defined(AXM_ADDRESS_SANITIZER)
#include <sanitizer/asan_interface.h>
#define AXM_POISON(address, size)   __asan_poison_memory_region((address), (size))
#define AXM_UNPOISON(address, size) __asan_unpoison_memory_region((address), (size))
#else
#define AXM_POISON(address, size)   ((void)(address), (void)(size))
#define AXM_UNPOISON(address, size) ((void)(address), (void)(size))
#endif

#endif
