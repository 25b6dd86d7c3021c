/* Einsum of one or two operands, in file order: sums of products over labelled axes. An equation as "bij,bjk->bik"; "..." stands
 * for any axes, which are broadcast; a label twice in an operand is its diagonal; without "->" the labels that come once follow in
 * their order. */
#include <string.h>

#include "base/checked.h"
#include "ops/common.h"

#define LETTERS 52
#define LABELS  (LETTERS + AXM_MAX_RANK) /* letters, then the axes of "...", counted from the last */

typedef struct einsum_params {
    const char *equation; /* without spaces */
} einsum_params;

/* The labels of a tensor's axes. */
typedef struct term {
    int32_t rank;
    int32_t label[AXM_MAX_RANK];
} term;

typedef struct einsum_plan {
    term operand[2], output;
    int32_t count;
    int64_t dim[LABELS];       /* 0: the label does not occur */
    int64_t stride[3][LABELS]; /* of the operands and of the output; a diagonal's strides are added */
    bool repeated[2];          /* the operand has a label twice */
    const float *constant[2];  /* NULL: computed */
} einsum_plan;

static int32_t parse(const axm_attributes *attributes, axm_arena *arena, void *params)
{
    einsum_params *p = params;
    const char *text;
    int32_t status = axm_attribute_text(attributes, "equation", "", &text);
    if (status < 0) return status;
    size_t length = strlen(text), kept = 0;
    char *copy = axm_arena_text(arena, text, length);
    if (!copy) return axm_no_memory(length, "an equation");
    for (size_t i = 0; i < length; ++i)
        if (text[i] != ' ') copy[kept++] = text[i];
    copy[kept] = '\0';
    p->equation = copy;
    return ACTMAX_OK;
}

/* ---- The equation ---- */

static int32_t letter_of(char c)
{
    if (c >= 'a' && c <= 'z') return c - 'a';
    return c >= 'A' && c <= 'Z' ? c - 'A' + 26 : -1;
}

static int32_t bad_equation(const char *equation)
{
    return axm_fail(ACTMAX_ERROR_FORMAT, "Einsum has the equation '%.80s', which does not fit its inputs", equation);
}

/* Reads labels up to a comma, an arrow or the end. dots: how many axes "..." stands for. */
static int32_t read_term(const char *equation, const char **at, int32_t dots, term *out)
{
    *out = (term){.rank = 0};
    while (**at && **at != ',' && **at != '-') {
        bool ellipsis = strncmp(*at, "...", 3) == 0;
        int32_t letter = ellipsis ? 0 : letter_of(**at);
        if (letter < 0 || out->rank + (ellipsis ? dots : 1) > AXM_MAX_RANK) return bad_equation(equation);
        for (int32_t i = 0; ellipsis && i < dots; ++i)
            out->label[out->rank++] = LETTERS + dots - 1 - i;
        if (!ellipsis) out->label[out->rank++] = letter;
        *at += ellipsis ? 3 : 1;
    }
    return ACTMAX_OK;
}

/* How many axes the "..." of a term stands for, given the tensor's rank; 0 without. */
static int32_t count_dots(const char *at, int32_t rank)
{
    int32_t letters = 0;
    bool ellipsis = false;
    for (; *at && *at != ',' && *at != '-'; ++at) {
        ellipsis = ellipsis || *at == '.';
        letters += *at != '.';
    }
    return ellipsis && rank > letters ? rank - letters : 0;
}

/* Gives the labels of one operand their sizes and strides. */
static int32_t add_operand(const char *equation, const axm_shape *shape, int32_t index, einsum_plan *plan)
{
    const term *t = &plan->operand[index];
    int64_t stride = 1;
    if (t->rank != shape->rank) return bad_equation(equation);
    for (int32_t i = t->rank - 1; i >= 0; --i) {
        int32_t label = t->label[i];
        int64_t *dim = &plan->dim[label], own = shape->dim[i];
        bool dots = label >= LETTERS;
        for (int32_t k = i + 1; k < t->rank; ++k)
            plan->repeated[index] = plan->repeated[index] || t->label[k] == label;
        if (*dim != 0 && *dim != own && !(dots && (*dim == 1 || own == 1)))
            return axm_fail(ACTMAX_ERROR_SHAPE, "Einsum '%.80s' has a label with sizes %lld and %lld", equation, (long long)*dim,
                            (long long)own);
        if (*dim == 0 || own != 1) *dim = own;
        if (own != 1) plan->stride[index][label] += stride;
        stride *= own;
    }
    return ACTMAX_OK;
}

static int32_t implicit_output(const einsum_plan *plan, int32_t dots, term *out)
{
    *out = (term){.rank = 0};
    for (int32_t i = 0; i < dots; ++i)
        out->label[out->rank++] = LETTERS + dots - 1 - i;
    static const char order[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    for (const char *c = order; *c; ++c) {
        int32_t letter = letter_of(*c), times = 0;
        for (int32_t k = 0; k < plan->count; ++k)
            for (int32_t i = 0; i < plan->operand[k].rank; ++i)
                times += plan->operand[k].label[i] == letter;
        if (times != 1) continue;
        if (out->rank == AXM_MAX_RANK) return axm_fail(ACTMAX_ERROR_LIMIT, "Einsum would give more than %d axes", AXM_MAX_RANK);
        out->label[out->rank++] = letter;
    }
    return ACTMAX_OK;
}

static int32_t make_plan(const einsum_params *p, const axm_tensor *const *inputs, int32_t count, einsum_plan *plan, axm_shape *y)
{
    const char *at = p->equation;
    int32_t dots = 0;
    memset(plan, 0, sizeof *plan);
    plan->count = count;
    for (int32_t i = 0; i < count; ++i) {
        int32_t own = count_dots(at, inputs[i]->shape.rank);
        int32_t status = read_term(p->equation, &at, own, &plan->operand[i]);
        if (status >= 0) status = add_operand(p->equation, &inputs[i]->shape, i, plan);
        if (status < 0) return status;
        if (own > dots) dots = own;
        if (i + 1 < count && *at++ != ',') return bad_equation(p->equation);
    }
    int32_t status = ACTMAX_OK;
    if (strncmp(at, "->", 2) == 0) {
        at += 2;
        status = read_term(p->equation, &at, dots, &plan->output);
    } else {
        status = implicit_output(plan, dots, &plan->output);
    }
    if (status < 0) return status;
    if (*at) return bad_equation(p->equation);
    int64_t stride = 1;
    *y = (axm_shape){.rank = plan->output.rank};
    for (int32_t i = y->rank - 1; i >= 0; --i) {
        int32_t label = plan->output.label[i];
        if (plan->dim[label] == 0 || plan->stride[2][label] != 0) return bad_equation(p->equation); /* unknown, or twice */
        y->dim[i] = plan->dim[label];
        plan->stride[2][label] = stride;
        if (!axm_mul_i64(stride, y->dim[i], &stride)) return axm_fail(ACTMAX_ERROR_LIMIT, "Einsum would give a very large output");
    }
    return ACTMAX_OK;
}

static int32_t check_ranks(const einsum_plan *plan)
{
    int32_t labels = 0;
    for (int32_t l = 0; l < LABELS; ++l)
        labels += plan->dim[l] > 1;
    if (labels <= AXM_KERNEL_RANK) return ACTMAX_OK;
    return axm_fail(ACTMAX_ERROR_LIMIT, "Einsum with %d labels; actmax takes up to %d", (int)labels, AXM_KERNEL_RANK);
}

static int32_t infer(const axm_infer *infer)
{
    einsum_plan plan;
    axm_shape y;
    int32_t status = make_plan(infer->params, infer->inputs, infer->input_count, &plan, &y);
    if (status >= 0) status = check_ranks(&plan);
    for (int32_t i = 0; i < infer->input_count && status >= 0; ++i) {
        const axm_constant *unused;
        if (infer->inputs[i]->constant) status = axm_op_weight("Einsum", i ? "B" : "A", infer->inputs[i], &unused);
    }
    return status < 0 ? status : axm_op_output(infer, "Einsum", 0, &y);
}

/* ---- Run ---- */

static int32_t prepare(axm_prepare *prepare)
{
    axm_step *step = prepare->step;
    const axm_tensor *inputs[2] = {step->inputs[0], step->input_count > 1 ? step->inputs[1] : NULL};
    axm_shape unused;
    einsum_plan *plan = axm_prepare_memory(prepare, sizeof *plan);
    if (!plan) return ACTMAX_ERROR_NO_MEMORY;
    step->state = plan;
    int32_t status = make_plan(step->params, inputs, step->input_count, plan, &unused);
    for (int32_t i = 0; i < step->input_count && status >= 0; ++i)
        status = axm_op_constant_input(prepare, i, &plan->constant[i]);
    return status;
}

static const float *operand(const axm_step *step, int32_t i)
{
    const einsum_plan *plan = step->state;
    if (i >= plan->count) return NULL;
    return plan->constant[i] ? plan->constant[i] : step->inputs[i]->data;
}

/* `to` (+)= the sum of p q over all labels along which `to` has no stride. p, q, to: 0 and 1 the operands, 2 the output. */
static void contract(const einsum_plan *plan, const axm_exec *exec, int p, const float *p_data, int q, const float *q_data, int to,
                     bool accumulate, float *out)
{
    axm_contract_axis kept[AXM_KERNEL_RANK], reduced[AXM_KERNEL_RANK];
    int32_t kept_rank = 0, reduced_rank = 0;
    for (int32_t i = 0; i < plan->output.rank; ++i) { /* in the output's order, then the others */
        int32_t l = plan->output.label[i];
        axm_contract_axis axis = {plan->dim[l], plan->stride[p][l], plan->stride[q][l], plan->stride[to][l]};
        if (axis.dim <= 1) continue;
        if (axis.y != 0)
            kept[kept_rank++] = axis;
        else
            reduced[reduced_rank++] = axis;
    }
    for (int32_t l = 0; l < LABELS; ++l) {
        axm_contract_axis axis = {plan->dim[l], plan->stride[p][l], plan->stride[q][l], plan->stride[to][l]};
        if (axis.dim <= 1 || plan->stride[2][l] != 0) continue;
        if (axis.y != 0)
            kept[kept_rank++] = axis;
        else
            reduced[reduced_rank++] = axis;
    }
    axm_contract(exec, kept_rank, kept, reduced_rank, reduced, p_data, q_data, accumulate, out);
}

static void forward(const axm_step *step, const axm_exec *exec)
{
    contract(step->state, exec, 0, operand(step, 0), 1, operand(step, 1), 2, false, step->outputs[0]->data);
}

/* Off a diagonal there is no gradient. */
static void backward(const axm_step *step, const axm_exec *exec, int32_t input, bool accumulate)
{
    const einsum_plan *plan = step->state;
    const axm_tensor *x = step->inputs[input];
    if (plan->repeated[input] && !accumulate) {
        memset(x->grad, 0, (size_t)axm_shape_count(&x->shape) * sizeof *x->grad);
        accumulate = true;
    }
    contract(plan, exec, 2, step->outputs[0]->grad, 1 - input, operand(step, 1 - input), input, accumulate, x->grad);
}

static int64_t multiplications(const axm_step *step)
{
    const einsum_plan *plan = step->state;
    int64_t total = 1;
    for (int32_t l = 0; plan && l < LABELS; ++l)
        if (plan->dim[l] > 1 && !axm_mul_i64(total, plan->dim[l], &total)) return INT64_MAX;
    return plan ? total : INT64_MAX;
}

const axm_op axm_op_Einsum = {.name = "Einsum",
                              .min_inputs = 1,
                              .max_inputs = 2,
                              .outputs = 1,
                              .flags = AXM_OP_READS_INPUTS,
                              .params_size = sizeof(einsum_params),
                              .parse = parse,
                              .infer = infer,
                              .prepare = prepare,
                              .forward = forward,
                              .backward = backward,
                              .multiplications = multiplications};
