/// @file
/// A socket option with a value of any type, for Asio's set_option() and get_option().
#pragma once

#include <cstddef>
#include <utility>

namespace tapio::test {

/// @tparam T trivially copyable: the type that setsockopt(2) expects
template <int Level, int Name, class T>
class value_option
{
public:
    value_option() = default;
    explicit value_option(T value) : value_(std::move(value)) {}

    template <class P>
    int level(const P&) const
    {
        return Level;
    }
    template <class P>
    int name(const P&) const
    {
        return Name;
    }
    template <class P>
    void* data(const P&)
    {
        return &value_;
    }
    template <class P>
    const void* data(const P&) const
    {
        return &value_;
    }
    template <class P>
    std::size_t size(const P&) const
    {
        return sizeof value_;
    }
    template <class P>
    void resize(const P&, std::size_t n)
    {
        filled_ = n;
    }

    const T& value() const { return value_; }
    std::size_t filled() const { return filled_; } ///< octets that get_option() has written

private:
    T value_{};
    std::size_t filled_ = 0;
};

} // namespace tapio::test
