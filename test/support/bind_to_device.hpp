/// @file
/// SO_BINDTODEVICE as an Asio socket option.
#pragma once

#include "support/value_option.hpp"

#include <algorithm>
#include <array>
#include <net/if.h>
#include <string>
#include <string_view>
#include <sys/socket.h>

namespace tapio::test {

using device_name = std::array<char, IFNAMSIZ>;

class bind_to_device : public value_option<SOL_SOCKET, SO_BINDTODEVICE, device_name>
{
public:
    explicit bind_to_device(std::string_view name = {}) : value_option(padded(name)) {}
    std::string device() const { return value().data(); }

private:
    static device_name padded(std::string_view name)
    {
        device_name out{};
        std::copy_n(name.begin(), std::min(name.size(), out.size() - 1), out.begin());
        return out;
    }
};

} // namespace tapio::test
