#include "router/plan.hpp"

#include "common/program.hpp"

#include <tapio/nat44.hpp>

#include <map>
#include <utility>

namespace apps::router {

namespace {

namespace po = boost::program_options;

/// "LEFT=RIGHT"
std::pair<std::string, std::string> halves(const std::string& text, const char* option, const char* example)
{
    const auto equals = text.find('=');
    if (equals == 0 || equals == std::string::npos) throw usage_error(std::string(option) + " " + text + ": give " + example);
    return {text.substr(0, equals), text.substr(equals + 1)};
}

using names = std::map<std::string, tapio::stack::interface_id>;

tapio::stack::interface_id find(const names& all, const std::string& name)
{
    const auto at = all.find(name);
    if (at == all.end()) throw usage_error("there is no interface '" + name + "'");
    return at->second;
}

void add_addresses(tapio::stack& stack, tapio::stack::interface_id interface, const std::string& list)
{
    for (std::size_t begin = 0; begin <= list.size();) {
        const auto end = std::min(list.find(',', begin), list.size());
        const auto own = parse_interface_address(list.substr(begin, end - begin));
        stack.add_address(own.address, own.prefix_length, interface);
        begin = end + 1;
    }
}

void add_device(const plan& p, tapio::stack& stack, names& known, const std::string& text, bool tap)
{
    const auto [name, addresses] = halves(text, tap ? "--tap" : "--tun", "NAME=ADDRESS/LENGTH, like tap0=198.18.0.1/24");
    host_options wanted;
    const bool open = name.rfind("fd:", 0) == 0;
    if (open) (tap ? wanted.tap_fd : wanted.tun_fd) = static_cast<int>(parse_number(name.substr(3), 0, 1'000'000));
    if (!open) (tap ? wanted.tap : wanted.tun) = name;
    wanted.vnet = p.vnet;
    wanted.io_uring = p.io_uring;
    wanted.queue_length = p.queue_length;
    const auto id = stack.add_device(open_device(wanted));
    known[name] = id;
    add_addresses(stack, id, addresses);
}

void add_vlan(tapio::stack& stack, names& known, const std::string& text)
{
    const auto [name, addresses] = halves(text, "--vlan", "NAME.ID=ADDRESS/LENGTH, like tap0.7=198.18.7.1/24");
    const auto dot = name.rfind('.');
    if (dot == std::string::npos) throw usage_error("--vlan " + text + ": the name lacks the VLAN's identifier, like tap0.7");
    const auto id = parse_number(name.substr(dot + 1), 1, 4094);
    known[name] = stack.add_vlan(find(known, name.substr(0, dot)), static_cast<std::uint16_t>(id));
    add_addresses(stack, known[name], addresses);
}

/// The interface on whose network the gateway is.
tapio::stack::interface_id towards(const tapio::stack& stack, const boost::asio::ip::address& gateway)
{
    for (const tapio::route_info& r : stack.routes()) {
        const bool on_link = !r.gateway && r.interface != 0 && r.network.is_v4() == gateway.is_v4();
        if (!on_link) continue;
        const auto first = [&r](const auto& a, const auto& b) {
            for (unsigned bit = 0; bit < r.prefix_length; ++bit)
                if (((a[bit / 8] ^ b[bit / 8]) >> (7 - bit % 8) & 1) != 0) return false;
            return true;
        };
        if (gateway.is_v4() ? first(r.network.to_v4().to_bytes(), gateway.to_v4().to_bytes())
                            : first(r.network.to_v6().to_bytes(), gateway.to_v6().to_bytes()))
            return r.interface;
    }
    throw usage_error("no interface is in the network of " + gateway.to_string());
}

void add_route(tapio::stack& stack, const std::string& text)
{
    const auto [network, gateway] = halves(text, "--route", "NETWORK/LENGTH=GATEWAY, like 0.0.0.0/0=198.18.1.254");
    const auto to = parse_interface_address(network);
    const auto via = parse_address(gateway);
    stack.add_route(to.address, to.prefix_length, via, towards(stack, via));
}

/// "tcp:8080=198.18.0.2:80"
tapio::nat44::forward_rule parse_forward(const std::string& text)
{
    const auto [outside, inside] = halves(text, "--forward", "PROTOCOL:PORT=ADDRESS:PORT, like tcp:8080=198.18.0.2:80");
    const auto colon = outside.find(':'), last = inside.rfind(':');
    const std::string protocol = outside.substr(0, colon);
    if (colon == std::string::npos || last == std::string::npos || (protocol != "tcp" && protocol != "udp"))
        throw usage_error("--forward " + text + ": give PROTOCOL:PORT=ADDRESS:PORT, like tcp:8080=198.18.0.2:80");
    tapio::nat44::forward_rule rule;
    rule.protocol = protocol == "tcp" ? 6 : 17;
    rule.outside_port = static_cast<std::uint16_t>(parse_number(outside.substr(colon + 1), 1, 65535));
    rule.inside.address = parse_address(inside.substr(0, last));
    rule.inside.port = static_cast<std::uint16_t>(parse_number(inside.substr(last + 1), 1, 65535));
    return rule;
}

/// Translates to the first IPv4 address of the outside interface.
void add_nat(const plan& p, tapio::stack& stack, tapio::stack::interface_id outside)
{
    tapio::nat44::options options;
    options.outside = outside;
    const auto interfaces = stack.interfaces();
    for (const auto& own : interfaces[outside].addresses)
        if (own.address.is_v4() && options.outside_addresses.empty()) options.outside_addresses = {own.address.to_v4()};
    if (options.outside_addresses.empty())
        throw usage_error("--masquerade " + p.masquerade + ": the interface has no IPv4 address");
    for (const auto& text : p.forwards) options.forwards.push_back(parse_forward(text));
    stack.add_hook(std::make_shared<tapio::nat44>(options));
}

tapio::core::reverse_path_filter filter_of(const std::string& name)
{
    if (name == "off") return tapio::core::reverse_path_filter::off;
    if (name == "loose") return tapio::core::reverse_path_filter::loose;
    if (name == "strict") return tapio::core::reverse_path_filter::strict;
    throw usage_error("--reverse-path " + name + ": off, loose or strict");
}

} // namespace

po::options_description plan::description()
{
    po::options_description d("Router");
    d.add_options() //
        ("tap", po::value(&taps),
         "TAP device and its addresses, like tap0=198.18.0.1/24,2001:db8:1::1/64, or fd:3=... for an open descriptor; "
         "repeatable")                                                                                                //
        ("tun", po::value(&tuns), "the same for a TUN device")                                                        //
        ("vlan", po::value(&vlans), "VLAN on a TAP device, and its addresses, like tap0.7=198.18.7.1/24; repeatable") //
        ("route", po::value(&routes), "route through a gateway, like 0.0.0.0/0=198.18.1.254; repeatable")             //
        ("masquerade", po::value(&masquerade),
         "interface to the outside: IPv4 packets that leave by it get its address (NAPT)")                               //
        ("forward", po::value(&forwards), "with --masquerade: a server inside, like tcp:8080=198.18.0.2:80; repeatable") //
        ("proxy", po::value(&proxies), "TAP device on which the router answers ARP and NDP for the networks behind it")  //
        ("reverse-path", po::value(&reverse_path)->default_value(reverse_path),
         "forward only if an answer would come back (RFC 3704): off, loose or strict")                                      //
        ("redirects", po::bool_switch(&redirects), "tell neighbours of nearer routers")                                     //
        ("vnet", po::bool_switch(&vnet), "leave segmentation and checksums to the kernel (IFF_VNET_HDR)")                   //
        ("io-uring", po::bool_switch(&io_uring), "drive the devices by io_uring: more packets in a second, without --vnet") //
        ("queue-length", number(queue_length, 0, 1'000'000),
         "packets that each device is to hold for us (txqueuelen, for root to set): a long queue loses less; 0: as it is") //
        ("control", po::value(&control), "answer `tapio ss` on this socket (AF_UNIX)")                                     //
        ("log", po::value(&log), "say on stderr what happens: info (links), debug (and drops), trace (and packets)");
    return d;
}

void carry_out(const plan& p, tapio::stack& stack)
{
    names known;
    for (const auto& text : p.taps) add_device(p, stack, known, text, true);
    for (const auto& text : p.tuns) add_device(p, stack, known, text, false);
    for (const auto& text : p.vlans) add_vlan(stack, known, text);
    if (known.size() < 2) throw usage_error("a router needs two interfaces: give --tap, --tun or --vlan twice");
    for (const auto& text : p.routes) add_route(stack, text);
    for (const auto& name : p.proxies) stack.proxy_neighbors(find(known, name));
    if (!p.masquerade.empty()) add_nat(p, stack, find(known, p.masquerade));
    stack.set_forwarding({.reverse_path = filter_of(p.reverse_path), .send_redirects = p.redirects});
}

} // namespace apps::router
