#include "asio/check_options.hpp"

#include <tapio/core/error.hpp>

#include <boost/system/system_error.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace tapio::detail {

namespace {

[[noreturn]] void refuse(const std::string& what) { throw boost::system::system_error(core::errno_code(EINVAL), what); }

void at_least(std::string_view option, std::uint64_t value, std::uint64_t least)
{
    if (value >= least) return;
    refuse("stack_options::" + std::string(option) + ": " + std::to_string(value) + ", at least " + std::to_string(least));
}

/// @param least the smallest allowed value
void at_least(std::string_view option, core::duration value, core::duration least)
{
    if (value >= least) return;
    refuse("stack_options::" + std::string(option) + ": " + std::to_string(value.count()) + " ns, at least " +
           std::to_string(least.count()));
}

/// Linux's lower bounds of SO_RCVBUF and SO_SNDBUF: in smaller buffers, each segment waits for the ACK of the previous one.
constexpr std::uint64_t least_receive_buffer = 2304, least_send_buffer = 4608; // octets

void check_buffers(const stack_options& o)
{
    at_least("tcp_receive_buffer", o.tcp_receive_buffer, least_receive_buffer);
    at_least("tcp_receive_buffer_limit", o.tcp_receive_buffer_limit, least_receive_buffer);
    at_least("tcp_send_buffer", o.tcp_send_buffer, least_send_buffer);
    at_least("tcp_send_buffer_limit", o.tcp_send_buffer_limit, least_send_buffer);
    at_least("tcp_memory", o.tcp_memory, least_receive_buffer + least_send_buffer);
    at_least("udp_receive_buffer", o.udp_receive_buffer, least_receive_buffer);
}

void check_congestion_control(const std::string& name)
{
    constexpr std::array<std::string_view, 4> known{"cubic", "reno", "bbr", "dctcp"};
    if (std::find(known.begin(), known.end(), name) != known.end()) return;
    refuse("stack_options::tcp_congestion_control: \"" + name + "\" is none of cubic, reno, bbr, dctcp");
}

} // namespace

const stack_options& checked(const stack_options& o)
{
    using namespace std::chrono_literals;
    check_buffers(o);
    check_congestion_control(o.tcp_congestion_control);
    at_least("tcp_min_rto", o.tcp_min_rto, 1ms);
    at_least("tcp_delayed_ack", o.tcp_delayed_ack, 0ns);
    at_least("tcp_time_wait", o.tcp_time_wait, 0ns);
    at_least("tcp_orphan_timeout", o.tcp_orphan_timeout, 1ms);
    at_least("shards", o.shards, 1);
    if (o.shard >= o.shards)
        refuse("stack_options::shard: " + std::to_string(o.shard) + " of " + std::to_string(o.shards) + " shards");
    return o;
}

void check(const device_info& info)
{
    constexpr std::size_t least_mtu = 68, most_mtu = 65535; // octets; RFC 791
    if (info.mtu >= least_mtu && info.mtu <= most_mtu) return;
    refuse("device " + info.name + ": MTU " + std::to_string(info.mtu) + ", between " + std::to_string(least_mtu) + " and " +
           std::to_string(most_mtu));
}

} // namespace tapio::detail
