#include "tun_proxy/way_out.hpp"

#include "common/program.hpp"

#include <boost/system/system_error.hpp>

#include <cerrno>
#include <sys/socket.h>

namespace apps::tun_proxy {

void way_out::apply(int native_socket) const
{
    if (interface.empty()) return;
    const auto size = static_cast<socklen_t>(interface.size());
    if (::setsockopt(native_socket, SOL_SOCKET, SO_BINDTODEVICE, interface.data(), size) != 0)
        throw boost::system::system_error(errno, boost::system::system_category(), "binding to " + interface);
}

std::pair<boost::asio::ip::address, boost::asio::ip::address> parse_other_place(const std::string& text)
{
    const auto equals = text.find('=');
    boost::system::error_code bad_from, bad_to;
    const auto from = boost::asio::ip::make_address(text.substr(0, equals), bad_from);
    const auto to = equals == std::string::npos ? from : boost::asio::ip::make_address(text.substr(equals + 1), bad_to);
    if (bad_from || bad_to || equals == std::string::npos)
        throw usage_error("--map " + text + ": give FROM=TO, like 203.0.113.1=127.0.0.1");
    return {from, to};
}

} // namespace apps::tun_proxy
