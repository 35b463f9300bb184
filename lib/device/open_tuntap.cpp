#include "device/open_tuntap.hpp"

#include "device/descriptor_device.hpp"
#include "device/vnet_header.hpp"

#include <boost/system/system_error.hpp>

namespace tapio::detail {

namespace {

bool wants_offload(const core::offload_features& f) noexcept { return f.checksum || f.tso_v4 || f.tso_v6 || f.ecn || f.uso; }

error_code configure_offload(int fd, const core::offload_features& offload)
{
    if (const auto error = set_vnet_header_size(fd, sizeof(vnet_header))) return error;
    return set_offload(fd, offload);
}

// Sets only the options given: that takes rights which using the device does not.
error_code configure(int fd, const tuntap_state& state, const tuntap_options& options, std::string& refused)
{
    if (state.vnet_header) {
        refused = "tuntap_options::offload";
        if (const auto error = configure_offload(fd, options.offload)) return error;
    }
    if (options.mtu != 0) {
        refused = "tuntap_options::mtu " + std::to_string(options.mtu);
        if (const auto error = set_mtu(state.name, options.mtu)) return error;
    }
    if (options.queue_length != 0) {
        refused = "tuntap_options::queue_length " + std::to_string(options.queue_length);
        if (const auto error = set_queue_length(state.name, options.queue_length)) return error;
    }
    refused.clear();
    return {};
}

std::size_t value_or(const result<std::size_t>& asked, std::size_t otherwise) { return asked ? *asked : otherwise; }

// An adopted descriptor may belong to another network namespace, where its values cannot be queried by name.
device_info describe(const tuntap_state& state, const tuntap_options& options)
{
    device_info info;
    info.name = state.name;
    info.link = state.kind == tuntap_kind::tap ? core::link_type::ethernet : core::link_type::ip;
    info.mtu = value_or(mtu_of(state.name), options.mtu != 0 ? options.mtu : info.mtu);
    info.queue_length = value_or(queue_length_of(state.name), options.queue_length);
    info.offload = options.offload;
    // Without TSO, software GSO saves work in the protocol layers, though not system calls.
    info.offload.gso = !options.offload.tso_v4;
    if (state.kind == tuntap_kind::tap) info.mac = options.mac;
    return info;
}

/// @param here the device is in the calling thread's network namespace
result<std::unique_ptr<device>> finish(unique_fd& fd, tuntap_kind kind, const tuntap_options& options, bool here,
                                       std::string& refused)
{
    const auto state = state_of(fd.get());
    if (!state) return state.error();
    if (state->kind != kind || (wants_offload(options.offload) && !state->vnet_header)) return core::errno_code(EINVAL);
    if (const auto error = configure(fd.get(), *state, options, refused)) return error;
    std::optional<rings> r = rings();
    if (options.io_uring) r = open_rings(fd.get());
    if (!r) return core::errno_code(EOPNOTSUPP);
    if (const auto error = make_non_blocking(fd.get())) return error; // last: on failure an adopted descriptor stays blocking
    const frame_header header = state->vnet_header ? frame_header::vnet : frame_header::none;
    driving d{.header = header, .by = std::move(*r), .busy_poll = options.busy_poll};
    if (here) d.watch = link_watch::open(state->name);
    return make_descriptor_device(std::move(fd), describe(*state, options), std::move(d));
}

} // namespace

result<std::unique_ptr<device>> open_tuntap(tuntap_kind kind, const tuntap_options& options, std::string& refused)
{
    auto fd = open_clone_device();
    if (!fd) return fd.error();
    if (options.existing_only && !device_exists(options.name)) return core::errno_code(ENODEV);
    const bool vnet_header = options.vnet_header || wants_offload(options.offload);
    if (const auto error = attach(fd->get(), options.name, kind, options.multi_queue, vnet_header)) return error;
    if (options.persistent) {
        refused = "tuntap_options::persistent";
        if (const auto error = make_persistent(fd->get())) return error;
        refused.clear();
    }
    return finish(*fd, kind, options, true, refused);
}

result<std::unique_ptr<device>> adopt_tuntap(tuntap_kind kind, int descriptor, const tuntap_options& options,
                                             std::string& refused)
{
    unique_fd fd(descriptor);
    auto opened = finish(fd, kind, options, is_in_this_namespace(descriptor), refused);
    fd.release(); // on success `fd` was moved from; on failure the caller keeps the descriptor
    return opened;
}

std::unique_ptr<device> value_or_error(result<std::unique_ptr<device>> opened, error_code& error)
{
    error = opened ? error_code() : opened.error();
    return opened ? std::move(*opened) : nullptr;
}

std::unique_ptr<device> value_or_throw(result<std::unique_ptr<device>> opened, const std::string& what,
                                       const std::string& refused)
{
    if (!opened) throw boost::system::system_error(opened.error(), refused.empty() ? what : what + ": " + refused);
    return std::move(*opened);
}

} // namespace tapio::detail
