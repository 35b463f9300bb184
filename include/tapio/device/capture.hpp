/// @file
/// capture(): wraps a device and writes every packet to a pcapng file, for Wireshark.
///
///     tapio::stack stack(io, tapio::capture(tapio::open_tap({.name = "tap0"}), "tap0.pcapng"));
#pragma once

#include <tapio/device/device.hpp>
#include <tapio/device/pcapng.hpp>

#include <memory>
#include <string>

#pragma GCC visibility push(default)

namespace tapio {

/// Wraps `inner`: each packet that it receives or accepts for sending is written to a file, with the stack's time of day (the
/// system's clock, or virtual time). Packets are written as they pass, except that partial checksums are completed; with offload
/// segments are larger than the MTU. The packets of a batch are in the file when the batch ends, so that a program which is
/// killed leaves a readable file with all of them. To see what a bad wire does to packets, use impaired_options::capture.
/// @param path  created, or emptied
/// @throws boost::system::system_error if the file cannot be opened (open(2)). A later error, such as a full disk, ends the
///   capture but not the traffic
std::unique_ptr<device> capture(std::unique_ptr<device> inner, const std::string& path);

/// The same into a writer that several devices, or the user's own packets, may share. pcapng_writer::error() tells later errors.
std::unique_ptr<device> capture(std::unique_ptr<device> inner, std::shared_ptr<pcapng_writer> writer);

} // namespace tapio

#pragma GCC visibility pop
