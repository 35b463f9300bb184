/// @file
/// For the includers of lib/core: tcp_options, the type of a TCP socket's options and of a host's defaults.
#pragma once

#include "tcp/options.hpp"
