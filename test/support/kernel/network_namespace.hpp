/// @file
/// A network namespace that exists as long as the object. Needs the privilege to create one.
#pragma once

#include <cstdlib>
#include <fcntl.h>
#include <functional>
#include <sched.h>
#include <stdexcept>
#include <string>
#include <thread>
#include <unistd.h>

namespace tapio::test {

class network_namespace
{
public:
    /// @throws std::runtime_error if it cannot be created
    network_namespace()
    {
        std::thread maker([this] {
            if (::unshare(CLONE_NEWNET) == 0) id_ = ::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
        });
        maker.join();
        if (id_ < 0) throw std::runtime_error("no network namespace: are we root?");
        run("sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv4.tcp_no_metrics_save=1; ip link set lo up");
    }
    ~network_namespace() { ::close(id_); }
    network_namespace(const network_namespace&) = delete;
    network_namespace& operator=(const network_namespace&) = delete;

    /// Runs `f` in a thread whose sockets are in the namespace.
    std::thread inside(std::function<void()> f) const
    {
        return std::thread([this, f = std::move(f)] {
            if (::setns(id_, CLONE_NEWNET) == 0) f();
        });
    }

    /// Runs a shell command in the namespace. @return whether it succeeded
    bool run(const std::string& command) const
    {
        bool right = false;
        inside([&] { right = std::system(command.c_str()) == 0; }).join();
        return right;
    }

    /// The path by which `ip link ... netns PATH` finds the namespace.
    std::string path() const { return "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(id_); }

private:
    int id_ = -1;
};

} // namespace tapio::test
