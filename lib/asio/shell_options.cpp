// Socket options that the shell implements itself: SO_RCVTIMEO, SO_SNDTIMEO, and Asio's own.
#include "asio/engine.hpp"

#include <tapio/detail/socket.hpp>

#include <boost/asio/error.hpp>

#include <algorithm>
#include <cstring>
#include <optional>
#include <sys/socket.h>
#include <sys/time.h>

namespace tapio::detail {

namespace {

namespace error = boost::asio::error;
namespace asio_option = boost::asio::detail;

std::optional<direction> timeout_of(int level, int name) noexcept
{
    if (level != SOL_SOCKET) return std::nullopt;
    if (name == SO_RCVTIMEO) return direction::read;
    if (name == SO_SNDTIMEO) return direction::write;
    return std::nullopt;
}

constexpr int most_seconds = 1'000'000'000; // bound of a timeout (30 years), since the clock counts nanoseconds

} // namespace

/// Sets a timeout from a `timeval`. As Linux: zero means none, a negative one expires at once.
error_code socket::set_timeout(direction d, const void* data, std::size_t size)
{
    ::timeval wanted{};
    if (size < sizeof wanted) return error::invalid_argument;
    std::memcpy(&wanted, data, sizeof wanted);
    if (wanted.tv_usec < 0 || wanted.tv_usec >= 1'000'000) return core::errno_code(EDOM);
    const auto seconds = std::min<decltype(wanted.tv_sec)>(wanted.tv_sec, most_seconds);
    const core::duration time = std::chrono::seconds(seconds) + std::chrono::microseconds(wanted.tv_usec);
    engine::user_turn t(*engine_);
    if (!open_) return error::bad_descriptor;
    has_timeouts_ = true;
    engine_->timeouts(this).of[static_cast<std::size_t>(d)] = wanted.tv_sec < 0 ? core::duration(1) : time;
    return {};
}

/// @return false: not an option of this file
bool socket::set_shell_option(int level, int name, const void* data, std::size_t size, error_code& ec)
{
    if (const auto d = timeout_of(level, name)) return ec = set_timeout(*d, data, size), true;
    if (level != asio_option::custom_socket_option_level) return false;
    int value = 0;
    ec = error::invalid_argument;
    if (name != asio_option::enable_connection_aborted_option || size != sizeof value) return true;
    std::memcpy(&value, data, sizeof value);
    reports_aborted_ = value != 0;
    return ec = {}, true;
}

/// @return false: not an option of this file
bool socket::get_shell_option(int level, int name, void* data, std::size_t* size, error_code& ec) const
{
    if (const auto d = timeout_of(level, name)) {
        const auto time = has_timeouts_ ? engine_->timeouts(this).of[static_cast<std::size_t>(*d)] : core::duration();
        const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(time);
        const auto rest = std::chrono::duration_cast<std::chrono::microseconds>(time - seconds);
        const ::timeval value{seconds.count(), rest.count()};
        *size = std::min(*size, sizeof value);
        std::memcpy(data, &value, *size);
        return true;
    }
    if (level != asio_option::custom_socket_option_level) return false;
    const int value = reports_aborted_ ? 1 : 0;
    if (name != asio_option::enable_connection_aborted_option || *size != sizeof value) return ec = error::invalid_argument, true;
    std::memcpy(data, &value, sizeof value);
    return true;
}

} // namespace tapio::detail
