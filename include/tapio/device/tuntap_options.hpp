/// @file
/// What a TAP and a TUN device have in common: how one is opened.
#pragma once

#include <tapio/core/address.hpp>
#include <tapio/core/device_info.hpp>
#include <tapio/core/time.hpp>

#include <boost/system/error_code.hpp>

#include <cstddef>
#include <string>

#pragma GCC visibility push(default)

namespace tapio {

struct tuntap_options
{
    std::string name{};         ///< "tap0"; "tap%d" or nothing: the kernel picks a number (`info().name` tells)
    bool existing_only = false; ///< refuse to make the device: it must exist already
    bool persistent = false;    ///< it outlives us. False leaves that as it is: what we made goes with us, what was there stays
    bool multi_queue = false;   ///< IFF_MULTI_QUEUE: one more queue of a device that several open
    bool vnet_header = false;   ///< IFF_VNET_HDR: each packet travels with its offload_info
    core::offload_features offload{}; ///< what the kernel may leave to us (TUNSETOFFLOAD); any of them implies `vnet_header`
    /// Drives the device by io_uring(7): many packets for one system call. Pays where packets are small, not with segmentation
    /// offload. Where io_uring_available() says no the device does not open: operation_not_supported. Some 3 MiB are registered
    /// with the kernel, where RLIMIT_MEMLOCK lets them; without, it is slower.
    bool io_uring = false;
    /// How long after a packet to look for the next one before the thread sleeps, like SO_BUSY_POLL (socket(7)): what takes less
    /// time to come is there at once, instead of the tens of microseconds later that waking a thread takes. 50 us are a good
    /// measure; 0: sleep at once. It costs processor time: not where the other end is quiet (it stops after a few times in vain,
    /// and tries again now and then) nor in bulk transfer, but up to a whole processor between. Other handlers run meanwhile;
    /// io_context::poll() returns only when it is over. A synchronous call that drives the stack itself sleeps at once.
    core::duration busy_poll{};
    std::size_t mtu = 0; ///< octets of IP packet; 0: as the device has it
    /// txqueuelen, packets waiting for us; 0: as the device has it. How much peers may have on the way follows from it, and so
    /// how long a packet may wait behind others' bulk data: a long one is faster, a short one answers sooner. What comes while it
    /// is full is lost, acknowledgements and SYNs as well: the stack reads the device after having written an eighth of it, so
    /// that the answers to what it sends fit in, and shares the rest out to those that send to it; but thousands of connections
    /// that are opened at once want a place each.
    std::size_t queue_length = 0;
    core::mac_address mac{}; ///< *ours*, not the kernel's, at our end of a TAP; unspecified: the host makes one up
};

/// Whether this build was made with liburing, and the kernel lets this process make a ring. Thread safety: safe.
bool io_uring_available();

} // namespace tapio

#pragma GCC visibility pop
