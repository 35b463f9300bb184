/// @file
/// What getaddrinfo(3) and getnameinfo(3) say of a query: what is known without DNS, what DNS is asked, and what its answer
/// means. Semantics: RFC 3493 §6.1; where it leaves a choice, as glibc.
#pragma once

#include "core/host.hpp"
#include "core/name_client.hpp"

#include <tapio/core/error.hpp>
#include <tapio/detail/names.hpp>

#include <cstdint>
#include <optional>
#include <vector>

namespace tapio::detail {

class engine;

/// A query as far as it is known without DNS.
struct prepared_query
{
    bool over = false; ///< `names` and `ec` are the result
    resolved_names names;
    core::error_code ec;
    std::uint16_t port = 0;
    std::vector<core::dns::record_type> types; ///< that DNS is asked for
};
prepared_query prepare(engine& e, const name_query& q);
/// Under the engine's lock. @param into the addresses in the order in which they are to be tried
core::error_code take_answer(core::host& h, const name_query& q, std::uint16_t port, core::client::dns_result&& r,
                             resolved_names& into);

/// @return false: the host's name is unknown without DNS; its address stands for it
bool prepare(engine& e, const core::endpoint& about, int socket_type, names_of_endpoint& out);
core::dns::name reverse_name_of(const core::address& a);
core::error_code take_answer(core::client::dns_result&& r, names_of_endpoint& into);

} // namespace tapio::detail
