/* What is multiplied when a convolution is computed as a matrix product: how it is cut into blocks, and how a block is made ready
 * (conv_gemm.h). */
#include <string.h>

#include "kernels/conv_gemm.h"
#include "kernels/grain.h"

#define BLOCK_ROWS     AXM_GEMM_BLOCK_ROWS
#define BLOCK_K        256 /* a panel of 32 columns takes 32 KiB */
#define LINE_BLOCK_K   288 /* the same where runs are to stay whole */
#define CROWDED_ROWS   11  /* lines of a set, of 12, that leave one for what they are multiplied with */
#define DOT_BLOCK_ROWS 28  /* the same memory; summing across vectors pays when k is long */
#define DOT_BLOCK_K    1024
#define HELD           (160 << 10) /* floats of a block's copy: most of a second-level cache */
#define LEAST_ROWS     56          /* of a block whose copy is held: each weight that is read is to be used by several tiles */

/* An output pixel of the grid, walked in row-major order. */
typedef struct pixel {
    int64_t image, gy, gx;
} pixel;

/* `count` in parts of about one size, of whole vectors, none larger than `most`. */
static size_t even_part(size_t count, size_t most)
{
    return axm_min_size(axm_parts(axm_parts(count, axm_parts(count, most)), 16) * 16, count);
}

/* ---- Cuts ---- */

static bool axis_is_plain(const axm_tap_axis *axis)
{
    return axis->taps == 1 && axis->in_step == 1 && axis->offset == 0 && axis->grid == axis->in_size;
}

/* Every position that is read lies in the input, one for each output. */
static bool axis_is_inside(const axm_tap_axis *axis)
{
    return axis->taps == 1 && axis->offset == 0 && (axis->grid - 1) * axis->in_step < axis->in_size;
}

/* Rows that are a multiple of 4 KiB apart share one set of a first-level cache: a tile has no more of them than that holds. */
static size_t rows_of_tile(const axm_gemm_cut *c, size_t tile_rows)
{
    return c->lda % 1024 == 0 ? axm_min_size(tile_rows, CROWDED_ROWS) : tile_rows;
}

static bool reads_in_place(axm_gemm_cut *c, size_t tile_rows, bool dot)
{
    if (!axis_is_inside(&c->h) || !axis_is_inside(&c->w)) return false;
    c->lda = (size_t)c->w.in_step * c->in_pixel;
    c->tile_rows = rows_of_tile(c, tile_rows);
    if (axis_is_plain(&c->h) && axis_is_plain(&c->w)) return true;
    if (dot || 2 * (size_t)c->w.grid < tile_rows) return false;
    c->line = (size_t)c->w.in_size * c->in_pixel;
    c->pixel = c->in_pixel;
    c->lines = axm_parts(BLOCK_ROWS / 2, (size_t)c->w.grid);
    return c->lines * (size_t)c->w.grid <= AXM_GEMM_MOST_ROWS;
}

static bool axis_suits_lines(const axm_tap_axis *axis)
{
    return axis->in_step <= axis->taps && (axis->taps == 1 || axis->offset_step == 1);
}

static void cut_lines(axm_gemm_cut *c, size_t lines)
{
    c->lines = axm_min_size(lines, (size_t)c->h.grid);
    c->held = c->line * ((c->lines - 1) * (size_t)c->h.in_step + (size_t)c->h.taps);
}

/* Whether the copy of some lines is small enough; fills in all but the blocks. */
static bool reads_lines(axm_gemm_cut *c, size_t tile_rows)
{
    const size_t taps_w = (size_t)c->w.taps, taps_h = (size_t)c->h.taps, grid = (size_t)c->w.grid;
    if (taps_h * taps_w == 1 || !axis_suits_lines(&c->h) || !axis_suits_lines(&c->w) || 2 * grid < tile_rows) return false;
    const bool joined = (size_t)c->w.in_step * c->in_c % 512 != 0;
    c->pixel = joined ? c->in_c : c->in_c + 16;
    c->line = axm_parts(((grid - 1) * (size_t)c->w.in_step + taps_w) * c->pixel, 16) * 16;
    c->lda = (size_t)c->w.in_step * c->pixel;
    c->tile_rows = rows_of_tile(c, tile_rows);
    const size_t wanted = BLOCK_ROWS / grid;
    cut_lines(c, wanted >= 2 ? wanted : 2 * grid <= AXM_GEMM_MOST_ROWS ? 2 : 1);
    while (c->held > HELD && c->lines > 1)
        cut_lines(c, c->lines - 1);
    if (c->held > HELD || c->lines * grid > AXM_GEMM_MOST_ROWS) return false;
    const size_t run = joined ? taps_w * c->in_c : c->in_c, runs = joined ? taps_h : taps_w;
    c->run = run;
    if (run > LINE_BLOCK_K / 2) {
        c->period = run;
        c->block_k = run <= LINE_BLOCK_K ? run : even_part(run, BLOCK_K);
    } else {
        c->period = runs * run;
        c->block_k = axm_parts(runs, axm_parts(runs, LINE_BLOCK_K / run)) * run;
        c->jump = (ptrdiff_t)(joined ? c->line : c->pixel) - (ptrdiff_t)run;
    }
    return true;
}

/* Units of a block. An even number of blocks, where they are about equal: two threads then have the same to do. */
static size_t block_of(size_t units, size_t most, bool odd_panels)
{
    const size_t blocks = axm_parts(units, most), even = blocks + blocks % 2;
    if (even > units || (blocks == 1 && !odd_panels)) return axm_parts(units, blocks);
    const size_t size = axm_parts(units, even);
    return blocks == 1 || odd_panels || size * even <= units + units / 16 ? size : axm_parts(units, blocks);
}

static void block_lines(axm_gemm_cut *c, size_t images, bool odd_panels)
{
    c->lines = block_of((size_t)c->h.grid, c->lines, odd_panels);
    c->line_blocks = axm_parts((size_t)c->h.grid, c->lines);
    c->block_rows = c->lines * (size_t)c->w.grid;
    c->row_blocks = images * c->line_blocks;
}

static void block_rows(axm_gemm_cut *c, size_t most, bool odd_panels)
{
    c->block_rows = block_of(axm_parts(c->rows, c->tile_rows), most / c->tile_rows, odd_panels) * c->tile_rows;
    c->row_blocks = axm_parts(c->rows, c->block_rows);
}

axm_gemm_cut axm_gemm_cut_of(const axm_conv_plan *plan, size_t tile_rows, const axm_tap_axis *h, const axm_tap_axis *w)
{
    const bool dot = plan->algorithm == AXM_CONV_DOT;
    const size_t images = (size_t)plan->shape->batch;
    const bool odd_panels = plan->panel < plan->out_c && axm_parts((size_t)plan->out_c, (size_t)plan->panel) % 2 == 1;
    axm_gemm_cut c = {
        .h = *h,
        .w = *w,
        .in_c = (size_t)plan->in_c,
        .in_pixel = (size_t)plan->in_pixel,
        .rows = images * (size_t)(h->grid * w->grid),
        .k = (size_t)(h->taps * w->taps * plan->in_c),
    };
    if (c.rows == 0) return c;
    if (!dot && reads_lines(&c, tile_rows)) {
        c.reading = AXM_READ_LINES;
        block_lines(&c, images, odd_panels);
        cut_lines(&c, c.lines);
        return c;
    }
    size_t most_rows = dot ? DOT_BLOCK_ROWS : BLOCK_ROWS;
    c.lines = c.run = 0;
    c.jump = 0;
    c.period = c.k;
    c.block_k = even_part(c.k, dot ? DOT_BLOCK_K : BLOCK_K);
    if (reads_in_place(&c, tile_rows, dot)) {
        c.reading = AXM_READ_IN_PLACE;
        if (c.lines > 0) {
            block_lines(&c, images, odd_panels);
        } else {
            block_rows(&c, most_rows, odd_panels);
        }
        return c;
    }
    const size_t fit = HELD / axm_spread(c.k);
    c.lines = 0;
    c.tile_rows = tile_rows;
    c.reading = dot || fit < LEAST_ROWS ? AXM_READ_PARTS : AXM_READ_WHOLE;
    c.lda = axm_spread(c.reading == AXM_READ_PARTS ? c.block_k : c.k);
    block_rows(&c, c.reading == AXM_READ_WHOLE ? axm_min_size(most_rows, fit) : most_rows, odd_panels);
    c.held = c.block_rows * c.lda;
    return c;
}

axm_gemm_rows axm_gemm_block(const axm_gemm_cut *c, size_t block, size_t group)
{
    axm_gemm_rows r = {.first = block * c->block_rows, .count = c->block_rows, .channel = (int64_t)(group * c->in_c)};
    size_t end = c->rows;
    if (c->lines > 0) {
        const size_t image = (size_t)(c->h.grid * c->w.grid), at = block / c->line_blocks;
        r.first = at * image + block % c->line_blocks * c->block_rows;
        end = (at + 1) * image;
    }
    r.count = axm_min_size(r.count, end - r.first);
    return r;
}

size_t axm_gemm_part_end(const axm_gemm_cut *c, size_t k0)
{
    const size_t end = axm_min_size((k0 / c->period + 1) * c->period, c->k);
    return axm_min_size(k0 + c->block_k, end);
}

size_t axm_gemm_part_offset(const axm_gemm_cut *c, size_t k0)
{
    if (c->reading == AXM_READ_PARTS) return 0;
    if (c->reading != AXM_READ_LINES) return k0;
    const size_t tap = k0 / c->in_c, taps = (size_t)c->w.taps;
    return tap / taps * c->line + tap % taps * c->pixel + k0 % c->in_c;
}

/* ---- Copies ---- */

static pixel pixel_at(const axm_tap_axis *h, const axm_tap_axis *w, size_t row)
{
    const int64_t r = (int64_t)row, line = r / w->grid;
    return (pixel){line / h->grid, line % h->grid, r % w->grid};
}

static pixel pixel_after(const axm_tap_axis *h, const axm_tap_axis *w, pixel at)
{
    if (++at.gx < w->grid) return at;
    at.gx = 0;
    if (++at.gy < h->grid) return at;
    at.gy = 0;
    at.image++;
    return at;
}

size_t axm_gemm_first(const axm_gemm_cut *c, const axm_gemm_rows *rows)
{
    const pixel at = pixel_at(&c->h, &c->w, rows->first);
    const int64_t y = at.image * c->h.in_size + at.gy * c->h.in_step;
    return (size_t)((y * c->w.in_size + at.gx * c->w.in_step) * (int64_t)c->in_pixel + rows->channel);
}

static void copy_floats(float *out, const float *in, size_t count)
{
    if (count >= 64) {
        memcpy(out, in, count * sizeof *out);
        return;
    }
    size_t i = 0;
    for (; i + 8 <= count; i += 8)
        memcpy(out + i, in + i, 8 * sizeof *out);
    for (; i < count; i++)
        out[i] = in[i];
}

static void zero_floats(float *out, size_t count)
{
    for (size_t i = 0; i < count; i++)
        out[i] = 0.0f;
}

/* Pixels [x, x + count) of a line of `size` pixels, which may lie outside of it. */
static void copy_pixels(const axm_gemm_cut *c, const float *line, int64_t x, int64_t count, float *out)
{
    const int64_t size = c->w.in_size, first = x < 0 ? (-x < count ? -x : count) : 0;
    const int64_t last = x + count > size ? (size - x > first ? size - x : first) : count;
    zero_floats(out, (size_t)first * c->pixel);
    line += (x + first) * (int64_t)c->in_pixel;
    if (c->in_pixel == c->in_c && c->pixel == c->in_c) {
        copy_floats(out + (size_t)first * c->pixel, line, (size_t)(last - first) * c->pixel);
    } else {
        for (int64_t i = first; i < last; i++, line += c->in_pixel)
            copy_floats(out + (size_t)i * c->pixel, line, c->in_c);
    }
    zero_floats(out + (size_t)last * c->pixel, (size_t)(count - last) * c->pixel);
}

void axm_gemm_copy_lines(const axm_gemm_cut *c, const axm_gemm_rows *rows, const float *x, float *out)
{
    const pixel at = pixel_at(&c->h, &c->w, rows->first);
    const int64_t lines = ((int64_t)rows->count / c->w.grid - 1) * c->h.in_step + c->h.taps;
    const int64_t pixels = (c->w.grid - 1) * c->w.in_step + c->w.taps, y0 = at.gy * c->h.in_step + c->h.offset;
    for (int64_t y = y0; y < y0 + lines; y++, out += c->line) {
        if (y < 0 || y >= c->h.in_size) {
            zero_floats(out, (size_t)pixels * c->pixel);
        } else {
            const int64_t line = (at.image * c->h.in_size + y) * c->w.in_size;
            copy_pixels(c, x + line * (int64_t)c->in_pixel + rows->channel, c->w.offset, pixels, out);
        }
    }
}

/* Elements [from, to) of a run of `taps` neighbouring pixels of `step` floats, the first at position x of the line (which may lie
 * outside of it). */
static void gather_run(const float *line, int64_t width, int64_t x, int64_t taps, int64_t step, int64_t from, int64_t to,
                       float *out)
{
    const int64_t inside = x < 0 ? -x * step : 0, past = x + taps > width ? (width - x) * step : taps * step;
    const int64_t first = inside < from ? from : (inside < to ? inside : to);
    const int64_t last = past > to ? to : (past > first ? past : first);
    zero_floats(out, (size_t)(first - from));
    if (last > first) copy_floats(out + (first - from), line + (x * step + first), (size_t)(last - first));
    zero_floats(out + (last - from), (size_t)(to - last));
}

void axm_gemm_gather(const axm_gemm_cut *c, const axm_gemm_rows *rows, size_t k0, size_t k1, const float *x, float *out)
{
    const axm_tap_axis *h = &c->h, *w = &c->w;
    const int64_t channels = (int64_t)c->in_c, stride = (int64_t)c->in_pixel;
    /* Taps side by side are one run when their pixels touch in memory. */
    const bool joined = w->offset_step == 1 && channels == stride;
    const int64_t run_taps = joined ? w->taps : 1, runs = joined ? 1 : w->taps, length = run_taps * channels;
    pixel at = pixel_at(h, w, rows->first);
    for (size_t i = 0; i < rows->count; i++, out += c->lda, at = pixel_after(h, w, at)) {
        const int64_t x0 = at.gx * w->in_step + w->offset, y0 = at.gy * h->in_step + h->offset;
        int64_t run = (int64_t)k0 / length, from = (int64_t)k0 % length;
        float *o = out;
        for (int64_t k = (int64_t)k0; k < (int64_t)k1; run++, from = 0) {
            const int64_t to = length - from <= (int64_t)k1 - k ? length : from + (int64_t)k1 - k;
            const int64_t y = y0 + run / runs * h->offset_step, at_x = x0 + run % runs * w->offset_step;
            if (y < 0 || y >= h->in_size) {
                zero_floats(o, (size_t)(to - from));
            } else {
                const float *line = x + (at.image * h->in_size + y) * w->in_size * stride + rows->channel;
                if (joined) {
                    gather_run(line, w->in_size, at_x, run_taps, channels, from, to, o);
                } else if (at_x < 0 || at_x >= w->in_size) {
                    zero_floats(o, (size_t)(to - from));
                } else {
                    copy_floats(o, line + at_x * stride + from, (size_t)(to - from));
                }
            }
            o += to - from;
            k += to - from;
        }
    }
}

void axm_gemm_outputs(const axm_tap_conv *v, const axm_gemm_rows *rows, float **out)
{
    pixel at = pixel_at(&v->h, &v->w, rows->first);
    for (size_t i = 0; i < rows->count; i++, at = pixel_after(&v->h, &v->w, at)) {
        const int64_t y = v->h.out_first + at.gy * v->h.out_step, x = v->w.out_first + at.gx * v->w.out_step;
        out[i] = v->y + ((at.image * v->h.out_size + y) * v->w.out_size + x) * v->plan->out_pixel;
    }
}
