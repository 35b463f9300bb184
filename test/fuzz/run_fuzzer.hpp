/// @file
/// main() of a fuzzer: PROGRAM [STEPS] [FIRST-SEED] [SEEDS].
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace tapio::test {

/// @tparam Fuzzer  made from a seed; step() is called for each step, then end(); report() prints, and says whether all went well
/// @return the exit status
template <class Fuzzer>
int run_fuzzer(int argc, char** argv)
{
    const auto steps = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 100'000;
    const auto first = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1;
    const auto seeds = argc > 3 ? std::strtoull(argv[3], nullptr, 10) : 1;
    for (auto seed = first; seed < first + seeds; ++seed) {
        Fuzzer f(seed);
        for (std::uint64_t i = 0; i < steps; ++i) f.step();
        f.end();
        if (!f.report(steps, seed)) return 1;
        std::fflush(stdout);
    }
    return 0;
}

} // namespace tapio::test
