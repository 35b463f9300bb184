/// @file
/// bench_server: the services that the benchmarks drive, on a TAP or TUN device. One process, one thread for each queue.
#include "bench_server/services.hpp"
#include "common/device_watch.hpp"
#include "common/host_options.hpp"
#include "common/logging.hpp"
#include "common/program.hpp"

#include <tapio/shards.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <sched.h>

namespace asio = boost::asio;
namespace po = boost::program_options;

namespace {

struct engine_options
{
    unsigned queues = 1;

    po::options_description description()
    {
        po::options_description d("Engine");
        d.add_options()("queues", apps::number(queues, 1, 64), "device queues, one thread each");
        return d;
    }
};

void start_services(tapio::shards& shards)
{
    apps::bench_server::start_sink(shards, 5001);
    apps::bench_server::start_source(shards, 5002);
    apps::bench_server::start_echo(shards, 5003);
    apps::bench_server::start_closer(shards, 5004);
    apps::bench_server::start_control(shards, 5005);
}

// The load client keeps CPU 0 busy: the first thread gets CPU 1, the second CPU 0, and further ones the next CPUs.
void pin_to_processor(std::size_t n)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(n < 2 ? 1 - n : n, &set);
    ::sched_setaffinity(0, sizeof set, &set); // fails without harm if there is no such CPU
}

void serve(apps::host_options host, const engine_options& engine)
{
    host.check();
    if (engine.queues > 1 && (host.tap_fd >= 0 || host.tun_fd >= 0)) throw apps::usage_error("a descriptor is one queue");
    host.multi_queue = engine.queues > 1;
    std::vector<std::unique_ptr<tapio::device>> queues;
    while (queues.size() < engine.queues) queues.push_back(apps::open_device(host));
    const apps::stack_log log(host.log);
    tapio::stack_options options;
    options.trace = log.trace();
    options.defer_output = true;
    tapio::shards shards(std::move(queues), options);
    for (std::size_t n = 0; n < shards.size(); ++n) apps::configure(shards[n], host);
    start_services(shards);
    apps::stop_signal stop(shards.context(0),
                           [&] { shards.drain(std::chrono::seconds(5), [&](boost::system::error_code) { shards.stop(); }); });
    const apps::device_watch watch(shards[0], [&] { shards.stop(); });
    std::atomic<std::size_t> started = 0;
    shards.run([&](std::size_t n) { // on the shard's thread, which has buffers of its own
        if (engine.queues > 1) pin_to_processor(n);
        apps::bench_server::start_udp_echo(shards[n], 5003);
        if (++started == shards.size()) apps::say("ready");
    });
    watch.check();
}

} // namespace

int main(int argc, char** argv)
{
    apps::program program("bench_server", "the services that tapio's benchmarks drive: 5001 sink, 5002 source, 5003 echo "
                                          "(TCP and UDP), 5004 one octet, 5005 control");
    apps::host_options host;
    host.mac = "02:00:00:00:00:02";
    // A queue with room for everything that several clients may have under way: a client then sends when it writes, on its own
    // processor. If the window held it back, it would send when our acknowledgement arrives, which is within our own system call.
    host.queue_length = 40'000;
    host.busy_poll = 50; // us; for a server whose clients wait for its answers. 0 measures without busy polling
    engine_options engine;
    program.options.add(host.description()).add(engine.description());
    return program.run(argc, argv, [&] { serve(host, engine); });
}
