/* Layers by name: exact names first, then the spellings that exporters and their users know a layer by. */
#include "network/layers.h"

#include <string.h>

#include "base/status.h"
#include "base/text.h"

#define NAME_CAPACITY 256
#define LISTED        3

int32_t axm_layers_list(const axm_graph *graph, const axm_fact *facts, axm_arena *arena, axm_layers *out)
{
    axm_layer *items = axm_arena_array(arena, (size_t)graph->node_count + 1, sizeof *items);
    int32_t total = 0;
    if (!items) return axm_no_memory(0, "the list of layers");
    *out = (axm_layers){.items = items};
    for (int hidden = 0; hidden < 2; ++hidden) {
        for (int32_t n = 0; n < graph->node_count; ++n) {
            const axm_node *node = &graph->nodes[n];
            int32_t value = node->outputs[0];
            bool computed = node->op->forward || (node->op->flags & AXM_OP_ALIAS); /* not shape arithmetic */
            if (node->hidden != (hidden == 1) || value < 0 || facts[value].constant || !computed) continue;
            items[total++] = (axm_layer){n, value};
        }
        if (!hidden) out->count = total;
    }
    out->total = total;
    return ACTMAX_OK;
}

/* Separators become '_', a leading one and a trailing ":0" go. */
static void canonical(const char *name, char out[NAME_CAPACITY])
{
    size_t length = strlen(name), written = 0;
    if (length >= 2 && strcmp(name + length - 2, ":0") == 0) length -= 2;
    for (size_t i = 0; i < length && written < NAME_CAPACITY - 1; ++i) {
        char c = name[i];
        bool separator = c == '.' || c == '/' || c == '_' || c == ':' || c == '-' || c == ' ';
        if (separator && (written == 0 || out[written - 1] == '_')) continue;
        out[written++] = separator ? '_' : c;
    }
    out[written] = '\0';
}

/* PyTorch writes "/features/features.10/Conv" for the module "features.10": each part that repeats the one before it and goes on
 * takes its place, and the operator's name at the end goes. */
static void module_path(const char *name, char out[NAME_CAPACITY])
{
    out[0] = '\0';
    if (name[0] != '/') return;
    size_t length = 0, last_part = 0;
    for (const char *part = name + 1; *part;) {
        const char *end = strchr(part, '/');
        if (!end) return; /* the last part is the operator */
        size_t size = (size_t)(end - part), previous = length - last_part;
        bool repeats = length > 0 && size > previous && part[previous] == '.' && strncmp(part, out + last_part, previous) == 0;
        size_t at = length == 0 ? 0 : repeats ? last_part : length + 1;
        if (at + size + 1 >= NAME_CAPACITY) return;
        if (at > length) out[length] = '.';
        memcpy(out + at, part, size);
        last_part = at;
        length = at + size;
        out[length] = '\0';
        part = end + 1;
    }
}

/* "features.10.weight" names the layer "features.10". */
static bool is_weight_of(const char *weight, const char *wanted)
{
    static const char *const endings[] = {"weight", "kernel", "W", "w", "gamma", "kernel_0"};
    char base[NAME_CAPACITY], form[NAME_CAPACITY];
    size_t length = strlen(weight);
    for (size_t e = 0; e < sizeof endings / sizeof *endings; ++e) {
        size_t tail = strlen(endings[e]) + 1;
        if (length <= tail || length - tail >= NAME_CAPACITY || strcmp(weight + length - tail + 1, endings[e]) != 0) continue;
        if (!strchr("./_", weight[length - tail])) continue;
        memcpy(base, weight, length - tail);
        base[length - tail] = '\0';
        canonical(base, form);
        if (strcmp(form, wanted) == 0) return true;
    }
    return false;
}

static bool fits(const axm_graph *graph, const axm_layer *layer, const char *wanted)
{
    const axm_node *node = &graph->nodes[layer->node];
    char form[NAME_CAPACITY], path[NAME_CAPACITY];
    canonical(node->name, form);
    if (strcmp(form, wanted) == 0) return true;
    canonical(graph->values[layer->value].name, form);
    if (strcmp(form, wanted) == 0) return true;
    module_path(node->name, path);
    canonical(path, form);
    if (path[0] && strcmp(form, wanted) == 0) return true;
    int32_t weight = node->input_count > 1 ? node->inputs[1] : AXM_NO_VALUE;
    return weight >= 0 && graph->values[weight].constant && is_weight_of(graph->values[weight].name, wanted);
}

static int32_t not_found(const axm_graph *graph, const axm_layers *layers, const char *name)
{
    int32_t best[LISTED] = {-1, -1, -1};
    size_t distance[LISTED] = {SIZE_MAX, SIZE_MAX, SIZE_MAX};
    for (int32_t i = 0; i < layers->count; ++i) {
        const char *own = graph->nodes[layers->items[i].node].name;
        size_t d = axm_text_distance(name, own) * 2 + (strstr(own, name) ? 0 : 3);
        for (int32_t k = 0; k < LISTED; ++k) {
            if (d >= distance[k]) continue;
            for (int32_t j = LISTED - 1; j > k; --j) {
                best[j] = best[j - 1];
                distance[j] = distance[j - 1];
            }
            best[k] = i;
            distance[k] = d;
            break;
        }
    }
    char list[400];
    axm_text text = axm_text_in(list, sizeof list);
    for (int32_t k = 0; k < LISTED && best[k] >= 0; ++k)
        axm_text_add(&text, "%s'%.80s'", k ? ", " : "", graph->nodes[layers->items[best[k]].node].name);
    return axm_fail(ACTMAX_ERROR_NOT_FOUND,
                    "layer '%.80s' not found; nearest: %s; actmax_model_layer_name (or 'actmax info') lists all %d", name, list,
                    (int)layers->count);
}

static int32_t ambiguous(const axm_graph *graph, const axm_layers *layers, const char *name, const char *wanted, int32_t count)
{
    char list[700];
    axm_text text = axm_text_in(list, sizeof list);
    int32_t listed = 0;
    for (int32_t i = 0; i < layers->count; ++i) {
        if (!fits(graph, &layers->items[i], wanted)) continue;
        if (listed++ < 6)
            axm_text_add(&text, "%s'%.80s' (%s)", listed > 1 ? ", " : "", graph->nodes[layers->items[i].node].name,
                         graph->nodes[layers->items[i].node].type);
    }
    return axm_fail(ACTMAX_ERROR_AMBIGUOUS, "layer '%.80s' fits %d layers: %s%s; give the whole name of one", name, (int)count,
                    list, count > 6 ? ", ..." : "");
}

int32_t axm_layers_find(const axm_graph *graph, const axm_layers *layers, const char *name, int32_t *out)
{
    int32_t exact = 0, found = -1;
    for (int32_t i = 0; i < layers->total; ++i) {
        if (strcmp(graph->nodes[layers->items[i].node].name, name) != 0) continue;
        found = i;
        exact++;
    }
    if (exact == 1) {
        *out = found;
        return ACTMAX_OK;
    }
    int32_t value = axm_graph_find_value(graph, name);
    for (int32_t a = 0; value < 0 && a < graph->alias_count; ++a)
        if (strcmp(graph->aliases[a].name, name) == 0) value = graph->aliases[a].value;
    for (int32_t i = 0; value >= 0 && i < layers->total; ++i) {
        if (layers->items[i].value != value) continue;
        *out = i;
        return ACTMAX_OK;
    }
    char wanted[NAME_CAPACITY];
    int32_t count = 0;
    canonical(name, wanted);
    for (int32_t i = 0; i < layers->count && wanted[0]; ++i) {
        if (!fits(graph, &layers->items[i], wanted)) continue;
        found = i;
        count++;
    }
    if (count > 1) return ambiguous(graph, layers, name, wanted, count);
    if (count == 0) return not_found(graph, layers, name);
    *out = found;
    return ACTMAX_OK;
}
