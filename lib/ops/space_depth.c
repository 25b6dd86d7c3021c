/* DepthToSpace: X [N, C, H, W] -> [N, C / b^2, H b, W b]: blocks of channels become blocks of pixels; SpaceToDepth is the way back.
 * One transposition of six axes, in either layout. mode DCR: the channel is (row, column, depth) in the block; CRD: (depth, row,
 * column). */
#include <string.h>

#include "base/checked.h"
#include "ops/common.h"

typedef struct block_params {
    int64_t size;
    bool depth_first; /* CRD */
} block_params;

#define MOST_BLOCK 65536

static int32_t parse(const axm_attributes *attributes, axm_arena *arena, void *params)
{
    block_params *p = params;
    const char *mode;
    (void)arena;
    int32_t status = axm_attribute_int(attributes, "blocksize", 0, &p->size);
    if (status >= 0) status = axm_attribute_text(attributes, "mode", "DCR", &mode);
    if (status < 0) return status;
    if (p->size < 1 || p->size > MOST_BLOCK)
        return axm_fail(ACTMAX_ERROR_FORMAT, "a blocksize of %lld is out of range", (long long)p->size);
    p->depth_first = strcmp(mode, "CRD") == 0;
    if (!p->depth_first && strcmp(mode, "DCR") != 0)
        return axm_fail(ACTMAX_ERROR_UNSUPPORTED, "DepthToSpace has mode '%.40s'; actmax knows DCR and CRD", mode);
    return ACTMAX_OK;
}

static int32_t infer_to_space(const axm_infer *infer)
{
    const block_params *p = infer->params;
    const axm_shape *x = &infer->inputs[0]->shape;
    char text[AXM_SHAPE_TEXT];
    axm_shape y = *x;
    AXM_OP_CHECK(x->rank == 4 && x->dim[1] % (p->size * p->size) == 0,
                 "DepthToSpace needs an input of shape [batch, channels, height, width] with a multiple of %lld channels, got %s",
                 (long long)(p->size * p->size), axm_shape_text(x, text));
    y.dim[1] /= p->size * p->size;
    for (int32_t i = 2; i < 4; ++i)
        AXM_OP_CHECK(axm_mul_i64(x->dim[i], p->size, &y.dim[i]), "DepthToSpace would give a very large output");
    return axm_op_output(infer, "DepthToSpace", 0, &y);
}

static int32_t infer_to_depth(const axm_infer *infer)
{
    const block_params *p = infer->params;
    const axm_shape *x = &infer->inputs[0]->shape;
    char text[AXM_SHAPE_TEXT];
    axm_shape y = *x;
    AXM_OP_CHECK(
        x->rank == 4 && x->dim[2] % p->size == 0 && x->dim[3] % p->size == 0,
        "SpaceToDepth needs an input of shape [batch, channels, height, width] with sizes that are multiples of %lld, got %s",
        (long long)p->size, axm_shape_text(x, text));
    AXM_OP_CHECK(axm_mul_i64(x->dim[1], p->size * p->size, &y.dim[1]), "SpaceToDepth would give a very large output");
    y.dim[2] /= p->size;
    y.dim[3] /= p->size;
    return axm_op_output(infer, "SpaceToDepth", 0, &y);
}

/* The axes of a block, as letters: batch, depth, row and column of the block, row and column within it. */
enum { BATCH, DEPTH, ROW, COLUMN, INNER_ROW, INNER_COLUMN, AXES };

/* The order of those axes in the tensor of many channels and in that of many pixels. */
static void orders(const block_params *p, axm_layout layout, int32_t deep[AXES], int32_t wide[AXES])
{
    static const int32_t deep_file[2][AXES] = {{BATCH, INNER_ROW, INNER_COLUMN, DEPTH, ROW, COLUMN},
                                               {BATCH, DEPTH, INNER_ROW, INNER_COLUMN, ROW, COLUMN}};
    static const int32_t deep_last[2][AXES] = {{BATCH, ROW, COLUMN, INNER_ROW, INNER_COLUMN, DEPTH},
                                               {BATCH, ROW, COLUMN, DEPTH, INNER_ROW, INNER_COLUMN}};
    static const int32_t wide_file[AXES] = {BATCH, DEPTH, ROW, INNER_ROW, COLUMN, INNER_COLUMN};
    static const int32_t wide_last[AXES] = {BATCH, ROW, INNER_ROW, COLUMN, INNER_COLUMN, DEPTH};
    bool last = layout == AXM_LAYOUT_CHANNELS_LAST;
    memcpy(deep, last ? deep_last[p->depth_first] : deep_file[p->depth_first], AXES * sizeof *deep);
    memcpy(wide, last ? wide_last : wide_file, AXES * sizeof *wide);
}

static void move(const axm_step *step, const axm_exec *exec, const axm_tensor *deep_tensor, bool to_wide, const float *from,
                 bool accumulate, float *to)
{
    const block_params *p = step->params;
    const axm_shape *d = &deep_tensor->shape;
    int32_t deep[AXES], wide[AXES], place[AXES], perm[AXES];
    int64_t dims[AXES];
    int64_t sizes[AXES] = {[BATCH] = d->dim[0], [DEPTH] = d->dim[1] / (p->size * p->size), [ROW] = d->dim[2], [COLUMN] = d->dim[3]};
    sizes[INNER_ROW] = sizes[INNER_COLUMN] = p->size;
    orders(p, deep_tensor->layout, deep, wide);
    for (int32_t i = 0; i < AXES; ++i) {
        int32_t axis = to_wide ? deep[i] : wide[i];
        place[axis] = i;
        dims[i] = sizes[axis];
    }
    for (int32_t i = 0; i < AXES; ++i)
        perm[i] = place[to_wide ? wide[i] : deep[i]];
    axm_transpose(exec, AXES, dims, perm, from, accumulate, to);
}

static void forward_to_space(const axm_step *step, const axm_exec *exec)
{
    move(step, exec, step->inputs[0], true, step->inputs[0]->data, false, step->outputs[0]->data);
}

static void backward_to_space(const axm_step *step, const axm_exec *exec, int32_t input, bool accumulate)
{
    (void)input;
    move(step, exec, step->inputs[0], false, step->outputs[0]->grad, accumulate, step->inputs[0]->grad);
}

static void forward_to_depth(const axm_step *step, const axm_exec *exec)
{
    move(step, exec, step->outputs[0], false, step->inputs[0]->data, false, step->outputs[0]->data);
}

static void backward_to_depth(const axm_step *step, const axm_exec *exec, int32_t input, bool accumulate)
{
    (void)input;
    move(step, exec, step->outputs[0], true, step->outputs[0]->grad, accumulate, step->inputs[0]->grad);
}

#define BLOCKS(Name, which)                                                                                                        \
    const axm_op axm_op_##Name = {.name = #Name,                                                                                   \
                                  .min_inputs = 1,                                                                                 \
                                  .max_inputs = 1,                                                                                 \
                                  .outputs = 1,                                                                                    \
                                  .params_size = sizeof(block_params),                                                             \
                                  .parse = parse,                                                                                  \
                                  .infer = infer_##which,                                                                          \
                                  .layout = axm_layout_same,                                                                       \
                                  .forward = forward_##which,                                                                      \
                                  .backward = backward_##which};

BLOCKS(DepthToSpace, to_space)
BLOCKS(SpaceToDepth, to_depth)
