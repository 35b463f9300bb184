/// @file
/// An open socket of a stack, for the Asio service: plain functions, implemented in lib/asio. Internal.
#pragma once

#include <tapio/core/address.hpp>
#include <tapio/core/event_sink.hpp>
#include <tapio/core/slice.hpp>
#include <tapio/core/socket_id.hpp>
#include <tapio/core/tcp_info.hpp>
#include <tapio/core/time.hpp>
#include <tapio/detail/engine_fwd.hpp>
#include <tapio/detail/operation.hpp>

#include <boost/asio/error.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/socket_base.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#pragma GCC visibility push(default)

namespace tapio::detail {

enum class socket_kind : std::uint8_t
{
    tcp,
    udp,
    raw,
    ping, ///< ICMP datagrams
    link  ///< raw Ethernet
};
enum class direction : std::uint8_t
{
    read,
    write,
    error
};

using error_code = boost::system::error_code;
using const_buffer_list = std::span<const core::const_bytes>;
using mutable_buffer_list = std::span<const core::mutable_bytes>;

/// tapio::ip::packet_info and tapio::ip::error_message, without their endpoints.
struct message_info
{
    std::optional<unsigned> interface;
    core::address local; ///< received: the destination; sent: the source
    std::uint8_t ttl = 0, tos = 0;
    std::chrono::steady_clock::time_point received{};
    std::size_t unread = 0; ///< octets
};
struct error_info
{
    error_code why;
    core::address offender;
    std::uint8_t type = 0, code = 0;
    std::uint32_t mtu = 0;
};

/// The stack that sockets on this context belong to: the context's own, the one of use_stack(), or the default one.
std::shared_ptr<engine> engine_of(boost::asio::execution_context& context);

class socket final : public core::event_sink, public std::enable_shared_from_this<socket>
{
public:
    /// For open() and accept().
    socket(std::shared_ptr<engine> owner, core::socket_protocol& protocol, core::socket_id id, core::family f) noexcept;

    /// @param family  AF_INET, AF_INET6 or, for `link`, AF_PACKET  @param protocol  as socket(2): IP protocol, or EtherType in
    /// network
    ///   byte order  @return null if there is an error
    static std::shared_ptr<socket> open(std::shared_ptr<engine> owner, socket_kind kind, int family, int protocol,
                                        error_code& ec);
    /// The socket of a native handle, no longer kept alive by that handle; null if there is none.
    static std::shared_ptr<socket> adopt(int native_handle);
    /// The socket of a native handle, whose owner does not change; null if there is none.
    static std::shared_ptr<socket> find(int native_handle);
    int release(); ///< returns a native handle that keeps the socket alive until it is adopted
    ~socket();

    /// Closes the socket: pending operations complete with operation_aborted, later calls fail with bad_descriptor. With a time
    /// in SO_LINGER, close() waits up to that time until the peer has acknowledged all data and the FIN, whether non_blocking()
    /// or not, as Linux's close(); after it the connection finishes without a user.
    void close();
    /// For the destructor of the I/O object: as close(), but never waits. As Asio does for kernel sockets, it clears SO_LINGER
    /// first if the user has set it on this socket.
    void end();
    /// As close(), but pending handlers are destroyed, not called.
    void discard();
    int native_handle(); ///< registers the socket process-wide until it is adopted or closed

    void bind(const core::endpoint& local, error_code& ec);
    void listen(int backlog, error_code& ec);
    void shutdown(int what, error_code& ec);
    core::endpoint local_endpoint(error_code& ec) const;
    core::endpoint remote_endpoint(error_code& ec) const;
    std::size_t available(error_code& ec) const;
    void set_option(int level, int name, const void* data, std::size_t size, error_code& ec);
    void get_option(int level, int name, void* data, std::size_t* size, error_code& ec) const;
    bool at_mark(error_code& ec) const;
    core::tcp_info info(error_code& ec) const; ///< of a TCP socket
    /// Asio's two non-blocking modes. non_blocking(), set by the user, makes synchronous calls not wait. native_non_blocking() is
    /// a kernel descriptor's mode; asynchronous operations set it, as in Asio, but it has no effect on calls of tapio.
    void set_non_blocking(bool mode) noexcept
    {
        non_blocking_ = mode;
        if (!mode) native_non_blocking_ = false; // as Asio
    }
    bool non_blocking() const noexcept { return non_blocking_; }
    void set_native_non_blocking(bool mode) noexcept { native_non_blocking_ = mode; }
    bool native_non_blocking() const noexcept { return native_non_blocking_; }
    void forget_modes() noexcept
    {
        non_blocking_ = native_non_blocking_ = reports_aborted_ = false;
    } ///< the socket gets another owner

    // -- synchronous: wait without bound, or up to SO_RCVTIMEO or SO_SNDTIMEO; do not wait if non_blocking() ---------------
    std::size_t send(const_buffer_list from, const core::endpoint* destination, int flags, error_code& ec);
    std::size_t receive(mutable_buffer_list into, int flags, core::endpoint* sender, error_code& ec);
    std::size_t send_message(const_buffer_list from, const core::endpoint& destination, const message_info& info, error_code& ec);
    std::size_t receive_message(mutable_buffer_list into, int flags, bool may_wait, core::endpoint& sender, message_info& info,
                                error_code& ec);
    /// @param sent_to  the destination of the datagram
    std::size_t receive_error(mutable_buffer_list into, core::endpoint& sent_to, error_info& info, error_code& ec);
    void connect(const core::endpoint& peer, error_code& ec);
    std::shared_ptr<socket> accept(core::endpoint& peer, error_code& ec);
    void wait(int what, error_code& ec);

    std::size_t send(std::span<core::slice> from, error_code& ec); ///< all, unless non_blocking(); `from` keeps the rest
    std::size_t receive(std::vector<core::slice>& into, std::size_t limit, error_code& ec);

    // -- synchronous, wait up to a deadline whether non_blocking() or not; then timed_out -------------------------------
    void connect_until(const core::endpoint& peer, core::time_point deadline, error_code& ec);
    void wait_until(int what, core::time_point deadline, error_code& ec);

    // -- asynchronous -------------------------------------------------------------------------------------------------
    /// Queues the operation; tries it at once if no other one waits before it. Its handler is posted even then, unless it has an
    /// immediate executor.
    void start(direction d, operation* op);
    void cancel();
    void cancel(std::uint64_t id);

    // -- tries, under the lock; false: would block ----------------------------------------------------------------------
    bool try_send(const_buffer_list from, const core::endpoint* destination, int flags, std::size_t& n, error_code& ec);
    bool try_receive(mutable_buffer_list into, int flags, core::endpoint* sender, std::size_t& n, error_code& ec);
    bool try_send(std::span<core::slice> from, std::size_t& n, error_code& ec); ///< removes sent octets from `from`
    bool try_receive(std::vector<core::slice>& into, std::size_t limit, std::size_t& n, error_code& ec);
    bool try_connect(const core::endpoint& peer, bool& started, error_code& ec);
    bool try_accept(std::shared_ptr<socket>& accepted, core::endpoint& peer, error_code& ec);
    bool try_wait(int what, error_code& ec);

    /// Tries the operations that wait; those that finish go to engine::finished(). Under the lock.
    void ready(core::readiness what, core::time_point now) override;
    // -- stack::async_drain, under the lock ---------------------------------------------------------------------------------
    void finish(operation_queue& done);
    bool finish_if_quiet(core::time_point now);

    /// The stack is shut down: moves every operation to `done`, with operation_aborted. Under the lock.
    void detach(operation_queue& done);

private:
    template <class Try>
    void block(error_code& ec, bool may_wait, core::time_point deadline, Try&& attempt,
               error_code expired = boost::asio::error::timed_out);
    template <class Try>
    void block(error_code& ec, direction d, Try&& attempt);
    core::time_point patience(direction d) const;
    void connect(const core::endpoint& peer, bool may_wait, core::time_point deadline, error_code& ec, error_code expired);
    bool waits_in_vain(error_code& ec) const;
    std::size_t receive_all(mutable_buffer_list into, error_code& ec);
    bool try_receive_message(mutable_buffer_list into, int flags, core::endpoint& sender, message_info& info, std::size_t& n,
                             error_code& ec);
    bool try_once(direction d, operation& op);
    void expect_no_more(); ///< for a synchronous write: no further one is expected soon
    void advance(direction d, operation_queue& done);
    bool set_shell_option(int level, int name, const void* data, std::size_t size, error_code& ec);
    bool get_shell_option(int level, int name, void* data, std::size_t* size, error_code& ec) const;
    error_code set_timeout(direction d, const void* data, std::size_t size);
    bool get_fact(int level, int name, void* data, std::size_t* size, error_code& ec) const;
    bool set_interface_option(int level, int name, const void* data, std::size_t size, error_code& ec);
    bool get_interface_option(int level, int name, void* data, std::size_t* size, error_code& ec) const;
    error_code bind_to_device(const void* data, std::size_t size);
    error_code set_group(int name, const void* data, std::size_t size);
    error_code set_group_v6(int name, const void* data, std::size_t size);
    bool set_link_option(int level, int name, const void* data, std::size_t size, error_code& ec);
    bool get_link_option(int level, int name, void* data, std::size_t* size, error_code& ec) const;
    error_code set_packet_option(int name, const void* data, std::size_t size);
    bool set_filter(int level, int name, const void* data, std::size_t size, error_code& ec);
    bool is_raw_icmp() const;
    bool is_icmp_level(int level) const noexcept;
    bool set_icmp_filter(int level, int name, const void* data, std::size_t size, error_code& ec);
    bool get_icmp_filter(int level, int name, void* data, std::size_t* size, error_code& ec) const;
    bool set_source_option(int level, int name, const void* data, std::size_t size, error_code& ec);
    bool get_source_option(int level, int name, void* data, std::size_t* size, error_code& ec) const;
    /// An IPv6 socket's user names IPv4 peers by IPv4-mapped addresses, which the core does not know (core/socket_names.hpp).
    core::endpoint to_core(const core::endpoint& e) const;
    core::address to_user(const core::address& a) const;
    core::endpoint to_user(const core::endpoint& e) const { return {to_user(e.address), e.port}; }
    void abort_all(operation_queue& done);
    void leave(operation_queue& done);
    /// The calls that TCP alone has are made on this. Null if the socket is another protocol's.
    core::tcp_sockets* as_tcp() const noexcept;
    core::link_sockets* as_link() const noexcept; ///< likewise, of raw Ethernet sockets
    core::raw_sockets* as_raw() const noexcept;   ///< likewise, of raw sockets
    core::duration linger_time() const;
    void wait_until_finished(core::time_point deadline);

    friend class engine;

    std::shared_ptr<engine> engine_;
    core::socket_protocol& protocol_; ///< of the engine's host; called under the lock
    const core::socket_id id_;        ///< there
    const core::family family_;
    std::uint32_t slot_ = 0; ///< in the engine's list
    int native_handle_ = -1;
    bool non_blocking_ = false;
    bool native_non_blocking_ = false;
    bool reports_aborted_ = false; ///< socket_base::enable_connection_aborted; stored only: accept() never fails so
    bool has_timeouts_ = false;    ///< SO_RCVTIMEO, SO_SNDTIMEO: the engine has them; written under the lock
    // Under the lock:
    bool open_ : 1 = true;             ///< false also once the stack is shut down
    bool closed_ : 1 = false;          ///< by close() or discard(): the destructor has nothing to do
    bool user_set_linger_ : 1 = false; ///< SO_LINGER was set on this socket, not only on its listener
    bool finishes_ : 1 = false;        ///< to be sent a FIN once no more is written (stack::async_drain)
    bool wrote_ : 1 = false;           ///< something was written since finish_if_quiet() looked last
    operation_queue pending_[3];       ///< by direction
};

/// The native handle of a socket of tapio: the socket itself, or a number that stands for it. The number is allocated, and
/// registered process-wide, on conversion to int. It is no file descriptor, and larger than any: a system call on it (sendfile,
/// setsockopt, poll) fails with bad_descriptor. Use ip::send_file, set_option and async_wait instead of these calls.
class native_handle_value
{
public:
    native_handle_value(int value = -1) noexcept : value_(value) {}
    explicit native_handle_value(std::shared_ptr<socket> s) noexcept : socket_(std::move(s)) {}
    operator int() const { return socket_ ? socket_->native_handle() : value_; }

    /// The socket; null if there is none.
    std::shared_ptr<socket> find() const { return socket_ ? socket_ : socket::find(value_); }
    /// The same; the number no longer keeps the socket alive.
    std::shared_ptr<socket> adopt() const { return socket_ ? socket_ : socket::adopt(value_); }

private:
    std::shared_ptr<socket> socket_;
    int value_ = -1;
};

/// An id that no other operation of the process has.
std::uint64_t next_operation_id() noexcept;

/// Completes an operation with an error before it was started, for example because the socket is closed.
inline void fail(operation* op, const error_code& ec)
{
    op->result = ec;
    op->has_immediate_executor ? op->complete_at_once() : op->complete();
}

} // namespace tapio::detail

#pragma GCC visibility pop
