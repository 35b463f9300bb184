#include "tls/openssl_stream.hpp"

#include <algorithm>
#include <cerrno>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <utility>

namespace tapio::detail {

namespace {

/// The server name of TLS (RFC 6066 §3) is no address.
bool expect_name(SSL* ssl, const std::string& name)
{
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name.c_str()) == 1) return true;
    return SSL_set_tlsext_host_name(ssl, name.c_str()) == 1 && SSL_set1_host(ssl, name.c_str()) == 1;
}

int length_of(core::const_bytes octets) { return static_cast<int>(octets.size()); }

} // namespace

std::unique_ptr<openssl_stream> openssl_stream::make(SSL_CTX* context, const expected_server& server)
{
    ssl_handle ssl(SSL_new(context));
    BIO* const in = BIO_new(BIO_s_mem());
    BIO* const out = BIO_new(BIO_s_mem());
    if (!ssl || in == nullptr || out == nullptr) {
        BIO_free(in);
        BIO_free(out);
        return nullptr;
    }
    SSL_set_bio(ssl.get(), in, out); // which owns them from now on
    SSL_set_connect_state(ssl.get());
    SSL_set_verify(ssl.get(), server.name.empty() ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, nullptr);
    if (!server.name.empty() && !expect_name(ssl.get(), server.name)) return nullptr;
    std::unique_ptr<openssl_stream> made(new openssl_stream(std::move(ssl), in, out, server.pins));
    return made->shake_hands() ? nullptr : std::move(made);
}

openssl_stream::openssl_stream(ssl_handle ssl, BIO* in, BIO* out, std::vector<key_pin> pins)
    : ssl_(std::move(ssl)), in_(in), out_(out), pins_(std::move(pins))
{
}

core::error_code openssl_stream::receive(core::const_bytes octets, std::vector<std::byte>& plaintext)
{
    if (!failure_.empty()) return core::errno_code(EPROTO);
    if (!octets.empty() && BIO_write(in_, octets.data(), length_of(octets)) != length_of(octets)) return fail("no memory");
    if (!established_)
        if (const auto error = shake_hands()) return error;
    return established_ ? read(plaintext) : core::error_code();
}

core::error_code openssl_stream::shake_hands()
{
    ERR_clear_error();
    const int result = SSL_do_handshake(ssl_.get());
    if (result != 1) return failed_call(result);
    if (!pins_.empty() && !has_pinned_key()) return fail("the server's key is none of the pinned ones");
    established_ = true;
    return early_.empty() ? core::error_code() : send(std::exchange(early_, {}));
}

/// RFC 7858 §4.2. Only the server's own certificate counts: others in its message prove nothing unless the chain is verified.
bool openssl_stream::has_pinned_key() const
{
    const std::unique_ptr<X509, openssl_free<&X509_free>> certificate(SSL_get1_peer_certificate(ssl_.get()));
    if (!certificate) return false;
    unsigned char* encoded = nullptr;
    const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate.get()), &encoded);
    if (size <= 0) return false;
    key_pin pin{};
    const bool hashed = EVP_Digest(encoded, static_cast<std::size_t>(size), pin.data(), nullptr, EVP_sha256(), nullptr) == 1;
    OPENSSL_free(encoded);
    return hashed && std::find(pins_.begin(), pins_.end(), pin) != pins_.end();
}

core::error_code openssl_stream::read(std::vector<std::byte>& plaintext)
{
    std::array<std::byte, 4096> part;
    for (;;) { // ends with the octets that were received
        ERR_clear_error();
        const int size = SSL_read(ssl_.get(), part.data(), static_cast<int>(part.size()));
        if (size <= 0) return failed_call(size);
        plaintext.insert(plaintext.end(), part.begin(), part.begin() + size);
    }
}

core::error_code openssl_stream::send(core::const_bytes plaintext)
{
    if (!failure_.empty()) return core::errno_code(EPROTO);
    if (!established_) {
        early_.insert(early_.end(), plaintext.begin(), plaintext.end());
        return {};
    }
    if (plaintext.empty()) return {};
    ERR_clear_error();
    const int size = SSL_write(ssl_.get(), plaintext.data(), length_of(plaintext)); // into memory: all of it
    return size == length_of(plaintext) ? core::error_code() : fail("nothing can be sent");
}

void openssl_stream::take_output(std::vector<std::byte>& octets)
{
    const std::size_t before = octets.size(), pending = BIO_ctrl_pending(out_);
    if (pending == 0) return;
    octets.resize(before + pending);
    BIO_read(out_, octets.data() + before, static_cast<int>(pending));
}

void openssl_stream::close()
{
    if (!established_ || !failure_.empty()) return;
    ERR_clear_error();
    (void)SSL_shutdown(ssl_.get());
}

core::error_code openssl_stream::failed_call(int result)
{
    const int why = SSL_get_error(ssl_.get(), result);
    if (why == SSL_ERROR_WANT_READ) return {};
    if (why == SSL_ERROR_ZERO_RETURN) {
        ended_ = true;
        return {};
    }
    const long verified = SSL_get_verify_result(ssl_.get());
    if (verified != X509_V_OK && (SSL_get_verify_mode(ssl_.get()) & SSL_VERIFY_PEER) != 0)
        return fail(std::string("the server's certificate: ") + X509_verify_cert_error_string(verified));
    const char* const reason = ERR_reason_error_string(ERR_peek_error());
    return fail(reason != nullptr ? std::string("TLS: ") + reason : "TLS: the connection has failed");
}

core::error_code openssl_stream::fail(std::string why)
{
    failure_ = std::move(why);
    return core::errno_code(EPROTO);
}

} // namespace tapio::detail
