/// @file
/// Records of DNS in the form of a zone file (RFC 1035 §5.1), as BIND's dig prints them, and as JSON.
#pragma once

#include <tapio/dns.hpp>

#include <boost/asio/ip/address.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace apps::tools {

/// A question and what has come of it.
struct dns_report
{
    tapio::dns::name name;
    tapio::dns::record_type type{};
    tapio::dns::answer answer;
    std::string server;            ///< that was asked first
    std::string transport = "UDP"; ///< "TCP", "TLS"
    std::chrono::nanoseconds took{};
    bool answered = true;
};

std::optional<tapio::dns::record_type> record_type_of(std::string_view text); ///< "mx", "TYPE257"; none: no such type
std::string record_type_text(tapio::dns::record_type type);                   ///< "MX", "TYPE257" (RFC 3597 §5)
std::string response_code_text(tapio::dns::response_code code);               ///< "NXDOMAIN"
std::string reverse_name(const boost::asio::ip::address& a);                  ///< "1.0.18.198.in-addr.arpa" (RFC 3596 §2.5)

std::string record_data_text(const tapio::dns::record& r); ///< "10 mail.example."
std::string record_text(const tapio::dns::record& r);      ///< "example.\t\t300\tIN\tMX\t10 mail.example."

std::string dns_brief(const dns_report& r); ///< the records' data, a line each
std::string dns_full(const dns_report& r);  ///< header, question, answer, statistics
std::string dns_json(const dns_report& r);  ///< one line

} // namespace apps::tools
