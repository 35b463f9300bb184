/// @file
/// The options that every program with a device has, and the host made from them: a device, addresses, a gateway.
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
    std::string tap, tun;               ///< the name of a TAP or TUN device ...
    int tap_fd = -1, tun_fd = -1;       ///< ... or an open descriptor of one, inherited: exactly one of the four
    std::vector<std::string> addresses; ///< "198.18.0.2/24"
    std::string gateway;                ///< "198.18.0.1", or nothing
    std::string mac;                    ///< "02:00:00:00:00:02", or nothing: the host makes one up
    bool vnet = false;                  ///< segmentation and checksum offload (IFF_VNET_HDR)
    bool multi_queue = false;           ///< one queue of several of the device (IFF_MULTI_QUEUE)
    bool io_uring = false;              ///< drive the device by io_uring; it does not open where there is none
    unsigned busy_poll = 0;             ///< microseconds: tuntap_options::busy_poll
    unsigned queue_length = 0;          ///< packets; the device's queue towards us is to be so long if we may. 0: as it is
    std::string capture;                ///< a pcapng file that gets every packet, or nothing
    std::string log;                    ///< the least severity to be logged (logging.hpp), or nothing

    /// The options that fill in all but `multi_queue` and `capture`; it must outlive the parsing.
    boost::program_options::options_description description();

    /// The option that fills in `capture`.
    boost::program_options::options_description capture_description();

    /// usage_error unless there is one device and an address, and all can be understood. Call it before opening anything.
    void check() const;
};

/// Opens the device, inside a capture if there is to be one.
/// @throws std::runtime_error with what to do about it when the device cannot be opened
std::unique_ptr<tapio::device> open_device(const host_options& options);

/// Gives the host its addresses and its default gateway.
void configure(tapio::stack& stack, const host_options& options);

/// The end of a program that has been told to end: what has been written is delivered, for five seconds at most, then the stack
/// is shut down and `done` is called.
void drain(tapio::stack& stack, std::function<void()> done);

} // namespace apps
