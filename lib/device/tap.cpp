#include "device/open_tuntap.hpp"

#include <tapio/device/tap.hpp>

namespace tapio {

std::unique_ptr<device> open_tap(const tuntap_options& options, boost::system::error_code& error)
{
    std::string refused;
    return detail::value_or_error(detail::open_tuntap(detail::tuntap_kind::tap, options, refused), error);
}

std::unique_ptr<device> open_tap(const tuntap_options& options)
{
    std::string refused;
    auto opened = detail::open_tuntap(detail::tuntap_kind::tap, options, refused);
    return detail::value_or_throw(std::move(opened), "TAP device " + options.name, refused);
}

std::unique_ptr<device> adopt_tap(int descriptor, const tuntap_options& options, boost::system::error_code& error)
{
    std::string refused;
    return detail::value_or_error(detail::adopt_tuntap(detail::tuntap_kind::tap, descriptor, options, refused), error);
}

std::unique_ptr<device> adopt_tap(int descriptor, const tuntap_options& options)
{
    std::string refused;
    auto opened = detail::adopt_tuntap(detail::tuntap_kind::tap, descriptor, options, refused);
    return detail::value_or_throw(std::move(opened), "TAP device at descriptor " + std::to_string(descriptor), refused);
}

} // namespace tapio
