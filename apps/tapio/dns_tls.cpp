// DNS over TLS for dig. The only file of the tool that needs tapio::tls.
#include "tapio/dns_tls.hpp"

#include "tapio/tool.hpp"

#ifdef TAPIO_TOOLS_HAVE_TLS
#include <tapio/dns_over_tls.hpp>
#endif

namespace apps::tools {

bool dns_tls_options::take(std::string_view word)
{
    const auto equals = word.find('=');
    const std::string_view key = word.substr(0, equals);
    const std::string value(equals == word.npos ? std::string_view() : word.substr(equals + 1));
    if (key == "+tls-ca") {
        authorities = value;
    } else if (key == "+tls-hostname" && !value.empty()) {
        name = value;
    } else if (key == "+tls-pin" && !value.empty()) {
        pins.push_back(value);
    } else {
        on = on || word == "+tls";
        return word == "+tls";
    }
    return on = authenticate = true;
}

std::shared_ptr<tapio::core::secure_streams> make_dns_tls(const dns_tls_options& options, int status)
{
    if (!options.on) return nullptr;
#ifdef TAPIO_TOOLS_HAVE_TLS
    if (options.authenticate && options.name.empty() && options.pins.empty())
        throw usage_error("+tls-ca needs +tls-hostname=NAME, which the certificate is to be for");
    boost::system::error_code error;
    auto made = tapio::make_dns_over_tls({.identity = {.name = options.name, .pins = options.pins},
                                          .authorities = options.authorities,
                                          .authenticate = options.authenticate},
                                         error);
    if (!made) throw tool_error("+tls " + options.authorities + ": " + error.message(), status);
    return made;
#else
    throw tool_error("+tls: this build is without OpenSSL", status);
#endif
}

} // namespace apps::tools
