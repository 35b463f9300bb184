// // TLS by Asio's ssl::stream over tapio's sockets.
#include "network.hpp"

#include <boost/asio/ssl.hpp>

#include <memory>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string>

namespace tapio::test {
namespace {

namespace ssl = boost::asio::ssl;

/// A newly generated key and self-signed certificate.
struct identity
{
    identity()
    {
        key.reset(EVP_EC_gen("P-256"));
        certificate.reset(X509_new());
        X509* const c = certificate.get();
        X509_set_version(c, 2);
        ASN1_INTEGER_set(X509_get_serialNumber(c), 1);
        X509_gmtime_adj(X509_getm_notBefore(c), -3600);
        X509_gmtime_adj(X509_getm_notAfter(c), 24 * 3600);
        X509_set_pubkey(c, key.get());
        X509_NAME* const name = X509_get_subject_name(c);
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("server.example"), -1, -1, 0);
        X509_set_issuer_name(c, name);
        X509_sign(c, key.get(), EVP_sha256());
    }
    template <class Write>
    static std::string pem(Write&& write)
    {
        const std::unique_ptr<BIO, void (*)(BIO*)> memory(BIO_new(BIO_s_mem()), [](BIO* b) { BIO_free(b); });
        write(memory.get());
        char* text = nullptr;
        const long size = BIO_get_mem_data(memory.get(), &text);
        return std::string(text, static_cast<std::size_t>(size));
    }
    std::string certificate_pem() const
    {
        return pem([&](BIO* b) { PEM_write_bio_X509(b, certificate.get()); });
    }
    std::string key_pem() const
    {
        return pem([&](BIO* b) { PEM_write_bio_PrivateKey(b, key.get(), nullptr, nullptr, 0, nullptr, nullptr); });
    }

    std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key{nullptr, [](EVP_PKEY* k) { EVP_PKEY_free(k); }};
    std::unique_ptr<X509, void (*)(X509*)> certificate{nullptr, [](X509* c) { X509_free(c); }};
};

class tls : public network
{
protected:
    tls()
    {
        const std::string certificate = who.certificate_pem(), key = who.key_pem();
        server_context.use_certificate(asio::buffer(certificate), ssl::context::pem);
        server_context.use_private_key(asio::buffer(key), ssl::context::pem);
        client_context.add_certificate_authority(asio::buffer(certificate));
        client_context.set_verify_mode(ssl::verify_peer);
        client_context.set_verify_callback(ssl::host_name_verification("server.example"));
    }
    identity who;
    ssl::context server_context{ssl::context::tls_server}, client_context{ssl::context::tls_client};
};

TEST_F(tls, both_ends_over_a_lossy_wire)
{
    std::string sent(100'000, 0), got(sent.size(), 0);
    for (std::size_t i = 0; i < sent.size(); ++i) sent[i] = static_cast<char>(i * 7919 >> 3);
    talk(
        [&]() -> asio::awaitable<void> {
            tcp::acceptor a(*server, {tcp::v4(), 443});
            ssl::stream<tcp::socket> s(co_await a.async_accept(asio::use_awaitable), server_context);
            co_await s.async_handshake(ssl::stream_base::server, asio::use_awaitable);
            std::string data(sent.size(), 0);
            co_await asio::async_read(s, asio::buffer(data), asio::use_awaitable);
            co_await asio::async_write(s, asio::buffer(data), asio::use_awaitable);
            co_await s.async_shutdown(asio::as_tuple(asio::use_awaitable));
        },
        [&]() -> asio::awaitable<void> {
            ssl::stream<tcp::socket> s(co_await asio::this_coro::executor, client_context);
            co_await s.lowest_layer().async_connect({server_address, 443}, asio::use_awaitable);
            co_await s.async_handshake(ssl::stream_base::client, asio::use_awaitable);
            co_await asio::async_write(s, asio::buffer(sent), asio::use_awaitable);
            co_await asio::async_read(s, asio::buffer(got), asio::use_awaitable);
            char c = 0;
            const auto [ec, n] = co_await s.async_read_some(asio::buffer(&c, 1), asio::as_tuple(asio::use_awaitable));
            EXPECT_EQ(ec, asio::error::eof) << ec.message(); // a close_notify was received
        });
    EXPECT_EQ(sent, got);
}

TEST_F(tls, a_connection_cut_off_is_no_clean_end)
{
    error_code ended;
    talk(
        [&]() -> asio::awaitable<void> {
            tcp::acceptor a(*server, {tcp::v4(), 443});
            ssl::stream<tcp::socket> s(co_await a.async_accept(asio::use_awaitable), server_context);
            co_await s.async_handshake(ssl::stream_base::server, asio::use_awaitable);
            s.lowest_layer().close();
        },
        [&]() -> asio::awaitable<void> {
            ssl::stream<tcp::socket> s(co_await asio::this_coro::executor, client_context);
            co_await s.lowest_layer().async_connect({server_address, 443}, asio::use_awaitable);
            co_await s.async_handshake(ssl::stream_base::client, asio::use_awaitable);
            char c = 0;
            ended = std::get<0>(co_await s.async_read_some(asio::buffer(&c, 1), asio::as_tuple(asio::use_awaitable)));
        });
    EXPECT_EQ(ended, ssl::error::stream_truncated) << ended.message();
}

TEST_F(tls, synchronously)
{
    tcp::acceptor a(*server, {tcp::v4(), 443});
    ssl::stream<tcp::socket> c(*client, client_context);
    c.lowest_layer().connect({server_address, 443});
    ssl::stream<tcp::socket> s(a.accept(), server_context);
    bool shaken = false;
    s.async_handshake(ssl::stream_base::server, [&](error_code ec) { shaken = !ec; });
    c.async_handshake(ssl::stream_base::client, [](error_code) {});
    ASSERT_TRUE(time.run_until([&] { return shaken; }, 1min));
    asio::write(c, asio::buffer("hello", 5));
    std::string got(5, 0);
    asio::read(s, asio::buffer(got));
    EXPECT_EQ(got, "hello");
}

} // namespace
} // namespace tapio::test
