/* The result handle's body: named numbers, texts, arrays and images. */
#ifndef AXM_API_RESULT_H
#define AXM_API_RESULT_H

#include "actmax.h"
#include "base/alloc.h"
#include "base/limits.h"
#include "image/image.h"

#define AXM_RESULT_ITEMS 24

typedef struct axm_named_number {
    const char *name; /* a literal */
    double value;
} axm_named_number;

typedef struct axm_named_text {
    const char *name;
    char *text;
} axm_named_text;

typedef struct axm_named_array {
    const char *name;
    float *data;
    int64_t dims[AXM_MAX_RANK];
    int32_t rank;
} axm_named_array;

typedef struct axm_named_image {
    const char *name;
    struct actmax_image *image;
} axm_named_image;

struct actmax_result {
    axm_allocator *allocator;
    axm_named_number numbers[AXM_RESULT_ITEMS];
    axm_named_text texts[AXM_RESULT_ITEMS];
    axm_named_array arrays[8];
    axm_named_image images[4];
    int32_t number_count, text_count, array_count, image_count;
};

int32_t axm_result_new(axm_allocator *allocator, struct actmax_result **out);
void axm_result_add_number(struct actmax_result *result, const char *name, double value);
int32_t axm_result_add_text(struct actmax_result *result, const char *name, const char *text);
/* Takes data over, also when it fails. */
int32_t axm_result_add_array(struct actmax_result *result, const char *name, float *data, const int64_t *dims, int32_t rank);
void axm_result_add_image(struct actmax_result *result, const char *name, struct actmax_image *image);

#endif
