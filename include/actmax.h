/*
 * actmax: see what a trained convolutional network has learned, from any program.
 *
 * actmax loads a trained network as it was saved (ONNX, Keras), finds a layer by name, and shows what it responds to
 * (activation maximisation) and where it looks (Grad-CAM, saliency, overlay).
 *
 * THE SHORT WAY
 *
 *     actmax_model *model = NULL;
 *     actmax_result *picture = NULL;
 *     if (actmax_model_load("squeezenet.onnx", NULL, &model) < 0) puts(actmax_message());
 *     if (actmax_model_maximize(model, "fire5/concat", 3, NULL, &picture) < 0) puts(actmax_message());
 *     actmax_result_save(picture, "filter3.png");
 *     actmax_result_free(picture);
 *     actmax_model_free(model);
 *
 * STATUS. Every function that can fail returns an int32_t: 0 done; above 0 done, with a note (outputs are set);
 * below 0 failed (outputs untouched, nothing to clean up). actmax_message() then holds one line that says what, where and
 * what to do; it belongs to the calling thread and lasts until that thread's next call. New codes may appear: test `< 0`.
 *
 * OWNERSHIP. What a function hands out through a pointer-to-pointer named `out` is the caller's, who frees it with that
 * type's own free function; free(NULL) is fine. A returned const pointer is a view that lives with the handle it came
 * from. Arguments are only read, and copied where they must last.
 *
 * THREADS. A model is immutable: any number of threads may share it. A session, a recipe, an image and a result are for one
 * thread at a time (an image or a result may be read by many). A session keeps plans and memory warm between calls: make one
 * for each thread. A model must outlive its sessions and may be freed before results. Callbacks run on the calling thread.
 *
 * RECIPES. How to do a thing is said by a recipe: options by name ("steps", "jitter", "preprocess", ...), each with a type, a
 * default and bounds that actmax_option_* list. Every function reads the options of its own concern, so one recipe can be
 * handed to all of them; NULL means the defaults. A recipe is also an ordered list of parts (transforms, regularisers, an
 * optimizer) for those who want to compose a maximisation themselves.
 *
 * TENSORS AND IMAGES. 8-bit images are interleaved rows (height, width, channels), RGB or grey. Float images have the same
 * order and are in the network's own input units (after preprocessing). Arrays of results say their shape themselves.
 *
 * The library never prints, exits, aborts, or changes process-wide state. This header is C99 and C++11 clean.
 */
#ifndef ACTMAX_H
#define ACTMAX_H

#include <stddef.h>
#include <stdint.h>

#define ACTMAX_VERSION_MAJOR 0
#define ACTMAX_VERSION_MINOR 1
#define ACTMAX_VERSION_PATCH 0
#define ACTMAX_VERSION       (ACTMAX_VERSION_MAJOR * 10000 + ACTMAX_VERSION_MINOR * 100 + ACTMAX_VERSION_PATCH)

#if defined(_WIN32)
#define ACTMAX_API
#elif defined(__GNUC__) && __GNUC__ >= 4
#define ACTMAX_API __attribute__((visibility("default")))
#else
#define ACTMAX_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Status --------------------------------------------------------------------------------------------------- */

#define ACTMAX_OK 0

/* Notes: done, outputs are set, something is worth knowing (actmax_message() says what). */
#define ACTMAX_NOTE_STOPPED      1 /* the callback asked to stop; the best image so far is in the result */
#define ACTMAX_NOTE_TIME_LIMIT   2 /* the time limit was reached; likewise */
#define ACTMAX_NOTE_FLAT_MAP     3 /* the map is the same everywhere: it is all zeros */
#define ACTMAX_NOTE_DEAD_TARGET  4 /* the target does not react to the image: its gradient stayed zero */
#define ACTMAX_NOTE_NO_RISE      5 /* the objective did not rise: wrong input range, or too small a step */
#define ACTMAX_NOTE_NOT_MODIFIED 6 /* the backprop modifier found no activation to act on: same as none */
#define ACTMAX_NOTE_ASSUMED      7 /* something that was not given was assumed, e.g. the preprocessing */

#define ACTMAX_ERROR_INVALID     (-1)  /* an argument or option is wrong */
#define ACTMAX_ERROR_NO_MEMORY   (-2)  /* memory could not be had */
#define ACTMAX_ERROR_IO          (-3)  /* a file could not be read or written */
#define ACTMAX_ERROR_FORMAT      (-4)  /* a file is damaged, or not of a known format */
#define ACTMAX_ERROR_UNSUPPORTED (-5)  /* an operator, attribute or type that actmax does not compute */
#define ACTMAX_ERROR_NOT_FOUND   (-6)  /* no layer, option, filter, class or file of that name */
#define ACTMAX_ERROR_AMBIGUOUS   (-7)  /* the name fits several layers; the message lists them */
#define ACTMAX_ERROR_LIMIT       (-8)  /* a limit was reached; the message names it */
#define ACTMAX_ERROR_SHAPE       (-9)  /* shapes do not fit; the message names the node */
#define ACTMAX_ERROR_NUMERIC     (-10) /* a value became infinite or not a number; the message names the layer */
#define ACTMAX_ERROR_INTERNAL    (-11) /* a bug in actmax: please report it */

/* The message of this thread's last call; "" when there was nothing to say. */
ACTMAX_API const char *actmax_message(void);
/* "OK", "ERROR_NOT_FOUND", ...; "UNKNOWN" for a number that this version does not know. */
ACTMAX_API const char *actmax_status_name(int32_t status);

/* ---- Version, features, operators ------------------------------------------------------------------------------ */

ACTMAX_API int32_t actmax_version(void);            /* ACTMAX_VERSION of the library that runs */
ACTMAX_API const char *actmax_version_string(void); /* "0.1.0" */

/* Optional parts: "onnx", "keras", "gif", "openblas", and the instruction sets "avx2", "avx512", "neon". */
ACTMAX_API int32_t actmax_feature_count(void);
ACTMAX_API const char *actmax_feature_name(int32_t index); /* NULL when out of range */
/* 1 when it was built in (and, for an instruction set, this processor has it), else 0. */
ACTMAX_API int32_t actmax_feature_enabled(int32_t index);

ACTMAX_API int32_t actmax_operator_count(void);
ACTMAX_API const char *actmax_operator_name(int32_t index); /* ONNX's name; NULL when out of range */

/* ---- Options ---------------------------------------------------------------------------------------------------- */

#define ACTMAX_TYPE_INTEGER 1
#define ACTMAX_TYPE_NUMBER  2
#define ACTMAX_TYPE_TEXT    3 /* any text */
#define ACTMAX_TYPE_CHOICE  4 /* one of actmax_option_choices */
#define ACTMAX_TYPE_NUMBERS 5 /* a list of numbers; as text: "0.485,0.456,0.406" */
#define ACTMAX_TYPE_SWITCH  6 /* 0 or 1 */

ACTMAX_API int32_t actmax_option_count(void);
/* The index of an option, for the getters below; ACTMAX_ERROR_NOT_FOUND names the nearest. */
ACTMAX_API int32_t actmax_option_find(const char *name, int32_t *out);
/* Getters: NULL or 0 when the index is out of range. */
ACTMAX_API int32_t actmax_option_id(int32_t index); /* pinned for ever */
ACTMAX_API const char *actmax_option_name(int32_t index);
ACTMAX_API const char *actmax_option_part(int32_t index);    /* the concern or recipe part it belongs to */
ACTMAX_API int32_t actmax_option_type(int32_t index);        /* ACTMAX_TYPE_... */
ACTMAX_API const char *actmax_option_default(int32_t index); /* as text; "" when there is none */
ACTMAX_API const char *actmax_option_choices(int32_t index); /* "a|b|c", or "" */
ACTMAX_API double actmax_option_minimum(int32_t index);
ACTMAX_API double actmax_option_maximum(int32_t index);
ACTMAX_API const char *actmax_option_help(int32_t index);

/* Presets: defaults of a named tool, taken by the option "preset"; what is set besides, before or after, overrides them. Each
 * lists the options that it gives another default, and the value as text. */
ACTMAX_API int32_t actmax_preset_count(void);
ACTMAX_API const char *actmax_preset_name(int32_t preset); /* NULL when out of range */
ACTMAX_API int32_t actmax_preset_option_count(int32_t preset);
ACTMAX_API const char *actmax_preset_option_name(int32_t preset, int32_t index);
ACTMAX_API const char *actmax_preset_option_value(int32_t preset, int32_t index);

/* ---- Recipes ---------------------------------------------------------------------------------------------------- */

typedef struct actmax_recipe actmax_recipe;

/* Memory hooks: alloc returns `bytes` bytes or NULL, suitably aligned for any object; both are called from any thread. */
typedef void *(*actmax_alloc_fn)(void *user, size_t bytes);
typedef void (*actmax_free_fn)(void *user, void *pointer);

ACTMAX_API int32_t actmax_recipe_new(actmax_recipe **out);
/* All that is made with this recipe (models, their sessions and results, images) allocates through the two hooks. */
ACTMAX_API int32_t actmax_recipe_new_with(actmax_alloc_fn alloc, actmax_free_fn free, void *user, actmax_recipe **out);
ACTMAX_API void actmax_recipe_free(actmax_recipe *recipe);

/* Set an option. An unknown name, a wrong type or a value out of bounds fails and leaves the recipe as it was. set_text takes
 * any option and reads its value from text as the command line does. */
ACTMAX_API int32_t actmax_recipe_set_number(actmax_recipe *recipe, const char *option, double value);
ACTMAX_API int32_t actmax_recipe_set_numbers(actmax_recipe *recipe, const char *option, const double *values, size_t count);
ACTMAX_API int32_t actmax_recipe_set_text(actmax_recipe *recipe, const char *option, const char *value);
/* Read an option (its default when it was not set). get_text: the text lives with the recipe until it is set again. */
ACTMAX_API int32_t actmax_recipe_get_number(const actmax_recipe *recipe, const char *option, double *out);
ACTMAX_API int32_t actmax_recipe_get_text(const actmax_recipe *recipe, const char *option, const char **out);

/* Parts: actmax_part_* list the kinds ("transform", "regularizer", "optimizer") and their names. The first part added of a
 * kind replaces the default ones of that kind; parts of a kind run in the order added. Options of a part are
 * those whose actmax_option_part is the part's name. */
ACTMAX_API int32_t actmax_part_count(void);
ACTMAX_API const char *actmax_part_name(int32_t index);
ACTMAX_API const char *actmax_part_kind(int32_t index);
ACTMAX_API int32_t actmax_recipe_add_part(actmax_recipe *recipe, const char *part, int32_t *out_index);
ACTMAX_API int32_t actmax_recipe_set_part_number(actmax_recipe *recipe, int32_t part_index, const char *option, double value);
ACTMAX_API int32_t actmax_recipe_set_part_text(actmax_recipe *recipe, int32_t part_index, const char *option, const char *value);

/* Gives an input of the network that is not the image a constant value (row-major float32, copied); read at load. */
ACTMAX_API int32_t actmax_recipe_bind_input(actmax_recipe *recipe, const char *input, const float *data, const int64_t *dims,
                                            int32_t rank);
/* The bytes of a file that an ONNX model loaded from memory keeps beside itself. Not copied: they must outlive the model. */
ACTMAX_API int32_t actmax_recipe_add_external_data(actmax_recipe *recipe, const char *location, const void *data, size_t size);

/* Called after each step of a maximisation. Non-zero stops the run (ACTMAX_NOTE_STOPPED). */
typedef struct actmax_progress actmax_progress;
typedef int32_t (*actmax_progress_fn)(void *user, const actmax_progress *progress);
ACTMAX_API int32_t actmax_recipe_set_callback(actmax_recipe *recipe, actmax_progress_fn callback, void *user);
/* "step", "steps", "objective" (higher is better), "loss" (what is minimised), "activation", "lp_norm", "total_variation",
 * "scale", "scales", "picture", "pictures", "seconds", "done" (the share of the whole call, 0 to 1). */
ACTMAX_API int32_t actmax_progress_number(const actmax_progress *progress, const char *name, double *out);
/* The image as it stands (height, width, channels), in pixel units 0..255, valid during the call. */
ACTMAX_API const float *actmax_progress_image(const actmax_progress *progress, int32_t *width, int32_t *height, int32_t *channels);

/* ---- Images ----------------------------------------------------------------------------------------------------- */

typedef struct actmax_image actmax_image;

/* pixels: height rows of `stride` bytes (0: width*channels), channels 1 (grey) or 3 (RGB); NULL: black. Copied. */
ACTMAX_API int32_t actmax_image_new(int32_t width, int32_t height, int32_t channels, const uint8_t *pixels, size_t stride,
                                    actmax_image **out);
/* Float pixels (height, width, channels), any number of channels, in the network's input units: used without
 * preprocessing or resizing. Copied. */
ACTMAX_API int32_t actmax_image_new_float(int32_t width, int32_t height, int32_t channels, const float *pixels, actmax_image **out);
/* PNG, JPEG or BMP; alpha is dropped; a photograph is turned upright by its EXIF orientation. Grey files give 1 channel. */
ACTMAX_API int32_t actmax_image_load(const char *path, const actmax_recipe *recipe, actmax_image **out);
ACTMAX_API int32_t actmax_image_load_memory(const void *data, size_t size, const actmax_recipe *recipe, actmax_image **out);
/* By the ending: .png, .jpg/.jpeg (quality 90) or .bmp; whole or not at all. 8-bit images only. */
ACTMAX_API int32_t actmax_image_save(const actmax_image *image, const char *path);
ACTMAX_API void actmax_image_free(actmax_image *image);
ACTMAX_API int32_t actmax_image_width(const actmax_image *image);
ACTMAX_API int32_t actmax_image_height(const actmax_image *image);
ACTMAX_API int32_t actmax_image_channels(const actmax_image *image);
ACTMAX_API const uint8_t *actmax_image_pixels(const actmax_image *image);     /* NULL for a float image */
ACTMAX_API const float *actmax_image_float_pixels(const actmax_image *image); /* NULL for an 8-bit image */
/* filter: "bilinear" or "bicubic" as Pillow computes them (widened when shrinking). 8-bit images only. */
ACTMAX_API int32_t actmax_image_resize(const actmax_image *image, int32_t width, int32_t height, const char *filter,
                                       actmax_image **out);
/* A map (height, width) of values in [0, 1] in the colours of the option "colormap". */
ACTMAX_API int32_t actmax_image_from_map(const float *map, int32_t width, int32_t height, const actmax_recipe *recipe,
                                         actmax_image **out);
/* alpha * heat + (1 - alpha) * image, pixel by pixel, truncated to 8 bits as keras-vis's overlay does; same size and
 * channels (a grey image counts as three equal ones); alpha is the option "alpha". */
ACTMAX_API int32_t actmax_image_overlay(const actmax_image *heat, const actmax_image *image, const actmax_recipe *recipe,
                                        actmax_image **out);

/* Images of the same size and channels side by side, row by row, `columns` in a row, with black margins of `margin` pixels
 * between them; the last row may be shorter. 8-bit images only. */
ACTMAX_API int32_t actmax_image_stitch(const actmax_image *const *images, size_t count, int32_t columns, int32_t margin,
                                       actmax_image **out);

/* The image that maximisations start from, copied; NULL: none again. An 8-bit image is brought to the picture's size; a float
 * image is in the network's input units and is taken as it is when it has the size of the first scale. */
ACTMAX_API int32_t actmax_recipe_set_start(actmax_recipe *recipe, const actmax_image *image);

/* ---- Animations ------------------------------------------------------------------------------------------------- */

/* An animated GIF that repeats for ever, written to its file frame by frame: memory does not grow with it. */
typedef struct actmax_animation actmax_animation;

/* delay_ms: how long a frame is shown; GIF counts in steps of 10. Needs the feature "gif". Nothing is at `path` before
 * actmax_animation_finish: the file is there whole or not at all. */
ACTMAX_API int32_t actmax_animation_new(const char *path, int32_t width, int32_t height, int32_t delay_ms,
                                        const actmax_recipe *recipe, actmax_animation **out);
/* An 8-bit image; one of another size is resized. Up to 256 colours are kept exactly, of more the nearest 256 are taken. */
ACTMAX_API int32_t actmax_animation_add(actmax_animation *animation, const actmax_image *image);
/* The image of a running maximisation as it stands, in its callback. */
ACTMAX_API int32_t actmax_animation_add_progress(actmax_animation *animation, const actmax_progress *progress);
ACTMAX_API int64_t actmax_animation_frames(const actmax_animation *animation);
/* Completes the file; then only free is left. An animation without frames cannot be finished. */
ACTMAX_API int32_t actmax_animation_finish(actmax_animation *animation);
ACTMAX_API void actmax_animation_free(actmax_animation *animation); /* not finished: it leaves no file */

/* ---- Models ----------------------------------------------------------------------------------------------------- */

typedef struct actmax_model actmax_model;

/* Reads an ONNX file (.onnx) or a Keras file (.h5, .hdf5, .keras; .json with the option weights). Weights stay in the file, which
 * is mapped and must not change (option load_mode=copy otherwise). */
ACTMAX_API int32_t actmax_model_load(const char *path, const actmax_recipe *recipe, actmax_model **out);
/* data is not copied and must outlive the model (option load_mode=copy: copied). */
ACTMAX_API int32_t actmax_model_load_memory(const void *data, size_t size, const actmax_recipe *recipe, actmax_model **out);
ACTMAX_API void actmax_model_free(actmax_model *model);

/* What was assumed while loading (the preprocessing, a free size), a line each; "" when nothing was. */
ACTMAX_API const char *actmax_model_notes(const actmax_model *model);
/* The image input: its name, and its shape in file order with the sizes that are in force. dims holds 8. */
ACTMAX_API const char *actmax_model_input_name(const actmax_model *model);
ACTMAX_API int32_t actmax_model_input_shape(const actmax_model *model, int64_t *dims, int32_t *rank, int32_t *channel_axis);
ACTMAX_API int64_t actmax_model_parameters(const actmax_model *model); /* all of the graph */

/* Layers in the order of the file. */
ACTMAX_API int32_t actmax_model_layer_count(const actmax_model *model);
ACTMAX_API const char *actmax_model_layer_name(const actmax_model *model, int32_t layer); /* NULL when out of range */
ACTMAX_API const char *actmax_model_layer_type(const actmax_model *model, int32_t layer);
ACTMAX_API int64_t actmax_model_layer_parameters(const actmax_model *model, int32_t layer);
/* The output's shape in file order (dims holds 8); channel_axis is the axis that `filter` counts along, -1 when none. */
ACTMAX_API int32_t actmax_model_layer_shape(const actmax_model *model, int32_t layer, int64_t *dims, int32_t *rank,
                                            int32_t *channel_axis);
/* The exact name, the name of its output tensor, or a usual spelling ("features.10", "features_10", "features/10", "x:0").
 * Several fits: ACTMAX_ERROR_AMBIGUOUS lists them. None: ACTMAX_ERROR_NOT_FOUND lists the nearest. */
ACTMAX_API int32_t actmax_model_find_layer(const actmax_model *model, const char *name, int32_t *out);
/* A table of all layers, as text. needed (may be NULL) is the size that holds all of it, NUL included; what does not fit in
 * capacity is cut. buffer may be NULL when capacity is 0. */
ACTMAX_API int32_t actmax_model_summary(const actmax_model *model, char *buffer, size_t capacity, size_t *needed);

/* ---- Sessions --------------------------------------------------------------------------------------------------- */

typedef struct actmax_session actmax_session;
typedef struct actmax_result actmax_result;

ACTMAX_API int32_t actmax_session_new(const actmax_model *model, const actmax_recipe *recipe, actmax_session **out);
ACTMAX_API void actmax_session_free(actmax_session *session);
ACTMAX_API int32_t actmax_session_threads(const actmax_session *session);

#define ACTMAX_LAYER_OUTPUT (-1) /* the network's output, before a final softmax or sigmoid */
#define ACTMAX_LAYER_AUTO   (-2) /* the last layer with spatial size above 1 on the way, after its activation */
#define ACTMAX_CLASS_TOP    (-1) /* the class with the highest score */

/* Class scores of one image. Array "probabilities" (classes), array "logits" when the network has them before a softmax;
 * a softmax is added when the network ends in logits ("softmax_added" is 1). */
ACTMAX_API int32_t actmax_session_predict(actmax_session *session, const actmax_image *image, const actmax_recipe *recipe,
                                          actmax_result **out);
/* A layer's output for one image: array "activations", in file order. */
ACTMAX_API int32_t actmax_session_activations(actmax_session *session, const actmax_image *image, int32_t layer,
                                              const actmax_recipe *recipe, actmax_result **out);
/* The gradient of the target (see maximize) with respect to the network's input: array "gradient" (height, width, channels),
 * number "activation". */
ACTMAX_API int32_t actmax_session_gradient(actmax_session *session, const actmax_image *image, int32_t layer,
                                           const int32_t *filters, size_t filter_count, const actmax_recipe *recipe,
                                           actmax_result **out);
/* The same with respect to the output of by_layer, a layer before the target: arrays "gradient" and "activations" of that layer, in
 * file order, number "activation". */
ACTMAX_API int32_t actmax_session_layer_gradient(actmax_session *session, const actmax_image *image, int32_t layer,
                                                 const int32_t *filters, size_t filter_count, int32_t by_layer,
                                                 const actmax_recipe *recipe, actmax_result **out);

/* Makes an image that excites the target: the sum over `filters` of the mean of each over space, or of the neuron that
 * the options neuron_y and neuron_x name. filter_count 0: the mean of the whole layer. layer: an index or ACTMAX_LAYER_OUTPUT.
 * Result: image "image" (8 bit), array "image" (height, width, channels; network input units), numbers "activation_start",
 * "activation_end", "activation_saved" (of the 8-bit image), "activation_last" (as the last step saw it), "steps", "seconds"; texts
 * "layer", "target", "notes". */
ACTMAX_API int32_t actmax_session_maximize(actmax_session *session, int32_t layer, const int32_t *filters, size_t filter_count,
                                           const actmax_recipe *recipe, actmax_result **out);
/* One picture for each filter, in one call: out[i] belongs to filters[i], and is what a call of its own gives, byte for byte. On
 * failure no result is set. Several pictures are made side by side, which is faster, most of all where a layer's weights are
 * large: the callback sees each of them after each step, and "seconds" is each one's share. When the callback stops the run, those
 * side by side end at that step, and those after them have one step. With time_limit they are made one by one. */
ACTMAX_API int32_t actmax_session_maximize_each(actmax_session *session, int32_t layer, const int32_t *filters, size_t filter_count,
                                                const actmax_recipe *recipe, actmax_result **out);

/* One picture for each filter on one sheet: dead filters (ACTMAX_NOTE_DEAD_TARGET) are dropped, the others sorted by activation,
 * and the best put side by side; the options of the part "sheet" say how. filter_count 0: the filters that the option sheet_filters
 * says. Result: image "sheet", arrays "filters" and "activations" of what is on it, in its order, numbers "scanned", "dropped",
 * "columns", "rows", "seconds"; texts "layer", "notes". Pictures are made side by side, as by
 * actmax_session_maximize_each; only those that may come on the sheet are kept in memory. When the callback stops the run, the
 * sheet has what was whole by then; with nothing whole, those side by side as they are. When all filters are dead it fails. */
ACTMAX_API int32_t actmax_session_maximize_sheet(actmax_session *session, int32_t layer, const int32_t *filters,
                                                 size_t filter_count, const actmax_recipe *recipe, actmax_result **out);

/* Which filters of a layer an image excites the most. Arrays "filters" and "activations": the `count` strongest (0: all) and the
 * mean over space of each, highest first; array "means": those of all filters in their order; text "layer". */
ACTMAX_API int32_t actmax_session_strongest(actmax_session *session, const actmax_image *image, int32_t layer, int32_t count,
                                            const actmax_recipe *recipe, actmax_result **out);

/* Grad-CAM (Selvaraju et al. 2017) of `filter` of target_layer (ACTMAX_LAYER_OUTPUT and ACTMAX_CLASS_TOP are usual) at
 * cam_layer (an index or ACTMAX_LAYER_AUTO). Result: array "map" (height and width of `image`, in [0, 1]), array "map_raw"
 * (the layer's height and width; signed, before ReLU and scaling), numbers "class", "score", "modified", "left"; texts "layer",
 * "notes"; image "heat". */
ACTMAX_API int32_t actmax_session_grad_cam(actmax_session *session, const actmax_image *image, int32_t target_layer, int32_t filter,
                                           int32_t cam_layer, const actmax_recipe *recipe, actmax_result **out);
/* Saliency: the size of the gradient at each pixel of the network's input, maximum over channels, scaled to [0, 1]. Result as
 * grad_cam's; "map_raw" is the gradient (height, width, channels). */
ACTMAX_API int32_t actmax_session_saliency(actmax_session *session, const actmax_image *image, int32_t target_layer, int32_t filter,
                                           const actmax_recipe *recipe, actmax_result **out);

/* The short forms: a session of their own for one call. */
ACTMAX_API int32_t actmax_model_maximize(const actmax_model *model, const char *layer_name, int32_t filter,
                                         const actmax_recipe *recipe, actmax_result **out);
ACTMAX_API int32_t actmax_model_grad_cam(const actmax_model *model, const actmax_image *image, int32_t class_index,
                                         const actmax_recipe *recipe, actmax_result **out);

/* ---- Results ---------------------------------------------------------------------------------------------------- */

/* Each by name; ACTMAX_ERROR_NOT_FOUND lists the names that this result has. Views live with the result. */
ACTMAX_API int32_t actmax_result_number(const actmax_result *result, const char *name, double *out);
ACTMAX_API int32_t actmax_result_text(const actmax_result *result, const char *name, const char **out);
ACTMAX_API int32_t actmax_result_array(const actmax_result *result, const char *name, const float **data, int64_t *dims,
                                       int32_t *rank);
ACTMAX_API int32_t actmax_result_image(const actmax_result *result, const char *name, const actmax_image **out);
/* Saves the result's main image: "image", "heat" or "sheet". */
ACTMAX_API int32_t actmax_result_save(const actmax_result *result, const char *path);
ACTMAX_API void actmax_result_free(actmax_result *result);

#ifdef __cplusplus
}
#endif

#endif
