#include "common/host_options.hpp"

#include "common/logging.hpp"
#include "common/program.hpp"

#include <tapio/device/capture.hpp>
#include <tapio/device/tap.hpp>
#include <tapio/device/tun.hpp>

#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <climits>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <utility>

namespace apps {

tapio::core::address parse_address(const std::string& text)
{
    boost::system::error_code error;
    const auto parsed = boost::asio::ip::make_address(text, error);
    if (error) throw usage_error("'" + text + "' is not an IP address");
    return parsed;
}

interface_address parse_interface_address(const std::string& text)
{
    const auto slash = text.find('/');
    if (slash == text.npos) throw usage_error("'" + text + "' lacks the length of its network's prefix, like " + text + "/24");
    const auto parsed = parse_address(text.substr(0, slash));
    return {parsed, static_cast<unsigned>(parse_number(text.substr(slash + 1), 0, parsed.is_v4() ? 32 : 128))};
}

namespace {

tapio::core::mac_address parse_mac(const std::string& text)
{
    tapio::core::mac_address parsed;
    if (!tapio::core::parse(text, parsed) || parsed.is_multicast() || parsed.is_unspecified())
        throw usage_error("'" + text + "' is not the link-layer address of a host, like 02:00:00:00:00:02");
    return parsed;
}

// Describes why the device cannot be opened, and what to do about it.
std::string why_not(const std::string& mode, const std::string& name, const boost::system::error_code& error)
{
    if (name.empty()) return "the descriptor given is not that of a " + mode + " device: " + error.message();
    const std::string what = "cannot open the " + mode + " device '" + name + "': " + error.message();
    switch (error.value()) {
    case EPERM:
    case EACCES:
        return what + " (be root, or have root make a device of yours: ip tuntap add dev " + name + " mode " + mode +
               " user $USER; or work inside `unshare -rn`)";
    case ENOENT:
    case ENODEV:
    case ENXIO: return what + " (/dev/net/tun is missing: modprobe tun)";
    case EBUSY: return what + " (another program has it open)";
    case EINVAL:
        return what + " (the name is too long, or that of another kind of device, or of one with another kind of queues)";
    default: return what;
    }
}

// An option whose value is the number of an open descriptor.
po::typed_value<std::string>* descriptor(int& target)
{
    return po::value<std::string>()->notifier(
        [&target](const std::string& text) { target = static_cast<int>(parse_number(text, 0, INT_MAX)); });
}

} // namespace

po::options_description host_options::description()
{
    po::options_description d("Host");
    d.add_options()                                                                                                          //
        ("tap", po::value(&tap), "TAP device to attach to (made if it does not exist)")                                      //
        ("tun", po::value(&tun), "TUN device, instead of a TAP device")                                                      //
        ("tap-fd", descriptor(tap_fd), "number of an open descriptor of a TAP device, as a privileged parent hands it down") //
        ("tun-fd", descriptor(tun_fd), "the same of a TUN device")                                                           //
        ("address", po::value(&addresses), "address of this host, like 198.18.0.2/24; repeatable")                           //
        ("gateway", po::value(&gateways), "next hop towards everything else, like 198.18.0.1; one for each family")          //
        ("autoconf", po::bool_switch(&autoconf), "take IPv6 addresses and routes from the routers of the network")           //
        ("dhcp", po::bool_switch(&dhcp),
         "take addresses, routes and servers from DHCP servers and routers: IPv4 by DHCP, IPv6 by --autoconf, and by DHCPv6 as "
         "routers say")                                                                                               //
        ("dhcpv4", po::bool_switch(&dhcpv4), "IPv4 alone")                                                            //
        ("dhcpv6", po::bool_switch(&dhcpv6), "IPv6 by DHCPv6, whatever routers say of it, and --autoconf")            //
        ("dhcp-prefix", po::bool_switch(&dhcp_prefix), "--dhcpv6, and ask for a prefix of networks behind this host") //
        ("dhcp-release", po::bool_switch(&dhcp_release), "give what was leased back at the end")                      //
        ("hostname", po::value(&hostname), "name that the DHCP server is told")                                       //
        ("mac", po::value(&mac), "link-layer address on the TAP device; made up if not given")                        //
        ("vnet", po::bool_switch(&vnet),
         "leave segmentation and checksums to the kernel (IFF_VNET_HDR): several times as fast")                           //
        ("io-uring", po::bool_switch(&io_uring), "drive the device by io_uring: more packets in a second, without --vnet") //
        ("busy-poll", number(busy_poll, 0, 1'000'000),
         "microseconds to look for the next packet before sleeping: answers sooner") //
        ("queue-length", number(queue_length, 0, 1'000'000),
         "packets that the device is to hold for us (txqueuelen, for root to set), which bounds what peers have on the way: a "
         "long queue takes in faster, a short one answers sooner beside bulk data; 0: as it is") //
        ("log", po::value(&log), "say on stderr what happens: info (TCP states, links), debug (and drops), trace (and packets)");
    return d;
}

po::options_description host_options::capture_description()
{
    po::options_description d("Capture");
    d.add_options()("capture", po::value(&capture), "write every packet to this file (pcapng: Wireshark reads it)");
    return d;
}

po::options_description host_options::control_description()
{
    po::options_description d("Control");
    d.add_options()("control", po::value(&control), "answer `tapio ss` on this socket (AF_UNIX)");
    return d;
}

void host_options::check() const
{
    const std::array given{!tap.empty(), !tun.empty(), tap_fd >= 0, tun_fd >= 0};
    if (std::count(given.begin(), given.end(), true) != 1)
        throw usage_error("give one of --tap NAME, --tun NAME, --tap-fd NUMBER and --tun-fd NUMBER");
    if (needs_address && addresses.empty() && !autoconf && !wants_dhcp())
        throw usage_error("give --address ADDRESS/LENGTH, like --address 198.18.0.2/24, or --dhcp, or --autoconf");
    if (wants_dhcp() && (!tun.empty() || tun_fd >= 0)) throw usage_error("--dhcp needs an Ethernet: --tap, not --tun");
    for (const auto& text : addresses) parse_interface_address(text);
    for (const auto& text : gateways) parse_address(text);
    if (!mac.empty()) parse_mac(mac);
    check_log_level(log);
    if (io_uring && !tapio::io_uring_available()) throw usage_error("--io-uring: this build or this kernel is without");
}

std::unique_ptr<tapio::device> open_device(const host_options& options)
{
    const bool is_tap = !options.tap.empty() || options.tap_fd >= 0;
    const int fd = std::max(options.tap_fd, options.tun_fd);
    tapio::tuntap_options wanted;
    wanted.name = is_tap ? options.tap : options.tun;
    if (!options.mac.empty()) wanted.mac = parse_mac(options.mac);
    if (options.vnet) wanted.offload = {.checksum = true, .tso_v4 = true, .tso_v6 = true, .ecn = true, .uso = true};
    wanted.queue_length = options.queue_length;
    wanted.multi_queue = options.multi_queue;
    wanted.io_uring = options.io_uring;
    wanted.busy_poll = std::chrono::microseconds(options.busy_poll);
    boost::system::error_code error;
    const auto open = [&] {
        if (fd >= 0) return is_tap ? tapio::adopt_tap(fd, wanted, error) : tapio::adopt_tun(fd, wanted, error);
        return is_tap ? tapio::open_tap(wanted, error) : tapio::open_tun(wanted, error);
    };
    auto device = open();
    if (error == boost::system::errc::invalid_argument && options.vnet) { // Linux before 6.2 has no USO
        wanted.offload.uso = false;
        device = open();
    }
    if (error == boost::system::errc::invalid_argument && options.vnet) { // the device was made without IFF_VNET_HDR
        wanted.offload = {};
        device = open();
        if (!error) say("no offload on " + wanted.name + ": plain packets");
    }
    if (error == boost::system::errc::permission_denied && wanted.queue_length != 0) { // only root may set the length
        wanted.queue_length = 0;
        device = open();
    }
    if (error) throw std::runtime_error(why_not(is_tap ? "tap" : "tun", wanted.name, error));
    if (options.capture.empty()) return device;
    return tapio::capture(std::move(device), options.capture);
}

void drain(tapio::stack& stack, std::function<void()> done)
{
    constexpr auto patience = std::chrono::seconds(5); // a second signal ends it at once
    stack.async_drain(patience, [done = std::move(done)](boost::system::error_code) { done(); });
}

namespace {

std::string describe(const std::optional<tapio::dhcpv4_lease>& lease)
{
    if (!lease) return "no address by DHCP";
    std::string text = "address " + lease->address.to_string() + '/' + std::to_string(lease->prefix_length) + " by DHCP from " +
                       lease->server.to_string();
    for (const auto& r : lease->routers) text += ", router " + r.to_string();
    for (const auto& s : lease->dns_servers) text += ", DNS " + s.to_string();
    return text;
}

std::string describe(const std::optional<tapio::dhcpv6_lease>& lease)
{
    if (!lease) return "no address by DHCPv6";
    std::string text;
    const auto add = [&text](const char* what, const tapio::dhcpv6_lease::resource& r) {
        text += (text.empty() ? "" : ", ") + std::string(what) + r.address.to_string() + '/' + std::to_string(r.length);
    };
    for (const auto& a : lease->addresses) add("address ", a);
    for (const auto& p : lease->prefixes) add("prefix ", p);
    text += text.empty() ? "servers by DHCPv6" : " by DHCPv6";
    for (const auto& s : lease->dns_servers) text += ", DNS " + s.to_string();
    return text;
}

/// What was said last of the leases.
struct told_leases
{
    std::string v4, v6;

    explicit told_leases(const tapio::interface_configuration& c) : v4(describe(c.lease)), v6(describe(c.lease_v6)) {}
};

/// Says each change of the leases, until the stack is shut down.
void tell_leases(tapio::stack& stack, std::uint64_t version, const told_leases& told)
{
    stack.async_wait_configuration(1, version,
                                   [&stack, told](boost::system::error_code ec, const tapio::interface_configuration& c) {
                                       if (ec) return;
                                       const told_leases present(c);
                                       if (present.v4 != told.v4) say(present.v4);
                                       if (present.v6 != told.v6) say(present.v6);
                                       tell_leases(stack, c.version, present);
                                   });
}

} // namespace

tapio::configure_options configure_options_of(const host_options& options)
{
    const bool v6 = options.dhcpv6 || options.dhcp_prefix;
    tapio::configure_options wanted;
    wanted.dhcpv4 = options.dhcp || options.dhcpv4;
    wanted.slaac = options.dhcp || v6 || options.autoconf;
    wanted.dhcpv6 = v6 ? tapio::dhcpv6_use::stateful : options.dhcp ? tapio::dhcpv6_use::as_routers_say : tapio::dhcpv6_use::off;
    wanted.delegate_prefix = options.dhcp_prefix;
    wanted.hostname = options.hostname;
    wanted.release_on_shutdown = options.dhcp_release;
    return wanted;
}

void configure_by_dhcp(tapio::stack& stack, const tapio::configure_options& wanted)
{
    try {
        stack.configure(1, wanted);
    } catch (const boost::system::system_error& e) {
        if (e.code() == boost::system::errc::invalid_argument) throw usage_error("'" + wanted.hostname + "' is not a host name");
        if (e.code() == boost::system::errc::operation_not_supported) throw usage_error("DHCP needs an Ethernet, and one queue");
        throw;
    }
}

void configure(tapio::stack& stack, const host_options& options)
{
    for (const auto& text : options.addresses) {
        const auto own = parse_interface_address(text);
        stack.add_address(own.address, own.prefix_length);
    }
    for (const auto& text : options.gateways) stack.set_default_gateway(parse_address(text));
    if (options.wants_dhcp()) {
        configure_by_dhcp(stack, configure_options_of(options));
        const auto now = stack.configuration();
        tell_leases(stack, now.version, told_leases(now));
    } else if (options.autoconf) {
        stack.autoconfigure();
    }
}

namespace {

enum class progress
{
    none,     ///< no address yet, or an address that DHCPv4 was offered is being probed, which takes some seconds
    v6_alone, ///< a router has given an address; DHCPv4, which is slower, has not had an answer yet
    enough
};

/// Addresses count that reach beyond the link.
progress progress_of(const tapio::interface_configuration& c, const host_options& options)
{
    using enum tapio::dhcpv4_state;
    const bool v4 = options.dhcp || options.dhcpv4, v6 = options.dhcp || options.dhcpv6 || options.dhcp_prefix;
    const auto has = [&](bool wanted, bool is_v4) {
        return wanted && std::any_of(c.addresses.begin(), c.addresses.end(), [&](const auto& a) {
                   return a.origin != tapio::address_origin::link_local && a.address.is_v4() == is_v4;
               });
    };
    if (has(v4, true)) return progress::enough;
    if (!has(v6, false) || c.dhcpv4 == requesting || c.dhcpv4 == rebooting || c.dhcpv4 == probing) return progress::none;
    return v4 ? progress::v6_alone : progress::enough;
}

} // namespace

void when_configured(tapio::stack& stack, const host_options& options, std::function<void()> then)
{
    const auto present = stack.configuration();
    const progress now = options.wants_dhcp() ? progress_of(present, options) : progress::enough;
    if (now == progress::enough) return then();
    if (now == progress::none)
        return stack.async_wait_configuration(1, present.version,
                                              [&stack, &options, then](boost::system::error_code ec, const auto&) {
                                                  if (!ec) when_configured(stack, options, then);
                                              });
    const auto patience = std::make_shared<boost::asio::steady_timer>(stack.get_executor(), std::chrono::seconds(1));
    patience->async_wait([&stack, &options, then, patience](boost::system::error_code ec) {
        if (!ec) progress_of(stack.configuration(), options) == progress::none ? when_configured(stack, options, then) : then();
    });
}

} // namespace apps
