// Reordering and delay spikes that look like loss, and random losses that should be repaired without a timeout.
#include "lab/experiment.hpp"
#include "lab/lossy_transfer.hpp"

#include <gtest/gtest.h>

#include <ostream>

namespace tapio::lab {
namespace {

using namespace std::chrono_literals;

struct mistake
{
    double reordering = 0; ///< share of packets
    duration later{}, stall{}, stall_every{};
    double utilisation = 0; ///< minimum
};
void PrintTo(const mistake& m, std::ostream* out)
{
    using ms = std::chrono::duration<double, std::milli>;
    *out << 100 * m.reordering << " % later by " << ms(m.later).count() << " ms, stalls of " << ms(m.stall).count() << " ms each "
         << ms(m.stall_every).count() << " ms";
}

class mistaken_recovery : public testing::TestWithParam<mistake>
{
};

/// Recoveries caused by reordering, and timeouts caused by a delay spike, are undone: the utilisation of a path with an RTT of 66
/// ms does not suffer.
TEST_P(mistaken_recovery, is_undone)
{
    const mistake& m = GetParam();
    cell c;
    c.rate = 50'000'000;
    c.rtt = 66ms;
    c.queue = 2; // so that the burst after a stall is not dropped
    c.reordering = m.reordering;
    c.reorder_delay = m.later;
    c.stall = m.stall;
    c.stall_every = m.stall_every;
    c.start_up = 5s;
    c.length = 20s;
    const outcome r = run(c);
    EXPECT_GE(r.utilisation, m.utilisation);
}
INSTANTIATE_TEST_SUITE_P(paths, mistaken_recovery,
                         testing::Values(mistake{.reordering = 0.01, .later = 10ms, .utilisation = 0.97},
                                         mistake{.reordering = 0.01, .later = 30ms, .utilisation = 0.97},
                                         mistake{.reordering = 0.05, .later = 50ms, .utilisation = 0.97},
                                         mistake{.stall = 100ms, .stall_every = 1s, .utilisation = 0.95},
                                         mistake{.stall = 300ms, .stall_every = 2s, .utilisation = 0.82},
                                         mistake{.stall = 1s, .stall_every = 5s, .utilisation = 0.75}));

struct beginning
{
    const char* congestion_control;
    double reordering = 0; ///< share of packets
    duration later{};
    double utilisation = 0; ///< minimum of the mean over all seeds
};
void PrintTo(const beginning& b, std::ostream* out)
{
    *out << b.congestion_control << ", " << 100 * b.reordering << " % later by "
         << std::chrono::duration<double, std::milli>(b.later).count() << " ms";
}

class reordered_beginning : public testing::TestWithParam<beginning>
{
};

/// The first ten seconds of a connection with default buffers. This requires that SACKed octets raise the window, that a spurious
/// recovery does not end slow start, and that SACKed data does not count against the send buffer.
TEST_P(reordered_beginning, finds_the_window)
{
    constexpr unsigned seeds = 3;
    double utilisation = 0;
    for (unsigned seed = 1; seed <= seeds; ++seed) {
        cell c;
        c.congestion_control = GetParam().congestion_control;
        c.rate = 200'000'000;
        c.rtt = 66ms;
        c.reordering = GetParam().reordering;
        c.reorder_delay = GetParam().later;
        c.start_up = 0s;
        c.length = 10s;
        c.tuned = true;
        c.seed = seed;
        utilisation += run(c).utilisation / seeds;
    }
    EXPECT_GE(utilisation, GetParam().utilisation);
}
INSTANTIATE_TEST_SUITE_P(paths, reordered_beginning,
                         testing::Values(beginning{"cubic", 0.01, 30ms, 0.85}, beginning{"cubic", 0.05, 50ms, 0.85},
                                         beginning{"bbr", 0.05, 50ms, 0.85}));

// -- what takes a timeout -------------------------------------------------------------------------------------------------

class random_loss : public testing::TestWithParam<std::pair<duration, double>>
{
};

/// Both data and ACKs are lost; one ACK covers all data that arrived at the same time.
TEST_P(random_loss, takes_hardly_ever_a_timeout)
{
    lossy_outcome all;
    for (std::uint64_t seed = 1; seed <= 3; ++seed) {
        const lossy_outcome r = transfer({.rtt = GetParam().first, .loss = GetParam().second, .size = 8 << 20, .seed = seed});
        EXPECT_TRUE(r.complete);
        all.dropped += r.dropped;
        all.timeouts += r.timeouts;
        EXPECT_LE(r.took, 2s + 1500 * GetParam().first);
    }
    // the RTO is long compared with the RTT, so there is time for several probes
    const bool rto_is_far = GetParam().first <= 10ms;
    EXPECT_LE(all.timeouts_per_loss(), rto_is_far ? 0.005 : 0.02);
}
INSTANTIATE_TEST_SUITE_P(paths, random_loss,
                         testing::Values(std::pair{1us, 0.01}, std::pair{1us, 0.05}, std::pair{100us, 0.01},
                                         std::pair{100us, 0.05}, std::pair{10ms, 0.01}, std::pair{10ms, 0.05},
                                         std::pair{100ms, 0.01}, std::pair{100ms, 0.05}));

} // namespace
} // namespace tapio::lab
