// The TLS client against OpenSSL's server, in memory: who is let in, who is not, what a listener sees, octets in any portions.
#include "unit/tls/certificates.hpp"

#include <tapio/dns_over_tls.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <span>
#include <stdexcept>
#include <vector>

namespace tapio::test {
namespace {

using bytes = std::vector<std::byte>;
using core::error_code;

const core::endpoint place{boost::asio::ip::make_address("192.0.2.53"), 853};

std::string text_of(const bytes& o) { return {reinterpret_cast<const char*>(o.data()), o.size()}; }
core::const_bytes octets(const std::string& s) { return std::as_bytes(std::span(s)); }

/// An OpenSSL server whose connection is memory.
class server
{
public:
    explicit server(const identity& who, int version = 0)
    {
        SSL_CTX* const context = SSL_CTX_new(TLS_server_method());
        SSL_CTX_use_certificate(context, who.certificate.get());
        SSL_CTX_use_PrivateKey(context, who.key.get());
        if (version != 0) {
            SSL_CTX_set_security_level(context, 0);
            SSL_CTX_set_min_proto_version(context, version);
            SSL_CTX_set_max_proto_version(context, version);
        }
        SSL_CTX_set_alpn_select_cb(
            context,
            [](SSL*, const unsigned char** out, unsigned char* size, const unsigned char* in, unsigned in_size, void* self) {
                static_cast<server*>(self)->alpn.assign(reinterpret_cast<const char*>(in), in_size);
                *out = in + 1;
                *size = in[0];
                return SSL_TLSEXT_ERR_OK;
            },
            this);
        ssl_ = SSL_new(context);
        SSL_CTX_free(context);
        SSL_set_bio(ssl_, in_ = BIO_new(BIO_s_mem()), out_ = BIO_new(BIO_s_mem()));
        SSL_set_accept_state(ssl_);
    }
    ~server() { SSL_free(ssl_); }
    server(const server&) = delete;
    server& operator=(const server&) = delete;

    void receive(const bytes& o)
    {
        if (!o.empty()) BIO_write(in_, o.data(), static_cast<int>(o.size()));
        std::array<char, 20'000> part;
        ERR_clear_error();
        for (int n; (n = SSL_read(ssl_, part.data(), part.size())) > 0;) heard.append(part.data(), static_cast<std::size_t>(n));
    }
    void send(const std::string& text)
    {
        ASSERT_EQ(SSL_write(ssl_, text.data(), static_cast<int>(text.size())), static_cast<int>(text.size()));
    }
    bytes output()
    {
        bytes o(BIO_ctrl_pending(out_));
        if (!o.empty()) BIO_read(out_, o.data(), static_cast<int>(o.size()));
        return o;
    }
    std::string name_asked() const
    {
        const char* const name = SSL_get_servername(ssl_, TLSEXT_NAMETYPE_host_name);
        return name != nullptr ? name : "";
    }
    void shut_down() { SSL_shutdown(ssl_); }
    bool was_shut_down() const { return (SSL_get_shutdown(ssl_) & SSL_RECEIVED_SHUTDOWN) != 0; }

    std::string heard, alpn;

private:
    SSL* ssl_;
    BIO* in_;
    BIO* out_;
};

struct dns_over_tls : testing::Test
{
    /// A client with these options; the authority is known to it.
    std::unique_ptr<core::secure_stream> client(dns_server_identity expects, bool authenticate = true)
    {
        return make_dns_over_tls({.identity = std::move(expects), .authorities = known.path(), .authenticate = authenticate})
            ->connect(place);
    }
    /// Exchanges octets until there are none. @return the client's error
    error_code talk(core::secure_stream& c, server& s, std::size_t portion = 100'000)
    {
        for (int i = 0; i < 100'000; ++i) {
            bytes to_server;
            c.take_output(to_server);
            seen.insert(seen.end(), to_server.begin(), to_server.end());
            s.receive(to_server);
            from_server = s.output();
            if (to_server.empty() && from_server.empty()) return {};
            for (std::size_t at = 0; at < from_server.size(); at += portion) {
                const std::size_t n = std::min(portion, from_server.size() - at);
                if (const auto error = c.receive(core::const_bytes(from_server).subspan(at, n), heard)) return error;
            }
        }
        throw std::logic_error("it does not end");
    }
    /// A query and an answer. @return what failed; empty: nothing
    std::string exchange(core::secure_stream* c, server& s)
    {
        heard.clear();
        if (c == nullptr) return "no stream";
        EXPECT_FALSE(c->send(octets("the query")));
        if (talk(*c, s)) {
            EXPECT_EQ(s.heard, "") << "nothing for an impostor";
            EXPECT_TRUE(c->send(octets("more")));
            return c->failure().empty() ? "an error without a reason" : c->failure();
        }
        EXPECT_EQ(s.heard, "the query");
        s.send("the answer");
        if (talk(*c, s)) return "later: " + c->failure();
        EXPECT_EQ(text_of(heard), "the answer");
        return c->failure();
    }
    std::string exchange(dns_server_identity expects, const identity& who, bool authenticate = true)
    {
        server s(who);
        const auto c = client(std::move(expects), authenticate);
        return exchange(c.get(), s);
    }

    identity authority;
    identity another_authority;
    certificate_file known{authority};
    identity right{{}, &authority};
    bytes heard, seen, from_server;
};

TEST_F(dns_over_tls, the_right_name_is_let_in)
{
    server s(right);
    const auto c = client({.name = "dns.example"});
    EXPECT_EQ(exchange(c.get(), s), "");
    EXPECT_EQ(s.name_asked(), "dns.example");
    EXPECT_EQ(s.alpn, "\3dot");
    EXPECT_EQ(text_of(seen).find("the query"), std::string::npos) << "a listener does not see it";
}

TEST_F(dns_over_tls, names_of_certificates)
{
    const auto with = [&](const std::string& names) {
        return exchange({.name = "dns.example"}, identity({.names = names}, &authority));
    };
    EXPECT_EQ(with("DNS:other.example,DNS:dns.example"), "");
    EXPECT_EQ(exchange({.name = "a.dns.example"}, identity({.names = "DNS:*.dns.example"}, &authority)), "");
    for (const char* wrong : {"DNS:other.example", "DNS:dns.example.org", "DNS:*.dns.example", "DNS:d*.example", "DNS:example",
                              "IP:192.0.2.53", ""}) {
        EXPECT_NE(with(wrong).find("mismatch"), std::string::npos) << wrong;
    }
}

TEST_F(dns_over_tls, an_address_may_be_the_name)
{
    server s(identity({.names = "IP:192.0.2.53"}, &authority));
    const auto c = client({.name = "192.0.2.53"});
    EXPECT_EQ(exchange(c.get(), s), "");
    EXPECT_EQ(s.name_asked(), "") << "RFC 6066: no addresses";
    EXPECT_NE(exchange({.name = "192.0.2.54"}, identity({.names = "IP:192.0.2.53"}, &authority)), "");
}

TEST_F(dns_over_tls, certificates_that_are_not_good)
{
    const dns_server_identity expects{.name = "dns.example"};
    EXPECT_NE(exchange(expects, identity({.until = -60}, &authority)).find("expired"), std::string::npos);
    EXPECT_NE(exchange(expects, identity({.from = 3600}, &authority)).find("not yet valid"), std::string::npos);
    EXPECT_NE(exchange(expects, identity({}, &another_authority)).find("issuer"), std::string::npos);
    EXPECT_NE(exchange(expects, identity()).find("self-signed"), std::string::npos);
    EXPECT_NE(exchange(expects, identity({}, &right)), "") << "signed by one who is no authority";
}

TEST_F(dns_over_tls, pins)
{
    const identity alone, other;
    EXPECT_EQ(exchange({.pins = {alone.pin()}}, alone), "") << "no authority is needed";
    EXPECT_EQ(exchange({.pins = {other.pin(), alone.pin()}}, alone), "");
    EXPECT_NE(exchange({.pins = {other.pin()}}, alone).find("pin"), std::string::npos);
    EXPECT_NE(exchange({.pins = {authority.pin()}}, right).find("pin"), std::string::npos) << "the server's own key alone counts";
}

TEST_F(dns_over_tls, name_and_pins_must_both_be_right)
{
    const identity other({}, &authority);
    EXPECT_EQ(exchange({.name = "dns.example", .pins = {right.pin()}}, right), "");
    EXPECT_NE(exchange({.name = "dns.example", .pins = {right.pin()}}, other), "");
    EXPECT_NE(exchange({.name = "other.example", .pins = {right.pin()}}, right), "");
}

TEST_F(dns_over_tls, without_authentication_anybody_will_do)
{
    EXPECT_EQ(exchange({}, identity({.until = -60}, &another_authority), false), "");
    EXPECT_EQ(exchange({.name = "other.example", .pins = {another_authority.pin()}}, right, false), "");
}

TEST_F(dns_over_tls, a_server_of_unknown_identity_is_not_asked)
{
    EXPECT_EQ(client({}), nullptr);
    const auto streams =
        make_dns_over_tls({.identities = {{place.address, {.name = "dns.example"}}}, .authorities = known.path()});
    EXPECT_EQ(streams->connect({boost::asio::ip::make_address("192.0.2.54"), 853}), nullptr);
    server s(right);
    const auto c = streams->connect(place);
    EXPECT_EQ(exchange(c.get(), s), "");
}

TEST_F(dns_over_tls, versions)
{
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
        server s(right, version);
        const auto c = client({.name = "dns.example"});
        EXPECT_EQ(exchange(c.get(), s), "");
    }
    server old(right, TLS1_1_VERSION);
    const auto c = client({.name = "dns.example"});
    EXPECT_NE(exchange(c.get(), old), "");
}

TEST_F(dns_over_tls, octet_by_octet)
{
    server s(right);
    const auto c = client({.name = "dns.example"});
    EXPECT_FALSE(c->send(octets("one ")));
    EXPECT_FALSE(c->send(octets("two")));
    EXPECT_FALSE(talk(*c, s, 1));
    EXPECT_EQ(s.heard, "one two");
    const std::string large(300'000, 'x');
    s.send(large);
    EXPECT_FALSE(talk(*c, s, 1));
    EXPECT_EQ(text_of(heard), large);
    EXPECT_FALSE(c->send(octets(large)));
    EXPECT_FALSE(talk(*c, s));
    EXPECT_EQ(s.heard, "one two" + large);
}

TEST_F(dns_over_tls, ends_of_both_sides)
{
    server s(right);
    const auto c = client({.name = "dns.example"});
    EXPECT_EQ(exchange(c.get(), s), "");
    EXPECT_FALSE(c->has_ended());
    s.shut_down();
    EXPECT_FALSE(talk(*c, s));
    EXPECT_TRUE(c->has_ended());
    EXPECT_FALSE(s.was_shut_down());
    c->close();
    EXPECT_FALSE(talk(*c, s));
    EXPECT_TRUE(s.was_shut_down());
}

TEST_F(dns_over_tls, one_octet_changed_on_the_way_is_found_out)
{
    server s(right);
    const auto c = client({.name = "dns.example"});
    EXPECT_EQ(exchange(c.get(), s), "");
    s.send("another answer");
    bytes record = s.output();
    record.back() ^= std::byte{1};
    heard.clear();
    EXPECT_TRUE(c->receive(record, heard));
    EXPECT_TRUE(heard.empty());
    EXPECT_NE(c->failure(), "");
    EXPECT_TRUE(c->receive(record, heard));
}

TEST_F(dns_over_tls, nonsense_in_the_place_of_a_handshake)
{
    using namespace std::string_literals;
    for (const std::string& text :
         {"HTTP/1.1 400 Bad Request\r\n\r\n"s, "\x15\x03\x01\x00\x02\x02\x28"s, "\x16\x03\x03\xff\xff"s}) {
        const auto c = client({.name = "dns.example"});
        (void)c->receive(octets(text), heard);
        for (int i = 0; i < 10 && c->failure().empty(); ++i) (void)c->receive(octets(std::string(16'384, '\xff')), heard);
        EXPECT_NE(c->failure(), "");
        EXPECT_TRUE(heard.empty());
    }
}

TEST_F(dns_over_tls, options_that_are_wrong)
{
    error_code error;
    EXPECT_EQ(make_dns_over_tls({.authorities = "/nonexistent/ca.pem"}, error), nullptr);
    EXPECT_EQ(error, boost::system::errc::no_such_file_or_directory);
    EXPECT_EQ(make_dns_over_tls({.authorities = "/dev/null"}, error), nullptr);
    EXPECT_TRUE(error);
    const std::string good = right.pin();
    for (const std::string& pin : {std::string("abc"), good + good, good.substr(1), '!' + good.substr(1), std::string(44, '='),
                                   good + ' ', std::string()}) {
        EXPECT_EQ(make_dns_over_tls({.identity = {.pins = {pin}}}, error), nullptr) << pin;
        EXPECT_EQ(error, boost::system::errc::invalid_argument);
        EXPECT_THROW((void)make_dns_over_tls({.identities = {{place.address, {.pins = {pin}}}}}), boost::system::system_error);
    }
    EXPECT_NE(make_dns_over_tls({.identity = {.pins = {good}}}, error), nullptr);
    EXPECT_FALSE(error);
}

} // namespace
} // namespace tapio::test
