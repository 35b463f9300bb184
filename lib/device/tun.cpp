#include "device/open_tuntap.hpp"

#include <tapio/device/tun.hpp>

namespace tapio {

std::unique_ptr<device> open_tun(const tuntap_options& options, boost::system::error_code& error)
{
    return detail::value_or_error(detail::open_tuntap(detail::tuntap_kind::tun, options), error);
}

std::unique_ptr<device> open_tun(const tuntap_options& options)
{
    return detail::value_or_throw(detail::open_tuntap(detail::tuntap_kind::tun, options), "TUN device " + options.name);
}

std::unique_ptr<device> adopt_tun(int descriptor, const tuntap_options& options, boost::system::error_code& error)
{
    return detail::value_or_error(detail::adopt_tuntap(detail::tuntap_kind::tun, descriptor, options), error);
}

std::unique_ptr<device> adopt_tun(int descriptor, const tuntap_options& options)
{
    return detail::value_or_throw(detail::adopt_tuntap(detail::tuntap_kind::tun, descriptor, options),
                                  "TUN device at descriptor " + std::to_string(descriptor));
}

} // namespace tapio
