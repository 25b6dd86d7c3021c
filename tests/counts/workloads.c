/* Small fixed workloads, for instructions.py: counts_workloads NAME CPU MODEL PICTURE
 *
 * Only the function measured_work is counted: what comes before it (loading, planning, packing) is not. One thread; no workload
 * reaches OpenBLAS, whose instructions depend on the processor. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actmax.h"
#include "kernels/kernels.h"

#if defined(__GNUC__)
#define NOT_INLINED __attribute__((noinline))
#else
#define NOT_INLINED
#endif

typedef struct work {
    const char *name, *cpu, *model_path, *picture_path;
    /* kernels */
    axm_allocator allocator;
    axm_exec exec;
    axm_conv_shape shape;
    float *x, *y, *bias;
    void *packed;
    axm_direction direction;
    /* networks */
    actmax_recipe *recipe;
    actmax_model *model;
    actmax_session *session;
    actmax_image *image;
    actmax_result *result;
    int32_t layer;
} work;

typedef struct workload {
    const char *name;
    int64_t in_c, out_c, kernel, groups, stride; /* 0 channels: a network */
    axm_direction direction;
} workload;

static const workload workloads[] = {
    {"winograd", 32, 48, 3, 1, 1, AXM_FORWARD},
    {"winograd_backward", 32, 48, 3, 1, 1, AXM_BACKWARD},
    {"gemm", 64, 48, 1, 1, 1, AXM_FORWARD},
    {"first_layer", 3, 32, 3, 1, 2, AXM_FORWARD},
    {"first_layer_backward", 3, 32, 3, 1, 2, AXM_BACKWARD},
    {"depthwise", 48, 48, 3, 48, 1, AXM_FORWARD},
    {"depthwise_backward", 48, 48, 3, 48, 1, AXM_BACKWARD},
    {"maximize", 0, 0, 0, 0, 0, AXM_FORWARD},
    {"grad_cam", 0, 0, 0, 0, 0, AXM_FORWARD},
};

#define SIDE 24

static void must(int good, const char *what)
{
    if (good) return;
    fprintf(stderr, "counts_workloads: %s: %s\n", what, actmax_message());
    exit(1);
}

static float *noise(work *w, int64_t count)
{
    float *values = axm_alloc_array(&w->allocator, (size_t)count, sizeof *values);
    uint32_t state = 1;
    must(values != NULL, "memory");
    for (int64_t i = 0; i < count; i++) {
        state = state * 1664525u + 1013904223u;
        values[i] = (float)(state >> 8) / 8388608.0f - 1.0f;
    }
    return values;
}

static void prepare_kernel(work *w, const workload *l)
{
    const axm_kernels *kernels = axm_kernels_find(w->cpu);
    must(kernels != NULL, "this processor has no such instructions");
    axm_allocator_init(&w->allocator, NULL, NULL, NULL);
    must(axm_pool_new(&w->allocator, 1, &w->exec.pool) >= 0, "pool");
    const int64_t out = l->stride == 1 ? SIDE : SIDE / l->stride, pad = l->kernel / 2;
    w->shape = (axm_conv_shape){
        .batch = 1,
        .in_h = SIDE,
        .in_w = SIDE,
        .in_c = l->in_c,
        .out_h = out,
        .out_w = out,
        .out_c = l->out_c,
        .kernel_h = l->kernel,
        .kernel_w = l->kernel,
        .stride_h = l->stride,
        .stride_w = l->stride,
        .dilation_h = 1,
        .dilation_w = 1,
        .pad_top = pad,
        .pad_left = pad,
        .groups = l->groups,
    };
    const int64_t within = l->in_c / l->groups, taps = l->kernel * l->kernel;
    float *values = noise(w, l->out_c * within * taps);
    const axm_conv_weights weights = {.data = values, .stride = {within * taps, taps, l->kernel, 1}};
    w->direction = l->direction;
    w->packed = axm_alloc(&w->allocator, axm_conv_packed_bytes(kernels, &w->shape, l->direction));
    w->exec.kernels = kernels;
    w->exec.scratch_bytes = axm_conv_scratch_bytes(kernels, &w->shape, l->direction);
    const size_t shared = axm_conv_shared_bytes(kernels, &w->shape, l->direction);
    w->exec.scratch = axm_alloc(&w->allocator, w->exec.scratch_bytes + shared);
    w->exec.shared = w->exec.scratch + w->exec.scratch_bytes;
    must(w->packed != NULL && w->exec.scratch != NULL, "memory");
    axm_conv_pack(kernels, &w->shape, l->direction, &weights, w->packed);
    const int64_t in_values = SIDE * SIDE * l->in_c, out_values = out * out * l->out_c;
    w->x = noise(w, in_values > out_values ? in_values : out_values);
    w->y = noise(w, in_values > out_values ? in_values : out_values);
    w->bias = noise(w, l->out_c);
    axm_free(&w->allocator, values);
}

static void prepare_network(work *w)
{
    static const char *const options[][2] = {{"preprocess", "unit"}, {"threads", "1"}, {"steps", "4"}, {"time_limit", "0"}};
    must(actmax_recipe_new(&w->recipe) >= 0, "recipe");
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        must(actmax_recipe_set_text(w->recipe, options[i][0], options[i][1]) >= 0, options[i][0]);
    must(actmax_recipe_set_text(w->recipe, "cpu", w->cpu) >= 0, "cpu");
    must(actmax_model_load(w->model_path, w->recipe, &w->model) >= 0, "model");
    must(actmax_session_new(w->model, w->recipe, &w->session) >= 0, "session");
    must(actmax_image_load(w->picture_path, NULL, &w->image) >= 0, "picture");
    must(actmax_model_find_layer(w->model, "conv2", &w->layer) >= 0, "layer");
}

static void run(work *w)
{
    static const axm_clamp relu = {0.0f, INFINITY};
    static const int32_t filter = 3;
    if (strcmp(w->name, "maximize") == 0)
        must(actmax_session_maximize(w->session, w->layer, &filter, 1, w->recipe, &w->result) >= 0, w->name);
    else if (strcmp(w->name, "grad_cam") == 0)
        must(actmax_session_grad_cam(w->session, w->image, ACTMAX_LAYER_OUTPUT, 9, ACTMAX_LAYER_AUTO, w->recipe, &w->result) >= 0,
             w->name);
    else if (w->direction == AXM_FORWARD)
        axm_conv_forward(&w->exec, &w->shape, w->x, w->packed, w->bias, NULL, relu, w->y);
    else
        axm_conv_backward(&w->exec, &w->shape, w->x, w->packed, false, w->y);
}

/* Its name is given to callgrind. */
NOT_INLINED void measured_work(work *w);
NOT_INLINED void measured_work(work *w)
{
    run(w);
}

static void release(work *w)
{
    actmax_result_free(w->result);
    actmax_image_free(w->image);
    actmax_session_free(w->session);
    actmax_model_free(w->model);
    actmax_recipe_free(w->recipe);
    if (w->exec.pool == NULL) return;
    axm_free(&w->allocator, w->x);
    axm_free(&w->allocator, w->y);
    axm_free(&w->allocator, w->bias);
    axm_free(&w->allocator, w->packed);
    axm_free(&w->allocator, w->exec.scratch);
    axm_pool_free(w->exec.pool);
}

int main(int count, char **words)
{
    work w = {.name = NULL};
    if (count == 1) {
        for (size_t i = 0; i < sizeof workloads / sizeof *workloads; i++)
            puts(workloads[i].name);
        return 0;
    }
    if (count != 5) return 2;
    for (size_t i = 0; i < sizeof workloads / sizeof *workloads; i++) {
        if (strcmp(words[1], workloads[i].name) != 0) continue;
        w = (work){.name = words[1], .cpu = words[2], .model_path = words[3], .picture_path = words[4]};
        if (workloads[i].in_c > 0) {
            prepare_kernel(&w, &workloads[i]);
        } else {
            prepare_network(&w);
            run(&w); /* plans and packs; the next run of the session is warm */
            actmax_result_free(w.result);
            w.result = NULL;
        }
        measured_work(&w);
        release(&w);
        return 0;
    }
    return 2;
}
