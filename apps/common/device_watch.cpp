#include "common/device_watch.hpp"

#include <stdexcept>
#include <utility>

namespace apps {

struct device_watch::state
{
    tapio::stack& stack;
    std::string device;
    std::function<void()> stop;
    bool gone = false;
};

device_watch::device_watch(tapio::stack& stack, std::function<void()> stop)
    : state_(std::make_shared<state>(state{stack, stack.interface_status().name, std::move(stop)}))
{
    wait(state_, tapio::interface_state::up);
}

void device_watch::wait(const std::shared_ptr<state>& s, tapio::interface_state known)
{
    s->stack.async_wait_interface(1, known, [s](boost::system::error_code ec, tapio::interface_state now) {
        if (ec) return; // the stack is shut down
        s->gone = now == tapio::interface_state::not_present;
        s->gone ? s->stop() : wait(s, now);
    });
}

void device_watch::check() const
{
    if (state_->gone) throw std::runtime_error("the device '" + state_->device + "' is gone");
}

} // namespace apps
