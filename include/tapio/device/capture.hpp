/// @file
/// A tee around any device: every packet goes to a pcapng file too.
#pragma once

#include <tapio/device/device.hpp>
#include <tapio/device/pcapng.hpp>

#include <memory>
#include <string>

#pragma GCC visibility push(default)

namespace tapio {

/// Wraps `inner`; what it receives and what it has taken for sending is written to `path` (made, or emptied), as seen
/// at the device and stamped with the stack's time of day: the system's clock, or virtual time (virtual_time.hpp). Packets of a
/// batch are in the file when it ends, so that a program which is killed leaves a file that can be read, with all of them.
/// Bytes stand in the file as they pass, but that partial checksums are completed, as the device at the end would; with offload
/// segments are larger than the MTU. To see what a bad wire does to packets, see impaired_options::capture.
/// @throws boost::system::system_error when the file cannot be opened. A disk that fills up later ends the capture, not
///         the traffic.
std::unique_ptr<device> capture(std::unique_ptr<device> inner, const std::string& path);

/// As above, into a writer that the caller shares with others (several devices, comments).
std::unique_ptr<device> capture(std::unique_ptr<device> inner, std::shared_ptr<pcapng_writer> writer);

} // namespace tapio

#pragma GCC visibility pop
