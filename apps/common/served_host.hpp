/// @file
/// The host of a sample program, and what all of them do before and after their services.
#pragma once

#include "common/host_options.hpp"
#include "common/logging.hpp"

#include <tapio/stack.hpp>

#include <boost/asio/io_context.hpp>

#include <functional>

namespace apps {

/// Opens the device, and gives the stack its addresses. Then the program opens its services on `stack`, and calls run().
class served_host
{
public:
    /// @param options  must outlive this object  @param stack_options  all but `trace`
    /// @throws  as host_options::check(), open_device() and configure()
    explicit served_host(const host_options& options, tapio::stack_options stack_options = {});

    /// Closes the services, and then calls `closed`.
    using closing = std::function<void(std::function<void()> closed)>;

    /// Says "ready", and runs until SIGINT or SIGTERM. Then it calls `close`, and drains the stack.
    /// @throws std::runtime_error  the device is gone
    void run(const closing& close = [](const std::function<void()>& closed) { closed(); });

private:
    const host_options& options_;

public:
    boost::asio::io_context io{1};

private:
    const stack_log log_;

public:
    tapio::stack stack;
};

} // namespace apps
