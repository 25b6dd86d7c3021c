/* Colours of maps, and heat laid over a picture. */
#include <math.h>
#include <string.h>

#include "image/colormap_tables.h"
#include "image/image.h"

static void jet(uint8_t rgb[256][3])
{
    memcpy(rgb, axm_table_jet, sizeof axm_table_jet);
}

static void jet_opencv(uint8_t rgb[256][3])
{
    memcpy(rgb, axm_table_jet_opencv, sizeof axm_table_jet_opencv);
}

static void viridis(uint8_t rgb[256][3])
{
    memcpy(rgb, axm_table_viridis, sizeof axm_table_viridis);
}

static void turbo(uint8_t rgb[256][3])
{
    memcpy(rgb, axm_table_turbo, sizeof axm_table_turbo);
}

static void grey(uint8_t rgb[256][3])
{
    for (int i = 0; i < 256; ++i)
        memset(rgb[i], i, 3);
}

static const axm_colormap colormaps[] = {
    {"jet", jet, false},   {"jet-opencv", jet_opencv, true}, {"viridis", viridis, false}, {"turbo", turbo, false},
    {"grey", grey, false},
};

#define COLORMAPS ((int32_t)(sizeof colormaps / sizeof colormaps[0]))

const axm_colormap *axm_colormap_find(const char *name)
{
    for (int32_t i = 0; i < COLORMAPS; ++i)
        if (strcmp(colormaps[i].name, name) == 0) return &colormaps[i];
    return NULL;
}

const axm_colormap *axm_colormap_at(int32_t index)
{
    return index >= 0 && index < COLORMAPS ? &colormaps[index] : NULL;
}

void axm_colormap_apply(const axm_colormap *colormap, const float *map, size_t count, uint8_t *rgb)
{
    uint8_t table[257][3] = {{0}}; /* the last one is never looked up: copies of four bytes read into it */
    const float scale = colormap->truncates_255 ? 255.0f : 256.0f;
    colormap->table(table);
    for (size_t i = 0; i < count; ++i) {
        const float at = map[i] > 0.0f ? map[i] * scale : 0.0f; /* 0 when it is not a number */
        const uint8_t *colour = table[(int)(at < 255.0f ? at : 255.0f)];
        memcpy(rgb + i * 3, colour, i + 1 < count ? 4 : 3); /* the fourth byte is the next pixel's, which follows */
    }
}

/* Each product is rounded before the sum (no fused multiply-add), as NumPy does: truncation would show the difference. */
void axm_overlay(const uint8_t *a, const uint8_t *b, double alpha, size_t count, uint8_t *out)
{
    double share_a[256], share_b[256];
    for (int i = 0; i < 256; ++i) {
        share_a[i] = (double)i * alpha;
        share_b[i] = (double)i * (1.0 - alpha);
    }
    for (size_t i = 0; i < count; ++i) {
        double sum = share_a[a[i]] + share_b[b[i]];
        out[i] = (uint8_t)fmin(fmax(sum, 0.0), 255.0);
    }
}
