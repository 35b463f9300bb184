/// @file
/// bench_server: the services that the benchmarks drive, on a TAP or TUN device. One process, one thread.
#include "bench_server/services.hpp"
#include "common/host_options.hpp"
#include "common/program.hpp"

#include <boost/asio/io_context.hpp>

#include <cstdint>

namespace asio = boost::asio;
namespace po = boost::program_options;

namespace {

struct engine_options
{
    bool io_uring = false;
    unsigned queues = 1;

    po::options_description description()
    {
        po::options_description d("Engine");
        d.add_options()                                                               //
            ("queues", apps::number(queues, 1, 64), "device queues, one thread each") //
            ("io-uring", po::bool_switch(&io_uring), "drive the device by io_uring");
        return d;
    }

    // An engine that does not exist must not be measured under its name.
    void check() const
    {
        if (queues > 1) throw apps::usage_error("--queues: more than one queue is not built yet");
        if (io_uring) throw apps::usage_error("--io-uring: this engine is not built yet");
    }
};

void serve(const apps::host_options& host, const engine_options& engine)
{
    host.check();
    engine.check();
    asio::io_context io(1);
    tapio::stack_options options;
    options.defer_output = true;
    tapio::stack stack(io, apps::open_device(host), options);
    apps::configure(stack, host);

    apps::bench_server::start_sink(stack, 5001);
    apps::bench_server::start_source(stack, 5002);
    apps::bench_server::start_echo(stack, 5003);
    apps::bench_server::start_udp_echo(stack, 5003);
    apps::bench_server::start_closer(stack, 5004);
    apps::bench_server::start_control(stack, 5005);

    apps::stop_signal stop(io, [&] { io.stop(); });
    apps::say("ready");
    io.run();
}

} // namespace

int main(int argc, char** argv)
{
    apps::program program("bench_server", "the services that tapio's benchmarks drive: 5001 sink, 5002 source, 5003 echo "
                                          "(TCP and UDP), 5004 one octet, 5005 control");
    apps::host_options host;
    host.mac = "02:00:00:00:00:02";
    host.queue_length = 10'000; // room for the whole window of a client: it sends by itself, not when an acknowledgement wakes it
    engine_options engine;
    program.options.add(host.description()).add(engine.description());
    return program.run(argc, argv, [&] { serve(host, engine); });
}
