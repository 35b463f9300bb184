/// @file
/// The options that every program with a device has, and what is made from them: the device, addresses and gateway of a host.
#pragma once

#include <tapio/device/device.hpp>
#include <tapio/stack.hpp>

#include <boost/program_options.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace apps {

/// The device and the addresses of a host, as the command line gives them.
struct host_options
{
    std::string tap, tun;               ///< name of a TAP or TUN device
    int tap_fd = -1, tun_fd = -1;       ///< or an inherited descriptor of one; exactly one of the four is given
    std::vector<std::string> addresses; ///< "198.18.0.2/24"
    std::vector<std::string> gateways;  ///< "198.18.0.1"; one for each family
    bool autoconf = false;              ///< IPv6 addresses and routes as routers advertise them
    bool dhcp = false;                  ///< DHCPv4, and DHCPv6 as routers say
    bool dhcpv4 = false;                ///< DHCPv4 alone
    bool dhcpv6 = false;                ///< DHCPv6 whatever routers say
    bool dhcp_prefix = false;           ///< also a delegated prefix
    bool dhcp_release = false;          ///< what was leased is given back at the end
    bool needs_address = true;          ///< false: the program itself sees to that (not an option)
    std::string hostname;               ///< told to the DHCP server; empty: none
    std::string mac;                    ///< "02:00:00:00:00:02"; empty: the stack makes one up
    bool vnet = false;                  ///< segmentation and checksum offload (IFF_VNET_HDR)
    bool multi_queue = false;           ///< one queue of several of the device (IFF_MULTI_QUEUE)
    bool io_uring = false;              ///< drive the device by io_uring; opening fails where there is none
    unsigned busy_poll = 0;             ///< microseconds: tuntap_options::busy_poll
    unsigned queue_length = 0;          ///< packets: tuntap_options::queue_length, where we may set it; 0: unchanged
    std::string capture;                ///< pcapng file for every packet; empty: none
    std::string control;                ///< path of the control socket (control.hpp); empty: none
    std::string log;                    ///< lowest severity to log (logging.hpp); empty: no log

    /// The options for all members but `multi_queue`, `capture` and `control`; this object must outlive the parsing.
    boost::program_options::options_description description();

    /// The option for `capture`.
    boost::program_options::options_description capture_description();

    /// The option for `control`.
    boost::program_options::options_description control_description();

    /// DHCP is wanted, of one family or both.
    bool wants_dhcp() const { return dhcp || dhcpv4 || dhcpv6 || dhcp_prefix; }

    /// Call it before opening anything. @throws usage_error unless there are one device and an address, and all values are valid
    void check() const;
};

/// An address and the length of its network's prefix, like "198.18.0.2/24".
struct interface_address
{
    tapio::core::address address;
    unsigned prefix_length = 0; ///< bits
};
// These two @throw usage_error:
interface_address parse_interface_address(const std::string& text);
tapio::core::address parse_address(const std::string& text);

/// Opens the device, wrapped in a capture if `options.capture` is set.
/// @throws std::runtime_error if the device cannot be opened; its text says what to do about it
std::unique_ptr<tapio::device> open_device(const host_options& options);

/// What the options say of DHCP and of routers.
tapio::configure_options configure_options_of(const host_options& options);

/// stack::configure() with exceptions for the user.
/// @throws usage_error  the device is no Ethernet, or the stack is one of tapio::shards; the host's name is none
void configure_by_dhcp(tapio::stack& stack, const tapio::configure_options& wanted);

/// Gives the stack its addresses and default gateways, or lets routers and DHCP servers give them. Each lease that is gained or
/// lost is said on standard output.
/// @throws usage_error  as configure_by_dhcp()
void configure(tapio::stack& stack, const host_options& options);

/// Calls `then` when the host has an address: with DHCP that takes some seconds, else it is called at once. If routers have given
/// one of IPv6 first, DHCPv4 has a second more to be offered one, and the time to probe it: perhaps that family is needed.
void when_configured(tapio::stack& stack, const host_options& options, std::function<void()> then);

/// Ends a program gracefully: stack::async_drain() with five seconds, then `done`.
void drain(tapio::stack& stack, std::function<void()> done);

} // namespace apps
