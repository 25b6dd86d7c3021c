/* Ready-made choices of physical order for operators. */
#include "ops/op.h"

static bool may_be_last(const axm_shape *shape)
{
    return shape->rank >= 3 && shape->rank <= 5;
}

static bool varies(const axm_tensor *input)
{
    return input && !input->constant;
}

void axm_layout_same(axm_layout_choice *choice)
{
    const axm_shape *output = &choice->outputs[0];
    bool last = false, broadcast = false;
    int64_t largest = 0; /* of those that line up: a small one is moved for a large one's sake */
    for (int32_t i = 0; i < choice->input_count; ++i) {
        const axm_tensor *input = choice->inputs[i];
        if (!varies(input)) continue;
        int64_t count = axm_shape_count(&input->shape);
        if (input->shape.rank == output->rank && count >= largest) {
            last = (last && count == largest) || input->layout == AXM_LAYOUT_CHANNELS_LAST;
            largest = count;
        } else if (input->shape.rank != output->rank) {
            broadcast = broadcast || count > 1; /* its axes do not line up with permuted ones */
        }
    }
    axm_layout layout = last && !broadcast && may_be_last(output) ? AXM_LAYOUT_CHANNELS_LAST : AXM_LAYOUT_FILE;
    for (int32_t i = 0; i < choice->input_count; ++i)
        if (varies(choice->inputs[i])) choice->want[i] = choice->inputs[i]->shape.rank == output->rank ? layout : AXM_LAYOUT_FILE;
    for (int32_t i = 0; i < choice->output_count; ++i)
        choice->give[i] = choice->outputs[i].rank == output->rank ? layout : AXM_LAYOUT_FILE;
}

void axm_layout_channels_last(axm_layout_choice *choice)
{
    for (int32_t i = 0; i < choice->input_count; ++i)
        if (varies(choice->inputs[i]))
            choice->want[i] = may_be_last(&choice->inputs[i]->shape) ? AXM_LAYOUT_CHANNELS_LAST : AXM_LAYOUT_FILE;
    for (int32_t i = 0; i < choice->output_count; ++i)
        choice->give[i] = may_be_last(&choice->outputs[i]) ? AXM_LAYOUT_CHANNELS_LAST : AXM_LAYOUT_FILE;
}

void axm_layout_file(axm_layout_choice *choice)
{
    for (int32_t i = 0; i < choice->input_count; ++i)
        if (varies(choice->inputs[i])) choice->want[i] = AXM_LAYOUT_FILE;
    for (int32_t i = 0; i < choice->output_count; ++i)
        choice->give[i] = AXM_LAYOUT_FILE;
}
