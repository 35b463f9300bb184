/// @file
/// A TLS client on OpenSSL with BIOs in memory: no I/O.
#pragma once

#include <tapio/core/secure_stream.hpp>

#include <array>
#include <memory>
#include <openssl/ssl.h>
#include <string>
#include <vector>

namespace tapio::detail {

template <auto Free>
struct openssl_free
{
    template <class T>
    void operator()(T* p) const noexcept
    {
        Free(p);
    }
};
using ssl_context = std::unique_ptr<SSL_CTX, openssl_free<&SSL_CTX_free>>;
using ssl_handle = std::unique_ptr<SSL, openssl_free<&SSL_free>>;

using key_pin = std::array<unsigned char, 32>; ///< SHA-256 of a SubjectPublicKeyInfo

/// What the server must prove. Nothing given: any server will do.
struct expected_server
{
    std::string name;          ///< of its certificate, which an authority must have signed; empty: not checked
    std::vector<key_pin> pins; ///< one of them must be of its certificate's key; empty: not checked
};

class openssl_stream final : public core::secure_stream
{
public:
    /// @return null: no memory, or a name that cannot be one
    static std::unique_ptr<openssl_stream> make(SSL_CTX* context, const expected_server& server);

    core::error_code receive(core::const_bytes octets, std::vector<std::byte>& plaintext) override;
    core::error_code send(core::const_bytes plaintext) override;
    void take_output(std::vector<std::byte>& octets) override;
    void close() override;
    bool has_ended() const override { return ended_; }
    std::string failure() const override { return failure_; }

private:
    openssl_stream(ssl_handle ssl, BIO* in, BIO* out, std::vector<key_pin> pins);

    core::error_code shake_hands();
    core::error_code read(std::vector<std::byte>& plaintext);
    core::error_code fail(std::string why);
    core::error_code failed_call(int result);
    bool has_pinned_key() const;

    const ssl_handle ssl_;
    BIO* const in_;  ///< of ssl_: from the server
    BIO* const out_; ///< likewise: to it
    const std::vector<key_pin> pins_;
    std::vector<std::byte> early_; ///< plaintext to be sent once the server is authenticated
    bool established_ = false, ended_ = false;
    std::string failure_;
};

} // namespace tapio::detail
