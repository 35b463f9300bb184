#include "tls/openssl_stream.hpp"

#include <tapio/dns_over_tls.hpp>

#include <boost/system/system_error.hpp>

#include <cerrno>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <optional>
#include <utility>

namespace tapio {

namespace {

using core::error_code;
using detail::expected_server;
using detail::key_pin;

/// 32 octets are 43 characters of Base64 and one for padding.
std::optional<key_pin> decode_pin(const std::string& text)
{
    constexpr std::size_t length = 44, blocks = 33;
    std::array<unsigned char, blocks> decoded{};
    if (text.size() != length || text.back() != '=' || text[length - 2] == '=') return std::nullopt;
    const auto* const from = reinterpret_cast<const unsigned char*>(text.data());
    const bool valid = EVP_DecodeBlock(decoded.data(), from, static_cast<int>(length)) == static_cast<int>(blocks);
    ERR_clear_error();
    if (!valid) return std::nullopt;
    key_pin pin{};
    std::copy_n(decoded.begin(), pin.size(), pin.begin());
    return pin;
}

std::optional<expected_server> expected(const dns_server_identity& identity)
{
    expected_server out{identity.name, {}};
    for (const std::string& text : identity.pins) {
        const auto pin = decode_pin(text);
        if (!pin) return std::nullopt;
        out.pins.push_back(*pin);
    }
    return out;
}

error_code load_authorities(SSL_CTX* context, const std::string& file)
{
    ERR_clear_error();
    if (file.empty() ? SSL_CTX_set_default_verify_paths(context) == 1
                     : SSL_CTX_load_verify_locations(context, file.c_str(), nullptr) == 1)
        return {};
    const unsigned long why = ERR_peek_error();
    ERR_clear_error();
    return core::errno_code(ERR_SYSTEM_ERROR(why) ? ERR_GET_REASON(why) : EINVAL);
}

detail::ssl_context make_context()
{
    detail::ssl_context context(SSL_CTX_new(TLS_client_method()));
    if (!context) return nullptr;
    static constexpr unsigned char protocols[] = {3, 'd', 'o', 't'}; // ALPN, IANA's registry
    SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);    // RFC 9325 §3.1
    SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
    return SSL_CTX_set_alpn_protos(context.get(), protocols, sizeof protocols) == 0 ? std::move(context) : nullptr;
}

class openssl_streams final : public core::secure_streams
{
public:
    openssl_streams(detail::ssl_context context, bool authenticate) : context_(std::move(context)), authenticate_(authenticate) {}

    /// @return false: a pin is not one
    bool add(const dns_over_tls_options& options)
    {
        const auto others = expected(options.identity);
        if (!others) return false;
        others_ = *others;
        for (const auto& [address, identity] : options.identities) {
            const auto one = expected(identity);
            if (!one) return false;
            servers_.emplace(address, *one);
        }
        return true;
    }

    std::unique_ptr<core::secure_stream> connect(const core::endpoint& server) override
    {
        const auto at = servers_.find(server.address);
        const expected_server& known = at == servers_.end() ? others_ : at->second;
        if (!authenticate_) return detail::openssl_stream::make(context_.get(), {});
        if (known.name.empty() && known.pins.empty()) return nullptr;
        return detail::openssl_stream::make(context_.get(), known);
    }

private:
    const detail::ssl_context context_;
    const bool authenticate_;
    expected_server others_;
    std::map<core::address, expected_server> servers_;
};

} // namespace

std::shared_ptr<core::secure_streams> make_dns_over_tls(const dns_over_tls_options& options, boost::system::error_code& error)
{
    detail::ssl_context context = make_context();
    error = context ? load_authorities(context.get(), options.authorities) : core::errno_code(ENOMEM);
    if (error) return nullptr;
    auto made = std::make_shared<openssl_streams>(std::move(context), options.authenticate);
    if (made->add(options)) return made;
    error = core::errno_code(EINVAL);
    return nullptr;
}

std::shared_ptr<core::secure_streams> make_dns_over_tls(const dns_over_tls_options& options)
{
    boost::system::error_code error;
    auto made = make_dns_over_tls(options, error);
    if (!made) throw boost::system::system_error(error, "DNS over TLS " + options.authorities);
    return made;
}

} // namespace tapio
