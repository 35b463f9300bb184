#include "tapio/live_capture.hpp"

#include "tapio/tool.hpp"

#include <boost/system/error_code.hpp>

#include <array>
#include <cerrno>
#include <cstring>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace apps::tools {

namespace {

std::string message(int error) { return boost::system::error_code(error, boost::system::system_category()).message(); }

[[noreturn]] void fail(const std::string& name, int error)
{
    const bool rights = error == EPERM || error == EACCES;
    throw device_error("cannot see the packets of '" + name + "': " + message(error) +
                       (rights ? " (be root, or work inside `unshare -rn`)" : ""));
}

/// The tag that the kernel has taken out of a frame; 0: none was there.
struct vlan_tag
{
    std::uint16_t type = 0, value = 0;
};

vlan_tag tag_of(msghdr& m)
{
    for (cmsghdr* c = CMSG_FIRSTHDR(&m); c != nullptr; c = CMSG_NXTHDR(&m, c)) {
        if (c->cmsg_level != SOL_PACKET || c->cmsg_type != PACKET_AUXDATA) continue;
        tpacket_auxdata aux{};
        std::memcpy(&aux, CMSG_DATA(c), sizeof aux);
        if ((aux.tp_status & TP_STATUS_VLAN_VALID) == 0) continue;
        const bool has_type = (aux.tp_status & TP_STATUS_VLAN_TPID_VALID) != 0;
        return {has_type ? aux.tp_vlan_tpid : std::uint16_t{ETH_P_8021Q}, aux.tp_vlan_tci};
    }
    return {};
}

void insert(std::vector<std::byte>& frame, vlan_tag tag)
{
    constexpr std::ptrdiff_t behind_addresses = 12;
    if (tag.type == 0 || frame.size() < behind_addresses) return;
    const std::array octets{static_cast<std::byte>(tag.type >> 8U), static_cast<std::byte>(tag.type & 0xffU),
                            static_cast<std::byte>(tag.value >> 8U), static_cast<std::byte>(tag.value & 0xffU)};
    frame.insert(frame.begin() + behind_addresses, octets.begin(), octets.end());
}

} // namespace

live_capture::live_capture(const std::string& interface) : name_(interface), buffer_(262'144)
{
    socket_ = ::socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, htons(ETH_P_ALL));
    if (socket_ < 0) fail(interface, errno);
    ifreq request{};
    interface.copy(request.ifr_name, IFNAMSIZ - 1);
    sockaddr_ll at{};
    at.sll_family = AF_PACKET;
    at.sll_protocol = htons(ETH_P_ALL);
    at.sll_ifindex = static_cast<int>(::if_nametoindex(interface.c_str()));
    const int on = 1;
    if (at.sll_ifindex == 0 || ::ioctl(socket_, SIOCGIFHWADDR, &request) != 0 ||
        ::bind(socket_, reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0 ||
        ::setsockopt(socket_, SOL_PACKET, PACKET_AUXDATA, &on, sizeof on) != 0) {
        const int error = errno;
        ::close(socket_);
        fail(interface, error);
    }
    const auto hardware = request.ifr_hwaddr.sa_family;
    link_ = hardware == ARPHRD_ETHER || hardware == ARPHRD_LOOPBACK ? link_ethernet : link_raw_ip;
}

live_capture::~live_capture()
{
    if (socket_ >= 0) ::close(socket_);
}

std::optional<captured_packet> live_capture::next()
{
    alignas(cmsghdr) std::array<char, 256> control{};
    iovec into{buffer_.data(), buffer_.size()};
    msghdr m{};
    m.msg_iov = &into;
    m.msg_iovlen = 1;
    m.msg_control = control.data();
    m.msg_controllen = control.size();
    const ssize_t n = ::recvmsg(socket_, &m, MSG_TRUNC);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return std::nullopt;
    if (n < 0) throw device_error("'" + name_ + "': " + message(errno));
    captured_packet out;
    out.link = link_;
    out.time = std::chrono::system_clock::now().time_since_epoch();
    const auto size = std::min(static_cast<std::size_t>(n), buffer_.size());
    out.octets.assign(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(size));
    insert(out.octets, tag_of(m));
    out.original = static_cast<std::size_t>(n) + (out.octets.size() - size);
    return out;
}

} // namespace apps::tools
