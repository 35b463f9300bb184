// Berkeley's option numbers and values, as Asio's option objects carry them, to the core's.
#include "asio/engine.hpp"

#include <tapio/detail/socket.hpp>

#include <boost/asio/error.hpp>

#include <cstring>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <optional>
#include <sys/socket.h>

namespace tapio::detail {

namespace {

namespace error = boost::asio::error;
using core::socket_option;

std::optional<socket_option> at_socket_level(int name) noexcept
{
    switch (name) {
    case SO_REUSEADDR: return socket_option::reuse_address;
    case SO_REUSEPORT: return socket_option::reuse_port;
    case SO_BROADCAST: return socket_option::broadcast;
    case SO_KEEPALIVE: return socket_option::keep_alive;
    case SO_LINGER: return socket_option::linger;
    case SO_RCVBUF: return socket_option::receive_buffer_size;
    case SO_SNDBUF: return socket_option::send_buffer_size;
    case SO_OOBINLINE: return socket_option::oob_inline;
    default: return std::nullopt;
    }
}

std::optional<socket_option> at_tcp_level(int name) noexcept
{
    switch (name) {
    case TCP_NODELAY: return socket_option::no_delay;
    case TCP_MAXSEG: return socket_option::max_segment;
    case TCP_KEEPIDLE: return socket_option::keep_idle;
    case TCP_KEEPINTVL: return socket_option::keep_interval;
    case TCP_KEEPCNT: return socket_option::keep_count;
    case TCP_USER_TIMEOUT: return socket_option::user_timeout;
    case TCP_SYNCNT: return socket_option::syn_count;
    case TCP_QUICKACK: return socket_option::quick_ack;
    default: return std::nullopt;
    }
}

std::optional<socket_option> option_of(int level, int name) noexcept
{
    switch (level) {
    case SOL_SOCKET: return at_socket_level(name);
    case IPPROTO_TCP: return at_tcp_level(name);
    case IPPROTO_IP:
        if (name == IP_TTL) return socket_option::ttl;
        if (name == IP_TOS) return socket_option::tos;
        if (name == IP_MTU_DISCOVER) return socket_option::dont_fragment;
        return std::nullopt;
    default: return std::nullopt;
    }
}

/// The options whose value is a `struct linger` are one integer in the core: -1 for off, else seconds.
bool read_value(socket_option o, const void* data, std::size_t size, int& value) noexcept
{
    if (o == socket_option::linger) {
        ::linger l{};
        if (size < sizeof l) return false;
        std::memcpy(&l, data, sizeof l);
        value = l.l_onoff != 0 ? l.l_linger : -1;
        return true;
    }
    if (size < sizeof value) return false;
    std::memcpy(&value, data, sizeof value);
    return true;
}

bool write_value(socket_option o, int value, void* data, std::size_t* size) noexcept
{
    if (o == socket_option::linger) {
        const ::linger l{value >= 0 ? 1 : 0, value >= 0 ? value : 0};
        if (*size < sizeof l) return false;
        std::memcpy(data, &l, sizeof l);
        *size = sizeof l;
        return true;
    }
    if (*size < sizeof value) return false;
    std::memcpy(data, &value, sizeof value);
    *size = sizeof value;
    return true;
}

} // namespace

void socket::set_option(int level, int name, const void* data, std::size_t size, error_code& ec)
{
    const auto option = option_of(level, name);
    int value = 0;
    if (!option) return void(ec = error::no_protocol_option);
    if (!read_value(*option, data, size, value)) return void(ec = error::invalid_argument);
    engine::turn t(*engine_);
    if (!open_) return void(ec = error::bad_descriptor);
    ec = kind_ == socket_kind::tcp ? t.host().tcp().set_option({id_.index, id_.generation}, *option, value, t.now())
                                   : t.host().udp().set_option({id_.index, id_.generation}, *option, value);
}

void socket::get_option(int level, int name, void* data, std::size_t* size, error_code& ec) const
{
    engine::turn t(*engine_);
    if (!open_) return void(ec = error::bad_descriptor);
    const bool is_tcp = kind_ == socket_kind::tcp;
    int value = 0;
    auto option = option_of(level, name);
    if (level == SOL_SOCKET && name == SO_ERROR) {
        value = (is_tcp ? t.host().tcp().take_error({id_.index, id_.generation})
                        : t.host().udp().take_error({id_.index, id_.generation}))
                    .value();
        option = socket_option::keep_alive; // any whose value is a plain integer
    } else {
        if (!option) return void(ec = error::no_protocol_option);
        const auto got = is_tcp ? t.host().tcp().get_option({id_.index, id_.generation}, *option)
                                : t.host().udp().get_option({id_.index, id_.generation}, *option);
        if (!got) return void(ec = got.error());
        value = *got;
    }
    ec = write_value(*option, value, data, size) ? error_code() : error_code(error::invalid_argument);
}

} // namespace tapio::detail
