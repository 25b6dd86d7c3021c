// actmax for C++17: the C library's handles as objects, its failures as exceptions. Header only; link libactmax as C programs do.
//
//     actmax::Model model("squeezenet.onnx", actmax::Recipe{{"preprocess", "torch"}});
//     actmax::Session session(model);
//     session.maximize("fire5/concat", 3).save("filter3.png");
//
// OWNERSHIP. Every object owns its handle and frees it. Model is cheap to copy: copies share one immutable network, which lives until
// the last copy and the last session of it are gone. The other classes move and do not copy. A View, an ImageView and an Array look into
// the object that gave them and live no longer than it.
//
// ERRORS. A failure is thrown as actmax::Error, or one of the classes below it by kind; what() is the library's message, status() its
// code. Notes (stopped, time limit, flat map, ...) are no errors: Result::note() has them.
//
// THREADS. As in actmax.h: a Model may be shared by any number of threads, a Session, Recipe, Image or Result is for one at a time.
//
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
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>
#if defined(__cplusplus) && __cplusplus >= 202002L
#include <ranges>
#include <span>
#endif

namespace actmax
{

// ---- Errors ----

class Error : public std::runtime_error
{
  public:
    Error(int32_t status, const std::string &message) : std::runtime_error(message), status_(status)
    {
    }
    int32_t status() const noexcept // ACTMAX_ERROR_...
    {
        return status_;
    }
    const char *name() const noexcept // "ERROR_NOT_FOUND", ...
    {
        return actmax_status_name(status_);
    }

  private:
    int32_t status_;
};

// An error of one kind. `catch (const actmax::NotFoundError &)` catches what carries ACTMAX_ERROR_NOT_FOUND, and so on.
template <int32_t Status> class ErrorOf : public Error
{
  public:
    explicit ErrorOf(const std::string &message) : Error(Status, message)
    {
    }
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

// Throws the message of this thread's last call when `status` is a failure; else returns it (0, or a note).
inline int32_t check(int32_t status)
{
    if (status >= 0) return status;
    const std::string message = actmax_message();
    switch (status) {
    case ACTMAX_ERROR_INVALID: throw InvalidError(message);
    case ACTMAX_ERROR_NO_MEMORY: throw NoMemoryError(message);
    case ACTMAX_ERROR_IO: throw IoError(message);
    case ACTMAX_ERROR_FORMAT: throw FormatError(message);
    case ACTMAX_ERROR_UNSUPPORTED: throw UnsupportedError(message);
    case ACTMAX_ERROR_NOT_FOUND: throw NotFoundError(message);
    case ACTMAX_ERROR_AMBIGUOUS: throw AmbiguousError(message);
    case ACTMAX_ERROR_LIMIT: throw LimitError(message);
    case ACTMAX_ERROR_SHAPE: throw ShapeError(message);
    case ACTMAX_ERROR_NUMERIC: throw NumericError(message);
    case ACTMAX_ERROR_INTERNAL: throw InternalError(message);
    default: throw Error(status, message);
    }
}

// ---- Views ----

// Elements that belong to somebody else. Made from any contiguous container; where the standard library has std::span (C++20), it converts
// to std::span<const T>. One type in every language version, so that parts of a program may be compiled with different ones.
template <typename T> class View
{
  public:
    using element_type = const T;
    using value_type = T;
    using iterator = const T *;

    constexpr View() noexcept = default;
    constexpr View(const T *data, size_t size) noexcept : data_(data), size_(size)
    {
    }
    template <typename Container,
              typename = std::enable_if_t<std::is_convertible_v<decltype(std::data(std::declval<const Container &>())), const T *>>>
    constexpr View(const Container &container) noexcept : data_(std::data(container)), size_(std::size(container))
    {
    }
    constexpr const T *data() const noexcept
    {
        return data_;
    }
    constexpr size_t size() const noexcept
    {
        return size_;
    }
    constexpr bool empty() const noexcept
    {
        return size_ == 0;
    }
    constexpr const T &operator[](size_t index) const noexcept
    {
        return data_[index];
    }
    constexpr const T *begin() const noexcept
    {
        return data_;
    }
    constexpr const T *end() const noexcept
    {
        return data_ + size_;
    }

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
    void operator()(Handle *handle) const noexcept
    {
        Free(handle);
    }
};
template <typename Handle, void (*Free)(Handle *)> using Owner = std::unique_ptr<Handle, Freer<Handle, Free>>;

inline std::string text_or_empty(const char *text)
{
    return text ? text : "";
}
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
    explicit Progress(const actmax_progress *handle) noexcept : handle_(handle)
    {
    }
    double number(const std::string &name) const // "step", "steps", "objective", "loss", ...: see actmax_progress_number
    {
        double value = 0;
        check(actmax_progress_number(handle_, name.c_str(), &value));
        return value;
    }
    int64_t step() const
    {
        return static_cast<int64_t>(number("step"));
    }
    int64_t steps() const
    {
        return static_cast<int64_t>(number("steps"));
    }
    double objective() const
    {
        return number("objective");
    }
    Picture image() const
    {
        Picture picture;
        const float *pixels = actmax_progress_image(handle_, &picture.width, &picture.height, &picture.channels);
        if (pixels) {
            size_t count = static_cast<size_t>(picture.width) * static_cast<size_t>(picture.height);
            picture.pixels = View<float>(pixels, count * static_cast<size_t>(picture.channels));
        }
        return picture;
    }

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
    Option(const char *name_, const char *value_) : name(name_), value(std::string(value_))
    {
    }
    Option(const char *name_, std::string value_) : name(name_), value(std::move(value_))
    {
    }
    Option(const char *name_, std::initializer_list<double> values) : name(name_), value(std::vector<double>(values))
    {
    }
};

class Recipe
{
  public:
    Recipe()
    {
        actmax_recipe *made = nullptr;
        check(actmax_recipe_new(&made));
        handle_.reset(made);
    }
    Recipe(std::initializer_list<Option> options) : Recipe()
    {
        for (const Option &option : options)
            set(option);
    }
    // All that is made with this recipe allocates through the two hooks.
    Recipe(actmax_alloc_fn alloc, actmax_free_fn release, void *user)
    {
        actmax_recipe *made = nullptr;
        check(actmax_recipe_new_with(alloc, release, user, &made));
        handle_.reset(made);
    }

    template <typename Number> std::enable_if_t<std::is_arithmetic_v<Number>, Recipe &> set(const std::string &option, Number value)
    {
        check(actmax_recipe_set_number(handle_.get(), option.c_str(), static_cast<double>(value)));
        return *this;
    }
    // Any option can be set from text, as the command line does.
    Recipe &set(const std::string &option, const std::string &value)
    {
        check(actmax_recipe_set_text(handle_.get(), option.c_str(), value.c_str()));
        return *this;
    }
    Recipe &set(const std::string &option, const char *value)
    {
        check(actmax_recipe_set_text(handle_.get(), option.c_str(), value));
        return *this;
    }
    Recipe &set(const std::string &option, View<double> values)
    {
        check(actmax_recipe_set_numbers(handle_.get(), option.c_str(), values.data(), values.size()));
        return *this;
    }
    Recipe &set(const std::string &option, std::initializer_list<double> values)
    {
        return set(option, View<double>(std::data(values), values.size()));
    }
    Recipe &set(const Option &option)
    {
        std::visit([&](const auto &value) { set(option.name, value); }, option.value);
        return *this;
    }
    double number(const std::string &option) const
    {
        double value = 0;
        check(actmax_recipe_get_number(handle_.get(), option.c_str(), &value));
        return value;
    }
    std::string text(const std::string &option) const
    {
        const char *value = nullptr;
        check(actmax_recipe_get_text(handle_.get(), option.c_str(), &value));
        return detail::text_or_empty(value);
    }

    // Adds a transform, regularizer or optimizer; the options given are its own. See actmax_recipe_add_part.
    Recipe &add_part(const std::string &part, std::initializer_list<Option> options = {})
    {
        int32_t index = 0;
        check(actmax_recipe_add_part(handle_.get(), part.c_str(), &index));
        for (const Option &option : options) {
            const std::string *text = std::get_if<std::string>(&option.value);
            const double *number = std::get_if<double>(&option.value);
            if (text) check(actmax_recipe_set_part_text(handle_.get(), index, option.name.c_str(), text->c_str()));
            else if (number) check(actmax_recipe_set_part_number(handle_.get(), index, option.name.c_str(), *number));
            else throw InvalidError("option '" + option.name + "' of part '" + part + "': a part's option is one number or a text");
        }
        return *this;
    }
    // Gives an input of the network that is not the image a constant value.
    Recipe &bind_input(const std::string &input, View<float> values, const std::vector<int64_t> &shape)
    {
        size_t count = 1;
        for (int64_t size : shape)
            count *= static_cast<size_t>(size);
        if (count != values.size()) throw InvalidError("bind_input '" + input + "': the number of values is not that of the shape");
        check(actmax_recipe_bind_input(handle_.get(), input.c_str(), values.data(), shape.data(), static_cast<int32_t>(shape.size())));
        return *this;
    }

    // Calls `function` after each step of a maximisation. It takes a `const Progress &`; when it returns true the run stops, and the
    // best image so far is the result. An exception in it stops the run and comes out of the call that started the run.
    template <typename Function> Recipe &on_progress(Function function)
    {
        auto made = std::make_unique<Callback>();
        if constexpr (std::is_void_v<std::invoke_result_t<Function &, const Progress &>>) {
            made->function = [kept = std::move(function)](const Progress &progress) mutable {
                kept(progress);
                return false;
            };
        } else {
            made->function = std::move(function);
        }
        check(actmax_recipe_set_callback(handle_.get(), &Callback::call, made.get()));
        callback_ = std::move(made);
        return *this;
    }

    actmax_recipe *get() const noexcept
    {
        return handle_.get();
    }
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
    std::unique_ptr<Callback> callback_; // before the handle, which points at it
    detail::Owner<actmax_recipe, actmax_recipe_free> handle_;
};

// A recipe, or none: then the defaults hold.
class RecipeRef
{
  public:
    RecipeRef() noexcept = default;
    RecipeRef(const Recipe &recipe) noexcept : recipe_(&recipe)
    {
    }
    const actmax_recipe *get() const noexcept
    {
        return recipe_ ? recipe_->get() : nullptr;
    }
    void rethrow() const
    {
        if (recipe_) recipe_->rethrow();
    }

  private:
    const Recipe *recipe_ = nullptr;
};

// ---- Images ----

// An image that belongs to somebody else: to an Image or a Result.
class ImageView
{
  public:
    explicit ImageView(const actmax_image *handle) noexcept : handle_(handle)
    {
    }
    int32_t width() const noexcept
    {
        return actmax_image_width(handle_);
    }
    int32_t height() const noexcept
    {
        return actmax_image_height(handle_);
    }
    int32_t channels() const noexcept
    {
        return actmax_image_channels(handle_);
    }
    View<uint8_t> pixels() const noexcept // empty for a float image
    {
        const uint8_t *data = actmax_image_pixels(handle_);
        return data ? View<uint8_t>(data, count()) : View<uint8_t>();
    }
    View<float> float_pixels() const noexcept // empty for an 8-bit image
    {
        const float *data = actmax_image_float_pixels(handle_);
        return data ? View<float>(data, count()) : View<float>();
    }
    void save(const std::string &path) const // .png, .jpg or .bmp
    {
        check(actmax_image_save(handle_, path.c_str()));
    }
    const actmax_image *get() const noexcept
    {
        return handle_;
    }

  private:
    size_t count() const noexcept
    {
        return static_cast<size_t>(width()) * static_cast<size_t>(height()) * static_cast<size_t>(channels());
    }
    const actmax_image *handle_;
};

class Image
{
  public:
    // PNG, JPEG or BMP
    explicit Image(const std::string &path, RecipeRef recipe = {})
        : Image([&](actmax_image **out) { return actmax_image_load(path.c_str(), recipe.get(), out); })
    {
    }
    // pixels: height rows of `stride` bytes (0: width * channels); channels 1 (grey) or 3 (RGB). Copied.
    Image(int32_t width, int32_t height, int32_t channels, const uint8_t *pixels, size_t stride = 0)
        : Image([&](actmax_image **out) { return actmax_image_new(width, height, channels, pixels, stride, out); })
    {
    }
    // Float pixels in the network's input units. Copied.
    static Image from_float(int32_t width, int32_t height, int32_t channels, View<float> pixels)
    {
        if (width < 1 || height < 1 || channels < 1 ||
            pixels.size() != static_cast<size_t>(width) * static_cast<size_t>(height) * static_cast<size_t>(channels))
            throw InvalidError("Image::from_float: the number of pixels is not width * height * channels");
        return Image([&](actmax_image **out) { return actmax_image_new_float(width, height, channels, pixels.data(), out); });
    }
    static Image from_memory(const void *data, size_t size, RecipeRef recipe = {})
    {
        return Image([&](actmax_image **out) { return actmax_image_load_memory(data, size, recipe.get(), out); });
    }
    // A map of values in [0, 1] in the colours of the option "colormap".
    static Image from_map(const Array &map, RecipeRef recipe = {})
    {
        if (map.shape.size() != 2) throw InvalidError("Image::from_map: a map has two axes, height and width");
        return Image([&](actmax_image **out) {
            return actmax_image_from_map(map.values.data(), static_cast<int32_t>(map.shape[1]), static_cast<int32_t>(map.shape[0]),
                                         recipe.get(), out);
        });
    }
    // alpha * heat + (1 - alpha) * image
    static Image overlay(ImageView heat, ImageView image, RecipeRef recipe = {})
    {
        return Image([&](actmax_image **out) { return actmax_image_overlay(heat.get(), image.get(), recipe.get(), out); });
    }
    Image resized(int32_t width, int32_t height, const std::string &filter = "bilinear") const
    {
        return Image([&](actmax_image **out) { return actmax_image_resize(get(), width, height, filter.c_str(), out); });
    }

    ImageView view() const noexcept
    {
        return ImageView(get());
    }
    operator ImageView() const noexcept
    {
        return view();
    }
    int32_t width() const noexcept
    {
        return view().width();
    }
    int32_t height() const noexcept
    {
        return view().height();
    }
    int32_t channels() const noexcept
    {
        return view().channels();
    }
    View<uint8_t> pixels() const noexcept
    {
        return view().pixels();
    }
    View<float> float_pixels() const noexcept
    {
        return view().float_pixels();
    }
    void save(const std::string &path) const
    {
        view().save(path);
    }
    const actmax_image *get() const noexcept
    {
        return handle_.get();
    }

  private:
    template <typename Make, typename = std::enable_if_t<std::is_invocable_r_v<int32_t, Make, actmax_image **>>> explicit Image(Make make)
    {
        actmax_image *made = nullptr;
        check(make(&made));
        handle_.reset(made);
    }
    detail::Owner<actmax_image, actmax_image_free> handle_;
};
