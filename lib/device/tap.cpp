#include "device/open_tuntap.hpp"

#include <tapio/device/tap.hpp>

namespace tapio {

std::unique_ptr<device> open_tap(const tuntap_options& options, boost::system::error_code& error)
{
    return detail::value_or_error(detail::open_tuntap(detail::tuntap_kind::tap, options), error);
}

std::unique_ptr<device> open_tap(const tuntap_options& options)
{
    return detail::value_or_throw(detail::open_tuntap(detail::tuntap_kind::tap, options), "TAP device " + options.name);
}

std::unique_ptr<device> adopt_tap(int descriptor, const tuntap_options& options, boost::system::error_code& error)
{
    return detail::value_or_error(detail::adopt_tuntap(detail::tuntap_kind::tap, descriptor, options), error);
}

std::unique_ptr<device> adopt_tap(int descriptor, const tuntap_options& options)
{
    return detail::value_or_throw(detail::adopt_tuntap(detail::tuntap_kind::tap, descriptor, options),
                                  "TAP device at descriptor " + std::to_string(descriptor));
}

} // namespace tapio
