#include "device/descriptor_device.hpp"
#include "device/open_tuntap.hpp"
#include "device/utun_control.hpp"

#include <tapio/device/utun.hpp>

namespace tapio {

namespace {

using opened_device = core::result<std::unique_ptr<device>>;

/// @param fd moved from on success
opened_device finish_utun(detail::unique_fd& fd, const utun_options& options)
{
    const auto name = detail::utun_name(fd.get(), options.name);
    if (!name) return name.error();
    const auto mtu = detail::utun_mtu(*name, options.mtu);
    if (!mtu) return mtu.error();
    if (const auto error = detail::make_non_blocking(fd.get())) return error;
    device_info info;
    info.name = *name;
    info.link = core::link_type::ip;
    info.mtu = *mtu;
    info.offload.gso = true; // cutting large segments late saves work in the protocol layers
    detail::driving d{.header = detail::frame_header::address_family, .busy_poll = options.busy_poll};
    return detail::make_descriptor_device(std::move(fd), info, std::move(d));
}

opened_device open_new_utun(const utun_options& options)
{
    auto fd = detail::open_utun_control(options.name);
    if (!fd) return fd.error();
    return finish_utun(*fd, options);
}

opened_device adopt_open_utun(int descriptor, const utun_options& options)
{
    detail::unique_fd fd(descriptor);
    auto opened = finish_utun(fd, options);
    fd.release(); // on success `fd` was moved from; on failure the caller keeps the descriptor
    return opened;
}

} // namespace

std::unique_ptr<device> open_utun(const utun_options& options, boost::system::error_code& error)
{
    return detail::value_or_error(open_new_utun(options), error);
}

std::unique_ptr<device> open_utun(const utun_options& options)
{
    return detail::value_or_throw(open_new_utun(options), "utun device " + options.name, {});
}

std::unique_ptr<device> adopt_utun(int descriptor, const utun_options& options, boost::system::error_code& error)
{
    return detail::value_or_error(adopt_open_utun(descriptor, options), error);
}

std::unique_ptr<device> adopt_utun(int descriptor, const utun_options& options)
{
    return detail::value_or_throw(adopt_open_utun(descriptor, options), "utun device at descriptor " + std::to_string(descriptor),
                                  {});
}

} // namespace tapio
