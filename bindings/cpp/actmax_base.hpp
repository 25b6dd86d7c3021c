// Errors, and what looks into the library's memory. Part of actmax.hpp, which is what programs include.
#ifndef ACTMAX_BASE_HPP
#define ACTMAX_BASE_HPP

#include <actmax.h>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
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

} // namespace actmax

#endif
