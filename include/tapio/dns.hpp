/// @file
/// Queries to the Domain Name System for records of any type.
///
///     tapio::dns_options options;
///     options.servers = {{boost::asio::ip::make_address("198.18.0.53"), 53}};
///     stack.set_dns(options);
///     const auto answer = co_await tapio::dns::async_query(stack, "example.com", tapio::dns::record_type::mx, use_awaitable);
///     for (const tapio::dns::record& r : answer.records)
///         if (const auto* mx = std::get_if<tapio::dns::mail_exchange>(&r.data)) std::cout << mx->exchange.to_string() << '\n';
///
/// For the addresses of a host, use the protocols' resolvers (`tapio::ip::tcp::resolver`), which ask for both families, know the
/// hosts table and search domains, and order addresses; or tapio::async_connect (connect.hpp).
///
/// The stack is a stub resolver (RFC 1034 §5.3.1): its servers must do the recursion. It can ask them by TLS
/// (dns_over_tls.hpp). **There is no DNSSEC.**
///
/// With dns_options::mdns the records of names below "local" are asked for by multicast DNS (RFC 6762), as by resolvers. Hosts
/// are the authority for their names; records that several hosts may have, such as the PTR records of a type of services, are
/// collected for half a second after the first:
///
///     options.mdns = tapio::mdns_use::local_names;
///     stack.set_dns(options);
///     const auto printers = co_await tapio::dns::async_query(stack, "_ipp._tcp.local", tapio::dns::record_type::ptr,
///     use_awaitable);
///
/// What the stack says of itself: tapio::stack::publish(). **Names are not watched: a query is one question, and its answer**
/// (RFC 6762 §5.2 is not done).
#pragma once

#include <tapio/core/dns.hpp>
#include <tapio/detail/dns_query.hpp>
#include <tapio/stack.hpp>

#include <boost/asio/async_result.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#pragma GCC visibility push(default)

namespace tapio::detail {

template <class Token>
auto start_dns_query(stack& s, dns_query q, Token& token)
{
    return boost::asio::async_initiate<Token, void(boost::system::error_code, core::dns::answer)>(
        engine_initiation<stack::executor_type, dns_query>(engine_of_stack(s), s.get_executor()), token, std::move(q));
}

} // namespace tapio::detail

namespace tapio::dns {

using core::dns::answer;
using core::dns::mail_exchange;
using core::dns::name;
using core::dns::record;
using core::dns::record_data;
using core::dns::record_type;
using core::dns::response_code;
using core::dns::service_location;
using core::dns::text_strings;
using core::dns::unknown_data;
using core::dns::zone_authority;

/// Asks for the records of a name, as it is: neither search domains nor the hosts table are used. CNAME records are followed,
/// unless they are asked for. The answer may be from the cache (answer::from_cache).
/// @param token  completion signature `void(error_code, tapio::dns::answer)`. The answer has the response code and the CNAME
///   records also if there is an error. The handler runs on its own executor, or on the stack's if it has none, never within this
///   call; until then the query is outstanding work
/// @par Errors  none: there is at least one record of the type · host_not_found: no such name, or there is no server to ask ·
///   no_data: the name has no record of the type · host_not_found_try_again: no server has answered, or none usefully (its
///   response code is in the answer) · invalid_argument: the text is no domain name · operation_aborted: cancelled, or the stack
///   was shut down
/// @par Cancellation  terminal, partial, total: operation_aborted. The last one that waits for a query ends it
/// @par Thread safety  safe
template <class Token = boost::asio::default_completion_token_t<stack::executor_type>>
auto async_query(stack& s, const name& n, record_type type, Token&& token = Token())
{
    return tapio::detail::start_dns_query(s, {n, type}, token);
}
template <class Token = boost::asio::default_completion_token_t<stack::executor_type>>
auto async_query(stack& s, std::string_view text, record_type type, Token&& token = Token())
{
    return tapio::detail::start_dns_query(s, {name::parse(text), type}, token);
}

} // namespace tapio::dns

#pragma GCC visibility pop
