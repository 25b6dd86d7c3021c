// Images. Part of actmax.hpp, which is what programs include.
#ifndef ACTMAX_IMAGE_HPP
#define ACTMAX_IMAGE_HPP

#include "actmax_recipe.hpp"

namespace actmax
{

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
    // 8-bit images of one size side by side, `columns` in a row, with black margins.
    static Image stitch(const std::vector<ImageView> &images, int32_t columns, int32_t margin = 5)
    {
        std::vector<const actmax_image *> handles;
        for (const ImageView &image : images)
            handles.push_back(image.get());
        return made(actmax_image_stitch, handles.data(), handles.size(), columns, margin);
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

} // namespace actmax

#endif
