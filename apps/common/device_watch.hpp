/// @file
/// What a program does when its device is gone: it ends, with one line and an exit status.
#pragma once

#include <tapio/stack.hpp>

#include <functional>
#include <memory>

namespace apps {

/// Watches the first device of a stack. One that is down may come up again, and is waited for.
class device_watch
{
public:
    /// Calls `stop` on the stack's executor when the device is gone.
    device_watch(tapio::stack& stack, std::function<void()> stop);

    /// To be called when the program has stopped. @throws std::runtime_error if that was because the device is gone
    void check() const;

private:
    struct state;
    static void wait(const std::shared_ptr<state>& s, tapio::interface_state known);

    std::shared_ptr<state> state_; ///< shared with the handler that waits
};

} // namespace apps
