// actmax for C++17: the C library's handles as objects, its failures as exceptions. Headers only; link libactmax as C programs do.
//
//     actmax::Model model("squeezenet.onnx", actmax::Recipe{{"preprocess", "torch"}});
//     actmax::Session session(model);
//     session.maximize("fire5/concat", 3).save("filter3.png");
//
// OWNERSHIP. Every object owns its handle and frees it. Model is cheap to copy: copies share one immutable network, which lives
// until the last copy and the last session of it are gone. The other classes move and do not copy. A View, an ImageView and an
// Array look into the object that gave them and live no longer than it.
//
// ERRORS. A failure is thrown as actmax::Error, or one of the classes below it by kind; what() is the library's message, status()
// its code. Notes (stopped, time limit, flat map, ...) are no errors: Result::note() has them.
//
// THREADS. As in actmax.h: a Model may be shared by any number of threads, a Session, Recipe, Image or Result is for one at a time.
// What options and names there are is written in actmax.h; these headers add none.
#ifndef ACTMAX_HPP
#define ACTMAX_HPP

#include "actmax_base.hpp"
#include "actmax_image.hpp"
#include "actmax_recipe.hpp"

#include <optional>

namespace actmax
{

// ---- Results ----

class Result
{
  public:
    Result(actmax_result *handle, int32_t note) noexcept : handle_(handle), note_(note) {}
    int32_t note() const noexcept { return note_; }
    bool stopped() const noexcept { return note_ == ACTMAX_NOTE_STOPPED; }
    double number(const std::string &name) const { return detail::got<double>(actmax_result_number, get(), name.c_str()); }
    std::string text(const std::string &name) const
    {
        return detail::text_or_empty(detail::got<const char *>(actmax_result_text, get(), name.c_str()));
    }
    Array array(const std::string &name) const
    {
        const float *data = nullptr;
        int64_t dims[8] = {0};
        int32_t rank = 0;
        check(actmax_result_array(get(), name.c_str(), &data, dims, &rank));
        std::vector<int64_t> shape(dims, dims + rank);
        return Array{View<float>(data, detail::product(shape)), shape};
    }
    ImageView image(const std::string &name = "image") const
    {
        return ImageView(detail::got<const actmax_image *>(actmax_result_image, get(), name.c_str()));
    }
    void save(const std::string &path) const { check(actmax_result_save(get(), path.c_str())); }
    const actmax_result *get() const noexcept { return handle_.get(); }

  private:
    detail::Owner<actmax_result, actmax_result_free> handle_;
    int32_t note_;
};

// ---- Models ----

struct Layer {
    int32_t index;
    std::string name, type;
    std::vector<int64_t> shape; // of its output, in file order
    int32_t channel_axis;       // the axis that filters count along; -1: none
    int64_t parameters;
};

class Model
{
  public:
    explicit Model(const std::string &path, RecipeRef recipe = {})
        : Model(detail::got<actmax_model *>(actmax_model_load, path.c_str(), recipe.get()))
    {
    }
    // The data is not copied and must outlive the model (option load_mode=copy: copied).
    static Model from_memory(const void *data, size_t size, RecipeRef recipe = {})
    {
        return Model(detail::got<actmax_model *>(actmax_model_load_memory, data, size, recipe.get()));
    }
    // what was assumed while loading, a line each
    std::string notes() const { return detail::text_or_empty(actmax_model_notes(get())); }
    std::string input_name() const { return detail::text_or_empty(actmax_model_input_name(get())); }
    std::vector<int64_t> input_shape() const
    {
        int64_t dims[8] = {0};
        int32_t rank = 0;
        check(actmax_model_input_shape(get(), dims, &rank, nullptr));
        return std::vector<int64_t>(dims, dims + rank);
    }
    int64_t parameters() const noexcept { return actmax_model_parameters(get()); }
    int32_t layer_count() const noexcept { return actmax_model_layer_count(get()); }
    Layer layer(int32_t index) const
    {
        int64_t dims[8] = {0};
        int32_t rank = 0, axis = -1;
        check(actmax_model_layer_shape(get(), index, dims, &rank, &axis));
        std::string name = actmax_model_layer_name(get(), index), type = actmax_model_layer_type(get(), index);
        return Layer{index, name, type, {dims, dims + rank}, axis, actmax_model_layer_parameters(get(), index)};
    }
    std::vector<Layer> layers() const
    {
        std::vector<Layer> all;
        for (int32_t i = 0; i < layer_count(); ++i)
            all.push_back(layer(i));
        return all;
    }
    // NotFoundError names the nearest, AmbiguousError lists those that fit.
    int32_t find_layer(const std::string &name) const { return detail::got<int32_t>(actmax_model_find_layer, get(), name.c_str()); }
    std::string summary() const
    {
        size_t needed = detail::got<size_t>(actmax_model_summary, get(), nullptr, size_t{0});
        std::string text(needed, '\0');
        check(actmax_model_summary(get(), text.data(), text.size(), nullptr));
        text.resize(needed - 1); // without the NUL
        return text;
    }
    const actmax_model *get() const noexcept { return handle_.get(); }

  private:
    explicit Model(actmax_model *handle) : handle_(handle, actmax_model_free) {}
    std::shared_ptr<actmax_model> handle_;
};

// ---- Sessions ----

// A layer by name, by index, or as ACTMAX_LAYER_OUTPUT or ACTMAX_LAYER_AUTO.
class LayerRef
{
  public:
    LayerRef(int32_t index) noexcept : index_(index) {}
    LayerRef(std::string name) : name_(std::move(name)) {}
    LayerRef(const char *name) : name_(std::string(name)) {}
    LayerRef(const Layer &layer) noexcept : index_(layer.index) {}
    int32_t index(const Model &model) const { return name_ ? model.find_layer(*name_) : index_; }

  private:
    int32_t index_ = ACTMAX_LAYER_OUTPUT;
    std::optional<std::string> name_;
};

// The filters whose sum is the target: one, a list, or none, which is the mean of the whole layer.
class Filters
{
  public:
    Filters() = default;
    Filters(int32_t filter) : list_(1, filter) {}
    Filters(std::initializer_list<int32_t> filters) : list_(filters) {}
    Filters(std::vector<int32_t> filters) noexcept : list_(std::move(filters)) {}
    const int32_t *data() const noexcept { return list_.data(); }
    size_t size() const noexcept { return list_.size(); }

  private:
    std::vector<int32_t> list_;
};

class Session
{
  public:
    explicit Session(Model model, RecipeRef recipe = {})
        : model_(std::move(model)), handle_(detail::got<actmax_session *>(actmax_session_new, model_.get(), recipe.get()))
    {
    }
    const Model &model() const noexcept { return model_; }
    int32_t threads() const noexcept { return actmax_session_threads(get()); }
    Result predict(ImageView image, RecipeRef recipe = {}) { return run(recipe, actmax_session_predict, image.get()); }
    Result activations(ImageView image, const LayerRef &layer, RecipeRef recipe = {})
    {
        return run(recipe, actmax_session_activations, image.get(), layer.index(model_));
    }
    Result gradient(ImageView image, const LayerRef &layer, const Filters &filters, RecipeRef recipe = {})
    {
        return run(recipe, actmax_session_gradient, image.get(), layer.index(model_), filters.data(), filters.size());
    }
    // The gradient by the output of by_layer, a layer before: arrays "gradient" and "activations" of that layer.
    Result layer_gradient(ImageView image, const LayerRef &layer, const Filters &filters, const LayerRef &by_layer,
                          RecipeRef recipe = {})
    {
        return run(recipe, actmax_session_layer_gradient, image.get(), layer.index(model_), filters.data(), filters.size(),
                   by_layer.index(model_));
    }
    // One picture, of the sum of the filters.
    Result maximize(const LayerRef &layer, const Filters &filters, RecipeRef recipe = {})
    {
        return run(recipe, actmax_session_maximize, layer.index(model_), filters.data(), filters.size());
    }
    // One picture for each filter, in their order.
    std::vector<Result> maximize_each(const LayerRef &layer, View<int32_t> filters, RecipeRef recipe = {})
    {
        std::vector<actmax_result *> made(filters.size());
        std::vector<Result> results;
        int32_t at = layer.index(model_);
        results.reserve(made.size());
        int32_t status = actmax_session_maximize_each(get(), at, filters.data(), filters.size(), recipe.get(), made.data());
        for (size_t i = 0; status >= 0 && i < made.size(); ++i) { // owned before anything throws
            double note = 0;
            actmax_result_number(made[i], "status", &note);
            results.emplace_back(made[i], static_cast<int32_t>(note));
        }
        recipe.rethrow();
        check(status);
        return results;
    }
    // One contact sheet of the filters' pictures; none named: those that the option sheet_filters says.
    Result maximize_sheet(const LayerRef &layer, View<int32_t> filters = {}, RecipeRef recipe = {})
    {
        return run(recipe, actmax_session_maximize_sheet, layer.index(model_), filters.data(), filters.size());
    }
    // The `count` filters of a layer that the image excites the most (0: all of them).
    Result strongest(ImageView image, const LayerRef &layer, int32_t count = 0, RecipeRef recipe = {})
    {
        return run(recipe, actmax_session_strongest, image.get(), layer.index(model_), count);
    }
    // Where the network looks for `filter` (ACTMAX_CLASS_TOP: the best class) of target_layer, as a map of cam_layer.
    Result grad_cam(ImageView image, int32_t filter = ACTMAX_CLASS_TOP, RecipeRef recipe = {},
                    const LayerRef &target_layer = ACTMAX_LAYER_OUTPUT, const LayerRef &cam_layer = ACTMAX_LAYER_AUTO)
    {
        return run(recipe, actmax_session_grad_cam, image.get(), target_layer.index(model_), filter, cam_layer.index(model_));
    }
    Result saliency(ImageView image, int32_t filter = ACTMAX_CLASS_TOP, RecipeRef recipe = {},
                    const LayerRef &target_layer = ACTMAX_LAYER_OUTPUT)
    {
        return run(recipe, actmax_session_saliency, image.get(), target_layer.index(model_), filter);
    }
    actmax_session *get() const noexcept { return handle_.get(); }

  private:
    // All functions of a session start with it and end with a recipe and `out`.
    template <typename Function, typename... Arguments> Result run(RecipeRef recipe, Function function, Arguments... arguments)
    {
        actmax_result *made = nullptr;
        int32_t status = function(get(), arguments..., recipe.get(), &made);
        Result result(made, status); // owned before anything throws
        recipe.rethrow();
        check(status);
        return result;
    }
    Model model_; // before the session, which is freed first
    detail::Owner<actmax_session, actmax_session_free> handle_;
};

} // namespace actmax

#endif
