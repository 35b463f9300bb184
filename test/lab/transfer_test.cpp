// Long transfers on bad paths: past the wrap of sequence numbers, outages, path MTU black holes, 20 % loss.
#include "support/world/stream_user.hpp"
#include "support/world/world.hpp"

#include <gtest/gtest.h>

#include <array>

namespace tapio::lab {
namespace {

using namespace std::chrono_literals;
using namespace core;

using test::agent;
using test::make_endpoint;

/// Octets whose period is not a multiple of any segment size.
const std::vector<std::byte>& pattern()
{
    static const std::vector<std::byte> all = [] {
        std::vector<std::byte> out((1 << 20) + 7);
        for (std::size_t i = 0; i < out.size(); ++i) out[i] = test::octet_at(i, 3);
        return out;
    }();
    return all;
}
const_bytes at_position(std::uint64_t position) { return const_bytes(pattern()).subspan(position % pattern().size()); }

class long_sender final : public agent
{
public:
    long_sender(host& h, tcp_id id, std::uint64_t size) : host_(h), id_(id), left_(size) { host_.tcp().set_owner(id_, this); }
    void ready(readiness what, time_point now) override
    {
        while (left_ > 0 && sent_ < pause_at && any(what & readiness::writable)) {
            const_bytes next = at_position(sent_);
            const std::array<const_bytes, 1> list{next.first(std::min<std::uint64_t>({next.size(), left_, pause_at - sent_}))};
            const auto n = host_.tcp().send(id_, list, now);
            if (!n) return;
            sent_ += *n;
            left_ -= *n;
        }
        if (left_ == 0 && !std::exchange(shut_, true)) (void)host_.tcp().shutdown(id_, shutdown_type::send, now);
    }

    tcp_id id() const noexcept { return id_; }

    std::uint64_t pause_at = UINT64_MAX; ///< octets; to continue, change it and call ready()

private:
    host& host_;
    tcp_id id_;
    std::uint64_t left_, sent_ = 0;
    bool shut_ = false;
};

class long_receiver final : public agent
{
public:
    long_receiver(host& h, time_point now) : host_(h), id_(*h.tcp().open(family::v4))
    {
        (void)host_.tcp().bind(id_, make_endpoint("198.18.0.2", 80));
        (void)host_.tcp().listen(id_, 1, now);
        host_.tcp().set_owner(id_, this);
    }
    void ready(readiness, time_point now) override
    {
        endpoint peer;
        if (!accepted_) {
            const auto s = host_.tcp().accept(id_, peer, now);
            if (!s) return;
            accepted_ = true;
            id_ = *s;
            host_.tcp().set_owner(id_, this);
        }
        for (;;) {
            const_bytes wanted = at_position(received);
            const std::array<mutable_bytes, 1> into{mutable_bytes(scratch_).first(std::min(scratch_.size(), wanted.size()))};
            const auto n = host_.tcp().receive(id_, into, {}, now);
            if (!n) return;
            if (*n == 0) return void(ended = true);
            right = right && std::equal(scratch_.begin(), scratch_.begin() + static_cast<std::ptrdiff_t>(*n), wanted.begin());
            received += *n;
        }
    }
    std::uint64_t received = 0;
    bool right = true, ended = false;

private:
    host& host_;
    tcp_id id_;
    bool accepted_ = false;
    std::vector<std::byte> scratch_ = std::vector<std::byte>(1 << 18);
};

struct transfer
{
    transfer(std::uint64_t size, const test::world::wire_options& wire, std::uint64_t seed = 1)
        : net(seed),
          a(net.add_host()),
          b(net.add_host()),
          w(net.join(a, "198.18.0.1", b, "198.18.0.2", wire)),
          to(b, net.now()),
          from(a, test::start_connect(a, make_endpoint("198.18.0.2", 80), net.now()), size)
    {
    }
    test::world net;
    host &a, &b;
    test::wire_between& w;
    long_receiver to;
    long_sender from;
};

TEST(long_transfer, past_eight_gibibytes)
{
    constexpr std::uint64_t size = (UINT64_C(8) << 30) + 12345;
    test::world::wire_options wire;
    wire.mtu = 65000;
    wire.forth.delay = wire.back.delay = 100us;
    wire.forth.drop = 0.0001; // so that SACK blocks cross each wrap
    transfer t(size, wire);
    ASSERT_TRUE(t.net.run_until([&] { return t.to.ended; }, 1h));
    EXPECT_EQ(t.to.received, size);
    EXPECT_TRUE(t.to.right);
    EXPECT_GT(t.a.counters().tcp.retrans_segs, 0U);
}

/// 4 GiB after the SYN an octet has the sequence number of the SYN. A segment that begins or ends there must not be taken for a
/// SYN.
TEST(long_transfer, the_octet_that_has_the_number_of_the_syn_is_lost_and_comes_again)
{
    constexpr std::uint64_t round = (UINT64_C(1) << 32) - 1; // octets between the SYN and the octet with its number
    test::world::wire_options wire;
    wire.mtu = 65000;
    wire.forth.delay = wire.back.delay = 100us;
    transfer t(round + 1000, wire);
    t.from.pause_at = round;
    ASSERT_TRUE(t.net.run_until([&] { return t.to.received == round; }, 1h));
    t.net.run_for(1s);
    ASSERT_EQ(t.a.tcp().info(t.from.id(), t.net.now())->unacked, 0U) << "an ACK up to that octet acknowledges everything";
    impairment_options dead = wire.forth;
    dead.drop = 1;
    t.w.forth.change(dead, 1);
    t.from.pause_at = round + 1;
    t.from.ready(readiness::writable, t.net.now());
    t.net.run_for(300ms); // sent and retransmitted, and lost each time
    t.w.forth.change(wire.forth, 1);
    EXPECT_GT(t.a.counters().tcp.retrans_segs, 0U);
    t.from.pause_at = UINT64_MAX;
    t.from.ready(readiness::writable, t.net.now());
    ASSERT_TRUE(t.net.run_until([&] { return t.to.ended; }, 1min));
    EXPECT_EQ(t.to.received, round + 1000);
    EXPECT_TRUE(t.to.right);
}

// -- outages and black holes (RFC 4821) -----------------------------------------------------------------------------------

test::world::wire_options dsl()
{
    test::world::wire_options w;
    w.forth.delay = w.back.delay = 10ms;
    w.forth.rate = w.back.rate = 50'000'000;
    w.forth.queue_limit = w.back.queue_limit = 125'000;
    return w;
}

duration time_of(transfer& t, std::uint64_t size)
{
    const time_point start = t.net.now();
    EXPECT_TRUE(t.net.run_until([&] { return t.to.ended; }, 1h));
    EXPECT_EQ(t.to.received, size);
    EXPECT_TRUE(t.to.right);
    return t.net.now() - start;
}

constexpr std::size_t headers = 52; // of IPv4 and TCP with timestamps

std::size_t size_of_segments(transfer& t) { return t.a.tcp().info(t.from.id(), t.net.now())->send_mss; }

class outage : public testing::TestWithParam<std::chrono::milliseconds>
{
};

TEST_P(outage, leaves_the_segments_as_large_as_they_were)
{
    constexpr std::uint64_t size = 20 << 20; // takes 3.5 s
    static const duration undisturbed = [] {
        transfer t(size, dsl());
        return time_of(t, size);
    }();
    transfer t(size, dsl());
    t.net.run_for(1s);
    impairment_options dead = dsl().forth;
    dead.drop = 1;
    t.w.forth.change(dead, 1);
    t.w.back.change(dead, 1);
    t.net.run_for(GetParam());
    t.w.forth.change(dsl().forth, 1);
    t.w.back.change(dsl().back, 1);
    const std::uint64_t before = t.to.received;
    ASSERT_TRUE(t.net.run_until([&] { return t.to.received > before + 100'000; }, 1min));
    EXPECT_EQ(t.a.tcp().info(t.from.id(), t.net.now())->send_mss, 1448U);
    // With exponential backoff the last timeout comes as long after the outage as the outage was; then the window starts at one
    // segment.
    EXPECT_LE(1s + GetParam() + time_of(t, size), undisturbed + 2 * GetParam() + 1500ms);
}
INSTANTIATE_TEST_SUITE_P(lengths, outage, testing::Values(500ms, 1s, 2s, 3s, 4s, 5s, 6s, 7s));

class hole : public testing::TestWithParam<std::chrono::milliseconds>
{
};

TEST_P(hole, is_overcome_wherever_it_begins)
{
    constexpr std::uint64_t size = 20 << 20;
    test::world::wire_options narrow = dsl();
    narrow.mtu = 1200;
    static const duration at_best = [&] {
        transfer t(size, narrow);
        return time_of(t, size);
    }();
    transfer t(size, dsl());
    t.net.run_for(GetParam());
    t.w.forth.largest = 1200;
    EXPECT_LE(time_of(t, size), at_best + 5s) << "three timeouts, then slow start";
    EXPECT_GT(t.a.counters().tcp.timeouts, 0U);
    EXPECT_LE(t.a.counters().tcp.timeouts, 5U) << "trying larger sizes costs no timeout";
    EXPECT_LE(size_of_segments(t), 1200U - headers);
    EXPECT_GE(size_of_segments(t), 1200U - headers - 16);
}
INSTANTIATE_TEST_SUITE_P(times, hole, testing::Values(0ms, 1500ms));

class narrow_path : public testing::TestWithParam<std::size_t>
{
};

TEST_P(narrow_path, is_measured_to_sixteen_octets)
{
    constexpr std::uint64_t size = 20 << 20;
    transfer t(size, dsl());
    t.net.run_for(1s);
    t.w.forth.largest = GetParam();
    time_of(t, size);
    EXPECT_LE(size_of_segments(t), GetParam() - headers);
    EXPECT_GE(size_of_segments(t), GetParam() - headers - 16);
}
INSTANTIATE_TEST_SUITE_P(mtus, narrow_path, testing::Values(1040, 1280, 1400, 1420, 1450, 1472, 1492));

TEST(narrow_paths, that_grow_again_are_noticed_within_ten_minutes)
{
    constexpr std::uint64_t size = 40 << 20;
    test::world::wire_options slow = dsl();
    slow.forth.rate = 400'000; // 14 minutes
    slow.forth.queue_limit = 20'000;
    transfer t(size, slow);
    t.net.run_for(1s);
    t.w.forth.largest = 1300;
    t.net.run_for(2min);
    EXPECT_LE(size_of_segments(t), 1300U - headers);
    EXPECT_GE(size_of_segments(t), 1300U - headers - 16);
    t.w.forth.largest = SIZE_MAX;
    t.net.run_for(10min);
    EXPECT_EQ(size_of_segments(t), 1500 - headers);
}

class terrible_wire : public testing::TestWithParam<std::uint64_t>
{
};

TEST_P(terrible_wire, a_fifth_of_all_packets_lost_both_ways)
{
    constexpr std::uint64_t megabyte = 1 << 20;
    test::world::wire_options wire;
    wire.forth.drop = wire.back.drop = 0.2;
    wire.forth.delay = wire.back.delay = 10ms;
    transfer t(megabyte, wire, GetParam());
    ASSERT_TRUE(t.net.run_until([&] { return t.to.ended; }, 1h));
    EXPECT_EQ(t.to.received, megabyte);
    EXPECT_TRUE(t.to.right);
}
INSTANTIATE_TEST_SUITE_P(seeds, terrible_wire, testing::Range<std::uint64_t>(1, 9));

} // namespace
} // namespace tapio::lab
