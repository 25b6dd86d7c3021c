/* From an ONNX node to a neutral one. A translate function changes the call as its operator needs and then emits it. */
#ifndef AXM_LOADERS_ONNX_TRANSLATE_H
#define AXM_LOADERS_ONNX_TRANSLATE_H

#include "loaders/onnx/import.h"

#define AXM_ONNX_ATTRIBUTES 16 /* more than any line of translate.def lists, and those that a translate function adds */

typedef struct axm_onnx_call {
    axm_onnx_import *import;
    const axm_onnx_node *node;
    const char *op; /* of ops.def; NULL: the node's */
    axm_attribute attributes[AXM_ONNX_ATTRIBUTES];
    axm_onnx_span tensors[AXM_ONNX_ATTRIBUTES]; /* data NULL: the attribute is not a tensor */
    int32_t attribute_count;
    int32_t *inputs; /* the builder's values, AXM_NO_VALUE where omitted */
    int32_t input_count;
    bool reads_sequence;  /* as its first input */
    int32_t output_count; /* of node->proto.output, from the first */
} axm_onnx_call;

/* call.c */
int32_t axm_onnx_read_attributes(axm_onnx_call *call, const char *admitted);
int32_t axm_onnx_find_attribute(const axm_onnx_call *call, const char *name); /* index, -1 when absent */
void axm_onnx_remove_attribute(axm_onnx_call *call, const char *name);
int32_t axm_onnx_set_int(axm_onnx_call *call, const char *name, int64_t value);
int32_t axm_onnx_set_float(axm_onnx_call *call, const char *name, float value);
/* An integer attribute, or `fallback`; another kind fails. */
int32_t axm_onnx_get_int(const axm_onnx_call *call, const char *name, int64_t fallback, int64_t *out);
int32_t axm_onnx_emit(axm_onnx_call *call);
/* A node that the file does not have, on the way to the call's own; `part` ends the name of its output. */
#define AXM_ONNX_HIDDEN_NAME 1024
int32_t axm_onnx_emit_hidden(axm_onnx_call *call, const char *op, const int32_t *inputs, int32_t input_count,
                             const axm_attribute *attribute, const char *part, int32_t *out);
int32_t axm_onnx_hidden_constant(axm_onnx_call *call, const axm_constant *constant, const char *part, int32_t *out);

/* activation.c: the node as the activation of that name (of the option "activations"), in the place of its own. */
int32_t axm_onnx_emit_activation(axm_onnx_call *call, const char *name);

#define AXM_ONNX_TRANSLATE(function) int32_t axm_onnx_translate_##function(axm_onnx_call *call)
AXM_ONNX_TRANSLATE(plain);
AXM_ONNX_TRANSLATE(convolution);
AXM_ONNX_TRANSLATE(batch_normalization);
AXM_ONNX_TRANSLATE(layer_normalization);
AXM_ONNX_TRANSLATE(softmax);
AXM_ONNX_TRANSLATE(softmax_flat);
AXM_ONNX_TRANSLATE(max_pool);
AXM_ONNX_TRANSLATE(dropout);
AXM_ONNX_TRANSLATE(resize_10);
AXM_ONNX_TRANSLATE(cast);
AXM_ONNX_TRANSLATE(cast_like);
AXM_ONNX_TRANSLATE(quantize);
AXM_ONNX_TRANSLATE(dequantize);
AXM_ONNX_TRANSLATE(swish);
AXM_ONNX_TRANSLATE(split_to_sequence);
AXM_ONNX_TRANSLATE(sequence_construct);
AXM_ONNX_TRANSLATE(sequence_at);
AXM_ONNX_TRANSLATE(concat_from_sequence);
AXM_ONNX_TRANSLATE(constant);
AXM_ONNX_TRANSLATE(constant_of_shape);

#endif
