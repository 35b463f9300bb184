/// @file
/// router: forwards between TAP and TUN devices and VLANs, both families.
#include "common/control.hpp"
#include "common/device_watch.hpp"
#include "common/logging.hpp"
#include "common/program.hpp"
#include "router/plan.hpp"

#include <tapio/stack.hpp>

#include <boost/asio/io_context.hpp>

int main(int argc, char** argv)
{
    apps::program program("router", "Forwards packets between its interfaces");
    apps::router::plan plan;
    program.options.add(plan.description());
    return program.run(argc, argv, [&] {
        apps::check_log_level(plan.log);
        boost::asio::io_context io(1);
        const apps::stack_log log(plan.log);
        tapio::stack stack(io, nullptr, {.trace = log.trace()});
        apps::router::carry_out(plan, stack);
        apps::stop_signal stop(io, [&] { io.stop(); });
        const apps::control_socket control(io, stack, plan.control);
        const apps::device_watch watch(stack, [&] { io.stop(); });
        apps::say("ready");
        io.run();
        watch.check();
    });
}
