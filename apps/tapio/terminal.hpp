/// @file
/// Colours on standard output, if it is a terminal and NO_COLOR (no-color.org) is not set.
#pragma once

#include <string>
#include <string_view>

namespace apps::tools {

enum class colour
{
    plain,
    bold,
    dim,
    red,
    green,
    yellow,
    blue,
    cyan
};

/// Whether standard output shows colours: a terminal, NO_COLOR not set or empty, TERM not "dumb".
bool shows_colours();

/// The text in a colour where shows_colours(), else as it is.
std::string in(colour c, std::string_view text);

} // namespace apps::tools
