/// @file
/// Hosts in the memory of the program, which need no privileges: a router, 198.18.0.2 and 2001:db8::2, and a host behind it,
/// 198.18.1.2 and 2001:db8:1::2. Both serve echo on port 7 and HTTP on port 80. The link between them has an MTU of 1280 octets.
#pragma once

#include <tapio/device/device.hpp>
#include <tapio/stack.hpp>

#include <boost/asio/io_context.hpp>

#include <memory>

namespace apps::tools {

class memory_hosts
{
public:
    explicit memory_hosts(boost::asio::io_context& io);
    ~memory_hosts();

    /// The end of the wire for the tool's own host. To be taken once.
    std::unique_ptr<tapio::device> take_wire();

    tapio::stack& near_host(); ///< 198.18.0.2

    /// Gives the tool's host its addresses, 198.18.0.1 and 2001:db8::1, and the router as its gateway.
    static void configure(tapio::stack& own);

private:
    struct state;
    std::unique_ptr<state> state_;
};

} // namespace apps::tools
