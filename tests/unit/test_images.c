/* Plans of several images: each image gets the bytes that it gets alone, for every operator, whether steps run image by image or
 * for all images at once, and in whatever place an image is. */
#include "gradient_graphs.h"
#include "gradient_graphs_sums.h"

#include "network/plan_internal.h"

#define IMAGES 3

static builder builder_at(int32_t index)
{
    int32_t at = 0;
#define X(name)                                                                                                                    \
    if (at++ == index) return build_##name;
#include "ops/ops.def"
#undef X
    return NULL;
}

/* Numbers from -4.5 to 4.5, other ones for each image; some of one image's are zero where the others' are not. */
static float *make_image(size_t count, int32_t image)
{
    float *x = test_numbers(count);
    for (size_t i = 0; i < count; i++) {
        size_t mixed = (i * 2654435761u + (size_t)image * 40503u) >> 5;
        x[i] = (float)(mixed % 1009) / 112.0f - 4.5f;
        if (image == 1 && i < count / 2) x[i] = 0.0f;
    }
    return x;
}

static float upstream(size_t i, int32_t image)
{
    size_t mixed = ((i + (size_t)image) * 40503u) >> 3;
    return image == 2 && i % 7 < 4 ? 0.0f : (float)(mixed % 17) / 8.0f - 0.9f;
}

typedef struct images {
    test_graph *g;
    int32_t value;
    test_run run;
    bool all_joint;
    const char *name;
    int32_t variant;
    float *x[IMAGES];
    test_result alone[IMAGES];
} images;

static void run_alone(images *m)
{
    size_t count = (size_t)axm_shape_count(&m->g->image_shape);
    for (int32_t i = 0; i < IMAGES; i++) {
        m->x[i] = make_image(count, i);
        test_result first = test_graph_run(m->g, m->value, &m->run, m->x[i], NULL);
        float *dy = test_numbers(first.y_count);
        for (size_t k = 0; k < first.y_count; k++)
            dy[k] = upstream(k, i);
        m->alone[i] = test_graph_run(m->g, m->value, &m->run, m->x[i], dy);
        test_result_free(&first);
        free(dy);
    }
}

static void check_place(const images *m, const axm_plan *plan, int32_t place, int32_t image)
{
    const axm_tensor *x = axm_plan_find_image(plan, m->g->image, place), *y = axm_plan_find_image(plan, m->value, place);
    const test_result *alone = &m->alone[image];
    float *got_y = test_numbers(alone->y_count), *got_dx = test_numbers(alone->x_count);
    axm_tensor_to_file_order(y, y->data, got_y);
    axm_tensor_to_file_order(x, x->grad, got_dx);
    if (memcmp(got_y, alone->y, alone->y_count * sizeof *got_y) != 0 ||
        memcmp(got_dx, alone->dx, alone->x_count * sizeof *got_dx) != 0)
        fail_msg("%s, variant %d, %s, %s, %s: image %d in place %d is not what it is alone", m->name, (int)m->variant,
                 axm_kernels_name(m->run.kernels), m->run.file_order ? "file order" : "channels last",
                 m->all_joint ? "joint" : "image by image", (int)image, (int)place);
    free(got_y);
    free(got_dx);
}

/* Images `members` in the places 0, 1, ... */
static void run_together(const images *m, axm_plan *plan, axm_pool *pool, const int32_t *members, int32_t count)
{
    axm_plan_use_images(plan, members, count);
    for (int32_t p = 0; p < count; p++) {
        const axm_tensor *x = axm_plan_find_image(plan, m->g->image, p);
        axm_tensor_from_file_order(x, m->x[members[p]], x->data);
    }
    axm_plan_forward(plan, pool);
    for (int32_t p = 0; p < count; p++) {
        const axm_tensor *y = axm_plan_find_image(plan, m->value, p);
        float *dy = test_numbers(m->alone[0].y_count);
        for (size_t k = 0; k < m->alone[0].y_count; k++)
            dy[k] = upstream(k, members[p]);
        axm_tensor_from_file_order(y, dy, y->grad);
        free(dy);
    }
    axm_plan_backward(plan, pool);
    for (int32_t p = 0; p < count; p++)
        check_place(m, plan, p, members[p]);
}

static void check_images(images *m)
{
    axm_runner runner;
    axm_plan *plan;
    static const int32_t all[IMAGES] = {0, 1, 2}, some[2] = {2, 1};
    m->g->graph->values[m->g->image].channels_last = m->run.file_order;
    run_alone(m);
    test_ok(axm_runner_init(&runner, &m->g->allocator, m->g->graph, &m->g->weights, m->run.kernels, m->run.threads));
    for (int32_t joint = 0; joint < 2; joint++) {
        m->all_joint = joint == 1;
        axm_plan_request request = {.image = m->g->image,
                                    .image_shape = m->g->image_shape,
                                    .images = IMAGES,
                                    .all_joint = m->all_joint,
                                    .observe = &m->value,
                                    .observe_count = 1,
                                    .seeds = &m->value,
                                    .seed_count = 1,
                                    .wants = &m->g->image,
                                    .want_count = 1,
                                    .slice_value = -1};
        test_ok(axm_runner_plan(&runner, &request, &plan));
        run_together(m, plan, runner.pool, all, IMAGES);
        run_together(m, plan, runner.pool, some, 2);
    }
    axm_runner_free(&runner);
    for (int32_t i = 0; i < IMAGES; i++) {
        free(m->x[i]);
        test_result_free(&m->alone[i]);
    }
}

static void each_operator(void **state)
{
    (void)state;
    for (int32_t i = 0; i < axm_op_count(); i++) {
        builder build = builder_at(i);
        for (int32_t variant = 0; build; variant++) {
            test_graph g;
            int32_t value = build(&g, variant, false);
            if (value < 0) break;
            for (int32_t k = 0; axm_kernels_at(k); k++) {
                if (!axm_kernels_available(axm_kernels_at(k))) continue;
                for (int32_t order = 0; order < 2; order++) {
                    images m = {.g = &g, .value = value, .name = axm_op_at(i)->name, .variant = variant};
                    m.run = (test_run){.kernels = axm_kernels_at(k), .threads = 1 + order, .file_order = order == 1};
                    check_images(&m);
                }
            }
            test_graph_free(&g);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_operator),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
