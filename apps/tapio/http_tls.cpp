// HTTPS: Asio's TLS stream over a socket of tapio. Compiled if OpenSSL was found.
#include "tapio/http_client.hpp"

#include <boost/asio/ssl.hpp>

namespace apps::tools {

namespace ssl = boost::asio::ssl;
using boost::asio::as_tuple;
using boost::asio::use_awaitable;

bool has_tls() { return true; }

namespace {

void prepare(ssl::context& context, const tls_options& tls)
{
    boost::system::error_code error;
    if (tls.insecure) {
        context.set_verify_mode(ssl::verify_none);
        return;
    }
    context.set_verify_mode(ssl::verify_peer);
    if (tls.authorities.empty())
        context.set_default_verify_paths(error);
    else
        context.load_verify_file(tls.authorities, error);
    if (error) throw tool_error(tls.authorities + ": " + error.message(), 77); // curl: problem with the CA certificate
}

} // namespace

boost::asio::awaitable<http_answer> https(tapio::ip::tcp::socket socket, const http_request& what, const tls_options& tls,
                                          body_sink sink)
{
    ssl::context context(ssl::context::tls_client);
    prepare(context, tls);
    ssl::stream<tapio::ip::tcp::socket> stream(std::move(socket), context);
    SSL_set_tlsext_host_name(stream.native_handle(), what.to.host.c_str());
    if (!tls.insecure) stream.set_verify_callback(ssl::host_name_verification(what.to.host));
    const auto [error] = co_await stream.async_handshake(ssl::stream_base::client, as_tuple(use_awaitable));
    if (error) {
        const bool certificate = SSL_get_verify_result(stream.native_handle()) != X509_V_OK;
        throw tool_error("TLS: " + error.message(), certificate ? curl_bad_certificate : curl_tls_failed);
    }
    co_return co_await exchange(stream, what, std::move(sink));
}

} // namespace apps::tools
