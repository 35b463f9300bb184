/// @file
/// DNS over TLS (RFC 7858) for a stack's resolver, by OpenSSL. In a library of its own: link `tapio::tls`
/// (find_package(tapio COMPONENTS tls)).
///
///     tapio::dns_options options;
///     options.servers = {{boost::asio::ip::make_address("198.18.0.53"), 0}};
///     options.tls = tapio::make_dns_over_tls({.identity = {.name = "dns.example"}});
///     stack.set_dns(options); // the strict profile: no answer but from that server
#pragma once

#include <tapio/core/address.hpp>
#include <tapio/core/secure_stream.hpp>

#include <boost/system/error_code.hpp>

#include <map>
#include <memory>
#include <string>
#include <vector>

#pragma GCC visibility push(default)

namespace tapio {

/// How a server proves who it is (RFC 8310 §6). If there is a name and pins, both must be right.
struct dns_server_identity
{
    /// The authentication domain name: the certificate must be for it, and be signed by an authority (RFC 8310 §8.1). It is sent
    /// to the server in clear (SNI).
    std::string name{};
    /// Of the server's own certificate: SHA-256 of its SubjectPublicKeyInfo in Base64 (RFC 7858 §4.2). Several, while keys
    /// change. With pins and no name, authorities and names are not looked at, nor is the time.
    std::vector<std::string> pins{};
};

struct dns_over_tls_options
{
    dns_server_identity identity{}; ///< of the servers that are not in `identities`
    std::map<core::address, dns_server_identity> identities{};
    std::string authorities{}; ///< file with certificates (PEM); empty: the system's
    /// false: any server will do, so that only listeners are kept out, not impostors (with dns_options::tls_fallback, the
    /// opportunistic profile of RFC 8310 §5). true: a server whose identity is not known is not asked.
    bool authenticate = true;
};

/// For dns_options::tls. TLS 1.2 and 1.3; the times in certificates are compared with the system's clock. Sessions are not
/// resumed, there is no early data, and revocation is not checked.
/// @return null if `error` is set
/// @par Errors  those of reading `authorities` · invalid_argument: a pin that is not the Base64 of 32 octets · no_memory
/// @throws boost::system::system_error with these errors, from the overload without `error`
/// @par Thread safety  the result may be used by several stacks at the same time
std::shared_ptr<core::secure_streams> make_dns_over_tls(const dns_over_tls_options& options, boost::system::error_code& error);
std::shared_ptr<core::secure_streams> make_dns_over_tls(const dns_over_tls_options& options);

} // namespace tapio

#pragma GCC visibility pop
