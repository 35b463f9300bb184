#include "common/served_host.hpp"

#include "common/control.hpp"
#include "common/device_watch.hpp"
#include "common/program.hpp"

#include <utility>

namespace apps {

namespace {

tapio::stack_options traced(tapio::stack_options o, tapio::core::trace* trace)
{
    o.trace = trace;
    return o;
}

const host_options& checked(const host_options& o)
{
    o.check();
    return o;
}

} // namespace

served_host::served_host(const host_options& options, tapio::stack_options stack_options)
    : options_(checked(options)),
      log_(options.log),
      stack(io, open_device(options), traced(std::move(stack_options), log_.trace()))
{
    configure(stack, options);
}

void served_host::run(const closing& close)
{
    stop_signal stop(io, [&] { close([&] { drain(stack, [&] { io.stop(); }); }); });
    const control_socket control(io, stack, options_.control);
    const device_watch watch(stack, [&] { io.stop(); });
    say("ready");
    io.run();
    watch.check();
}

} // namespace apps
