/// @file
/// A network namespace of the test program's own, with the Linux kernel in it as the other end of a TAP or TUN device.
#pragma once

#include <string>

namespace tapio::test {

/// Moves this process into a new network namespace (with root's rights directly, else within a user namespace of its own)
/// and brings its loopback up; done once. Call it before the first thread starts.
/// @return why it is impossible here; empty: done
const std::string& enter_private_network();

/// What a command said (stdout and stderr) and its exit status.
struct command_result
{
    int status = -1;
    std::string said;
};

/// Runs a shell command in our namespace; it is killed after `seconds`.
command_result run(const std::string& command, int seconds = 30);

/// Gives the kernel's end of `device` an address ("198.18.0.1/24") and brings it up. Fails the test if it cannot.
void configure_kernel(const std::string& device, const std::string& address);

} // namespace tapio::test
