/// @file
/// The service of Asio's socket classes, for protocols of tapio: a thin template over detail::socket. Internal.
#pragma once

#include <tapio/detail/bound_handler.hpp>
#include <tapio/detail/endpoints.hpp>
#include <tapio/detail/io_object.hpp>
#include <tapio/detail/service_objects.hpp>
#include <tapio/detail/socket.hpp>
#include <tapio/detail/start_operation.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/socket_base.hpp>
#include <boost/asio/version.hpp>

#include <array>
#include <memory>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#pragma GCC visibility push(default)

namespace tapio::detail {

/// A buffer sequence converted for the core: its first 64 pieces; the rest is for the next call, as with writev(2).
template <class Bytes>
class buffer_list
{
public:
    template <class Sequence>
    explicit buffer_list(const Sequence& buffers)
    {
        const auto end = boost::asio::buffer_sequence_end(buffers);
        for (auto at = boost::asio::buffer_sequence_begin(buffers); at != end && count_ < most; ++at) add(*at);
    }
    std::span<const Bytes> list() const noexcept { return {pieces_.of, count_}; }

private:
    static constexpr std::size_t most = 64;

    void add(const boost::asio::mutable_buffer& b) { pieces_.of[count_++] = Bytes(static_cast<std::byte*>(b.data()), b.size()); }
    void add(const boost::asio::const_buffer& b) requires std::is_const_v<typename Bytes::element_type>
    {
        pieces_.of[count_++] = Bytes(static_cast<const std::byte*>(b.data()), b.size());
    }

    union storage // raw memory: of the 64 pieces mostly one is used
    {
        storage() noexcept {}
        Bytes of[most];
    };
    storage pieces_;
    std::size_t count_ = 0;
};

template <class Sequence>
bool all_empty(const Sequence& buffers)
{
    return boost::asio::buffer_size(buffers) == 0;
}

// -- actions: what each operation tries, and the arguments of its handler ---------------------------------------------

template <class Buffers, class Endpoint>
struct send_action
{
    Buffers buffers;
    bool stream;
    int flags;
    bool addressed = false;
    core::endpoint destination{};
    std::size_t size = 0;

    bool perform(socket& s, error_code& ec)
    {
        if (stream && all_empty(buffers)) return true;
        const buffer_list<core::const_bytes> from(buffers);
        return s.try_send(from.list(), addressed ? &destination : nullptr, flags, size, ec);
    }
    template <class Handler>
    auto bind(Handler&& h, error_code ec) &&
    {
        return bound_handler<Handler, error_code, std::size_t>(std::move(h), ec, size);
    }
};

template <class Buffers, class Endpoint>
struct receive_action
{
    Buffers buffers;
    bool stream;
    int flags;
    Endpoint* sender = nullptr;
    std::size_t size = 0;

    bool perform(socket& s, error_code& ec)
    {
        if (stream && all_empty(buffers)) return true;
        const buffer_list<core::mutable_bytes> into(buffers);
        core::endpoint from;
        if (!s.try_receive(into.list(), flags, &from, size, ec)) return false;
        if (sender != nullptr && !ec) *sender = tapio::detail::from_core<Endpoint>(from);
        if (stream && !ec && size == 0) ec = boost::asio::error::eof;
        return true;
    }
    template <class Handler>
    auto bind(Handler&& h, error_code ec) &&
    {
        return bound_handler<Handler, error_code, std::size_t>(std::move(h), ec, size);
    }
};

struct connect_action
{
    core::endpoint peer;
    bool started = false;

    bool perform(socket& s, error_code& ec) { return s.try_connect(peer, started, ec); }
    template <class Handler>
    auto bind(Handler&& h, error_code ec) &&
    {
        return bound_handler<Handler, error_code>(std::move(h), ec);
    }
};

struct wait_action
{
    int what;

    bool perform(socket& s, error_code& ec) { return s.try_wait(what, ec); }
    template <class Handler>
    auto bind(Handler&& h, error_code ec) &&
    {
        return bound_handler<Handler, error_code>(std::move(h), ec);
    }
};

/// Accepts into a socket of the user.
template <class Protocol, class Peer>
struct accept_action
{
    Protocol protocol;
    Peer* peer;
    typename Protocol::endpoint* peer_endpoint;
    std::shared_ptr<socket> accepted{};
    core::endpoint from{};

    bool perform(socket& s, error_code& ec) { return s.try_accept(accepted, from, ec); }
    template <class Handler>
    auto bind(Handler&& h, error_code ec) &&
    {
        if (!ec && peer_endpoint != nullptr) *peer_endpoint = from_core<typename Protocol::endpoint>(from);
        if (!ec) peer->assign(protocol, native_handle_value(std::move(accepted)), ec);
        return bound_handler<Handler, error_code>(std::move(h), ec);
    }
};

/// Accepts into a new socket, the handler's second argument.
template <class Protocol, class PeerExecutor>
struct move_accept_action
{
    using peer_type = typename Protocol::socket::template rebind_executor<PeerExecutor>::other;

    Protocol protocol;
    PeerExecutor executor;
    typename Protocol::endpoint* peer_endpoint;
    std::shared_ptr<socket> accepted{};
    core::endpoint from{};

    bool perform(socket& s, error_code& ec) { return s.try_accept(accepted, from, ec); }
    template <class Handler>
    auto bind(Handler&& h, error_code ec) &&
    {
        peer_type peer(executor);
        if (!ec && peer_endpoint != nullptr) *peer_endpoint = from_core<typename Protocol::endpoint>(from);
        if (!ec) peer.assign(protocol, native_handle_value(std::move(accepted)), ec);
        return bound_handler<Handler, error_code, peer_type>(std::move(h), ec, std::move(peer));
    }
};

// -- the service ------------------------------------------------------------------------------------------------------

template <class Protocol>
class socket_service : public stack_service
{
public:
    using key_type = socket_service;
    inline static boost::asio::execution_context::id id;

    using protocol_type = Protocol;
    using endpoint_type = typename Protocol::endpoint;
    using native_handle_type = native_handle_value;
    using message_flags = boost::asio::socket_base::message_flags;

    struct implementation_type
    {
        std::shared_ptr<detail::socket> socket;
        Protocol protocol = endpoint_type().protocol();
        implementation_type* next = nullptr; ///< list of all objects on this context
        implementation_type* previous = nullptr;
    };

    explicit socket_service(boost::asio::execution_context& context) : stack_service(context), objects_(context) {}

    /// The context is being destroyed: handlers are destroyed, not called.
    void shutdown() override
    {
        std::vector<std::shared_ptr<detail::socket>> all;
        objects_.clear([&](implementation_type& i) { all.push_back(std::move(i.socket)); });
        for (const auto& s : all) s->discard(); // a handler that is destroyed may own further sockets
    }

    // -- life ---------------------------------------------------------------------------------------------------------
    void construct(implementation_type&) noexcept {}
    void destroy(implementation_type& impl)
    {
        if (const auto s = take(impl)) s->end();
    }
    void move_construct(implementation_type& impl, implementation_type& other) noexcept
    {
        impl.socket = std::move(other.socket);
        if (impl.socket) objects_.replace(other, impl);
        impl.protocol = other.protocol;
    }
    void move_assign(implementation_type& impl, socket_service& service_of_other, implementation_type& other)
    {
        destroy(impl);
        service_of_other.put(impl, service_of_other.take(other)); // the object belongs to that service from now on
        impl.protocol = other.protocol;
    }
    template <class OtherService, class OtherImplementation>
    void converting_move_construct(implementation_type& impl, OtherService& service_of_other, OtherImplementation& other)
    {
        put(impl, service_of_other.take(other));
        impl.protocol = Protocol(other.protocol);
    }

    error_code open(implementation_type& impl, const Protocol& protocol, error_code& ec)
    {
        if (impl.socket) return ec = boost::asio::error::already_open;
        put(impl, socket::open(engine_of(context()), Protocol::kind, protocol.family(), protocol.protocol(), ec));
        if (!ec) impl.protocol = protocol;
        return ec;
    }
    error_code assign(implementation_type& impl, const Protocol& protocol, const native_handle_type& handle, error_code& ec)
    {
        if (impl.socket) return ec = boost::asio::error::already_open;
        put(impl, handle.adopt());
        if (impl.socket) impl.socket->forget_modes();
        impl.protocol = protocol;
        return ec = impl.socket ? error_code() : boost::asio::error::bad_descriptor;
    }
    bool is_open(const implementation_type& impl) const noexcept { return impl.socket != nullptr; }
    error_code close(implementation_type& impl, error_code& ec)
    {
        if (const auto s = take(impl)) s->close();
        return ec = {};
    }
    native_handle_type release(implementation_type& impl, error_code& ec)
    {
        const auto s = take(impl);
        ec = s ? error_code() : error_code(boost::asio::error::bad_descriptor);
        if (!s) return -1;
        s->cancel();
        return s->release();
    }
    native_handle_type native_handle(implementation_type& impl) { return native_handle_type(impl.socket); }
    error_code cancel(implementation_type& impl, error_code& ec)
    {
        if (const auto s = checked(impl, ec)) s->cancel();
        return ec;
    }

    // -- plain calls --------------------------------------------------------------------------------------------------
    error_code bind(implementation_type& impl, const endpoint_type& local, error_code& ec)
    {
        if (const auto s = checked(impl, ec)) s->bind(to_core(local), ec);
        return ec;
    }
    error_code listen(implementation_type& impl, int backlog, error_code& ec)
    {
        if (const auto s = checked(impl, ec)) s->listen(backlog, ec);
        return ec;
    }
    error_code shutdown(implementation_type& impl, boost::asio::socket_base::shutdown_type what, error_code& ec)
    {
        if (const auto s = checked(impl, ec)) s->shutdown(static_cast<int>(what), ec);
        return ec;
    }
    endpoint_type local_endpoint(const implementation_type& impl, error_code& ec) const
    {
        const auto s = checked(impl, ec);
        return s ? from_core<endpoint_type>(s->local_endpoint(ec)) : endpoint_type();
    }
    endpoint_type remote_endpoint(const implementation_type& impl, error_code& ec) const
    {
        const auto s = checked(impl, ec);
        return s ? from_core<endpoint_type>(s->remote_endpoint(ec)) : endpoint_type();
    }
    bool at_mark(const implementation_type& impl, error_code& ec) const
    {
        const auto s = checked(impl, ec);
        return s && s->at_mark(ec);
    }
    std::size_t available(const implementation_type& impl, error_code& ec) const
    {
        const auto s = checked(impl, ec);
        return s ? s->available(ec) : 0;
    }
    template <class Option>
    error_code set_option(implementation_type& impl, const Option& o, error_code& ec)
    {
        if (const auto s = checked(impl, ec))
            s->set_option(o.level(impl.protocol), o.name(impl.protocol), o.data(impl.protocol), o.size(impl.protocol), ec);
        return ec;
    }
    template <class Option>
    error_code get_option(const implementation_type& impl, Option& o, error_code& ec) const
    {
        const auto s = checked(impl, ec);
        if (!s) return ec;
        std::size_t size = o.size(impl.protocol);
        s->get_option(o.level(impl.protocol), o.name(impl.protocol), o.data(impl.protocol), &size, ec);
        if (!ec) o.resize(impl.protocol, size);
        return ec;
    }
    template <class Command>
    error_code io_control(implementation_type& impl, Command& command, error_code& ec)
    {
        const auto s = checked(impl, ec);
        if (!s) return ec;
        if (command.name() == io_control_readable()) {
            *static_cast<int*>(command.data()) = static_cast<int>(s->available(ec));
        } else {
            ec = boost::asio::error::no_protocol_option;
        }
        return ec;
    }
    bool non_blocking(const implementation_type& impl) const { return impl.socket && impl.socket->non_blocking(); }
    error_code non_blocking(implementation_type& impl, bool mode, error_code& ec)
    {
        if (const auto s = checked(impl, ec)) s->set_non_blocking(mode);
        return ec;
    }
    bool native_non_blocking(const implementation_type& impl) const { return impl.socket && impl.socket->native_non_blocking(); }
    error_code native_non_blocking(implementation_type& impl, bool mode, error_code& ec)
    {
        const auto s = checked(impl, ec);
        if (!s) return ec;
        if (!mode && s->non_blocking()) return ec = boost::asio::error::invalid_argument; // as Asio
        s->set_native_non_blocking(mode);
        return ec;
    }

    // -- synchronous --------------------------------------------------------------------------------------------------
    error_code wait(implementation_type& impl, boost::asio::socket_base::wait_type what, error_code& ec)
    {
        if (const auto s = checked(impl, ec)) s->wait(static_cast<int>(what), ec);
        return ec;
    }
    template <class Buffers>
    std::size_t send(implementation_type& impl, const Buffers& buffers, message_flags flags, error_code& ec)
    {
        return send_some(impl, buffers, nullptr, flags, ec);
    }
    template <class Buffers>
    std::size_t send_to(implementation_type& impl, const Buffers& buffers, const endpoint_type& to, message_flags flags,
                        error_code& ec)
    {
        const core::endpoint destination = to_core(to);
        return send_some(impl, buffers, &destination, flags, ec);
    }
    template <class Buffers>
    std::size_t receive(implementation_type& impl, const Buffers& buffers, message_flags flags, error_code& ec)
    {
        return receive_some(impl, buffers, flags, nullptr, ec);
    }
    template <class Buffers>
    std::size_t receive_from(implementation_type& impl, const Buffers& buffers, endpoint_type& sender, message_flags flags,
                             error_code& ec)
    {
        core::endpoint from;
        const std::size_t n = receive_some(impl, buffers, flags, &from, ec);
        if (!ec) sender = from_core<endpoint_type>(from);
        return n;
    }
    template <class Buffers>
    std::size_t receive_with_flags(implementation_type& impl, const Buffers& buffers, message_flags in, message_flags& out,
                                   error_code& ec)
    {
        out = 0;
        return receive_some(impl, buffers, in, nullptr, ec);
    }
    error_code connect(implementation_type& impl, const endpoint_type& peer, error_code& ec)
    {
        if (const auto s = checked(impl, ec)) s->connect(to_core(peer), ec);
        return ec;
    }
    template <class Peer>
    error_code accept(implementation_type& impl, Peer& peer, endpoint_type* peer_endpoint, error_code& ec)
    {
        const auto s = checked(impl, ec);
        if (!s) return ec;
        if (peer.is_open()) return ec = boost::asio::error::already_open;
        core::endpoint from;
        const auto accepted = s->accept(from, ec);
        if (ec) return ec;
        if (peer_endpoint != nullptr) *peer_endpoint = from_core<endpoint_type>(from);
        peer.assign(impl.protocol, native_handle_type(accepted), ec);
        return ec;
    }

    // -- asynchronous -------------------------------------------------------------------------------------------------
    template <class Handler, class IoExecutor>
    void async_wait(implementation_type& impl, boost::asio::socket_base::wait_type what, Handler& handler, const IoExecutor& io)
    {
        const auto d = what == boost::asio::socket_base::wait_read    ? direction::read
                       : what == boost::asio::socket_base::wait_write ? direction::write
                                                                      : direction::error;
        start(impl, d, wait_action{static_cast<int>(what)}, handler, io);
    }
    template <class Buffers, class Handler, class IoExecutor>
    void async_send(implementation_type& impl, const Buffers& buffers, message_flags flags, Handler& handler,
                    const IoExecutor& io)
    {
        start(impl, direction::write, send_action<Buffers, endpoint_type>{buffers, is_stream, flags}, handler, io);
    }
    template <class Buffers, class Handler, class IoExecutor>
    void async_send_to(implementation_type& impl, const Buffers& buffers, const endpoint_type& to, message_flags flags,
                       Handler& handler, const IoExecutor& io)
    {
        start(impl, direction::write, send_action<Buffers, endpoint_type>{buffers, false, flags, true, to_core(to)}, handler, io);
    }
    template <class Buffers, class Handler, class IoExecutor>
    void async_receive(implementation_type& impl, const Buffers& buffers, message_flags flags, Handler& handler,
                       const IoExecutor& io)
    {
        start(impl, direction::read, receive_action<Buffers, endpoint_type>{buffers, is_stream, flags}, handler, io);
    }
    template <class Buffers, class Handler, class IoExecutor>
    void async_receive_with_flags(implementation_type& impl, const Buffers& buffers, message_flags in, message_flags& out,
                                  Handler& handler, const IoExecutor& io)
    {
        out = 0;
        async_receive(impl, buffers, in, handler, io);
    }
    template <class Buffers, class Handler, class IoExecutor>
    void async_receive_from(implementation_type& impl, const Buffers& buffers, endpoint_type& sender, message_flags flags,
                            Handler& handler, const IoExecutor& io)
    {
        start(impl, direction::read, receive_action<Buffers, endpoint_type>{buffers, false, flags, &sender}, handler, io);
    }
    // Reactor style: null_buffers waits for readiness. Boost 1.90 deprecates it; programs that use it are warned where they name
    // it.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
    template <class Handler, class IoExecutor>
    void async_send(implementation_type& impl, const boost::asio::null_buffers&, message_flags, Handler& handler,
                    const IoExecutor& io)
    {
        start(impl, direction::write, null_action{1}, handler, io);
    }
    template <class Handler, class IoExecutor>
    void async_receive(implementation_type& impl, const boost::asio::null_buffers&, message_flags, Handler& handler,
                       const IoExecutor& io)
    {
        start(impl, direction::read, null_action{0}, handler, io);
    }
#pragma GCC diagnostic pop
    template <class Handler, class IoExecutor>
    void async_connect(implementation_type& impl, const endpoint_type& peer, Handler& handler, const IoExecutor& io)
    {
        start(impl, direction::write, connect_action{to_core(peer)}, handler, io);
    }
    template <class Peer, class Handler, class IoExecutor>
    void async_accept(implementation_type& impl, Peer& peer, endpoint_type* peer_endpoint, Handler& handler, const IoExecutor& io)
    {
        const error_code refused = peer.is_open() ? error_code(boost::asio::error::already_open) : error_code();
        start(impl, direction::read, accept_action<Protocol, Peer>{impl.protocol, &peer, peer_endpoint}, handler, io, refused);
    }
    template <class PeerExecutor, class Handler, class IoExecutor>
    void async_move_accept(implementation_type& impl, const PeerExecutor& peer_io, endpoint_type* peer_endpoint, Handler& handler,
                           const IoExecutor& io)
    {
        start(impl, direction::read, move_accept_action<Protocol, PeerExecutor>{impl.protocol, peer_io, peer_endpoint}, handler,
              io);
    }

private:
    template <class>
    friend class socket_service;

    /// An object is in the list only while it has a socket, so that moving a closed or moved-from object takes no lock.
    void put(implementation_type& impl, std::shared_ptr<detail::socket> s)
    {
        impl.socket = std::move(s);
        if (impl.socket) objects_.add(impl);
    }
    std::shared_ptr<detail::socket> take(implementation_type& impl)
    {
        if (impl.socket) objects_.remove(impl);
        return std::move(impl.socket);
    }

    static constexpr bool is_stream = Protocol::kind == socket_kind::tcp;
    static int io_control_readable() noexcept;

    struct null_action : wait_action
    {
        template <class Handler>
        auto bind(Handler&& h, error_code ec) &&
        {
            return bound_handler<Handler, error_code, std::size_t>(std::move(h), ec, std::size_t{0});
        }
    };

    static std::shared_ptr<detail::socket> checked(const implementation_type& impl, error_code& ec)
    {
        ec = impl.socket ? error_code() : error_code(boost::asio::error::bad_descriptor);
        return impl.socket;
    }

    template <class Buffers>
    std::size_t send_some(implementation_type& impl, const Buffers& buffers, const core::endpoint* to, int flags, error_code& ec)
    {
        const auto s = checked(impl, ec);
        if (!s || (is_stream && all_empty(buffers))) return 0;
        return s->send(buffer_list<core::const_bytes>(buffers).list(), to, flags, ec);
    }
    template <class Buffers>
    std::size_t receive_some(implementation_type& impl, const Buffers& buffers, int flags, core::endpoint* sender, error_code& ec)
    {
        const auto s = checked(impl, ec);
        if (!s || (is_stream && all_empty(buffers))) return 0;
        const std::size_t n = s->receive(buffer_list<core::mutable_bytes>(buffers).list(), flags, sender, ec);
        if (is_stream && !ec && n == 0) ec = boost::asio::error::eof;
        return n;
    }

    /// Whether Asio's operation on a kernel socket would set native_non_blocking(), in the Boost version compiled with.
    template <class Action>
    static bool makes_non_blocking([[maybe_unused]] const Action& a)
    {
        constexpr bool waits_do = BOOST_ASIO_VERSION < 103200;     // until Boost 1.85
        constexpr bool transfers_do = BOOST_ASIO_VERSION < 103802; // until Boost 1.91; then MSG_DONTWAIT does instead
        if constexpr (requires { a.buffers; }) {
            return transfers_do && (!a.stream || !all_empty(a.buffers));
        } else {
            return waits_do || !std::is_base_of_v<wait_action, Action>; // else connects and accepts
        }
    }

    template <class Action, class Handler, class IoExecutor>
    void start(implementation_type& impl, direction d, Action action, Handler& handler, const IoExecutor& io,
               error_code refused = {})
    {
        if (impl.socket && !refused && makes_non_blocking(action)) impl.socket->set_native_non_blocking(true);
        start_operation(impl.socket, d, std::move(action), handler, io, refused);
    }

    service_objects<implementation_type> objects_;
};

int readable_command() noexcept; ///< FIONREAD

template <class Protocol>
int socket_service<Protocol>::io_control_readable() noexcept
{
    return readable_command();
}

} // namespace tapio::detail

#pragma GCC visibility pop
