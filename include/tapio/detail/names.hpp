/// @file
/// Name lookup for the resolver service; implemented in lib/asio. Internal.
#pragma once

#include <tapio/core/address.hpp>
#include <tapio/core/dns.hpp>
#include <tapio/detail/engine_fwd.hpp>
#include <tapio/detail/operation.hpp>

#include <boost/asio/execution_context.hpp>
#include <boost/system/error_code.hpp>

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#pragma GCC visibility push(default)

namespace tapio::detail {

/// A query as for getaddrinfo(3), whose numbers `flags`, `family` and `socket_type` are.
struct name_query
{
    std::string host, service;
    int flags = 0;
    int family = 0;
    int socket_type = 0;
};

struct resolved_names
{
    std::vector<core::endpoint> endpoints;
    std::string canonical_host;
};

struct names_of_endpoint
{
    std::string host, service;
};

/// Looks hosts up in the hosts table of the context's stack, then by DNS, and services in the database of the machine. Waits.
resolved_names resolve(boost::asio::execution_context& context, const name_query& query, boost::system::error_code& ec);
/// The reverse lookup: an unknown host gives its address, an unknown service its number. Waits.
names_of_endpoint resolve(boost::asio::execution_context& context, const core::endpoint& e, int socket_type,
                          boost::system::error_code& ec);

/// The pending lookups of one resolver. An operation is completed, or destroyed by discard().
/// @par Thread safety  safe
class name_lookups
{
public:
    /// @param into  filled in before the operation completes
    void start(boost::asio::execution_context& context, const name_query& query, std::shared_ptr<resolved_names> into,
               operation* op);
    void start(boost::asio::execution_context& context, const core::endpoint& e, int socket_type,
               std::shared_ptr<names_of_endpoint> into, operation* op);
    void cancel();                 ///< all, with operation_aborted
    void cancel(std::uint64_t id); ///< one operation
    void discard();                ///< destroys the operations

private:
    std::vector<std::shared_ptr<engine>> engines();
    void uses(const std::shared_ptr<engine>& e);

    std::mutex mutex_;
    std::vector<std::weak_ptr<engine>> engines_; ///< of the stacks asked; more than one only after use_stack()
};

} // namespace tapio::detail

#pragma GCC visibility pop
