#include "common/host_options.hpp"

#include "common/program.hpp"

#include <tapio/device/capture.hpp>
#include <tapio/device/tap.hpp>
#include <tapio/device/tun.hpp>

#include <stdexcept>

namespace apps {

po::options_description host_options::description()
{
    po::options_description d("Host");
    d.add_options()                                                                                //
        ("tap", po::value(&tap), "TAP device to attach to (made if it does not exist)")            //
        ("tun", po::value(&tun), "TUN device, instead of a TAP device")                            //
        ("address", po::value(&addresses), "address of this host, like 198.18.0.2/24; repeatable") //
        ("gateway", po::value(&gateway), "next hop towards everything else, like 198.18.0.1")      //
        ("mac", po::value(&mac), "link-layer address on the TAP device; made up if not given");
    return d;
}

po::options_description host_options::capture_description()
{
    po::options_description d("Capture");
    d.add_options()("capture", po::value(&capture), "write every packet to this file (pcapng: Wireshark reads it)");
    return d;
}

void host_options::check() const
{
    if (tap.empty() == tun.empty()) throw usage_error("give either --tap NAME or --tun NAME");
    if (addresses.empty()) throw usage_error("give --address ADDRESS/LENGTH, like --address 198.18.0.2/24");
}

std::unique_ptr<tapio::device> open_device(const host_options&)
{
    return nullptr;
}

void configure(tapio::stack& stack, const host_options& options)
{
    for (const auto& address : options.addresses)
        stack.add_address(address);
    if (!options.gateway.empty()) stack.set_default_gateway(options.gateway);
}

} // namespace apps
