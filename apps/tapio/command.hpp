/// @file
/// The subcommands of the program `tapio`. Each is one object, defined in the file of its name.
#pragma once

#include <string_view>

namespace apps::tools {

struct command
{
    std::string_view name;                                              ///< "ping"
    std::string_view summary;                                           ///< a few words for the list of all
    std::string_view usage;                                             ///< what follows the name: "[options] DESTINATION"
    std::string_view examples;                                          ///< lines for --help, each with its newline
    int (*run)(const command& self, int argc, const char* const* argv); ///< `argv[0]` is the subcommand. @return the exit status
};

extern const command demo, ping, arping, ndisc, traceroute, tracepath, nc, http, perf, dump, ss, dhcp, dig;

} // namespace apps::tools
