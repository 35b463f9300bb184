/// @file
/// Sees the packets of a network interface of the kernel (packet(7)). It needs CAP_NET_RAW, which root of a user namespace has
/// for the interfaces in its own network namespace.
#pragma once

#include "tapio/capture_file.hpp"

#include <optional>
#include <string>

namespace apps::tools {

class live_capture
{
public:
    /// @throws device_error
    explicit live_capture(const std::string& interface);
    ~live_capture();
    live_capture(const live_capture&) = delete;
    live_capture& operator=(const live_capture&) = delete;

    int descriptor() const { return socket_; } ///< readable when there is a packet; non-blocking
    unsigned link() const { return link_; }    ///< a link_number

    /// @return none if there is no packet now  @throws device_error: the interface is gone
    std::optional<captured_packet> next();

private:
    std::string name_;
    int socket_ = -1;
    unsigned link_ = link_ethernet;
    std::vector<std::byte> buffer_;
};

} // namespace apps::tools
