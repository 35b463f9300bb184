// A program whose stack asks DNS servers by TLS.
#include <tapio/dns_over_tls.hpp>
#include <tapio/tapio.hpp>

#include <boost/asio.hpp>

int main()
{
    boost::asio::io_context io;
    tapio::stack stack(io);
    tapio::dns_options options;
    options.tls = tapio::make_dns_over_tls({.identity = {.name = "dns.example"}});
    stack.set_dns(options);
    return options.tls->connect({boost::asio::ip::make_address("198.18.0.53"), 853}) ? 0 : 1;
}
