/// @file
/// A kernel of its own to talk to: a network namespace with one TAP device, whose other end is ours. Needs the right to make
/// both.
#pragma once

#include <tapio/device/tap.hpp>

#include <cstdlib>
#include <fcntl.h>
#include <functional>
#include <memory>
#include <sched.h>
#include <stdexcept>
#include <string>
#include <thread>
#include <unistd.h>
#include <utility>

namespace tapio::test {

class kernel_host
{
public:
    /// @param address of the kernel's, "198.18.0.1"  @param more shell commands to run in the namespace
    /// @throws std::runtime_error where it cannot be made
    explicit kernel_host(const std::string& address, const std::string& more = "true", const core::offload_features& offload = {})
        : kernel_host(address, more, options_with(offload))
    {
    }
    /// @param options of the TAP; its name is "peer0"
    kernel_host(const std::string& address, const std::string& more, tuntap_options options)
    {
        options.name = "peer0";
        std::thread maker([&] { make(address, more, options); });
        maker.join();
        if (!ready_) throw std::runtime_error("no network namespace with a TAP: are we root, and is there /dev/net/tun?");
    }
    ~kernel_host() { ::close(namespace_); }
    kernel_host(const kernel_host&) = delete;
    kernel_host& operator=(const kernel_host&) = delete;

    /// A thread whose sockets are that kernel's.
    std::thread inside(std::function<void()> f) const
    {
        return std::thread([this, f = std::move(f)] {
            if (::setns(namespace_, CLONE_NEWNET) == 0) f();
        });
    }

    /// Runs a shell command in the namespace. @return true if it went well
    bool run(const std::string& command) const
    {
        bool right = false;
        inside([&] { right = std::system(command.c_str()) == 0; }).join();
        return right;
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
    void make(const std::string& address, const std::string& more, const tuntap_options& options)
    {
        if (::unshare(CLONE_NEWNET) != 0) return;
        namespace_ = ::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
        boost::system::error_code ec;
        tap = tapio::open_tap(options, ec);
        if (ec) return;
        const std::string set_up = "sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv4.tcp_no_metrics_save=1; "
                                   "ip link set lo up; ip link set peer0 up && ip address add " +
                                   address + "/24 dev peer0 && " + more;
        ready_ = std::system(set_up.c_str()) == 0;
    }

    int namespace_ = -1;
    bool ready_ = false;
};

} // namespace tapio::test
