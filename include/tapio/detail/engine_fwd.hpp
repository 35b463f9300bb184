/// @file
/// Forward declarations of classes inside the library that public headers name. Internal. Outside of any `#pragma GCC
/// visibility`, so that a shared library does not export them.
#pragma once

#include <tapio/core/config.hpp>

namespace tapio::core {

class flow_forwarder;
class link_sockets;
class raw_sockets;
class socket_protocol;
class tcp_sockets;

} // namespace tapio::core

namespace tapio::detail {

class engine;

} // namespace tapio::detail
