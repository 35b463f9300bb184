/// @file
/// The texts of `tapio ss`, from the JSON that a control socket answers.
#pragma once

#include <boost/json/object.hpp>

#include <string>

namespace apps::tools {

struct socket_list_options
{
    bool tcp = true, udp = true, raw = true; ///< kinds; `raw`: and ping sockets
    bool listening = false;                  ///< only listeners and sockets without a peer
    bool all = false;                        ///< with and without a peer
    bool information = false;                ///< a second line with what tcp_info has
    bool timers = false;                     ///< the timer that expires next
    bool v4 = true, v6 = true;
};

/// A table like that of iproute2's ss: a line of titles, then the sockets. The first column says the kind if there are several.
std::string socket_table(const boost::json::object& answer, const socket_list_options& options);

/// How many sockets there are of each kind, and how many connections in each state.
std::string socket_summary(const boost::json::object& answer);

/// Interfaces, routes and neighbours, a line each.
std::string interface_table(const boost::json::object& answer);
std::string route_table(const boost::json::object& answer);
std::string neighbor_table(const boost::json::object& answer);

/// Name and value of each counter. @param with_zeros  also those that are 0
std::string counter_table(const boost::json::object& answer, bool with_zeros);

} // namespace apps::tools
