// bindings/cpp/actmax.hpp on the small network of examples/. Reference numbers are those of ONNX Runtime and PyTorch in
// tests/cli/expected.json (written by tests/cli/make_expected.py).
//
// usage: test_cpp EXAMPLES_FOLDER EXPECTED.json SCRATCH_FOLDER
#include <actmax.hpp>
#include <actmax_animation.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iostream>
#include <numeric>
#include <sstream>
#include <thread>
#if defined(__has_include) && __has_include(<span>)
#include <span>
#endif

namespace
{

int failures = 0;

void expect(bool right, const char *what, int line)
{
    if (right) return;
    std::cerr << "line " << line << ": " << what << '\n';
    ++failures;
}
#define EXPECT(condition) expect(condition, #condition, __LINE__)

// The exception of this type that `run` throws; anything else counts as a failure.
template <typename Kind> std::string thrown(const std::function<void()> &run, int line)
{
    try {
        run();
    } catch (const Kind &error) {
        return error.what();
    } catch (const std::exception &error) {
        std::cerr << "line " << line << ": another exception: " << error.what() << '\n';
        ++failures;
        return "";
    }
    std::cerr << "line " << line << ": nothing was thrown\n";
    ++failures;
    return "";
}
#define THROWN(Kind, ...) thrown<Kind>([&] { __VA_ARGS__; }, __LINE__)

bool contains(const std::string &text, const std::string &part)
{
    return text.find(part) != std::string::npos;
}

std::string read_file(const std::string &path)
{
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

// The numbers of a (nested) list in a JSON object, flat.
std::vector<double> numbers_of(const std::string &json, const std::string &key)
{
    std::vector<double> all;
    size_t at = json.find("\"" + key + "\": [");
    if (at == std::string::npos) return all;
    int depth = 0;
    const char *p = json.c_str() + json.find('[', at);
    do {
        char *end = nullptr;
        if (*p == '[') ++depth;
        if (*p == ']') --depth;
        double value = std::strtod(p, &end);
        if (end != p) all.push_back(value);
        p = end != p ? end : p + 1;
    } while (depth > 0 && *p != '\0');
    return all;
}

bool close(actmax::View<float> values, const std::vector<double> &expected, double tolerance)
{
    if (values.size() != expected.size() || expected.empty()) return false;
    for (size_t i = 0; i < expected.size(); ++i)
        if (!(std::fabs(static_cast<double>(values[i]) - expected[i]) <= tolerance)) return false;
    return true;
}

struct Places {
    std::string examples, expected, scratch;
    std::string example(const std::string &name) const
    {
        return examples + "/" + name;
    }
};

actmax::Model network(const Places &places)
{
    return actmax::Model(places.example("fashion_mnist.onnx"), actmax::Recipe{{"preprocess", "unit"}});
}

void test_model(const Places &places)
{
    actmax::Model model = network(places);
    std::vector<actmax::Layer> layers = model.layers();
    EXPECT(layers.size() == 11 && model.layer_count() == 11);
    EXPECT(layers[3].name == "conv2" && layers[3].type == "Conv" && layers[3].index == 3);
    EXPECT((layers[3].shape == std::vector<int64_t>{1, 32, 14, 14}) && layers[3].channel_axis == 1);
    EXPECT(layers[3].parameters == 32 * 16 * 9 + 32);
    EXPECT(model.parameters() == 160 + 4640 + 18496 + 650);
    EXPECT(model.find_layer("conv2") == 3 && model.input_name() == "image");
    EXPECT((model.input_shape() == std::vector<int64_t>{1, 1, 28, 28}) && model.notes().empty());
    std::string summary = model.summary();
    EXPECT(contains(summary, "conv3") && summary.back() == '\n' && !contains(summary, std::string(1, '\0')));

    std::string bytes = read_file(places.example("fashion_mnist.onnx"));
    actmax::Model same = actmax::Model::from_memory(bytes.data(), bytes.size());
    EXPECT(same.layer_count() == 11 && contains(same.notes(), "preprocessing"));
}

void test_errors(const Places &places)
{
    actmax::Model model = network(places);
    actmax::Session session(model);
    std::string message = THROWN(actmax::NotFoundError, model.find_layer("convv2"));
    EXPECT(contains(message, "'convv2'") && contains(message, "nearest: 'conv2'"));
    EXPECT(contains(THROWN(actmax::NotFoundError, session.maximize("conv2", 99)), "32"));
    EXPECT(contains(THROWN(actmax::NotFoundError, actmax::Recipe{{"stepz", 3}}), "'steps'"));
    THROWN(actmax::InvalidError, actmax::Recipe{{"steps", 0}});
    THROWN(actmax::InvalidError, session.maximize("", 1));
    THROWN(actmax::FormatError, actmax::Model::from_memory("no model", 8));
    THROWN(actmax::NotFoundError, actmax::Image(places.example("no such.png")));
    THROWN(actmax::InvalidError, actmax::Image::from_float(2, 2, 1, std::vector<float>{1, 2, 3}));
    THROWN(actmax::InvalidError, actmax::Recipe().bind_input("x", std::array<float, 3>{}, {2, 2}));
    try {
        model.layer(1000);
        EXPECT(false);
    } catch (const actmax::Error &error) {
        EXPECT(error.status() == ACTMAX_ERROR_NOT_FOUND && std::string(error.name()) == "ERROR_NOT_FOUND");
    }
}

void test_numbers(const Places &places)
{
    const std::string expected = read_file(places.expected);
    actmax::Session session(network(places));
    actmax::Image boot(places.example("fashion_boot.png"));
    actmax::Result prediction = session.predict(boot);
    EXPECT(close(prediction.array("probabilities").values, numbers_of(expected, "probabilities"), 1e-6));
    EXPECT(close(prediction.array("logits").values, numbers_of(expected, "logits"), 1e-5));
    actmax::Result logits = session.activations(boot, "logits");
    EXPECT(close(logits.array("activations").values, numbers_of(expected, "logits"), 1e-5));
    EXPECT((logits.array("activations").shape == std::vector<int64_t>{1, 10}));
    actmax::Result gradient = session.gradient(boot, "relu2", 5);
    EXPECT(close(gradient.array("gradient").values, numbers_of(expected, "gradient"), 1e-6));
    actmax::Result map = session.grad_cam(boot);
    EXPECT(map.number("class") == 9 && map.text("layer") == "relu3");
    EXPECT(close(map.array("map_raw").values, numbers_of(expected, "cam_raw"), 1e-5));
    THROWN(actmax::NotFoundError, map.number("no such"));

    // Grad-CAM by hand: each channel's mean gradient times the channel
    actmax::Result by_layer = session.layer_gradient(boot, ACTMAX_LAYER_OUTPUT, 9, "relu3");
    const actmax::Array slope = by_layer.array("gradient"), there = by_layer.array("activations");
    EXPECT((slope.shape == std::vector<int64_t>{1, 64, 7, 7}) && there.shape == slope.shape);
    std::vector<float> sum(49);
    for (size_t channel = 0; channel < 64; ++channel) {
        const float *g = slope.values.data() + channel * 49, *a = there.values.data() + channel * 49;
        const float mean = std::accumulate(g, g + 49, 0.0f) / 49;
        for (size_t i = 0; i < 49; ++i)
            sum[i] += mean * a[i];
    }
    EXPECT(close(sum, numbers_of(expected, "cam_raw"), 1e-5));
    THROWN(actmax::InvalidError, session.layer_gradient(boot, "conv2", 3, "relu3"));
}

void test_start(const Places &places)
{
    actmax::Image boot(places.example("fashion_boot.png"));
    actmax::Session session(network(places));
    actmax::Recipe recipe{{"steps", 1}, {"parameters", "pixel"}, {"jitter", 0}, {"rotate", 0}, {"scale_jitter", 0}};
    actmax::Result from_boot = session.maximize("conv2", 3, recipe.set_start(boot));
    actmax::Result inside = session.activations(boot, "conv2");
    const float *a = inside.array("activations").values.data() + size_t{3} * 196;
    EXPECT(std::fabs(from_boot.number("activation_start") - std::accumulate(a, a + 196, 0.0) / 196) < 1e-5);
}

void test_images(const Places &places)
{
    const std::vector<uint8_t> pixels = {0, 51, 102, 153, 204, 255};
    actmax::Image image(3, 2, 1, pixels.data());
    EXPECT(image.width() == 3 && image.height() == 2 && image.channels() == 1 && image.float_pixels().empty());
    EXPECT(std::equal(pixels.begin(), pixels.end(), image.pixels().begin()));
    const std::string file = places.scratch + "/cpp.png";
    image.save(file);
    actmax::Image again(file);
    EXPECT(again.pixels().size() == 6 && std::equal(pixels.begin(), pixels.end(), again.pixels().begin()));
    const std::string bytes = read_file(file);
    EXPECT(actmax::Image::from_memory(bytes.data(), bytes.size()).width() == 3);

    // The same network units, given as floats
    actmax::Image boot(places.example("fashion_boot.png"));
    std::vector<float> units;
    for (uint8_t pixel : boot.pixels())
        units.push_back(static_cast<float>(pixel) / 255.0f);
    actmax::Image floats = actmax::Image::from_float(28, 28, 1, units);
    EXPECT(floats.pixels().empty() && floats.float_pixels().size() == 784);
    actmax::Session session(network(places));
    actmax::Result a = session.predict(boot), b = session.predict(floats);
    actmax::View<float> left = a.array("logits").values, right = b.array("logits").values;
    for (size_t i = 0; i < 10; ++i)
        EXPECT(std::fabs(left[i] - right[i]) < 1e-5f);

    // 0.25 * heat + 0.75 * grey, cut off: a map of 0 and 1 in grey is black and white
    const std::vector<float> map = {0, 1};
    const uint8_t grey[2] = {100, 101};
    actmax::Recipe recipe{{"alpha", 0.25}, {"colormap", "grey"}};
    actmax::Image heat = actmax::Image::from_map(actmax::Array{map, {1, 2}}, recipe);
    actmax::Image both = actmax::Image::overlay(heat, actmax::Image(2, 1, 1, grey), recipe);
    const std::array<uint8_t, 6> expected = {75, 75, 75, 139, 139, 139};
    EXPECT(both.pixels().size() == 6 && std::equal(expected.begin(), expected.end(), both.pixels().begin()));
    EXPECT(both.resized(4, 2).width() == 4);

    const actmax::Image two(2, 1, 1, grey);
    const std::array<uint8_t, 15> stitched = {100, 101, 0, 100, 101, 0, 0, 0, 0, 0, 100, 101, 0, 0, 0};
    const actmax::Image sheet = actmax::Image::stitch({two, two, two}, 2, 1);
    EXPECT(sheet.pixels().size() == 15 && std::equal(stitched.begin(), stitched.end(), sheet.pixels().begin()));
    actmax::Image moved = std::move(both);
    EXPECT(moved.width() == 2 && both.get() == nullptr); // NOLINT: what is left after a move is looked at
}

void test_maximize(const Places &places)
{
    actmax::Session session(network(places), actmax::Recipe{{"threads", 1}});
    EXPECT(session.threads() == 1);
    actmax::Recipe recipe{{"steps", 12}, {"size", {28, 28}}};
    int64_t calls = 0, pictures = 0;
    recipe.on_progress([&](const actmax::Progress &progress) {
        ++calls;
        EXPECT(progress.step() == calls && progress.steps() == 12 && std::isfinite(progress.objective()));
        actmax::Progress::Picture picture = progress.image();
        pictures += picture.width == 28 && picture.height == 28 && picture.channels == 1 && picture.pixels.size() == 784;
    });
    actmax::Result first = session.maximize("conv2", 3, recipe);
    EXPECT(calls == 12 && pictures == 12 && first.number("steps") == 12 && !first.stopped());
    EXPECT(first.number("activation_end") > first.number("activation_start"));
    // The library's own measure of the picture that it gave
    actmax::Array units = first.array("image");
    EXPECT((units.shape == std::vector<int64_t>{28, 28, 1}));
    actmax::Result seen = session.gradient(actmax::Image::from_float(28, 28, 1, units.values), "conv2", 3);
    EXPECT(std::fabs(seen.number("activation") - first.number("activation_end")) < 1e-5);

    calls = pictures = 0;
    actmax::Result again = session.maximize(3, {3}, recipe);
    EXPECT(std::equal(first.image().pixels().begin(), first.image().pixels().end(), again.image().pixels().begin()));

    const std::vector<int32_t> filters = {3, 4};
    std::vector<actmax::Result> each = session.maximize_each("conv2", filters, actmax::Recipe{{"steps", 12}, {"size", 28}});
    EXPECT(each.size() == 2);
    EXPECT(std::equal(first.image().pixels().begin(), first.image().pixels().end(), each[0].image().pixels().begin()));
    actmax::Result sheet = session.maximize_sheet("conv2", filters, actmax::Recipe{{"steps", 12}, {"size", 28}, {"sheet", 2}});
    EXPECT(sheet.image("sheet").width() == 61 && sheet.number("scanned") == 2);
    actmax::Result one = session.maximize_sheet("conv2", {}, actmax::Recipe{{"steps", 1}, {"sheet_filters", 3}});
    EXPECT(one.image("sheet").width() == 28 && one.number("scanned") == 3);
    actmax::Result strongest = session.strongest(actmax::Image(places.example("fashion_boot.png")), "relu2", 4);
    EXPECT(strongest.array("filters").values.size() == 4 && strongest.array("means").values.size() == 32);
    first.save(places.scratch + "/cpp_filter.png");
    EXPECT(actmax::Image(places.scratch + "/cpp_filter.png").width() == 28);
}

void test_animation(const Places &places)
{
    const std::string path = places.scratch + "/cpp.gif";
    std::remove(path.c_str());
    actmax::Session session(network(places));
    actmax::Recipe recipe{{"steps", 9}};
    {
        actmax::Animation animation(path, 28, 28);
        recipe.on_progress([&](const actmax::Progress &progress) {
            if (progress.step() % 3 == 0) animation.add(progress);
        });
        actmax::Result picture = session.maximize("conv2", 3, recipe);
        animation.add(picture.image());
        EXPECT(animation.frames() == 4 && !std::ifstream(path));
        animation.finish();
    }
    std::string head(6, ' ');
    std::ifstream(path, std::ios::binary).read(head.data(), 6);
    EXPECT(head == "GIF89a");
    THROWN(actmax::InvalidError, actmax::Animation(path, 0, 28));
}

void test_callbacks(const Places &places)
{
    actmax::Session session(network(places));
    int calls = 0;
    actmax::Recipe stopping{{"steps", 50}};
    stopping.on_progress([&](const actmax::Progress &progress) { return ++calls, progress.step() >= 4; });
    actmax::Result stopped = session.maximize("conv2", 1, stopping);
    EXPECT(calls == 4 && stopped.stopped() && stopped.note() == ACTMAX_NOTE_STOPPED && stopped.number("steps") == 4);
    EXPECT(stopped.image().width() == 28);

    struct Own : std::runtime_error {
        using std::runtime_error::runtime_error;
    };
    calls = 0;
    actmax::Recipe throwing{{"steps", 50}};
    throwing.on_progress([&](const actmax::Progress &) {
        if (++calls == 3) throw Own("from the callback");
    });
    EXPECT(THROWN(Own, session.maximize("conv2", 1, throwing)) == "from the callback" && calls == 3);
    calls = 10; // the recipe and the session are as good as before
    EXPECT(session.maximize("conv2", 1, throwing).number("steps") == 50);
    calls = 2;
    const std::vector<int32_t> filters = {1, 2};
    THROWN(Own, session.maximize_each("conv2", filters, throwing));

    calls = 0;
    actmax::Recipe moved = std::move(throwing); // the callback moves along
    THROWN(Own, session.maximize("conv2", 1, moved));
    EXPECT(calls == 3);
    actmax::Recipe wrong;
    wrong.on_progress([](const actmax::Progress &progress) { progress.number("no such"); });
    EXPECT(contains(THROWN(actmax::NotFoundError, session.maximize("conv2", 1, wrong)), "'no such'"));
}

void test_recipe(const Places &places)
{
    actmax::Recipe recipe;
    recipe.set("steps", 7).set("optimizer", "ascent").set("mean", {0.5, 0.25}).set("clip", false).set("jitter", 2.5f);
    EXPECT(recipe.number("steps") == 7 && recipe.text("optimizer") == "ascent" && recipe.text("mean") == "0.5,0.25");
    EXPECT(recipe.number("clip") == 0 && recipe.number("jitter") == 2.5 && recipe.number("rotate") == 8);
    recipe.add_part("jitter", {{"jitter", 1}}).add_part("blur", {{"blur", 0.5}}).add_part("jitter", {{"jitter", "2"}});
    THROWN(actmax::NotFoundError, recipe.add_part("no such"));
    THROWN(actmax::InvalidError, recipe.add_part("jitter", {{"blur", 1}}));
    actmax::Session session(network(places));
    EXPECT(session.maximize("conv1", 0, recipe.set("steps", 3)).number("steps") == 3);
    EXPECT(session.maximize("conv1", {}, actmax::Recipe{{"steps", 3}}).text("target").find("mean of all") != std::string::npos);
}

void *counting_alloc(void *user, size_t bytes)
{
    ++*static_cast<int *>(user);
    return std::malloc(bytes);
}

void counting_free(void *user, void *pointer)
{
    if (pointer) --*static_cast<int *>(user);
    std::free(pointer);
}

void test_ownership(const Places &places)
{
    int living = 0;
    {
        actmax::Recipe recipe(counting_alloc, counting_free, &living);
        recipe.set("preprocess", "unit").set("steps", 2).set("threads", 1);
        auto model = std::make_unique<actmax::Model>(places.example("fashion_mnist.onnx"), recipe);
        actmax::Session session(*model, recipe);
        model.reset(); // the session keeps the network
        actmax::Result result = session.maximize("conv1", 0, recipe);
        EXPECT(result.image().width() == 28 && living > 10);
        THROWN(actmax::NotFoundError, session.maximize("conv1", 1000, recipe));
    }
    EXPECT(living == 0);
}

void test_threads(const Places &places)
{
    const actmax::Model model = network(places);
    std::array<std::vector<uint8_t>, 4> pictures;
    std::vector<std::thread> threads;
    for (size_t i = 0; i < pictures.size(); ++i)
        threads.emplace_back([&, i] {
            actmax::Session session(model, actmax::Recipe{{"threads", 1}});
            actmax::Result result = session.maximize("conv3", static_cast<int32_t>(i % 2), actmax::Recipe{{"steps", 5}});
            pictures[i].assign(result.image().pixels().begin(), result.image().pixels().end());
        });
    for (std::thread &thread : threads)
        thread.join();
    EXPECT(!pictures[0].empty() && pictures[0] == pictures[2] && pictures[1] == pictures[3] && pictures[0] != pictures[1]);
}

void test_views()
{
    const std::array<float, 3> three = {1, 2, 3};
    actmax::View<float> view = three;
    float sum = 0;
    for (float value : view)
        sum += value;
    EXPECT(view.size() == 3 && sum == 6 && view[1] == 2 && !view.empty() && actmax::View<float>().empty());
#if defined(__cpp_lib_span)
    std::span<const float> span = view;
    EXPECT(span.size() == 3 && span.data() == three.data());
#endif
}

} // namespace

int main(int count, char **words)
{
    if (count != 4) {
        std::cerr << "usage: test_cpp EXAMPLES_FOLDER EXPECTED.json SCRATCH_FOLDER\n";
        return EXIT_FAILURE;
    }
    const Places places{words[1], words[2], words[3]};
    try {
        test_model(places);
        test_errors(places);
        test_numbers(places);
        test_start(places);
        test_images(places);
        test_maximize(places);
        test_animation(places);
        test_callbacks(places);
        test_recipe(places);
        test_ownership(places);
        test_threads(places);
        test_views();
    } catch (const std::exception &error) {
        std::cerr << "an exception that no test expected: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
    std::cout << (failures ? "FAILED" : "10 tests passed") << '\n';
    return failures ? EXIT_FAILURE : EXIT_SUCCESS;
}
