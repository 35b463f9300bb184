/// @file
/// The network of a tool: its host on a device, or with --memory on a wire in memory to other hosts of the same program.
#pragma once

#include "tapio/tool.hpp"

#include <tapio/stack.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace apps::tools {

class memory_hosts;

/// A host with its io_context, ready to be used. One thread.
class network
{
public:
    /// Checks the options and opens the device. @throws usage_error, device_error
    explicit network(const tool& t, tapio::stack_options options = {});
    ~network();

    boost::asio::io_context& io() { return io_; }
    tapio::stack& stack() { return *stack_; }
    memory_hosts& others(); ///< @pre --memory

    /// Runs `work` on the stack until it ends, then throws what it threw. With DHCP it begins when the host has an address.
    /// @param interrupted  called at the first SIGINT or SIGTERM, after which `work` should end soon; the second ends the
    /// process.
    ///   Null: the work is abandoned
    /// @return false if it was interrupted
    bool run(boost::asio::awaitable<void> work, std::function<void()> interrupted = {});

    /// As run(), and then lets connections finish, for at most `patience`.
    bool run_and_drain(boost::asio::awaitable<void> work, std::function<void()> interrupted = {},
                       std::chrono::milliseconds patience = std::chrono::seconds(2));

private:
    struct parts; ///< what only some hosts have: a log, a control socket, the other hosts of --memory
    boost::asio::io_context io_{1};
    const host_options host_;
    const std::string control_;
    std::unique_ptr<parts> parts_;
    std::optional<tapio::stack> stack_;
};

/// Has the stack find the link-layer address of the first hop towards `to`, for at most some seconds, so that the first probes of
/// a tool do not wait for it. It sends a datagram to the discard port with a hop limit of 1.
boost::asio::awaitable<void> find_first_hop(network& net, boost::asio::ip::address to);

/// The address family that -4 and -6 ask for.
enum class family_choice
{
    any,
    v4,
    v6
};

/// Adds -4 and -6 to the options of a tool.
struct family_options
{
    bool v4 = false, v6 = false;

    void add_to(po::options_description& options);
    family_choice choice() const; ///< @throws usage_error: both
};

/// The address that a name or a number stands for; the first one of the family asked for.
/// @throws tool_error with `status` if there is none
boost::asio::awaitable<boost::asio::ip::address> resolve(tapio::stack& stack, std::string name, family_choice family, int status);

} // namespace apps::tools
