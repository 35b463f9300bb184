// Cost of the core without devices or Asio: checksums, headers, timers, connections, and bulk data between two hosts in memory.
//     test/run builds it; run it as build/release/test/bench/core_bench
#include "base/checksum.hpp"
#include "base/timer_wheel.hpp"
#include "core/connection_table.hpp"
#include "core/host.hpp"
#include "support/two_hosts.hpp"
#include "wire/ipv4.hpp"
#include "wire/tcp.hpp"

#include <benchmark/benchmark.h>
#include <cstdlib>
#include <cstring>
#include <new>
#include <vector>

namespace {

std::uint64_t allocations = 0;

} // namespace

void* operator new(std::size_t size)
{
    ++allocations;
    if (void* const p = std::malloc(size)) return p;
    throw std::bad_alloc();
}
void operator delete(void* p) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }

namespace tapio::core {
namespace {

using namespace std::chrono_literals;

/// Allocations per iteration; those of the first iterations vanish in the mean.
class allocation_count
{
public:
    explicit allocation_count(benchmark::State& state) : state_(state) {}
    allocation_count(const allocation_count&) = delete;
    allocation_count& operator=(const allocation_count&) = delete;
    ~allocation_count()
    {
        state_.counters["allocations"] =
            benchmark::Counter(static_cast<double>(allocations - before_), benchmark::Counter::kAvgIterations);
    }

private:
    benchmark::State& state_;
    const std::uint64_t before_ = allocations;
};

void checksum(benchmark::State& state)
{
    const std::vector<std::byte> octets(static_cast<std::size_t>(state.range(0)), std::byte{0x5a});
    for (auto _ : state) benchmark::DoNotOptimize(ones_sum(octets));
    state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(checksum)->Arg(20)->Arg(64)->Arg(1460)->Arg(65536);

void checksum_and_copy(benchmark::State& state)
{
    const std::vector<std::byte> octets(static_cast<std::size_t>(state.range(0)), std::byte{0x5a});
    std::vector<std::byte> into(octets.size());
    for (auto _ : state) {
        benchmark::DoNotOptimize(ones_sum_copying(octets, into.data()));
        benchmark::ClobberMemory();
    }
    state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(checksum_and_copy)->Arg(1460)->Arg(65536);

const address_v4 here(0xc000'0201U), there(0xc000'0202U); // 192.0.2.1, 192.0.2.2

packet segment()
{
    packet p;
    wire::tcp_fields f;
    f.source_port = 1;
    f.destination_port = 2;
    f.flags = wire::tcp_ack;
    f.options.timestamps = wire::tcp_timestamps{1, 2};
    wire::push_tcp(p, f, here, there);
    wire::ipv4_fields ip;
    ip.source = here;
    ip.destination = there;
    ip.protocol = wire::ip_protocol::tcp;
    wire::push_ipv4(p, ip);
    return p;
}

void emit_acknowledgement(benchmark::State& state)
{
    for (auto _ : state) {
        packet p = segment();
        benchmark::DoNotOptimize(p.front().data());
    }
}
BENCHMARK(emit_acknowledgement);

void parse_acknowledgement(benchmark::State& state)
{
    const packet p = segment();
    const const_bytes front = p.front();
    for (auto _ : state) {
        const auto ip = wire::parse_ipv4(front, front.size());
        const auto tcp = wire::parse_tcp(front.subspan(ip->header_length), front.size() - ip->header_length);
        benchmark::DoNotOptimize(tcp->sequence);
    }
}
BENCHMARK(parse_acknowledgement);

/// Re-arms a timer, as each segment does, while `range` other timers are armed.
void timer_arm(benchmark::State& state)
{
    timer_wheel wheel;
    std::vector<timer_node> nodes(static_cast<std::size_t>(state.range(0)));
    time_point now{1h};
    for (std::size_t i = 0; i < nodes.size(); ++i) {
        nodes[i].fire = [](timer_node&, void*, time_point) {};
        wheel.arm(nodes[i], now + 200ms + i * 10us);
    }
    std::size_t i = 0;
    for (auto _ : state) {
        now += 100ns;
        wheel.arm(nodes[i = (i + 7919) % nodes.size()], now + 300ms);
        wheel.advance(now);
    }
}
BENCHMARK(timer_arm)->Arg(10)->Arg(100'000);

/// Finds the connection of a segment, among `range` connections in random order.
void demux(benchmark::State& state)
{
    const siphash_key key{1, 2};
    const auto peer = [](std::uint32_t n) {
        return endpoint{address_v4(0xc612'0000U + n / 50'000), static_cast<std::uint16_t>(n % 50'000)};
    };
    const auto hash = [&](std::uint32_t n) { // the same hash as tcp_sockets
        const endpoint remote = peer(n);
        const std::uint64_t addresses = std::uint64_t{here.to_uint()} << 32 | remote.address.to_v4().to_uint();
        return static_cast<std::uint32_t>(siphash_1_3(key, addresses, std::uint32_t{80} << 16 | remote.port));
    };
    const auto count = static_cast<std::uint32_t>(state.range(0));
    std::vector<endpoint> names;
    connection_table table;
    for (std::uint32_t n = 0; n < count; ++n) {
        names.push_back(peer(n));
        table.insert(hash(n), tcp_id{n, 1});
    }
    std::uint32_t n = 0;
    for (auto _ : state) {
        const endpoint remote = peer(n = (n + 7919) % count);
        benchmark::DoNotOptimize(table.find(hash(n), [&](tcp_id id) { return names[id.index] == remote; }));
    }
}
BENCHMARK(demux)->Arg(10)->Arg(100'000);

/// Two hosts that exchange packets by function calls.
struct joined_hosts : two_hosts
{
    explicit joined_hosts(bool big_segments = false) : two_hosts(short_lived(), bare_ip(big_segments)) {}

    static host_options short_lived()
    {
        host_options o;
        o.tcp.time_wait = 1us;
        return o;
    }
    static device_info bare_ip(bool big_segments)
    {
        device_info wire;
        wire.link = link_type::ip;
        wire.offload.checksum = wire.offload.tso_v4 = big_segments;
        return wire;
    }
};

/// Opens, accepts and closes a connection: the work of both ends.
void connect_and_close(benchmark::State& state)
{
    joined_hosts net;
    const tcp_id listener = net.listen(128);
    const allocation_count counted(state);
    for (auto _ : state) {
        const tcp_id client = net.dial();
        net.settle();
        endpoint peer;
        const auto server = net.b.tcp().accept(listener, peer, net.now);
        net.a.tcp().close(client, net.now);
        net.settle();
        net.b.tcp().close(*server, net.now);
        net.settle();
        net.now += 10us;
    }
    state.counters["packets"] = benchmark::Counter(static_cast<double>(net.delivered), benchmark::Counter::kAvgIterations);
    if (net.b.tcp().size() > 2) state.SkipWithError("connections stay behind");
}
BENCHMARK(connect_and_close);

/// Source and destination buffers of bulk() and copy(). Their distance is no multiple of 4096 octets, which would make copying
/// slow.
struct buffers
{
    static constexpr std::size_t size = 65536, apart = size + 2112; // octets

    std::vector<std::byte> memory = std::vector<std::byte>(apart + size, std::byte{1});
    const_bytes from() const { return {memory.data(), size}; }
    mutable_bytes into() { return {memory.data() + apart, size}; }
};

/// Data in one direction; `range`: with segments of up to 64 KiB. The sender announces further writes, as asynchronous writers
/// do.
void bulk(benchmark::State& state)
{
    joined_hosts net(state.range(0) != 0);
    const tcp_id listener = net.listen(128);
    const tcp_id client = net.dial();
    net.settle();
    endpoint peer;
    const tcp_id server = *net.b.tcp().accept(listener, peer, net.now);
    buffers both;
    const std::array<const_bytes, 1> out{both.from()};
    const std::array<mutable_bytes, 1> in{both.into()};
    std::uint64_t moved = 0;
    net.a.tcp().expect_more(client, 0);
    const allocation_count counted(state);
    for (auto _ : state) {
        (void)net.a.tcp().send(client, out, net.now);
        net.settle();
        while (const auto n = net.b.tcp().receive(server, in, {}, net.now)) moved += *n;
        net.settle();
        net.now += 1us;
    }
    state.SetBytesProcessed(static_cast<std::int64_t>(moved));
    if (moved < static_cast<std::uint64_t>(state.iterations()) * 60'000) state.SkipWithError("the stream stalls");
}
BENCHMARK(bulk)->ArgName("big")->Arg(0)->Arg(1);

/// As bulk(), but without copies: the sender hands over slices, the receiver borrows them. Segments of up to 64 KiB.
void bulk_of_slices(benchmark::State& state)
{
    joined_hosts net(true);
    const tcp_id listener = net.listen(128);
    const tcp_id client = net.dial();
    net.settle();
    endpoint peer;
    const tcp_id server = *net.b.tcp().accept(listener, peer, net.now);
    const slice from = slice::copy_of(std::vector<std::byte>(65536, std::byte{1}));
    std::vector<slice> into;
    std::uint64_t moved = 0;
    net.a.tcp().expect_more(client, 0);
    const allocation_count counted(state);
    for (auto _ : state) {
        (void)net.a.tcp().send(client, std::span(&from, 1), net.now);
        net.settle();
        into.clear();
        while (const auto n = net.b.tcp().receive(server, into, 65536, net.now)) moved += *n;
        net.settle();
        net.now += 1us;
    }
    state.SetBytesProcessed(static_cast<std::int64_t>(moved));
    if (moved < static_cast<std::uint64_t>(state.iterations()) * 60'000) state.SkipWithError("the stream stalls");
}
BENCHMARK(bulk_of_slices);

/// The reference for bulk(): one thread copies the same buffers.
void copy(benchmark::State& state)
{
    buffers both;
    for (auto _ : state) {
        std::memcpy(both.into().data(), both.from().data(), buffers::size);
        benchmark::ClobberMemory();
    }
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(buffers::size));
}
BENCHMARK(copy);

} // namespace
} // namespace tapio::core
