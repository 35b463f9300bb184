#include "device/utun_control.hpp"

#include <cerrno>
#ifdef __APPLE__
#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <net/if.h>
#include <net/if_utun.h>
#include <optional>
#include <string_view>
#include <sys/ioctl.h>
#include <sys/kern_control.h>
#include <sys/socket.h>
#include <sys/sys_domain.h>
#endif

namespace tapio::detail {

#ifdef __APPLE__

namespace {

// One value per condition, as with TAP and TUN: a missing privilege is access_denied.
core::error_code last_control_error() noexcept { return core::errno_code(errno == EPERM ? EACCES : errno); }

/// The kernel's unit for a name: one more than its number, and 0 for a number that the kernel chooses.
std::optional<std::uint32_t> unit_of(std::string_view name)
{
    constexpr std::string_view prefix = "utun";
    constexpr std::uint32_t most = 9999;
    if (name.empty()) return 0;
    if (!name.starts_with(prefix)) return std::nullopt;
    std::uint32_t number = 0;
    const char* const end = name.data() + name.size();
    const auto [at, error] = std::from_chars(name.data() + prefix.size(), end, number);
    return error == std::errc() && at == end && number <= most ? std::optional(number + 1) : std::nullopt;
}

} // namespace

core::result<unique_fd> open_utun_control(const std::string& name)
{
    const auto unit = unit_of(name);
    if (!unit) return core::errno_code(EINVAL);
    unique_fd fd(::socket(PF_SYSTEM, SOCK_DGRAM, SYSPROTO_CONTROL));
    if (!fd) return last_control_error();
    ctl_info control{};
    constexpr std::string_view control_name = UTUN_CONTROL_NAME;
    std::copy(control_name.begin(), control_name.end(), control.ctl_name);
    if (::ioctl(fd.get(), CTLIOCGINFO, &control) != 0) return last_control_error();
    sockaddr_ctl address{};
    address.sc_len = sizeof address;
    address.sc_family = AF_SYSTEM;
    address.ss_sysaddr = AF_SYS_CONTROL;
    address.sc_id = control.ctl_id;
    address.sc_unit = *unit;
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return last_control_error();
    return fd;
}

core::result<std::string> utun_name(int fd, const std::string&)
{
    std::array<char, IFNAMSIZ> name{};
    socklen_t size = name.size();
    if (::getsockopt(fd, SYSPROTO_CONTROL, UTUN_OPT_IFNAME, name.data(), &size) != 0) return last_control_error();
    return std::string(name.data());
}

core::result<std::size_t> utun_mtu(const std::string& name, std::size_t octets)
{
    const unique_fd any(::socket(AF_INET, SOCK_DGRAM, 0));
    if (!any) return last_control_error();
    ifreq request{};
    std::copy_n(name.begin(), std::min<std::size_t>(name.size(), IFNAMSIZ - 1), request.ifr_name);
    request.ifr_mtu = static_cast<int>(octets);
    if (octets != 0 && ::ioctl(any.get(), SIOCSIFMTU, &request) != 0) return last_control_error();
    if (::ioctl(any.get(), SIOCGIFMTU, &request) != 0) return last_control_error();
    return static_cast<std::size_t>(request.ifr_mtu);
}

#else

core::result<unique_fd> open_utun_control(const std::string&) { return core::errno_code(EOPNOTSUPP); }
core::result<std::string> utun_name(int, const std::string& otherwise) { return otherwise; }
core::result<std::size_t> utun_mtu(const std::string&, std::size_t octets)
{
    constexpr std::size_t usual = 1500;
    return octets != 0 ? octets : usual;
}

#endif

} // namespace tapio::detail
