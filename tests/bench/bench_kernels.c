/* Times the convolution kernels on the 3x3 layers of VGG16, and prints a line of JSON for each layer and direction:
 *
 *     bench_kernels [--threads N] [--repeat N] [--cpu NAME] [--side N] [--images N] [--layer NAME]
 *
 * gflop is what a direct convolution would compute (two operations for each multiplication that the definition has), whatever the
 * kernel does instead. --side is the image's (224 by default), --images how many are computed together (1). */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "bench_common.h"
#include "kernels/kernels.h"

typedef struct layer {
    const char *name;
    int32_t shrink; /* how often the image was halved before */
    int32_t in_c, out_c;
} layer;

static const layer layers[] = {
    {"block1_conv1", 0, 3, 64},    {"block1_conv2", 0, 64, 64},   {"block2_conv1", 1, 64, 128},  {"block2_conv2", 1, 128, 128},
    {"block3_conv1", 2, 128, 256}, {"block3_conv2", 2, 256, 256}, {"block3_conv3", 2, 256, 256}, {"block4_conv1", 3, 256, 512},
    {"block4_conv2", 3, 512, 512}, {"block4_conv3", 3, 512, 512}, {"block5_conv1", 4, 512, 512}, {"block5_conv2", 4, 512, 512},
    {"block5_conv3", 4, 512, 512},
};

typedef struct run {
    axm_allocator allocator;
    axm_exec exec;
    int32_t threads, repeat, side, images;
    const char *cpu, *only;
} run;

typedef struct work {
    axm_conv_shape shape;
    axm_direction direction;
    float *in, *out, *bias;
    void *packed;
} work;

static void *need(void *block)
{
    if (block == NULL) bench_fail("memory", "could not be had");
    return block;
}

/* Values in [-1, 1) that differ from place to place; their size is of no matter to the time. */
static float *noise(run *r, size_t count)
{
    float *values = need(axm_alloc_array(&r->allocator, count, sizeof *values));
    uint32_t state = 1;
    for (size_t i = 0; i < count; i++) {
        state = state * 1664525u + 1013904223u;
        values[i] = (float)(state >> 8) / 8388608.0f - 1.0f;
    }
    return values;
}

static void compute(const run *r, const work *w)
{
    static const axm_clamp relu = {0.0f, INFINITY};
    if (w->direction == AXM_FORWARD)
        axm_conv_forward(&r->exec, &w->shape, w->in, w->packed, w->bias, NULL, relu, w->out);
    else
        axm_conv_backward(&r->exec, &w->shape, w->in, w->packed, false, w->out);
}

static void prepare(run *r, const layer *l, work *w)
{
    const int64_t side = r->side >> l->shrink;
    const size_t pixels = (size_t)(r->images * side * side), in = pixels * (size_t)l->in_c, out = pixels * (size_t)l->out_c;
    const axm_kernels *kernels = r->exec.kernels;
    float *weights = noise(r, 9 * (size_t)l->in_c * (size_t)l->out_c);
    w->shape = (axm_conv_shape){.batch = 1,
                                .in_h = side,
                                .in_w = side,
                                .in_c = l->in_c,
                                .out_h = side,
                                .out_w = side,
                                .out_c = l->out_c,
                                .kernel_h = 3,
                                .kernel_w = 3,
                                .stride_h = 1,
                                .stride_w = 1,
                                .dilation_h = 1,
                                .dilation_w = 1,
                                .pad_top = 1,
                                .pad_left = 1,
                                .groups = 1};
    const axm_conv_weights file = {.data = weights, .stride = {9 * (int64_t)l->in_c, 9, 3, 1}};
    const bool forward = w->direction == AXM_FORWARD;
    w->packed = need(axm_alloc(&r->allocator, axm_conv_packed_bytes(kernels, &w->shape, w->direction)));
    axm_conv_pack(kernels, &w->shape, w->direction, &file, w->packed);
    w->in = noise(r, forward ? in : out);
    w->out = noise(r, forward ? out : in);
    w->bias = noise(r, (size_t)l->out_c);
    axm_conv_shape all = w->shape;
    all.batch = r->images;
    r->exec.images = r->images;
    r->exec.scratch_bytes = (axm_conv_scratch_bytes(kernels, &all, w->direction) + 63) / 64 * 64;
    const size_t own = r->exec.scratch_bytes * (size_t)r->threads;
    r->exec.scratch = need(axm_alloc(&r->allocator, own + axm_conv_shared_bytes(kernels, &all, w->direction) + 64));
    r->exec.shared = r->exec.scratch + own;
    axm_free(&r->allocator, weights);
}

static void measure(run *r, const layer *l, axm_direction direction)
{
    work w = {.direction = direction};
    double *times = bench_allocate((size_t)r->repeat, sizeof *times);
    const double side = r->side >> l->shrink, gflop = 18e-9 * r->images * side * side * l->in_c * l->out_c;
    prepare(r, l, &w);
    compute(r, &w);
    for (int32_t i = 0; i < r->repeat; i++) {
        const double began = bench_milliseconds();
        compute(r, &w);
        times[i] = bench_milliseconds() - began;
    }
    printf("{\"kind\": \"kernel\", \"layer\": \"%s\", \"direction\": \"%s\", \"kernels\": \"%s\", \"ms\": %.4f, \"gflop\": %.6f}\n",
           l->name, direction == AXM_FORWARD ? "forward" : "backward", axm_kernels_name(r->exec.kernels),
           bench_median(times, (size_t)r->repeat), gflop);
    fflush(stdout);
    void *blocks[] = {w.in, w.out, w.bias, w.packed, r->exec.scratch};
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
        axm_free(&r->allocator, blocks[i]);
    free(times);
}

int main(int count, char **words)
{
    run r = {.threads = 2, .repeat = 9, .side = 224, .images = 1};
    for (int i = 1; i < count; i += 2) {
        const char *value = i + 1 < count ? words[i + 1] : NULL;
        if (strcmp(words[i], "--threads") == 0)
            r.threads = bench_number(words[i], value, 1);
        else if (strcmp(words[i], "--repeat") == 0)
            r.repeat = bench_number(words[i], value, 1);
        else if (strcmp(words[i], "--images") == 0)
            r.images = bench_number(words[i], value, 1);
        else if (strcmp(words[i], "--side") == 0)
            r.side = bench_number(words[i], value, 16);
        else if (strcmp(words[i], "--cpu") == 0)
            r.cpu = value;
        else if (strcmp(words[i], "--layer") == 0)
            r.only = value;
        else
            bench_fail(words[i], "is no flag of this program");
    }
    axm_allocator_init(&r.allocator, NULL, NULL, NULL);
    r.exec.kernels = axm_kernels_find(r.cpu);
    if (r.exec.kernels == NULL) bench_fail("--cpu", "this processor or build has no such instruction set");
    if (axm_pool_new(&r.allocator, r.threads, &r.exec.pool) < 0) bench_fail("threads", actmax_message());
    r.threads = axm_pool_threads(r.exec.pool);
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++) {
        if (r.only != NULL && strcmp(layers[i].name, r.only) != 0) continue;
        measure(&r, &layers[i], AXM_FORWARD);
        measure(&r, &layers[i], AXM_BACKWARD);
    }
    axm_pool_free(r.exec.pool);
    return 0;
}
