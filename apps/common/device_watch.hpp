/// @file
/// Ends a program when its device is gone, with one line on standard error and an exit status.
#pragma once

#include <tapio/stack.hpp>

#include <functional>
#include <memory>

namespace apps {

/// Watches the first device of a stack. A device that is merely down does not end the program.
class device_watch
{
public:
    /// Calls `stop` on the stack's executor when the device is gone.
    device_watch(tapio::stack& stack, std::function<void()> stop);

    /// Call it when the program has stopped. @throws std::runtime_error if it stopped because the device is gone
    void check() const;

private:
    struct state;
    static void wait(const std::shared_ptr<state>& s, tapio::interface_state known);

    std::shared_ptr<state> state_; ///< shared with the handler that waits
};

} // namespace apps
