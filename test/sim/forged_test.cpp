// One forged segment to one or both ends of a connection, in any state, must not start an endless exchange: after a bounded
// number of packets only timers send. This holds for any RTT, as an ACK that is answered by an ACK would be exchanged once per
// RTT forever.
#include "base/checksum.hpp"
#include "support/ip_packet.hpp"
#include "support/world/stream_user.hpp"
#include "wire/tcp.hpp"

#include <gtest/gtest.h>

#include <random>

namespace tapio::test {
namespace {

using namespace std::chrono_literals;

/// Numbers from the last segment that an end sent, from which a segment in its name can be forged.
struct last_said
{
    std::uint32_t next = 0; ///< SND.NXT, as far as segments have shown
    std::uint32_t ack = 0;
    std::optional<wire::tcp_timestamps> ts;
    std::uint16_t port = 0;
    std::uint64_t packets = 0;
};

enum class scene
{
    syn_sent,
    syn_received,
    established,
    half_closed,
    orphan_in_fin_wait_2,
    last_ack,
    time_wait,
    both_in_time_wait,
    one_window_closed,
    both_windows_closed,
    data_in_flight,
    last
};

constexpr const char* name_of(scene s)
{
    constexpr std::array names{"SYN-SENT",      "SYN-RECEIVED", "ESTABLISHED",    "half closed",       "FIN-WAIT-2 orphan",
                               "LAST-ACK",      "TIME-WAIT",    "both TIME-WAIT", "one window closed", "both windows closed",
                               "data in flight"};
    static_assert(names.size() == static_cast<std::size_t>(scene::last));
    return names[static_cast<std::size_t>(s)];
}

class theatre
{
public:
    theatre(std::uint64_t seed, duration delay) : net_(seed), a_(net_.add_host()), b_(net_.add_host())
    {
        impairment_options far;
        far.delay = delay;
        wire_ = &net_.join(a_, "192.0.2.1", b_, "192.0.2.2", {link_type::ip, 1500, far, far});
        wire_->forth.sees = [this](const packet& p) { note(a_said_, p); };
        wire_->back.sees = [this](const packet& p) { note(b_said_, p); };
    }

    void set_up(scene s)
    {
        listener_ = b_.tcp().open(test_family()).value();
        ASSERT_FALSE(b_.tcp().bind(listener_, make_endpoint("192.0.2.2", 80)));
        ASSERT_FALSE(b_.tcp().listen(listener_, 16, net_.now()));
        impairment_options cut;
        cut.drop = 1;
        if (s == scene::syn_sent) wire_->forth.change(cut, 1);
        if (s == scene::syn_received) wire_->back.change(cut, 1);
        client_ = start_connect(a_, make_endpoint("192.0.2.2", 80), net_.now());
        net_.settle();
        if (s == scene::syn_sent || s == scene::syn_received) {
            net_.run_for(3s);
            wire_->forth.change({}, 1);
            wire_->back.change({}, 1);
            return;
        }
        net_.run_for(10s);
        endpoint peer;
        const auto accepted = b_.tcp().accept(listener_, peer, net_.now());
        ASSERT_TRUE(accepted);
        server_ = *accepted;
        act(s);
        const bool fills_windows = s == scene::one_window_closed || s == scene::both_windows_closed;
        net_.run_for(s == scene::data_in_flight ? duration(1ms) : fills_windows ? duration(5min) : duration(10s));
    }

    /// Sends a forged segment in the name of the other end to `b`, or to `a`.
    void forge(bool to_b, std::mt19937_64& random)
    {
        const auto any_of = [&](auto... v) {
            const std::array<std::uint32_t, sizeof...(v)> all{static_cast<std::uint32_t>(v)...};
            return all[random() % all.size()];
        };
        const last_said& me = to_b ? a_said_ : b_said_;
        const last_said& other = to_b ? b_said_ : a_said_;
        wire::tcp_fields f;
        f.source_port = me.port != 0 ? me.port : std::uint16_t{80};
        f.destination_port = other.port != 0 ? other.port : std::uint16_t{80};
        f.sequence = me.next + any_of(0, 0, 0, 1, -1, -2, 1000, -1000, 60'000, -60'000, 300'000, 1 << 30, -(1 << 30));
        f.acknowledgement = me.ack + any_of(0, 0, 0, 1, -1, 1000, -1000, 70'000, 300'000, 1 << 30, -(1 << 30));
        f.flags = static_cast<std::uint8_t>(any_of(wire::tcp_ack, wire::tcp_ack, wire::tcp_ack | wire::tcp_psh,
                                                   wire::tcp_ack | wire::tcp_fin, wire::tcp_rst, wire::tcp_rst | wire::tcp_ack,
                                                   wire::tcp_syn, wire::tcp_syn | wire::tcp_ack, wire::tcp_syn | wire::tcp_fin,
                                                   wire::tcp_ack | wire::tcp_urg, 0, random() & 0xff));
        f.window = static_cast<std::uint16_t>(any_of(0, 1, 1000, 65535));
        f.urgent = static_cast<std::uint16_t>(any_of(0, 1, 1000));
        if (me.ts && random() % 4 != 0) {
            f.options.timestamps = me.ts;
            f.options.timestamps->value += any_of(0, 0, 1, -1000, 100'000);
        }
        packet p;
        if (const auto size = any_of(0, 0, 1, 100, 1448); size > 0) {
            const std::vector<std::byte> text(size, std::byte{'!'});
            p = packet(slice::copy_of(text));
        }
        const address a = in_test_family("192.0.2.1"), b = in_test_family("192.0.2.2");
        wire::push_tcp(p, f, to_b ? a : b, to_b ? b : a);
        push_ip(p, to_b ? a : b, to_b ? b : a, ip_protocol::tcp);
        auto& host = to_b ? b_ : a_;
        host.receive(1, std::move(p), net_.now());
        host.advance(net_.now());
    }

    std::uint64_t packets_in(duration length)
    {
        const std::uint64_t before = a_said_.packets + b_said_.packets;
        net_.run_for(length);
        return a_said_.packets + b_said_.packets - before;
    }

private:
    static void note(last_said& said, packet p)
    {
        ++said.packets;
        const std::size_t size = p.size();
        if (!p.pull(std::min<std::size_t>(size, 100))) return;
        const auto ip = header_of(p);
        if (!ip || ip->protocol != ip_protocol::tcp) return;
        p.consume(ip->header_length);
        const auto t = wire::parse_tcp(p.front(), p.size());
        if (!t || (t->flags & wire::tcp_rst) != 0) return;
        const auto control = (t->flags & (wire::tcp_syn | wire::tcp_fin)) != 0 ? 1U : 0U;
        said.next = t->sequence + static_cast<std::uint32_t>(p.size() - t->header_length) + control;
        said.ack = t->acknowledgement;
        if (t->options.timestamps) said.ts = t->options.timestamps;
        said.port = t->source_port;
    }

    void send(host& h, tcp_id id, std::size_t size)
    {
        const std::vector<std::byte> text(size, std::byte{'x'});
        const std::array<const_bytes, 1> from{text};
        (void)h.tcp().send(id, from, net_.now());
    }

    void act(scene s)
    {
        const time_point now = net_.now();
        constexpr std::size_t much = 3'000'000;
        switch (s) {
        case scene::half_closed: (void)a_.tcp().shutdown(client_, shutdown_type::send, now); break;
        case scene::orphan_in_fin_wait_2: a_.tcp().close(client_, now); break;
        case scene::last_ack:
            (void)a_.tcp().shutdown(client_, shutdown_type::send, now);
            net_.run_for(5s);
            wire_->back.change({.drop = 1}, 1); // its FIN is lost
            b_.tcp().close(server_, net_.now());
            net_.settle();
            wire_->back.change({}, 1);
            break;
        case scene::time_wait:
            a_.tcp().close(client_, now);
            net_.run_for(5s);
            b_.tcp().close(server_, net_.now());
            break;
        case scene::both_in_time_wait:
            a_.tcp().close(client_, now);
            b_.tcp().close(server_, now);
            break;
        case scene::both_windows_closed: send(b_, server_, much); [[fallthrough]];
        case scene::one_window_closed: send(a_, client_, much); break;
        case scene::data_in_flight:
            send(a_, client_, 10'000);
            send(b_, server_, 10'000);
            break;
        default: break;
        }
    }

    world net_;
    host &a_, &b_;
    wire_between* wire_ = nullptr;
    last_said a_said_, b_said_;
    tcp_id listener_, client_, server_;
};

class forged : public testing::TestWithParam<int>
{
};

TEST_P(forged, segments_are_followed_by_silence)
{
    const auto where = static_cast<scene>(GetParam());
    std::mt19937_64 random(7U + static_cast<unsigned>(GetParam()));
    constexpr std::array<duration, 4> delays{duration(0), 10ms, 400ms, 2s};
    for (unsigned run = 0; run < 200; ++run) {
        SCOPED_TRACE(std::string(name_of(where)) + ", run " + std::to_string(run));
        theatre t(run + 1, delays[run % delays.size()]);
        t.set_up(where);
        if (HasFatalFailure()) return;
        const unsigned to = run / 4 % 3;
        if (to != 0) t.forge(true, random);
        if (to != 1) t.forge(false, random);
        // Allowed: window probes of both ends and their answers when both windows are closed, and retransmissions of a connection
        // that is being given up.
        EXPECT_LE(t.packets_in(10min), 120U);
        EXPECT_LE(t.packets_in(10min), 60U);
    }
}

INSTANTIATE_TEST_SUITE_P(in, forged, testing::Range(0, static_cast<int>(scene::last)));

} // namespace
} // namespace tapio::test
