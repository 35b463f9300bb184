/// @file
/// How often a test repeats what is random in it.
#pragma once

#include <cstddef>

namespace tapio::test {

/// `n`, or a fifth of it if the code under test is not optimised: the second compiler's tests take ten times as long.
constexpr std::size_t repetitions(std::size_t n) noexcept
{
#ifdef NDEBUG
    return n;
#else
    return n / 5;
#endif
}

} // namespace tapio::test
