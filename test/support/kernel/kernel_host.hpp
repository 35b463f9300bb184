/// @file
/// A kernel peer: a network namespace with one TAP device, whose descriptor is ours. Needs the privileges to create both.
#pragma once

#include "support/kernel/network_namespace.hpp"

#include <tapio/device/tap.hpp>

#include <memory>
#include <stdexcept>
#include <string>

namespace tapio::test {

class kernel_host : public network_namespace
{
public:
    /// @param address the kernel's, such as "198.18.0.1"  @param more shell commands to run in the namespace
    /// @throws std::runtime_error if it cannot be created
    explicit kernel_host(const std::string& address, const std::string& more = "true", const core::offload_features& offload = {})
        : kernel_host(address, more, options_with(offload))
    {
    }
    /// @param options of the TAP; the name is always "peer0"
    kernel_host(const std::string& address, const std::string& more, tuntap_options options)
    {
        options.name = "peer0";
        boost::system::error_code ec;
        inside([&] { tap = tapio::open_tap(options, ec); }).join();
        if (ec || !run("ip link set peer0 up && ip address add " + address + "/24 dev peer0 && " + more))
            throw std::runtime_error("no TAP in a network namespace: are we root, and is there /dev/net/tun?");
    }

    std::unique_ptr<tapio::device> tap;

private:
    static tuntap_options options_with(const core::offload_features& offload)
    {
        tuntap_options o;
        o.offload = offload;
        o.queue_length = 10000;
        return o;
    }
};

} // namespace tapio::test
