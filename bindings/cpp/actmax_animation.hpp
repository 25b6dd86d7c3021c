// Animations of progress, beside actmax.hpp.
//
//     actmax::Animation animation("progress.gif", 224, 224);
//     recipe.on_progress([&](const actmax::Progress &progress) { animation.add(progress); });
//     session.maximize("fire5/concat", 3, recipe);
//     animation.finish();
#ifndef ACTMAX_ANIMATION_HPP
#define ACTMAX_ANIMATION_HPP

#include "actmax.hpp"

namespace actmax
{

// An animated GIF, written frame by frame. Destroyed unfinished, it leaves no file.
class Animation
{
  public:
    // delay_ms: how long a frame is shown
    Animation(const std::string &path, int32_t width, int32_t height, int32_t delay_ms = 100, RecipeRef recipe = {})
        : handle_(detail::got<actmax_animation *>(actmax_animation_new, path.c_str(), width, height, delay_ms, recipe.get()))
    {
    }
    // An image of another size is resized.
    void add(ImageView image) { check(actmax_animation_add(get(), image.get())); }
    // The image of a running maximisation, in its callback.
    void add(const Progress &progress) { check(actmax_animation_add_progress(get(), progress.get())); }
    int64_t frames() const noexcept { return actmax_animation_frames(get()); }
    void finish() { check(actmax_animation_finish(get())); }
    actmax_animation *get() const noexcept { return handle_.get(); }

  private:
    detail::Owner<actmax_animation, actmax_animation_free> handle_;
};

} // namespace actmax

#endif
