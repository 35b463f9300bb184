#include "support/netns/netns.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>

#include <fcntl.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

namespace tapio::test {

namespace {

std::string because(const std::string& what)
{
    return what + ": " + std::strerror(errno);
}

bool write_file(const std::string& path, const std::string& text)
{
    std::ofstream file(path);
    return static_cast<bool>(file << text << std::flush);
}

// We become root of a user namespace; outside we stay who we are.
std::string enter_user_namespace()
{
    const auto user = std::to_string(::geteuid()), group = std::to_string(::getegid());
    if (::unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) return because("unshare(CLONE_NEWUSER | CLONE_NEWNET)");
    write_file("/proc/self/setgroups", "deny");
    const bool mapped = write_file("/proc/self/uid_map", "0 " + user + " 1") && write_file("/proc/self/gid_map", "0 " + group + " 1");
    return mapped ? "" : because("/proc/self/uid_map");
}

std::string enter()
{
    if (::unshare(CLONE_NEWNET) != 0)
        if (auto why = enter_user_namespace(); !why.empty()) return why;
    const int tun = ::open("/dev/net/tun", O_RDWR | O_CLOEXEC);
    if (tun < 0) return because("/dev/net/tun");
    ::close(tun);
    const auto up = run("ip link set lo up");
    return up.status == 0 ? "" : up.said;
}

} // namespace

const std::string& enter_private_network()
{
    static const std::string why_not = enter();
    return why_not;
}

command_result run(const std::string& command, int seconds)
{
    std::string quoted;
    for (const char c : command)
        c == '\'' ? quoted += "'\\''" : quoted += c;
    const std::string line = "PATH=$PATH:/usr/sbin:/sbin timeout --kill-after=5 " + std::to_string(seconds) + " sh -c '" + quoted + "' 2>&1 </dev/null";
    command_result result;
    std::FILE* const out = ::popen(line.c_str(), "re");
    if (out == nullptr) return result;
    std::array<char, 4096> piece;
    while (const auto size = std::fread(piece.data(), 1, piece.size(), out))
        result.said.append(piece.data(), size);
    const int status = ::pclose(out);
    result.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return result;
}

void configure_kernel(const std::string& device, const std::string& address)
{
    // The kernel's own IPv6 chatter is none of the tests' (and where /proc/sys is read-only it does no harm).
    write_file("/proc/sys/net/ipv6/conf/" + device + "/disable_ipv6", "1");
    const auto done = run("ip address add " + address + " dev " + device + " && ip link set " + device + " up");
    ASSERT_EQ(done.status, 0) << done.said;
}

} // namespace tapio::test
