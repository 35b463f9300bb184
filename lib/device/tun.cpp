#include "device/open_tuntap.hpp"

#include <tapio/device/tun.hpp>

namespace tapio {

std::unique_ptr<device> open_tun(const tuntap_options& options, boost::system::error_code& error)
{
    std::string refused;
    return detail::value_or_error(detail::open_tuntap(detail::tuntap_kind::tun, options, refused), error);
}

std::unique_ptr<device> open_tun(const tuntap_options& options)
{
    std::string refused;
    auto opened = detail::open_tuntap(detail::tuntap_kind::tun, options, refused);
    return detail::value_or_throw(std::move(opened), "TUN device " + options.name, refused);
}

std::unique_ptr<device> adopt_tun(int descriptor, const tuntap_options& options, boost::system::error_code& error)
{
    std::string refused;
    return detail::value_or_error(detail::adopt_tuntap(detail::tuntap_kind::tun, descriptor, options, refused), error);
}

std::unique_ptr<device> adopt_tun(int descriptor, const tuntap_options& options)
{
    std::string refused;
    auto opened = detail::adopt_tuntap(detail::tuntap_kind::tun, descriptor, options, refused);
    return detail::value_or_throw(std::move(opened), "TUN device at descriptor " + std::to_string(descriptor), refused);
}

} // namespace tapio
