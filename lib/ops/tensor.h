/* Shapes, constants and the tensors that an operator sees. */
#ifndef AXM_OPS_TENSOR_H
#define AXM_OPS_TENSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/limits.h"
#include "base/small_float.h"

typedef struct axm_shape {
    int32_t rank;
    int64_t dim[AXM_MAX_RANK];
} axm_shape;

typedef enum axm_dtype {
    AXM_FLOAT32,
    AXM_FLOAT16,
    AXM_BFLOAT16,
    AXM_FLOAT64,
    AXM_INT8,
    AXM_UINT8,
    AXM_INT32,
    AXM_INT64,
    AXM_BOOL,
    AXM_INT16,
    AXM_UINT16,
    AXM_UINT32,
    AXM_UINT64, /* above INT64_MAX it is read as that */
    AXM_INT4,   /* these four in a byte each */
    AXM_UINT4,
    AXM_INT2,
    AXM_UINT2,
    AXM_FLOAT8E4M3FN, /* these six in a byte each */
    AXM_FLOAT8E4M3FNUZ,
    AXM_FLOAT8E5M2,
    AXM_FLOAT8E5M2FNUZ,
    AXM_FLOAT8E8M0,
    AXM_FLOAT4E2M1,
    AXM_DTYPES, /* no type: how many there are */
} axm_dtype;

size_t axm_dtype_bytes(axm_dtype dtype);
const char *axm_dtype_name(axm_dtype dtype);
bool axm_dtype_is_float(axm_dtype dtype);
const axm_small_float *axm_dtype_small_float(axm_dtype dtype); /* NULL: it is none */

/* A tensor known without running: a weight (its bytes lie in the file, unaligned) or a folded value. Row-major, file order. */
typedef struct axm_constant {
    axm_dtype dtype;
    axm_shape shape;
    const void *data;
    size_t bytes; /* == elements * axm_dtype_bytes */
} axm_constant;

/* Element i as a number; integers above 2^53 lose bits. */
double axm_constant_number(const axm_constant *constant, int64_t i);
int64_t axm_constant_integer(const axm_constant *constant, int64_t i);
/* All elements as float32 (other floating types are converted). out holds axm_shape_count elements. */
void axm_constant_to_float(const axm_constant *constant, float *out);
/* Directly readable float32 (aligned to 4 bytes), else NULL. */
const float *axm_constant_floats(const axm_constant *constant);

/* Physical order of a tensor whose logical axes are the file's. Channels last moves axis 1 to the end (rank 3 to 5). */
typedef enum axm_layout { AXM_LAYOUT_FILE, AXM_LAYOUT_CHANNELS_LAST } axm_layout;

/* A tensor of a plan, as an operator sees it. */
typedef struct axm_tensor {
    axm_shape shape; /* logical, file order */
    axm_layout layout;
    const axm_constant *constant; /* not NULL: known at planning; data and grad are NULL */
    float *data;                  /* physical order, dense */
    float *grad;                  /* of the loss, same order; NULL when no gradient flows here */
    bool batch_free;              /* rank 0 of the shape is the image batch; informative */
} axm_tensor;

int64_t axm_shape_count(const axm_shape *shape); /* elements; shapes in a plan are checked, so it can't overflow */
bool axm_shape_count_checked(const axm_shape *shape, int64_t limit, int64_t *out);
bool axm_shape_equal(const axm_shape *a, const axm_shape *b);
/* "[1, 3, 224, 224]" into buffer; returns it. */
#define AXM_SHAPE_TEXT 192
const char *axm_shape_text(const axm_shape *shape, char buffer[AXM_SHAPE_TEXT]);

/* Dims in physical order, and the physical position of a logical axis. */
void axm_physical_dims(const axm_tensor *tensor, int64_t dims[AXM_MAX_RANK]);
int32_t axm_physical_axis(const axm_tensor *tensor, int32_t logical_axis);
/* Numpy broadcasting; false when they do not fit. */
bool axm_shape_broadcast(const axm_shape *a, const axm_shape *b, axm_shape *out);
/* Element strides of `operand` (as stored) over the physical axes of `output`, 0 along broadcast axes. A constant operand is in
 * file order whatever the output's layout; it may have fewer axes. False when a non-constant operand's layout does not allow it. */
bool axm_broadcast_strides(const axm_tensor *operand, const axm_tensor *output, int64_t strides[AXM_MAX_RANK]);

#endif
