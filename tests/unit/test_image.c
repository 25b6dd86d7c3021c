/* lib/image: decoding against Pillow, hostile files, encoding, limits, and memory that runs out. */
#include "image_goldens.h"

#include "base/rng.h"
#include "base/status.h"
#include "image/formats.h"

#define ANY_NAME "picture"

static int32_t decode_bytes(const uint8_t *data, size_t size, struct actmax_image **out)
{
    return axm_image_decode(&golden_allocator, NULL, data, size, ANY_NAME, out);
}

static int32_t decode_file(const char *name, struct actmax_image **out)
{
    char path[80];
    size_t size = 0;
    snprintf(path, sizeof path, "images/%s", name);
    uint8_t *data = read_whole(path, &size);
    int32_t status = decode_bytes(data, size, out);
    free(data);
    return status;
}

static void test_exact_files(void **state)
{
    static const char *const names[] = {"rgb.png",   "grey.png",    "rgba.png",          "grey_alpha.png", "grey16.png",
                                        "rgb16.png", "palette.png", "palette_clear.png", "bits1.png",      "interlaced.png",
                                        "rgb.bmp",   "rgba.bmp",    "palette.bmp"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct actmax_image *image = NULL;
        char name[64];
        snprintf(name, sizeof name, "file/%s", names[i]);
        if (decode_file(names[i], &image) != 0) fail_msg("%s", axm_message());
        assert_image_is(name, image);
        axm_image_free(image);
    }
}

static void assert_jpeg(const char *file, int tolerance)
{
    struct actmax_image *image = NULL;
    char name[64];
    snprintf(name, sizeof name, "file/%s", file);
    golden wanted = find_golden(name);
    if (decode_file(file, &image) != 0) fail_msg("%s", axm_message());
    assert_int_equal(image->height, wanted.dims[0]);
    assert_int_equal(image->width, wanted.dims[1]);
    assert_int_equal(image->channels, wanted.dims[2]);
    for (size_t i = 0; i < wanted.count; i++)
        if (abs((int)image->bytes[i] - (int)wanted.bytes[i]) > tolerance)
            fail_msg("%s: byte %zu is %d, not %d", file, i, image->bytes[i], wanted.bytes[i]);
    axm_image_free(image);
}

/* ITU T.83 leaves a decoder one unit in each component before the colours are made, which may become two of a channel. */
static void test_jpeg_files(void **state)
{
    (void)state;
    assert_jpeg("grey.jpg", 1);
    assert_jpeg("baseline.jpg", 2);
    assert_jpeg("progressive.jpg", 2);
    assert_jpeg("restart.jpg", 2);
    assert_jpeg("subsampled.jpg", 4); /* and chroma is enlarged by arithmetic that the standard leaves open */
}

static void test_exif_orientations(void **state)
{
    (void)state;
    for (int i = 1; i <= 8; i++) {
        char name[32];
        snprintf(name, sizeof name, "exif_%d.jpg", i);
        assert_jpeg(name, 2);
    }
}

static void assert_refused(const char *file, int32_t wanted, const char *word)
{
    struct actmax_image *image = NULL;
    int32_t status = decode_file(file, &image);
    if (status != wanted) fail_msg("%s: status %d, not %d (%s)", file, (int)status, (int)wanted, axm_message());
    if (strstr(axm_message(), word) == NULL) fail_msg("%s: the message lacks '%s': %s", file, word, axm_message());
    assert_null(image);
}

static void test_refused_files(void **state)
{
    (void)state;
    assert_refused("cmyk.jpg", ACTMAX_ERROR_UNSUPPORTED, "CMYK");
    assert_refused("animation.gif", ACTMAX_ERROR_FORMAT, "not a PNG, JPEG or BMP");
    assert_refused("huge.png", ACTMAX_ERROR_FORMAT, "cannot be in");
    assert_refused("side.png", ACTMAX_ERROR_LIMIT, "limit_image_side");
    assert_refused("bomb.png", ACTMAX_ERROR_FORMAT, "unpacks to more");
    assert_refused("short_pixels.png", ACTMAX_ERROR_FORMAT, "not enough pixels");
}

/* Every beginning of a good file is refused, none is read half. */
static void test_truncation(void **state)
{
    static const char *const names[] = {"rgb.png", "interlaced.png", "progressive.jpg", "exif_6.jpg", "rgb.bmp", "palette.bmp"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[80];
        size_t size = 0;
        snprintf(path, sizeof path, "images/%s", names[i]);
        uint8_t *data = read_whole(path, &size);
        size_t spare = strcmp(names[i], "rgb.bmp") == 0       ? 3
                       : strcmp(names[i], "palette.bmp") == 0 ? 1
                                                              : 0; /* the last row's padding */
        for (size_t cut = 0; cut + spare < size; cut++) {
            struct actmax_image *image = NULL;
            uint8_t *part = malloc(cut + 1); /* of its own, so that reading past the end is seen */
            assert_non_null(part);
            memcpy(part, data, cut);
            if (decode_bytes(part, cut, &image) >= 0) fail_msg("%s cut to %zu of %zu bytes was read", names[i], cut, size);
            free(part);
        }
        free(data);
    }
}

static void test_checksum(void **state)
{
    struct actmax_image *image = NULL;
    size_t size = 0;
    uint8_t *data = read_whole("images/grey.png", &size);
    (void)state;
    data[size - 12 - 6] ^= 1; /* in the compressed pixels */
    assert_int_equal(decode_bytes(data, size, &image), ACTMAX_ERROR_FORMAT);
    assert_non_null(strstr(axm_message(), "checksum"));
    free(data);
}

static void test_limits(void **state)
{
    axm_limits limits = axm_limits_default();
    struct actmax_image *image = NULL;
    size_t size = 0;
    uint8_t *data = read_whole("images/progressive.jpg", &size);
    (void)state;
    limits.image_pixels = 40 * 24 - 1;
    assert_int_equal(axm_image_decode(&golden_allocator, &limits, data, size, ANY_NAME, &image), ACTMAX_ERROR_LIMIT);
    assert_non_null(strstr(axm_message(), "limit_image_pixels"));
    limits.image_pixels = 40 * 24;
    assert_int_equal(axm_image_decode(&golden_allocator, &limits, data, size, ANY_NAME, &image), 0);
    axm_image_free(image);
    image = NULL;
    limits.image_side = 39;
    assert_int_equal(axm_image_decode(&golden_allocator, &limits, data, size, ANY_NAME, &image), ACTMAX_ERROR_LIMIT);
    limits.image_side = 100;
    limits.image_pixels = 100000;
    assert_int_equal(axm_image_new(&golden_allocator, &limits, 101, 2, 3, false, &image), ACTMAX_ERROR_LIMIT);
    assert_int_equal(axm_image_new(&golden_allocator, &limits, 0, 2, 3, false, &image), ACTMAX_ERROR_INVALID);
    assert_int_equal(axm_image_new(&golden_allocator, &limits, 2, 2, 2, false, &image), ACTMAX_ERROR_INVALID);
    assert_null(image);
    assert_int_equal(axm_image_new(&golden_allocator, &limits, 3, 2, 5, true, &image), 0);
    assert_true(image->floats && !image->bytes);
    for (int i = 0; i < 30; i++)
        assert_true(image->floats[i] == 0.0f);
    axm_image_free(image);
    free(data);
}

/* A progressive file may repeat a scan for ever; the time is bounded by refusing too many. */
static void test_scan_bomb(void **state)
{
    struct actmax_image *image = NULL;
    size_t size = 0, first = 0, second = 0;
    uint8_t *data = read_whole("images/progressive.jpg", &size);
    (void)state;
    for (size_t i = 0; i + 1 < size && second == 0; i++)
        if (data[i] == 0xff && data[i + 1] == 0xda) {
            if (first == 0)
                first = i;
            else
                second = i;
        }
    assert_true(second > first);
    size_t scan = second - first, bomb_size = size + 300 * scan;
    uint8_t *bomb = malloc(bomb_size);
    assert_non_null(bomb);
    memcpy(bomb, data, second);
    for (size_t i = 0; i < 300; i++)
        memcpy(bomb + second + i * scan, data + first, scan);
    memcpy(bomb + second + 300 * scan, data + second, size - second);
    assert_int_equal(decode_bytes(bomb, bomb_size, &image), ACTMAX_ERROR_LIMIT);
    assert_non_null(strstr(axm_message(), "scans"));
    free(bomb);
    free(data);
}

static void replace_marker(uint8_t *data, size_t size, uint8_t from, uint8_t to)
{
    for (size_t i = 0; i + 1 < size; i++)
        if (data[i] == 0xff && data[i + 1] == from) data[i + 1] = to;
}

/* Code tables of more than 256 codes overflow stb's buffer; a scan without its tables would decode to grey. */
static void test_jpeg_code_tables(void **state)
{
    struct actmax_image *image = NULL;
    size_t size = 0, at = 0;
    uint8_t *data = read_whole("images/baseline.jpg", &size);
    (void)state;
    while (at + 1 < size && !(data[at] == 0xff && data[at + 1] == 0xc4))
        at++;
    assert_true(at + 21 < size);
    uint8_t kept = data[at + 20];
    data[at + 20] = 255;
    data[at + 19] = 255;
    assert_int_equal(decode_bytes(data, size, &image), ACTMAX_ERROR_FORMAT);
    assert_non_null(strstr(axm_message(), "code table"));
    data[at + 20] = kept;
    data[at + 19] = kept;
    replace_marker(data, size, 0xc4, 0xfe); /* a comment instead */
    assert_int_equal(decode_bytes(data, size, &image), ACTMAX_ERROR_FORMAT);
    assert_non_null(strstr(axm_message(), "without its code tables"));
    free(data);
    data = read_whole("images/baseline.jpg", &size);
    replace_marker(data, size, 0xc0, 0xc9);
    assert_int_equal(decode_bytes(data, size, &image), ACTMAX_ERROR_UNSUPPORTED);
    assert_null(image);
    free(data);
}

static void test_exif_blocks(void **state)
{
    const uint8_t good[26] = {'I', 'I', 42, 0, 8, 0, 0, 0, 1, 0, 0x12, 1, 3, 0, 1, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0};
    /* byte to change, its value, the orientation that is then read */
    static const int changes[][3] = {{0, 'M', 1}, {0, 'X', 1}, {2, 43, 1}, {4, 255, 1}, {7, 255, 1}, {8, 0, 1},  {9, 255, 6},
                                     {10, 17, 1}, {12, 4, 1},  {14, 2, 1}, {18, 0, 1},  {18, 9, 1},  {18, 8, 8}, {19, 1, 1}};
    uint8_t block[26];
    (void)state;
    assert_int_equal(axm_exif_orientation(good, sizeof good), 6);
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        memcpy(block, good, sizeof block);
        block[changes[i][0]] = (uint8_t)changes[i][1];
        if (axm_exif_orientation(block, sizeof block) != changes[i][2]) fail_msg("change %zu", i);
    }
    for (size_t cut = 0; cut < 22; cut++)
        assert_int_equal(axm_exif_orientation(good, cut), 1);
}

static void test_lossless_round_trip(void **state)
{
    static const struct {
        const char *source, *format;
    } cases[] = {{"source/rgb", "png"}, {"source/grey", "png"}, {"source/rgb", "bmp"}};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct actmax_image *image = golden_image(cases[i].source), *back = NULL;
        uint8_t *data = NULL;
        size_t size = 0;
        assert_int_equal(axm_image_encode(&golden_allocator, image, cases[i].format, &data, &size), 0);
        assert_int_equal(decode_bytes(data, size, &back), 0);
        assert_image_is(cases[i].source, back);
        axm_free(&golden_allocator, data);
        axm_image_free(back);
        axm_image_free(image);
    }
}

/* A flat colour survives JPEG within its quantisation step (3 at quality 90) and two roundings. */
static void test_jpeg_round_trip(void **state)
{
    static const uint8_t colours[3][3] = {{200, 40, 90}, {17, 17, 17}, {0, 255, 0}};
    (void)state;
    for (int k = 0; k < 3; k++) {
        struct actmax_image *image = NULL, *back = NULL;
        uint8_t *data = NULL;
        size_t size = 0;
        assert_int_equal(axm_image_new(&golden_allocator, NULL, 21, 13, 3, false, &image), 0);
        for (size_t i = 0; i < 21 * 13; i++)
            memcpy(image->bytes + i * 3, colours[k], 3);
        assert_int_equal(axm_image_encode(&golden_allocator, image, "jpg", &data, &size), 0);
        assert_int_equal(decode_bytes(data, size, &back), 0);
        assert_true(back->width == 21 && back->height == 13 && back->channels == 3);
        for (size_t i = 0; i < 21 * 13 * 3; i++)
            assert_in_range(back->bytes[i] + 5, image->bytes[i], image->bytes[i] + 10);
        axm_free(&golden_allocator, data);
        axm_image_free(back);
        axm_image_free(image);
    }
}

static void test_encode_refusals(void **state)
{
    struct actmax_image *image = NULL;
    uint8_t *data = NULL;
    size_t size = 0;
    (void)state;
    assert_int_equal(axm_image_new(&golden_allocator, NULL, 65536, 1, 1, false, &image), 0);
    assert_int_equal(axm_image_encode(&golden_allocator, image, "jpg", &data, &size), ACTMAX_ERROR_LIMIT);
    axm_image_free(image);
    assert_int_equal(axm_image_new(&golden_allocator, NULL, 2, 2, 3, true, &image), 0);
    assert_int_equal(axm_image_encode(&golden_allocator, image, "png", &data, &size), ACTMAX_ERROR_INVALID);
    assert_null(data);
    axm_image_free(image);
}

static void test_endings(void **state)
{
    (void)state;
    assert_string_equal(axm_image_format_of("a/b.c/x.PNG"), "png");
    assert_string_equal(axm_image_format_of("x.jpeg"), "jpg");
    assert_string_equal(axm_image_format_of("x.JPG"), "jpg");
    assert_string_equal(axm_image_format_of("x.bmp"), "bmp");
    assert_null(axm_image_format_of("x.pngx"));
    assert_null(axm_image_format_of("x.pn"));
    assert_null(axm_image_format_of("x"));
    assert_null(axm_image_format_of(""));
}

/* ---- Memory that runs out at the n-th request, for every n ---- */

typedef struct stingy {
    int left;
} stingy;

static void *stingy_alloc(void *user, size_t bytes)
{
    stingy *self = user;
    return self->left-- > 0 ? malloc(bytes) : NULL;
}

static void stingy_free(void *user, void *pointer)
{
    (void)user;
    free(pointer);
}

static void test_no_memory(void **state)
{
    static const char *const names[] = {"images/interlaced.png", "images/palette_clear.png", "images/progressive.jpg",
                                        "images/subsampled.jpg", "images/rgb.bmp",           "images/exif_8.jpg"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        size_t size = 0;
        uint8_t *data = read_whole(names[i], &size);
        int32_t status = ACTMAX_ERROR_NO_MEMORY;
        int n = 0;
        for (; status < 0; n++) {
            stingy host = {.left = n};
            axm_allocator allocator;
            struct actmax_image *image = NULL;
            axm_allocator_init(&allocator, stingy_alloc, stingy_free, &host);
            status = axm_image_decode(&allocator, NULL, data, size, ANY_NAME, &image);
            assert_true(status == 0 || status == ACTMAX_ERROR_NO_MEMORY);
            assert_int_equal(image == NULL, status < 0);
            axm_image_free(image);
            assert_int_equal(atomic_load(&allocator.live_blocks), 0);
        }
        assert_true(n > 3);
        free(data);
    }
}

static void test_no_memory_while_encoding(void **state)
{
    static const char *const formats[] = {"png", "jpg", "bmp"};
    struct actmax_image *image = golden_image("source/rgb");
    (void)state;
    for (int f = 0; f < 3; f++) {
        int32_t status = ACTMAX_ERROR_NO_MEMORY;
        for (int n = 0; status < 0; n = n < 30 ? n + 1 : n + 97) {
            stingy host = {.left = n};
            axm_allocator allocator;
            uint8_t *data = NULL;
            size_t size = 0;
            axm_allocator_init(&allocator, stingy_alloc, stingy_free, &host);
            status = axm_image_encode(&allocator, image, formats[f], &data, &size);
            assert_true(status == 0 || status == ACTMAX_ERROR_NO_MEMORY);
            assert_int_equal(data == NULL, status < 0);
            axm_free(&allocator, data);
            assert_int_equal(atomic_load(&allocator.live_blocks), 0);
        }
    }
    axm_image_free(image);
}

/* ---- Damaged bytes: any status, no crash (the sanitizers look on) ---- */

/* Makes the checksums of a PNG right again, so that the damage reaches the decoder. */
static void mend_png(uint8_t *data, size_t size)
{
    for (size_t at = 8; at + 12 <= size;) {
        size_t length = (size_t)data[at] << 24 | (size_t)data[at + 1] << 16 | (size_t)data[at + 2] << 8 | data[at + 3];
        if (length > size - at - 12) return;
        uint32_t crc = 0xffffffffu;
        for (size_t i = at + 4; i < at + 8 + length; i++) {
            crc ^= data[i];
            for (int bit = 0; bit < 8; bit++)
                crc = crc & 1 ? crc >> 1 ^ 0xedb88320u : crc >> 1;
        }
        crc = ~crc;
        for (int i = 0; i < 4; i++)
            data[at + 8 + length + (size_t)i] = (uint8_t)(crc >> (24 - 8 * i));
        at += 12 + length;
    }
}

static void test_damaged_bytes(void **state)
{
    static const char *const names[] = {"images/rgb.png",         "images/interlaced.png", "images/palette_clear.png",
                                        "images/rgb16.png",       "images/bits1.png",      "images/baseline.jpg",
                                        "images/progressive.jpg", "images/subsampled.jpg", "images/restart.jpg",
                                        "images/exif_7.jpg",      "images/rgb.bmp",        "images/palette.bmp"};
    const char *more = getenv("ACTMAX_FUZZ_ROUNDS");
    uint32_t rounds = more ? (uint32_t)strtoul(more, NULL, 10) : 300;
    axm_limits limits = axm_limits_default();
    (void)state;
    limits.image_pixels = 1 << 18;
    for (uint32_t f = 0; f < sizeof names / sizeof names[0]; f++) {
        size_t size = 0;
        uint8_t *good = read_whole(names[f], &size), *bad = malloc(size);
        assert_non_null(bad);
        for (uint32_t round = 0; round < rounds; round++) {
            struct actmax_image *image = NULL;
            axm_rng_key key = {.seed = 5, .image = f, .step = round};
            memcpy(bad, good, size);
            for (uint32_t k = 0; k <= round % 6; k++) {
                size_t at = axm_rng_u32(key, 2 * k) % (k % 2 ? size : size < 200 ? size : 200);
                uint32_t bits = axm_rng_u32(key, 2 * k + 1);
                bad[at] = (uint8_t)(round % 3 ? bits : bad[at] ^ (1u << bits % 8));
            }
            if (f < 5) mend_png(bad, size);
            int32_t status = axm_image_decode(&golden_allocator, &limits, bad, size, ANY_NAME, &image);
            assert_int_equal(image == NULL, status < 0);
            axm_image_free(image);
        }
        free(good);
        free(bad);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exact_files),
        cmocka_unit_test(test_jpeg_files),
        cmocka_unit_test(test_exif_orientations),
        cmocka_unit_test(test_refused_files),
        cmocka_unit_test(test_truncation),
        cmocka_unit_test(test_checksum),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_scan_bomb),
        cmocka_unit_test(test_jpeg_code_tables),
        cmocka_unit_test(test_exif_blocks),
        cmocka_unit_test(test_lossless_round_trip),
        cmocka_unit_test(test_jpeg_round_trip),
        cmocka_unit_test(test_encode_refusals),
        cmocka_unit_test(test_endings),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_no_memory_while_encoding),
        cmocka_unit_test(test_damaged_bytes),
    };
    return cmocka_run_group_tests(tests, open_goldens, close_goldens);
}
