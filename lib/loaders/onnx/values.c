/* The ends of the graph: inputs, initializers, outputs. */
#include <inttypes.h>
#include <string.h>

#include "base/status.h"
#include "loaders/onnx/import.h"

/* A size that is symbolic, absent, or (in older files) 0 or -1 is free. */
static int32_t read_dimension(axm_onnx_import *import, axm_onnx_span span, const char *label, int64_t *out)
{
    axm_onnx_DimensionProto dimension = {0};
    int32_t status = axm_onnx_decode(&import->reader, span, axm_onnx_DimensionProto_fields, &dimension, "a dimension");
    if (status < 0) return status;
    *out = dimension.has_dim_value && dimension.dim_value > 0 ? dimension.dim_value : AXM_FREE_DIM;
    if (dimension.dim_value < -1)
        return axm_fail(ACTMAX_ERROR_FORMAT, "input '%.80s' has a size of %" PRId64 "; the file is damaged", label,
                        dimension.dim_value);
    if (*out > import->limits->tensor_elements)
        return axm_fail(ACTMAX_ERROR_LIMIT, "input '%.80s' has a size of %" PRId64 "; limit_tensor_elements allows %" PRId64, label,
                        *out, import->limits->tensor_elements);
    return ACTMAX_OK;
}

static int32_t read_input_shape(axm_onnx_import *import, axm_onnx_span span, const char *label, axm_shape *out)
{
    axm_onnx_TensorShapeProto shape = {0};
    int32_t status = axm_onnx_decode(&import->reader, span, axm_onnx_TensorShapeProto_fields, &shape, "a shape");
    if (status < 0) return status;
    if (shape.dim.count > AXM_MAX_RANK)
        return axm_fail(ACTMAX_ERROR_LIMIT, "input '%.80s' has %" PRIu32 " axes; actmax takes up to %d", label, shape.dim.count,
                        AXM_MAX_RANK);
    out->rank = (int32_t)shape.dim.count;
    for (int32_t i = 0; i < out->rank; ++i)
        if ((status = read_dimension(import, shape.dim.items[i], label, &out->dim[i])) < 0) return status;
    return ACTMAX_OK;
}

/* The type of an input; one that the file does not tell is float32 of any shape. */
static int32_t read_input_type(axm_onnx_import *import, axm_onnx_span span, const char *label, axm_dtype *dtype, axm_shape *shape)
{
    *dtype = AXM_FLOAT32;
    *shape = (axm_shape){.rank = -1};
    if (!span.data) return ACTMAX_OK;
    axm_onnx_TypeProto type = {0};
    axm_onnx_TensorTypeProto tensor = {0};
    int32_t status = axm_onnx_decode(&import->reader, span, axm_onnx_TypeProto_fields, &type, "a type");
    if (status < 0) return status;
    if (!type.tensor_type.span.data)
        return axm_fail(ACTMAX_ERROR_UNSUPPORTED, "input '%.80s' is not a tensor; actmax reads networks whose inputs are tensors",
                        label);
    status = axm_onnx_decode(&import->reader, type.tensor_type.span, axm_onnx_TensorTypeProto_fields, &tensor, "a tensor type");
    if (status < 0) return status;
    if (!axm_onnx_dtype(tensor.elem_type, dtype))
        return axm_fail(ACTMAX_ERROR_UNSUPPORTED, "input '%.80s' has elements of type %d (%s), which actmax does not read", label,
                        (int)tensor.elem_type, axm_onnx_dtype_name(tensor.elem_type));
    return tensor.shape.span.data ? read_input_shape(import, tensor.shape.span, label, shape) : ACTMAX_OK;
}

int32_t axm_onnx_build_inputs(axm_onnx_import *import)
{
    const axm_onnx_many *inputs = &import->graph.input;
    for (uint32_t i = 0; i < inputs->count; ++i) {
        axm_onnx_ValueInfoProto input = {0};
        const char *label;
        int32_t status = axm_onnx_decode(&import->reader, inputs->items[i], axm_onnx_ValueInfoProto_fields, &input, "an input");
        if (status < 0 || (status = axm_onnx_text(&import->reader, input.name.span, &label)) < 0) return status;
        int32_t found = axm_onnx_find_name(import, input.name.span);
        if (found < 0) return axm_fail(ACTMAX_ERROR_FORMAT, "input %" PRIu32 " of the model has no name; the file is damaged", i);
        axm_onnx_name *name = &import->names[found];
        if (name->origin != AXM_ONNX_INPUT) continue; /* a weight that is listed as an input, as files before IR version 4 do */
        if (import->end >= 0 && !name->used) continue;
        axm_dtype dtype;
        axm_shape shape;
        if ((status = read_input_type(import, input.type.span, label, &dtype, &shape)) < 0 ||
            (status = axm_builder_input(import->builder, label, dtype, &shape, &name->value)) < 0)
            return status;
    }
    return ACTMAX_OK;
}

int32_t axm_onnx_build_constant(axm_onnx_import *import, int32_t at, const axm_constant *constant)
{
    axm_onnx_name *name = &import->names[at];
    const char *label;
    int32_t status = axm_onnx_text(&import->reader, name->text, &label);
    if (status < 0) return status;
    axm_constant *kept = axm_arena_alloc(&import->scratch, sizeof *kept);
    if (!kept) return axm_no_memory(sizeof *kept, "a tensor of an ONNX file");
    *kept = *constant;
    if ((status = axm_builder_constant(import->builder, label, constant, &name->value)) < 0) return status;
    name->constant = kept;
    return ACTMAX_OK;
}

int32_t axm_onnx_build_value(axm_onnx_import *import, int32_t at)
{
    axm_onnx_name *name = &import->names[at];
    if (name->value != AXM_NO_VALUE || name->origin != AXM_ONNX_INITIALIZER) return ACTMAX_OK;
    const char *label;
    axm_constant constant;
    int32_t status = axm_onnx_text(&import->reader, name->text, &label);
    if (status >= 0) status = axm_onnx_read_tensor(import, import->graph.initializer.items[name->index], label, &constant);
    return status < 0 ? status : axm_onnx_build_constant(import, at, &constant);
}

static uint32_t output_count(const axm_onnx_import *import)
{
    return import->end >= 0 ? 1 : import->graph.output.count;
}

static int32_t output_name(axm_onnx_import *import, uint32_t i, const char **label, int32_t *out)
{
    *out = import->end;
    if (import->end >= 0) return axm_onnx_text(&import->reader, import->names[import->end].text, label);
    axm_onnx_ValueInfoProto output = {0};
    int32_t status =
        axm_onnx_decode(&import->reader, import->graph.output.items[i], axm_onnx_ValueInfoProto_fields, &output, "an output");
    if (status < 0 || (status = axm_onnx_text(&import->reader, output.name.span, label)) < 0) return status;
    *out = output.name.span.size ? axm_onnx_find_name(import, output.name.span) : -1;
    if (*out >= 0) return ACTMAX_OK;
    return axm_fail(ACTMAX_ERROR_FORMAT, "the model's output '%.80s' is given by no node; the file is damaged", *label);
}

int32_t axm_onnx_mark_outputs(axm_onnx_import *import)
{
    if (output_count(import) == 0) return axm_fail(ACTMAX_ERROR_FORMAT, "the model names no output; the file is damaged");
    for (uint32_t i = 0; i < output_count(import); ++i) {
        const char *label;
        int32_t name, status = output_name(import, i, &label, &name);
        if (status < 0) return status;
        import->names[name].used = true;
    }
    return ACTMAX_OK;
}

int32_t axm_onnx_build_outputs(axm_onnx_import *import)
{
    for (uint32_t i = 0; i < output_count(import); ++i) {
        const char *label;
        int32_t name, status = output_name(import, i, &label, &name);
        if (status < 0) return status;
        if (import->names[name].sequence)
            return axm_fail(ACTMAX_ERROR_UNSUPPORTED,
                            "the model's output '%.80s' is a sequence of tensors; export the model so that it returns tensors",
                            label);
        if ((status = axm_onnx_build_value(import, name)) < 0 ||
            (status = axm_builder_output(import->builder, import->names[name].value, label)) < 0)
            return status;
    }
    return ACTMAX_OK;
}
