/// @file
/// The host's TCP defaults, under the core's roof.
#pragma once

#include "tcp/options.hpp"
