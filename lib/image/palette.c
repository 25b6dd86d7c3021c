/* Colour quantisation. The colours are counted in a cube of cells that spans their range; the cube is cut in two again and again,
 * each time the part whose colours deviate the most, across the axis where they do, at their mean (Wan, Wong and Prusinkiewicz
 * 1990); each part's mean is a colour, and each cell takes the nearest one. */
#include "image/palette.h"

#include <string.h>

#define SIDE  32 /* cells along an axis */
#define CELLS (SIDE * SIDE * SIDE)
#define SLOTS 1024 /* of the table of exact colours: a power of two, well above 256 */

typedef struct cell {
    uint32_t count;
    uint64_t sum[3];
    double mean[3];
    uint8_t colour; /* of the palette */
} cell;

/* Cells order[first] to order[end - 1]. */
typedef struct part {
    int32_t first, end;
    double mean[3];
    double spread; /* sum of squared deviations along `axis`, the largest of the three */
    int32_t axis;
} part;

struct axm_quantizer {
    axm_allocator *allocator;
    cell *cells;    /* [CELLS] */
    int32_t *order; /* [CELLS]: indices of those that are not empty, grouped by part */
    part parts[AXM_PALETTE_COLOURS];
    uint8_t low[3];
    uint32_t range[3];
};

int32_t axm_quantizer_new(axm_allocator *allocator, axm_quantizer **out)
{
    axm_quantizer *q = axm_alloc(allocator, sizeof *q);
    if (!q) return ACTMAX_ERROR_NO_MEMORY;
    *q = (axm_quantizer){.allocator = allocator};
    q->cells = axm_alloc_array(allocator, CELLS, sizeof *q->cells);
    q->order = axm_alloc_array(allocator, CELLS, sizeof *q->order);
    if (!q->cells || !q->order) {
        axm_quantizer_free(q);
        return ACTMAX_ERROR_NO_MEMORY;
    }
    *out = q;
    return ACTMAX_OK;
}

void axm_quantizer_free(axm_quantizer *quantizer)
{
    if (!quantizer) return;
    axm_free(quantizer->allocator, quantizer->cells);
    axm_free(quantizer->allocator, quantizer->order);
    axm_free(quantizer->allocator, quantizer);
}

static void read_pixel(const uint8_t *pixels, size_t i, int32_t channels, uint8_t rgb[3])
{
    for (int32_t c = 0; c < 3; ++c)
        rgb[c] = channels == 1 ? pixels[i] : pixels[i * 3 + (size_t)c];
}

/* False when there are more colours than a palette holds. */
static bool quantize_exactly(const uint8_t *pixels, size_t count, int32_t channels, axm_palette *palette, uint8_t *indices)
{
    uint16_t slots[SLOTS] = {0}; /* 1 + index of the colour; 0: free */
    palette->count = 0;
    for (size_t i = 0; i < count; ++i) {
        uint8_t rgb[3];
        read_pixel(pixels, i, channels, rgb);
        uint32_t colour = (uint32_t)rgb[0] << 16 | (uint32_t)rgb[1] << 8 | rgb[2];
        uint32_t slot = colour * 2654435761U >> 22;
        while (slots[slot] && memcmp(palette->rgb[slots[slot] - 1], rgb, 3) != 0)
            slot = (slot + 1) % SLOTS;
        if (!slots[slot]) {
            if (palette->count == AXM_PALETTE_COLOURS) return false;
            memcpy(palette->rgb[palette->count++], rgb, 3);
            slots[slot] = (uint16_t)palette->count;
        }
        indices[i] = (uint8_t)(slots[slot] - 1);
    }
    return true;
}

static size_t cell_of(const axm_quantizer *q, const uint8_t rgb[3])
{
    size_t at = 0;
    for (int32_t c = 0; c < 3; ++c)
        at = at * SIDE + (uint32_t)(rgb[c] - q->low[c]) * SIDE / q->range[c];
    return at;
}

static void find_range(axm_quantizer *q, const uint8_t *pixels, size_t count, int32_t channels)
{
    uint8_t high[3] = {0};
    memset(q->low, UINT8_MAX, sizeof q->low);
    for (size_t i = 0; i < count; ++i) {
        uint8_t rgb[3];
        read_pixel(pixels, i, channels, rgb);
        for (int32_t c = 0; c < 3; ++c) {
            if (rgb[c] < q->low[c]) q->low[c] = rgb[c];
            if (rgb[c] > high[c]) high[c] = rgb[c];
        }
    }
    for (int32_t c = 0; c < 3; ++c)
        q->range[c] = (uint32_t)(high[c] - q->low[c]) + 1;
}

/* Returns how many cells are not empty. */
static int32_t count_colours(axm_quantizer *q, const uint8_t *pixels, size_t count, int32_t channels)
{
    int32_t filled = 0;
    memset(q->cells, 0, CELLS * sizeof *q->cells);
    for (size_t i = 0; i < count; ++i) {
        uint8_t rgb[3];
        read_pixel(pixels, i, channels, rgb);
        cell *at = &q->cells[cell_of(q, rgb)];
        at->count++;
        for (int32_t c = 0; c < 3; ++c)
            at->sum[c] += rgb[c];
    }
    for (int32_t i = 0; i < CELLS; ++i) {
        cell *at = &q->cells[i];
        if (at->count == 0) continue;
        q->order[filled++] = i;
        for (int32_t c = 0; c < 3; ++c)
            at->mean[c] = (double)at->sum[c] / at->count;
    }
    return filled;
}

static void measure(const axm_quantizer *q, part *p)
{
    double weight = 0, sum[3] = {0}, squares[3] = {0};
    for (int32_t i = p->first; i < p->end; ++i) {
        const cell *at = &q->cells[q->order[i]];
        weight += at->count;
        for (int32_t c = 0; c < 3; ++c) {
            sum[c] += (double)at->sum[c];
            squares[c] += (double)at->sum[c] * at->mean[c];
        }
    }
    p->spread = 0;
    p->axis = 0;
    for (int32_t c = 0; c < 3; ++c) {
        p->mean[c] = sum[c] / weight;
        double expected = sum[c] * p->mean[c];
        if (squares[c] - expected > p->spread) {
            p->spread = squares[c] - expected;
            p->axis = c;
        }
    }
}

/* Moves the cells above the mean to the end; returns the first of them. Both sides have some, or the part cannot be cut. */
static int32_t divide(axm_quantizer *q, const part *p)
{
    int32_t first = p->first, end = p->end;
    while (first < end) {
        int32_t index = q->order[first];
        if (q->cells[index].mean[p->axis] <= p->mean[p->axis]) {
            first++;
        } else {
            q->order[first] = q->order[--end];
            q->order[end] = index;
        }
    }
    return first;
}

static int32_t cut(axm_quantizer *q, int32_t filled)
{
    int32_t count = 1;
    q->parts[0] = (part){.first = 0, .end = filled};
    measure(q, &q->parts[0]);
    while (count < AXM_PALETTE_COLOURS) {
        part *widest = &q->parts[0];
        for (int32_t i = 1; i < count; ++i)
            if (q->parts[i].spread > widest->spread) widest = &q->parts[i];
        if (!(widest->spread > 0)) break;
        int32_t middle = divide(q, widest);
        if (middle == widest->first || middle == widest->end) { /* all deviation is rounding */
            widest->spread = 0;
            continue;
        }
        q->parts[count] = (part){.first = middle, .end = widest->end};
        widest->end = middle;
        measure(q, widest);
        measure(q, &q->parts[count++]);
    }
    return count;
}

static uint8_t nearest(const axm_palette *palette, const double colour[3])
{
    int32_t best = 0;
    double least = 1e9;
    for (int32_t i = 0; i < palette->count; ++i) {
        double distance = 0;
        for (int32_t c = 0; c < 3; ++c) {
            double d = palette->rgb[i][c] - colour[c];
            distance += d * d;
        }
        if (distance < least) {
            least = distance;
            best = i;
        }
    }
    return (uint8_t)best;
}

void axm_quantize(axm_quantizer *quantizer, const uint8_t *pixels, size_t count, int32_t channels, axm_palette *palette,
                  uint8_t *indices)
{
    axm_quantizer *q = quantizer;
    if (quantize_exactly(pixels, count, channels, palette, indices)) return;
    find_range(q, pixels, count, channels);
    int32_t filled = count_colours(q, pixels, count, channels);
    palette->count = cut(q, filled);
    for (int32_t i = 0; i < palette->count; ++i)
        for (int32_t c = 0; c < 3; ++c)
            palette->rgb[i][c] = (uint8_t)(q->parts[i].mean[c] + 0.5);
    for (int32_t i = 0; i < filled; ++i) {
        cell *at = &q->cells[q->order[i]];
        at->colour = nearest(palette, at->mean);
    }
    for (size_t i = 0; i < count; ++i) {
        uint8_t rgb[3];
        read_pixel(pixels, i, channels, rgb);
        indices[i] = q->cells[cell_of(q, rgb)].colour;
    }
}
