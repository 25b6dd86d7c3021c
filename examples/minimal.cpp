// The picture that excites one filter, and where the network looks in a photograph, from C++17.
//
//     c++ -std=c++17 minimal.cpp -o minimal $(pkg-config --cflags --libs actmax)
//     ./minimal net.onnx conv5 3 filter.png raw|unit|tf|torch|caffe [PHOTOGRAPH overlay.png]
//
// actmax.hpp lies in bindings/cpp; give its folder with -I, or install it with the CMake option ACTMAX_CPP.
#include <actmax.hpp>

#include <cstdlib>
#include <iostream>

int main(int count, char **words)
{
    if (count != 6 && count != 8) {
        std::cerr << "usage: " << words[0] << " MODEL.onnx LAYER FILTER OUT.png raw|unit|tf|torch|caffe [PHOTOGRAPH OVERLAY.png]\n";
        return EXIT_FAILURE;
    }
    try {
        actmax::Recipe recipe{{"preprocess", words[5]}, {"steps", 100}};
        recipe.on_progress([](const actmax::Progress &progress) {
            if (progress.step() % 25 == 0)
                std::cout << "step " << progress.step() << ": objective " << progress.objective() << '\n';
        });
        actmax::Session session(actmax::Model(words[1], recipe));

        actmax::Result picture = session.maximize(words[2], std::atoi(words[3]), recipe);
        picture.save(words[4]);
        std::cout << words[4] << ": activation " << picture.number("activation_start") << " -> " << picture.number("activation_end")
                  << '\n';

        if (count == 8) {
            actmax::Image photograph(words[6]);
            actmax::Result map = session.grad_cam(photograph);
            actmax::Image::overlay(map.image("heat"), photograph).save(words[7]);
            std::cout << words[7] << ": class " << map.number("class") << '\n';
        }
        return EXIT_SUCCESS;
    } catch (const actmax::Error &error) {
        std::cerr << error.name() << ": " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
