/* Winograd's minimal filtering along one axis: F(4, 5) has 8 multiplications for each four outputs of five taps instead of 20,
 * F(3, 7) has 9 for each three outputs of seven taps instead of 21, and F(4, 3) 6 for each four of three instead of 12. Taps along
 * the other axis are summed by the products. The interpolation points are pairs of opposite numbers, infinity, and for three and
 * five taps 0; relative errors, root mean square over 192 channels, are 0.9e-6 and 1.1e-6, with three taps less (the plain sum has
 * 0.2e-6; F(4, 7) would have 2.1e-6). All constants are exact in binary. */
#ifndef AXM_KERNELS_WINOGRAD_LINE_H
#define AXM_KERNELS_WINOGRAD_LINE_H

#include "kernels/conv.h"

#define AXM_LINE_MOST_TILE    4 /* outputs along the axis */
#define AXM_LINE_MOST_PAIRS   4
#define AXM_LINE_MOST_POINTS  9
#define AXM_LINE_MOST_TAPS    7
#define AXM_LINE_MAX_CHANNELS 4096 /* of the input */

/* points = taps + tile - 1. */
typedef struct axm_line_method {
    size_t taps, tile, points; /* all 0: none */
    bool vertical;             /* the axis is the picture's height */
} axm_line_method;

/* By the kernel's size: width before height; three taps only where the other axis has one. */
axm_line_method axm_line_method_of(const axm_conv_shape *shape);

/* Tiles of one image: lines side by side across the axis, each of `tiles` tiles along it. */
typedef struct axm_line {
    const axm_tap_conv *conv;
    axm_tap_axis along, across;
    axm_line_method method;
    size_t tiles; /* of a line */
    int64_t image;
    size_t first, count;    /* the lines of output that are in m; v has across.taps - 1 more */
    size_t v_row, m_row;    /* floats from one tile to the next */
    size_t column, columns; /* the output channels that are in m */
    float *v;               /* [points][lines][tiles][v_row]: transformed input */
    float *m;               /* [points][lines][tiles][m_row]: products */
} axm_line;

/* Tiles [begin, end) of v, and of m, counted from line `first`. */
void axm_line_input(const axm_line *line, size_t begin, size_t end);
void axm_line_output(const axm_line *line, size_t begin, size_t end);

/* out[points][i] of the taps[.][i] of up to AXM_LINE_WIDTH output channels, `point` floats from one point to the next. */
#define AXM_LINE_WIDTH 16
void axm_line_weights(const axm_line_method *method, const double taps[][AXM_LINE_WIDTH], size_t width, size_t point, float *out);

/* Rows of v for each point, and of m, while `count` lines are at work. */
static inline size_t axm_line_v_tiles(const axm_line *line)
{
    return (line->count + (size_t)line->across.taps - 1) * line->tiles;
}

static inline size_t axm_line_m_tiles(const axm_line *line)
{
    return line->count * line->tiles;
}

#endif
