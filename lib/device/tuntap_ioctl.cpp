#include "device/tuntap_ioctl.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

namespace tapio::detail {

namespace {

// One value per condition, for users to test: a missing privilege is access_denied, a missing device no_such_device.
error_code last_error() noexcept
{
    switch (errno) {
    case EPERM: return core::errno_code(EACCES);
    case ENOENT:
    case ENXIO: return core::errno_code(ENODEV);
    default: return core::errno_code(errno);
    }
}

// Since Linux 6.2; defined here because the headers may be older than the kernel.
constexpr unsigned long uso4 = 0x20, uso6 = 0x40; // TUN_F_USO4, TUN_F_USO6

bool fits(const std::string& name) noexcept { return name.size() < IFNAMSIZ; }

ifreq request_for(const std::string& name) noexcept
{
    ifreq request{};
    std::memcpy(request.ifr_name, name.data(), std::min(name.size(), std::size_t{IFNAMSIZ - 1}));
    return request;
}

template <class Argument>
error_code control(int fd, unsigned long what, Argument argument) noexcept
{
    return ::ioctl(fd, what, argument) < 0 ? last_error() : error_code();
}

// The ioctls of netdevice(7) work on any socket.
error_code control_by_name(unsigned long what, ifreq& request)
{
    const unique_fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    return socket ? control(socket.get(), what, &request) : last_error();
}

} // namespace

result<unique_fd> open_clone_device()
{
    unique_fd fd(::open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC));
    if (!fd) return last_error();
    return fd;
}

error_code attach(int fd, const std::string& name, tuntap_kind kind, bool multi_queue, bool vnet_header)
{
    if (!fits(name)) return core::errno_code(EINVAL);
    ifreq request = request_for(name);
    int flags = IFF_NO_PI | (kind == tuntap_kind::tap ? IFF_TAP : IFF_TUN);
    if (multi_queue) flags |= IFF_MULTI_QUEUE;
    if (vnet_header) flags |= IFF_VNET_HDR;
    request.ifr_flags = static_cast<short>(flags);
    return control(fd, TUNSETIFF, &request);
}

result<tuntap_state> state_of(int fd)
{
    ifreq request{};
    if (const auto error = control(fd, TUNGETIFF, &request)) return core::errno_code(EINVAL);
    tuntap_state state;
    state.name = request.ifr_name;
    state.kind = (request.ifr_flags & IFF_TAP) != 0 ? tuntap_kind::tap : tuntap_kind::tun;
    state.vnet_header = (request.ifr_flags & IFF_VNET_HDR) != 0;
    return state;
}

bool is_in_this_namespace(int fd)
{
    struct stat of_device
    {
    }, of_thread{};
    const unique_fd device_namespace(::ioctl(fd, TUNGETDEVNETNS));
    return device_namespace && ::fstat(device_namespace.get(), &of_device) == 0 &&
           ::stat("/proc/thread-self/ns/net", &of_thread) == 0 && of_device.st_dev == of_thread.st_dev &&
           of_device.st_ino == of_thread.st_ino;
}

bool device_exists(const std::string& name) { return fits(name) && ::if_nametoindex(name.c_str()) != 0; }

error_code make_persistent(int fd) { return control(fd, TUNSETPERSIST, 1UL); }

error_code make_non_blocking(int fd)
{
    const int flags = ::fcntl(fd, F_GETFL);
    return flags < 0 || ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ? last_error() : error_code();
}

error_code set_vnet_header_size(int fd, std::size_t octets)
{
    int size = static_cast<int>(octets);
    return control(fd, TUNSETVNETHDRSZ, &size);
}

error_code set_offload(int fd, const core::offload_features& offload)
{
    unsigned long flags = 0;
    if (offload.checksum) flags |= TUN_F_CSUM;
    if (offload.tso_v4) flags |= TUN_F_CSUM | TUN_F_TSO4;
    if (offload.tso_v6) flags |= TUN_F_CSUM | TUN_F_TSO6;
    if (offload.ecn) flags |= TUN_F_CSUM | TUN_F_TSO_ECN;
    if (offload.uso) flags |= TUN_F_CSUM | uso4 | uso6; // the kernel accepts only both
    return control(fd, TUNSETOFFLOAD, flags);
}

error_code set_mtu(const std::string& name, std::size_t mtu)
{
    ifreq request = request_for(name);
    request.ifr_mtu = static_cast<int>(mtu);
    return control_by_name(SIOCSIFMTU, request);
}

error_code set_queue_length(const std::string& name, std::size_t packets)
{
    ifreq request = request_for(name);
    request.ifr_qlen = static_cast<int>(packets);
    return control_by_name(SIOCSIFTXQLEN, request);
}

result<std::size_t> mtu_of(const std::string& name)
{
    ifreq request = request_for(name);
    if (const auto error = control_by_name(SIOCGIFMTU, request)) return error;
    return static_cast<std::size_t>(request.ifr_mtu);
}

result<std::size_t> queue_length_of(const std::string& name)
{
    ifreq request = request_for(name);
    if (const auto error = control_by_name(SIOCGIFTXQLEN, request)) return error;
    return static_cast<std::size_t>(request.ifr_qlen);
}

} // namespace tapio::detail
