/// @file
/// tuntap_options: how a TAP or TUN device is opened.
#pragma once

#include <tapio/core/address.hpp>
#include <tapio/core/device_info.hpp>
#include <tapio/core/time.hpp>

#include <boost/system/error_code.hpp>

#include <cstddef>
#include <string>

#pragma GCC visibility push(default)

namespace tapio {

/// Options of open_tap(), adopt_tap() and their like for TUN. The defaults change nothing of an existing device.
struct tuntap_options
{
    std::string name{};         ///< "tap0"; "tap%d" or empty: the kernel chooses the number, which `info().name` tells
    bool existing_only = false; ///< do not create the device: it must exist
    bool persistent = false;    ///< the device outlives the program. False: a device created here ends with it, another one stays
    bool multi_queue = false;   ///< IFF_MULTI_QUEUE: opens one more queue of a multi-queue device
    bool vnet_header = false;   ///< IFF_VNET_HDR: each packet travels with its offload_info
    core::offload_features offload{}; ///< what the kernel may leave to the stack (TUNSETOFFLOAD); any implies `vnet_header`
    /// Drives the device by io_uring(7): one system call for many packets. An advantage if packets are small, none with
    /// segmentation offload. If io_uring_available() is false, opening fails with operation_not_supported. About 3 MiB are
    /// registered with the kernel; if RLIMIT_MEMLOCK forbids that, io_uring works without it, more slowly.
    bool io_uring = false;
    /// Busy polling, like SO_BUSY_POLL (socket(7)): how long to look for the next packet before the thread sleeps. A packet that
    /// comes within this time is handled at once instead of tens of microseconds later, which waking a thread takes. 50 us is a
    /// good value; 0: sleep at once. The price is processor time, up to a whole processor, between packets that come singly; none
    /// in bulk transfer, and little from a quiet peer (after a few attempts in vain it pauses, and tries again now and then).
    /// Other handlers run meanwhile, but io_context::poll() returns only afterwards. A synchronous call that drives the stack
    /// sleeps at once.
    core::duration busy_poll{};
    std::size_t mtu = 0; ///< octets of IP packet, SIOCSIFMTU; 0: leave the device's
    /// txqueuelen (SIOCSIFTXQLEN): how many packets the kernel queues towards the stack; 0: leave the device's. It bounds what
    /// peers may have under way, and so how long a packet waits behind bulk data of others: a long queue gives throughput, a
    /// short one low latency. Packets that find it full are lost, also acknowledgements and SYNs. To prevent that, the stack
    /// reads the device whenever it has written an eighth of the queue, so that the answers fit in, and limits the receive
    /// windows to the rest. Only thousands of connections opened at the same time need a queue with a place for each.
    std::size_t queue_length = 0;
    core::mac_address mac{}; ///< the *stack's* address at its end of a TAP, not the kernel's; unspecified: the stack makes one up
};

/// Whether tapio was built with liburing and the kernel lets this process create a ring.
/// @par Thread safety  safe
bool io_uring_available();

} // namespace tapio

#pragma GCC visibility pop
