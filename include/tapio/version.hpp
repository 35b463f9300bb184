/// @file
/// The version of tapio's headers.
#pragma once

/// major * 100'000 + minor * 100 + patch, as BOOST_VERSION. Before 1.0 each minor version may change the interface.
#define TAPIO_VERSION 100

#define TAPIO_VERSION_STRING "0.1.0" ///< the same, as "major.minor.patch"
