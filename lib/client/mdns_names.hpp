/// @file
/// The names of multicast DNS: which ones are asked for by it (RFC 6762 §3 and §4), those of a host, and those of its services
/// (RFC 6763 §4).
#pragma once

#include <tapio/core/dns_name.hpp>
#include <tapio/core/mdns.hpp>

#include <string>

namespace tapio::core::client {

/// Below "local", or the reverse name of an address, or prefix, in 169.254/16 or fe80::/10.
bool is_link_local_name(const dns::name& n);

/// One label in front of `parent`. Precondition: a label has 1 to 63 octets, and the whole is not too long.
dns::name prepend(const std::string& label, const dns::name& parent);

/// The names of the options: a host's label, an instance's label. @param number of the attempt, from 1
std::string host_label(const std::string& wanted, unsigned number);     ///< "printer-2"
std::string instance_label(const std::string& wanted, unsigned number); ///< "Front desk (2)"

const dns::name& local_domain();                         ///< "local"
const dns::name& service_types_name();                   ///< "_services._dns-sd._udp.local" (RFC 6763 §9)
dns::name service_type_name(const std::string& of_type); ///< "_http._tcp" -> "_http._tcp.local"
/// "_printer" of "_http._tcp" -> "_printer._sub._http._tcp.local" (RFC 6763 §7.1)
dns::name service_subtype_name(const std::string& subtype, const std::string& of_type);

/// Lengths, types of services (RFC 6335 §5.1), at most `most_services`, no two services of the same name; services need a host's
/// name.
bool is_valid(const mdns_options& o);

} // namespace tapio::core::client
