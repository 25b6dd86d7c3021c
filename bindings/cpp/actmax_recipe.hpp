// Recipes and the progress of a run. Part of actmax.hpp, which is what programs include.
#ifndef ACTMAX_RECIPE_HPP
#define ACTMAX_RECIPE_HPP

#include "actmax_base.hpp"

#include <exception>
#include <functional>
#include <variant>

namespace actmax
{

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
    // A file that an ONNX model loaded from memory keeps beside itself. Not copied: it must outlive the model.
    Recipe &add_external_data(const std::string &location, const void *data, size_t size)
    {
        return done(actmax_recipe_add_external_data(get(), location.c_str(), data, size));
    }
    // The image (an Image or ImageView) that maximisations start from, copied.
    template <typename Picture> Recipe &set_start(const Picture &image)
    {
        return done(actmax_recipe_set_start(get(), image.get()));
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

} // namespace actmax

#endif
