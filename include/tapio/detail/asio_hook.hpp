/// @file
/// Specialisations in boost::asio::detail by which Asio's io-objects get our service for protocols of tapio, and for its clock.
/// It is included by each header that defines such a protocol, so that no translation unit sees one without the other; a
/// static_assert beside each alias proves that it worked. Internal.
#pragma once

#include <tapio/detail/io_object.hpp>
#include <tapio/detail/resolver_service.hpp>
#include <tapio/detail/socket_service.hpp>
#include <tapio/detail/timer_service.hpp>

#include <boost/asio/detail/config.hpp>
#include <boost/asio/detail/io_object_impl.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/version.hpp>
#if __has_include(<boost/asio/config.hpp>) // Boost 1.87
#include <boost/asio/config.hpp>
#endif

#include <concepts>
#include <type_traits>

#pragma GCC visibility push(default)

namespace tapio {

struct steady_clock;

/// A protocol whose sockets belong to a tapio stack.
template <class P>
concept protocol = requires
{
    typename P::endpoint;
    {
        P::kind
        } -> std::convertible_to<detail::socket_kind>;
};

} // namespace tapio

namespace tapio::detail {

/// Whether the io_context's user has promised that a single thread runs it and uses its objects: concurrency_hint 1, or UNSAFE.
inline bool runs_on_one_thread(boost::asio::io_context& io)
{
#if BOOST_ASIO_VERSION >= 103400 // Boost 1.87
    // UNSAFE and UNSAFE_IO read as 1, and in Boost 1.87 and 1.88 SAFE too, which the other entries do not tell from 1.
    const boost::asio::config c(io);
    const bool unsafe = !c.get("scheduler", "locking", true);
    const bool unsafe_io_only = !unsafe && !c.get("reactor", "io_locking", true);
    return unsafe || (!unsafe_io_only && c.get("scheduler", "concurrency_hint", 0) == 1);
#else
    const int hint = boost::asio::use_service<boost::asio::detail::io_context_impl>(io).concurrency_hint();
    return hint == 1 || hint == BOOST_ASIO_CONCURRENCY_HINT_UNSAFE;
#endif
}

} // namespace tapio::detail

namespace boost::asio {

/// Not a service: returns a reference to the context's private pointer to its service registry. A specialisation of
/// use_service(), because that is a friend of execution_context and so can reach it.
template <>
inline detail::service_registry*& use_service<detail::service_registry*>(execution_context& context)
{
    return context.service_registry_;
}

} // namespace boost::asio

namespace boost::asio::detail {

template <typename Protocol>
class reactive_socket_service;
template <typename Protocol>
class io_uring_socket_service;
template <typename Protocol>
class win_iocp_socket_service;

template <typename Protocol>
class resolver_service;
template <typename TimeTraits>
class deadline_timer_service;
template <typename Clock, typename WaitTraits>
struct chrono_time_traits;

template <tapio::protocol P>
class reactive_socket_service<P> : public tapio::detail::socket_service<P>
{
public:
    using tapio::detail::socket_service<P>::socket_service;
};

template <tapio::protocol P>
class io_uring_socket_service<P> : public tapio::detail::socket_service<P>
{
public:
    using tapio::detail::socket_service<P>::socket_service;
};

template <tapio::protocol P>
class win_iocp_socket_service<P> : public tapio::detail::socket_service<P>
{
public:
    using tapio::detail::socket_service<P>::socket_service;
};

template <tapio::protocol P>
class resolver_service<P> : public tapio::detail::name_service<P>
{
public:
    using tapio::detail::name_service<P>::name_service;
};

template <typename WaitTraits>
class deadline_timer_service<chrono_time_traits<tapio::steady_clock, WaitTraits>>
    : public tapio::detail::timer_service<chrono_time_traits<tapio::steady_clock, WaitTraits>>
{
public:
    using tapio::detail::timer_service<chrono_time_traits<tapio::steady_clock, WaitTraits>>::timer_service;
};

/// I/O objects of tapio find their services in the stack; all others find those of the io_context.
template <typename Service, typename Executor>
requires(std::is_base_of_v<tapio::detail::stack_service, Service>) class io_object_impl<Service, Executor>
    : public tapio::detail::io_object<Service, Executor>
{
public:
    using tapio::detail::io_object<Service, Executor>::io_object;
};

} // namespace boost::asio::detail

#pragma GCC visibility pop
