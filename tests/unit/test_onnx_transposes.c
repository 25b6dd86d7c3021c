/* A network of TensorFlow as tf2onnx saves it, channels last with a Transpose before and after every convolution: scores and
 * gradient are TensorFlow's, and no plan moves a number for the sake of its order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs those before it */
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "network/plan_internal.h"
#include "onnx_network.h"

static const struct {
    const char *file;
    int transposes; /* of what depends on the image */
} exports[] = {{"onnx/tf2onnx_raw.onnx", 20}, {"onnx/tf2onnx.onnx", 1}};

static bool reorders(const axm_plan_step *step)
{
    return step->forward.op == &axm_op_relayout || (step->forward.op->flags & AXM_OP_PERMUTES);
}

/* How many of the plan's steps are the file's transposes, and how many that only reorder axes do work. */
static void count_moves(const axm_plan *plan, int *all, int *executed)
{
    *all = *executed = 0;
    for (int32_t s = 0; s < plan->step_count; s++) {
        const axm_plan_step *step = &plan->steps[s];
        if (!reorders(step)) continue;
        *all += step->forward.op != &axm_op_relayout;
        *executed += !step->alias;
        if (!step->alias) print_message("'%s' is moved by %s\n", step->forward.name, step->forward.op->name);
    }
}

static void test_transposes_cancel(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof exports / sizeof *exports; i++) {
        onnx_container container;
        char path[4096];
        size_t size;
        int all, executed;
        onnx_open(&container, "onnx/tf2onnx.bin");
        const onnx_case *c = onnx_next(&container);
        assert_true(c && c->output_count == 3);
        snprintf(path, sizeof path, "%s/%s", ACTMAX_TEST_DATA, exports[i].file);
        uint8_t *data = onnx_read_file(path, &size);
        onnx_network network = {0};
        if (!data || onnx_load(&network, data, size) < 0) fail_msg("%s: %s", exports[i].file, axm_message());
        axm_plan *plan = onnx_plan_gradient(&network, c, exports[i].file);
        count_moves(plan, &all, &executed);
        assert_int_equal(all, exports[i].transposes);
        assert_int_equal(executed, 0);
        onnx_expect_gradient(&network, plan, c, exports[i].file);
        onnx_free(&network);
        onnx_close(&container);
        free(data);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_transposes_cancel)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
