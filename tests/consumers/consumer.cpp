// The same from C++: handles owned by std::unique_ptr, the callback a lambda.
// usage: consumer MODEL.onnx OUT.png
#include <actmax.h>

#include <cstdlib>
#include <iostream>
#include <memory>

namespace
{
template <typename T, void (*Free)(T *)> struct Deleter {
    void operator()(T *handle) const
    {
        Free(handle);
    }
};
using Recipe = std::unique_ptr<actmax_recipe, Deleter<actmax_recipe, actmax_recipe_free>>;
using Model = std::unique_ptr<actmax_model, Deleter<actmax_model, actmax_model_free>>;
using Session = std::unique_ptr<actmax_session, Deleter<actmax_session, actmax_session_free>>;
using Result = std::unique_ptr<actmax_result, Deleter<actmax_result, actmax_result_free>>;

void check(int32_t status)
{
    if (status >= 0) return;
    std::cerr << actmax_status_name(status) << ": " << actmax_message() << '\n';
    std::exit(EXIT_FAILURE);
}

// Makes a handle by a function whose last argument is its `out`.
template <typename Owner, typename Make> Owner made(Make make)
{
    typename Owner::pointer handle = nullptr;
    check(make(&handle));
    return Owner(handle);
}
} // namespace

int main(int count, char **words)
{
    if (count != 3) return EXIT_FAILURE;
    int calls = 0;
    Recipe recipe = made<Recipe>(actmax_recipe_new);
    check(actmax_recipe_set_text(recipe.get(), "preprocess", "unit"));
    check(actmax_recipe_set_number(recipe.get(), "steps", 50));
    check(actmax_recipe_set_callback(
        recipe.get(), [](void *user, const actmax_progress *) -> int32_t { return ++*static_cast<int *>(user) == 3; }, &calls));
    Model model = made<Model>([&](actmax_model **out) { return actmax_model_load(words[1], recipe.get(), out); });
    Session session = made<Session>([&](actmax_session **out) { return actmax_session_new(model.get(), recipe.get(), out); });
    int32_t layer = 0, filter = 1, status = 0;
    check(actmax_model_find_layer(model.get(), "conv2", &layer));
    Result result = made<Result>(
        [&](actmax_result **out) { return status = actmax_session_maximize(session.get(), layer, &filter, 1, recipe.get(), out); });
    check(actmax_result_save(result.get(), words[2]));
    std::cout << "actmax " << actmax_version_string() << ": stopped after " << calls << " steps\n";
    return status == ACTMAX_NOTE_STOPPED && calls == 3 ? EXIT_SUCCESS : EXIT_FAILURE;
}
