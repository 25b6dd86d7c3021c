/* Sequences of tensors, as exporters write them around a split: made by SplitToSequence or SequenceConstruct, read by SequenceAt or
 * ConcatFromSequence. A sequence is no value of the network; whoever reads it is given the tensors that it would hold. */
#include <inttypes.h>

#include "base/status.h"
#include "base/text.h"
#include "loaders/onnx/translate.h"

struct axm_onnx_sequence {
    bool split;            /* parts of inputs[0], of the sizes that inputs[1] says; else the inputs are the elements */
    const int32_t *inputs; /* the builder's values */
    int32_t input_count;
    int64_t axis;
    bool keep_axis; /* the parts keep the axis that was split */
};

static int32_t make_sequence(axm_onnx_call *call, const axm_onnx_sequence *sequence)
{
    int32_t name = axm_onnx_find_name(call->import, call->node->proto.output.items[0]);
    axm_onnx_sequence *kept = axm_arena_alloc(&call->import->scratch, sizeof *kept);
    if (!kept) return axm_no_memory(sizeof *kept, "the nodes of an ONNX file");
    *kept = *sequence;
    call->import->names[name].sequence = kept; /* the name is there: outputs were collected */
    return ACTMAX_OK;
}

AXM_ONNX_TRANSLATE(split_to_sequence)
{
    axm_onnx_sequence sequence = {.split = true, .inputs = call->inputs, .input_count = call->input_count};
    int64_t keep;
    int32_t status = axm_onnx_get_int(call, "axis", 0, &sequence.axis);
    if (status < 0 || (status = axm_onnx_get_int(call, "keepdims", 1, &keep)) < 0) return status;
    if (call->input_count < 1 || call->input_count > 2 || call->inputs[0] == AXM_NO_VALUE)
        return axm_fail(ACTMAX_ERROR_FORMAT, "node '%.80s' (SplitToSequence) must have one or two inputs; the file is damaged",
                        call->node->label);
    if (sequence.input_count == 2 && call->inputs[1] == AXM_NO_VALUE) sequence.input_count = 1;
    sequence.keep_axis = keep != 0 || sequence.input_count == 2; /* sizes that are said keep it */
    return make_sequence(call, &sequence);
}

AXM_ONNX_TRANSLATE(sequence_construct)
{
    return make_sequence(call, &(axm_onnx_sequence){.inputs = call->inputs, .input_count = call->input_count});
}

static int32_t find_sequence(const axm_onnx_call *call, int32_t input_count, const axm_onnx_sequence **out)
{
    const axm_onnx_node *node = call->node;
    if (call->input_count != input_count || node->inputs[0] < 0)
        return axm_fail(ACTMAX_ERROR_FORMAT, "node '%.80s' (%.80s) must have %d inputs; the file is damaged", node->label, node->op,
                        (int)input_count);
    *out = call->import->names[node->inputs[0]].sequence;
    if (*out) return ACTMAX_OK;
    return axm_fail(
        ACTMAX_ERROR_UNSUPPORTED,
        "node '%.80s' (%.80s) reads what is no sequence of SplitToSequence or SequenceConstruct; actmax follows those only",
        node->label, node->op);
}

/* What element `at` is: an input as it is, an index along the axis, or a part. */
static int32_t take_element(axm_onnx_call *call, const axm_onnx_sequence *sequence, const axm_constant *position)
{
    int64_t at = axm_constant_integer(position, 0);
    if (!sequence->split) {
        int64_t index = at < 0 ? at + sequence->input_count : at;
        if (index < 0 || index >= sequence->input_count)
            return axm_fail(ACTMAX_ERROR_FORMAT, "node '%.80s' (SequenceAt) takes element %" PRId64 " of %d; the file is damaged",
                            call->node->label, at, (int)sequence->input_count);
        call->op = "Identity";
        call->inputs[0] = sequence->inputs[index];
        call->input_count = 1;
        return axm_onnx_emit(call);
    }
    int32_t status = axm_onnx_set_int(call, "axis", sequence->axis);
    call->inputs[0] = sequence->inputs[0];
    if (!sequence->keep_axis) { /* elements without the axis: the position is the index, which input 1 is */
        call->op = "Gather";
        return status < 0 ? status : axm_onnx_emit(call);
    }
    call->op = "SplitPart";
    call->input_count = sequence->input_count;
    if (sequence->input_count == 2) call->inputs[1] = sequence->inputs[1];
    return status < 0 || (status = axm_onnx_set_int(call, "part", at)) < 0 ? status : axm_onnx_emit(call);
}

AXM_ONNX_TRANSLATE(sequence_at)
{
    const axm_onnx_sequence *sequence;
    int32_t status = find_sequence(call, 2, &sequence);
    if (status < 0) return status;
    const axm_constant *position = call->node->inputs[1] < 0 ? NULL : call->import->names[call->node->inputs[1]].constant;
    if (!position)
        return axm_fail(
            ACTMAX_ERROR_UNSUPPORTED,
            "node '%.80s' (SequenceAt) takes an element whose position is computed; actmax needs it as a constant: save "
            "the model with folded constants",
            call->node->label);
    if ((position->dtype != AXM_INT64 && position->dtype != AXM_INT32) || axm_shape_count(&position->shape) != 1)
        return axm_fail(ACTMAX_ERROR_FORMAT,
                        "node '%.80s' (SequenceAt) has a position that is not one integer; the file is damaged", call->node->label);
    return take_element(call, sequence, position);
}

/* Element i with the new axis. */
static int32_t stand_up(axm_onnx_call *call, int32_t element, int32_t i, int64_t axis, int32_t *out)
{
    char part[32];
    axm_text text = axm_text_in(part, sizeof part);
    axm_text_add(&text, "element %d", (int)i);
    axm_attribute axes = {.name = "axes", .kind = AXM_ATTR_INTS, .ints = &axis, .count = 1};
    return axm_onnx_emit_hidden(call, "Unsqueeze", &element, 1, &axes, part, out);
}

/* Elements that were listed, put together along an axis that they have, or along a new one. */
AXM_ONNX_TRANSLATE(concat_from_sequence)
{
    const axm_onnx_sequence *sequence;
    int64_t axis, new_axis;
    int32_t status = find_sequence(call, 1, &sequence);
    if (status < 0 || (status = axm_onnx_get_int(call, "axis", 0, &axis)) < 0 ||
        (status = axm_onnx_get_int(call, "new_axis", 0, &new_axis)) < 0)
        return status;
    if (sequence->split)
        return axm_fail(ACTMAX_ERROR_UNSUPPORTED,
                        "node '%.80s' (ConcatFromSequence) takes all parts of a SplitToSequence, however many there are; actmax "
                        "follows lists of SequenceConstruct",
                        call->node->label);
    int32_t *elements = axm_arena_array(&call->import->scratch, (size_t)sequence->input_count, sizeof *elements);
    if (!elements) return axm_no_memory((uint64_t)sequence->input_count * sizeof *elements, "the nodes of an ONNX file");
    for (int32_t i = 0; i < sequence->input_count && status >= 0; ++i) {
        elements[i] = sequence->inputs[i];
        if (new_axis != 0) status = stand_up(call, sequence->inputs[i], i, axis, &elements[i]);
    }
    if (status < 0) return status;
    axm_onnx_remove_attribute(call, "new_axis");
    call->op = "Concat";
    call->inputs = elements;
    call->input_count = sequence->input_count;
    return axm_onnx_emit(call);
}
