/// @file
/// What the command line of the router says of its interfaces, routes and rules.
#pragma once

#include "common/host_options.hpp"

#include <tapio/stack.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/program_options.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace apps::router {

/// The options of the program, as text.
struct plan
{
    std::vector<std::string> taps, tuns; ///< "NAME=ADDRESS/LENGTH[,ADDRESS/LENGTH...]"; NAME may be "fd:NUMBER"
    std::vector<std::string> vlans;      ///< "NAME.ID=ADDRESS/LENGTH[,...]"
    std::vector<std::string> routes;     ///< "NETWORK/LENGTH=GATEWAY"
    std::vector<std::string> proxies;    ///< names of interfaces
    std::string masquerade;              ///< name of the outside interface; empty: no translation
    std::vector<std::string> forwards;   ///< "PROTOCOL:PORT=ADDRESS:PORT"
    std::string reverse_path = "off";    ///< off, loose, strict
    std::string log;
    std::string control; ///< path of the control socket; empty: none
    bool vnet = false, io_uring = false, redirects = false;
    unsigned queue_length = 0; ///< packets: host_options::queue_length

    boost::program_options::options_description description();
};

/// Makes the interfaces, routes and rules. @throws usage_error; std::runtime_error if a device cannot be opened
void carry_out(const plan& p, tapio::stack& stack);

} // namespace apps::router
