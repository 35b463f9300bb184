/// @file
/// DNS over TLS as the words of kdig ask for it.
#pragma once

#include <tapio/core/dns.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace apps::tools {

struct dns_tls_options
{
    bool on = false, authenticate = false; ///< authenticate: by the system's authorities unless `authorities`
    std::string authorities;               ///< file (PEM)
    std::string name;                      ///< of the server
    std::vector<std::string> pins;

    /// Takes +tls, +tls-ca[=FILE], +tls-hostname=NAME and +tls-pin=BASE64. @return false: another word
    bool take(std::string_view word);
};

/// @throws usage_error: it is not known how to authenticate the server; tool_error: this build is without OpenSSL, or a file or
/// pin
///   is not what it should be
std::shared_ptr<tapio::core::secure_streams> make_dns_tls(const dns_tls_options& options, int status);

} // namespace apps::tools
