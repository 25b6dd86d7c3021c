// actmax for C++17: the C library's handles as objects, its failures as exceptions. Header only; link libactmax as C programs do.
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
// What options and names there are is written in actmax.h; this header adds none.
#ifndef ACTMAX_HPP
#define ACTMAX_HPP

#include <actmax.h>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace actmax
{

// ---- Errors ----

class Error : public std::runtime_error
{
  public:
    Error(int32_t status, const std::string &message) : std::runtime_error(message), status_(status) {}
    int32_t status() const noexcept { return status_; }
    const char *name() const noexcept { return actmax_status_name(status_); }

  private:
    int32_t status_;
};

// An error of one kind. `catch (const actmax::NotFoundError &)` catches what carries ACTMAX_ERROR_NOT_FOUND, and so on.
template <int32_t Status> class ErrorOf : public Error
{
  public:
    static constexpr int32_t code = Status;
    explicit ErrorOf(const std::string &message) : Error(Status, message) {}
};
using InvalidError = ErrorOf<ACTMAX_ERROR_INVALID>;
using NoMemoryError = ErrorOf<ACTMAX_ERROR_NO_MEMORY>;
using IoError = ErrorOf<ACTMAX_ERROR_IO>;
using FormatError = ErrorOf<ACTMAX_ERROR_FORMAT>;
using UnsupportedError = ErrorOf<ACTMAX_ERROR_UNSUPPORTED>;
using NotFoundError = ErrorOf<ACTMAX_ERROR_NOT_FOUND>;
using AmbiguousError = ErrorOf<ACTMAX_ERROR_AMBIGUOUS>;
using LimitError = ErrorOf<ACTMAX_ERROR_LIMIT>;
using ShapeError = ErrorOf<ACTMAX_ERROR_SHAPE>;
using NumericError = ErrorOf<ACTMAX_ERROR_NUMERIC>;
using InternalError = ErrorOf<ACTMAX_ERROR_INTERNAL>;

namespace detail
{
template <typename... Kinds> [[noreturn]] void raise(int32_t status, const std::string &message)
{
    ((status == Kinds::code ? throw Kinds(message) : void()), ...);
    throw Error(status, message); // a kind that only a newer library has
}
} // namespace detail

// Throws the message of this thread's last call when `status` is a failure; else returns it (0, or a note).
inline int32_t check(int32_t status)
{
    if (status < 0)
        detail::raise<InvalidError, NoMemoryError, IoError, FormatError, UnsupportedError, NotFoundError, AmbiguousError,
                      LimitError, ShapeError, NumericError, InternalError>(status, actmax_message());
    return status;
}

// ---- Views ----

// Elements that belong to somebody else. Made from any contiguous container, and converts to std::span<const T> where the standard
// library has it. One type in every version of C++, so that parts of a program may be compiled with different ones.
template <typename T> class View
{
  public:
    using value_type = T;
    constexpr View() noexcept = default;
    constexpr View(const T *data, size_t size) noexcept : data_(data), size_(size) {}
    template <typename Container,
              typename = std::enable_if_t<std::is_convertible_v<decltype(std::data(std::declval<const Container &>())), const T *>>>
    constexpr View(const Container &container) noexcept : data_(std::data(container)), size_(std::size(container))
    {
    }
    constexpr const T *data() const noexcept { return data_; }
    constexpr size_t size() const noexcept { return size_; }
    constexpr bool empty() const noexcept { return size_ == 0; }
    constexpr const T &operator[](size_t index) const noexcept { return data_[index]; }
    constexpr const T *begin() const noexcept { return data_; }
    constexpr const T *end() const noexcept { return data_ + size_; }

  private:
    const T *data_ = nullptr;
    size_t size_ = 0;
};

// Numbers with a shape, row-major.
struct Array {
    View<float> values;
    std::vector<int64_t> shape;
};

namespace detail
{
template <typename Handle, void (*Free)(Handle *)> struct Freer {
    void operator()(Handle *handle) const noexcept { Free(handle); }
};
template <typename Handle, void (*Free)(Handle *)> using Owner = std::unique_ptr<Handle, Freer<Handle, Free>>;

// What a function of the C library hands out through its last argument.
template <typename T, typename Function, typename... Arguments> T got(Function function, Arguments... arguments)
{
    T value{};
    check(function(arguments..., &value));
    return value;
}

template <typename Container = std::initializer_list<int64_t>> size_t product(const Container &sizes)
{
    size_t count = 1;
    for (int64_t size : sizes)
        count *= static_cast<size_t>(size);
    return count;
}

inline std::string text_or_empty(const char *text) { return text ? text : ""; }
} // namespace detail

// ---- Recipes ----

// A run as it stands, inside a progress callback only.
class Progress
{
  public:
    struct Picture {
        View<float> pixels; // height, width, channels; 0..255
        int32_t width = 0, height = 0, channels = 0;
    };
    explicit Progress(const actmax_progress *handle) noexcept : handle_(handle) {}
    // "step", "steps", "objective", "loss", ...: see actmax_progress_number
    double number(const std::string &name) const { return detail::got<double>(actmax_progress_number, handle_, name.c_str()); }
    int64_t step() const { return static_cast<int64_t>(number("step")); }
    int64_t steps() const { return static_cast<int64_t>(number("steps")); }
    double objective() const { return number("objective"); }
    Picture image() const
    {
        Picture p;
        const float *pixels = actmax_progress_image(handle_, &p.width, &p.height, &p.channels);
        p.pixels = View<float>(pixels, detail::product({p.height, p.width, p.channels}));
        return p;
    }
    const actmax_progress *get() const noexcept { return handle_; }

  private:
    const actmax_progress *handle_;
};

// One option of a Recipe's list: {"steps", 100}, {"preprocess", "torch"}, {"mean", {0.485, 0.456, 0.406}}.
struct Option {
    std::string name;
    std::variant<double, std::string, std::vector<double>> value;
    template <typename Number, typename = std::enable_if_t<std::is_arithmetic_v<Number>>>
    Option(const char *name_, Number value_) : name(name_), value(static_cast<double>(value_))
    {
    }
    Option(const char *name_, std::string value_) : name(name_), value(std::move(value_)) {}
    Option(const char *name_, std::initializer_list<double> values) : name(name_), value(std::vector<double>(values)) {}
};

class Recipe
{
  public:
    Recipe() : handle_(detail::got<actmax_recipe *>(actmax_recipe_new)) {}
    Recipe(std::initializer_list<Option> options) : Recipe()
    {
        for (const Option &option : options)
            set(option);
    }
    // All that is made with this recipe allocates through the two hooks.
    Recipe(actmax_alloc_fn alloc, actmax_free_fn release, void *user)
        : handle_(detail::got<actmax_recipe *>(actmax_recipe_new_with, alloc, release, user))
    {
    }
    template <typename Number> std::enable_if_t<std::is_arithmetic_v<Number>, Recipe &> set(const std::string &option, Number value)
    {
        return done(actmax_recipe_set_number(get(), option.c_str(), static_cast<double>(value)));
    }
    // Any option can be set from text, as the command line does.
    Recipe &set(const std::string &option, const std::string &value)
    {
        return done(actmax_recipe_set_text(get(), option.c_str(), value.c_str()));
    }
    Recipe &set(const std::string &option, View<double> values)
    {
        return done(actmax_recipe_set_numbers(get(), option.c_str(), values.data(), values.size()));
    }
    Recipe &set(const std::string &option, std::initializer_list<double> values)
    {
        return set(option, View<double>(std::data(values), values.size()));
    }
    Recipe &set(const Option &option)
    {
        return std::visit([&](const auto &value) -> Recipe & { return set(option.name, value); }, option.value);
    }
    double number(const std::string &option) const { return detail::got<double>(actmax_recipe_get_number, get(), option.c_str()); }
    std::string text(const std::string &option) const
    {
        return detail::text_or_empty(detail::got<const char *>(actmax_recipe_get_text, get(), option.c_str()));
    }
    // Adds a transform, regularizer or optimizer; the options given are its own. See actmax_recipe_add_part.
    Recipe &add_part(const std::string &part, std::initializer_list<Option> options = {})
    {
        int32_t index = detail::got<int32_t>(actmax_recipe_add_part, get(), part.c_str());
        for (const Option &option : options) {
            const char *name = option.name.c_str();
            if (const std::string *text = std::get_if<std::string>(&option.value))
                check(actmax_recipe_set_part_text(get(), index, name, text->c_str()));
            else
                check(actmax_recipe_set_part_number(get(), index, name, std::get<double>(option.value))); // parts take no lists
        }
        return *this;
    }
    // Gives an input of the network that is not the image a constant value.
    Recipe &bind_input(const std::string &input, View<float> values, const std::vector<int64_t> &shape)
    {
        if (detail::product(shape) != values.size())
            throw InvalidError("bind_input '" + input + "': the number of values is not that of the shape");
        return done(
            actmax_recipe_bind_input(get(), input.c_str(), values.data(), shape.data(), static_cast<int32_t>(shape.size())));
    }
    // Calls `function` after each step of a maximisation. It takes a `const Progress &`; when it returns true the run stops, and
    // the best image so far is the result. An exception in it stops the run and comes out of the call that started the run.
    template <typename Function> Recipe &on_progress(Function function)
    {
        auto made = std::make_unique<Callback>();
        if constexpr (std::is_void_v<std::invoke_result_t<Function &, const Progress &>>)
            made->function = [kept = std::move(function)](const Progress &progress) mutable { return kept(progress), false; };
        else
            made->function = std::move(function);
        done(actmax_recipe_set_callback(get(), &Callback::call, made.get()));
        callback_ = std::move(made);
        return *this;
    }
    actmax_recipe *get() const noexcept { return handle_.get(); }
    // What the callback threw during the last run, thrown here; nothing when it threw nothing.
    void rethrow() const
    {
        if (callback_ && callback_->thrown) std::rethrow_exception(std::exchange(callback_->thrown, nullptr));
    }

  private:
    struct Callback {
        std::function<bool(const Progress &)> function;
        std::exception_ptr thrown;
        static int32_t call(void *user, const actmax_progress *progress) noexcept
        {
            Callback *self = static_cast<Callback *>(user);
            try {
                return self->function(Progress(progress)) ? 1 : 0;
            } catch (...) { // must not cross the C library
                self->thrown = std::current_exception();
                return 1;
            }
        }
    };
    Recipe &done(int32_t status) { return check(status), *this; }
    std::unique_ptr<Callback> callback_; // before the handle, which points at it
    detail::Owner<actmax_recipe, actmax_recipe_free> handle_;
};

// A recipe, or none: then the defaults hold.
class RecipeRef
{
  public:
    RecipeRef() noexcept = default;
    RecipeRef(const Recipe &recipe) noexcept : recipe_(&recipe) {}
    const actmax_recipe *get() const noexcept { return recipe_ ? recipe_->get() : nullptr; }
    void rethrow() const { recipe_ ? recipe_->rethrow() : void(); }

  private:
    const Recipe *recipe_ = nullptr;
};

// ---- Images ----

namespace detail
{
// What can be asked of an image, whoever owns it.
template <typename Self> class ImageAccess
{
  public:
    int32_t width() const noexcept { return actmax_image_width(handle()); }
    int32_t height() const noexcept { return actmax_image_height(handle()); }
    int32_t channels() const noexcept { return actmax_image_channels(handle()); }
    // empty for a float image, and float_pixels for an 8-bit one
    View<uint8_t> pixels() const noexcept { return view(actmax_image_pixels(handle())); }
    View<float> float_pixels() const noexcept { return view(actmax_image_float_pixels(handle())); }
    // .png, .jpg or .bmp
    void save(const std::string &path) const { check(actmax_image_save(handle(), path.c_str())); }

  private:
    const actmax_image *handle() const noexcept { return static_cast<const Self *>(this)->get(); }
    template <typename T> View<T> view(const T *data) const noexcept
    {
        return data ? View<T>(data, product({width(), height(), channels()})) : View<T>();
    }
};
} // namespace detail

// An image that belongs to somebody else: to an Image or a Result.
class ImageView : public detail::ImageAccess<ImageView>
{
  public:
    explicit ImageView(const actmax_image *handle) noexcept : handle_(handle) {}
    const actmax_image *get() const noexcept { return handle_; }

  private:
    const actmax_image *handle_;
};

class Image : public detail::ImageAccess<Image>
{
  public:
    explicit Image(const std::string &path, RecipeRef recipe = {}) : Image(made(actmax_image_load, path.c_str(), recipe.get())) {}
    static Image from_memory(const void *data, size_t size, RecipeRef recipe = {})
    {
        return made(actmax_image_load_memory, data, size, recipe.get());
    }
    // pixels: height rows of `stride` bytes (0: width * channels); channels 1 (grey) or 3 (RGB). Copied.
    Image(int32_t width, int32_t height, int32_t channels, const uint8_t *pixels, size_t stride = 0)
        : Image(made(actmax_image_new, width, height, channels, pixels, stride))
    {
    }
    // Float pixels in the network's input units. Copied.
    static Image from_float(int32_t width, int32_t height, int32_t channels, View<float> pixels)
    {
        if (width < 1 || height < 1 || channels < 1 || pixels.size() != detail::product({width, height, channels}))
            throw InvalidError("Image::from_float: the number of pixels is not width * height * channels");
        return made(actmax_image_new_float, width, height, channels, pixels.data());
    }
    // A map of values in [0, 1] in the colours of the option "colormap".
    static Image from_map(const Array &map, RecipeRef recipe = {})
    {
        if (map.shape.size() != 2) throw InvalidError("Image::from_map: a map has two axes, height and width");
        int32_t height = static_cast<int32_t>(map.shape[0]), width = static_cast<int32_t>(map.shape[1]);
        return made(actmax_image_from_map, map.values.data(), width, height, recipe.get());
    }
    // alpha * heat + (1 - alpha) * image
    static Image overlay(ImageView heat, ImageView image, RecipeRef recipe = {})
    {
        return made(actmax_image_overlay, heat.get(), image.get(), recipe.get());
    }
    Image resized(int32_t width, int32_t height, const std::string &filter = "bilinear") const
    {
        return made(actmax_image_resize, get(), width, height, filter.c_str());
    }
    operator ImageView() const noexcept { return ImageView(get()); }
    const actmax_image *get() const noexcept { return handle_.get(); }

  private:
    explicit Image(actmax_image *handle) noexcept : handle_(handle) {}
    template <typename Function, typename... Arguments> static Image made(Function function, Arguments... arguments)
    {
        return Image(detail::got<actmax_image *>(function, arguments...));
    }
    detail::Owner<actmax_image, actmax_image_free> handle_;
};

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
