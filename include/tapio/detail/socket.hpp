/// @file
/// One open socket of a stack, as the Asio service sees it: plain functions, implemented in lib/asio. Internal.
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
    raw
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
    core::address local; ///< received: where to; sent: where from
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
    socket(std::shared_ptr<engine> owner, core::socket_protocol& protocol, core::socket_id id) noexcept;

    /// @param family AF_INET or AF_INET6  @param protocol of IP, for a raw socket. Null and an error if the stack refuses.
    static std::shared_ptr<socket> open(std::shared_ptr<engine> owner, socket_kind kind, int family, int protocol,
                                        error_code& ec);
    /// The socket of a native handle; null if there is none.
    static std::shared_ptr<socket> adopt(int native_handle);
    /// The same, and who holds it holds on to it.
    static std::shared_ptr<socket> find(int native_handle);
    int release(); ///< the handle keeps it alive from now on, until it is adopted
    ~socket();

    /// Ends it; what is pending completes with operation_aborted. Later calls give bad_descriptor. With SO_LINGER set to a time
    /// it waits for so long until the peer has acknowledged all data and the FIN, non_blocking() or not, as Linux's close(); then
    /// the connection goes on without a user.
    void close();
    /// The end of the object that has it, which does not wait: as Asio's for kernel sockets, it clears SO_LINGER first if the
    /// user has set it on this socket.
    void end();
    /// As close(), but what is pending is destroyed without being called.
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
    /// Asio's two modes. The user's says that synchronous calls do not wait. The other is a descriptor's, where there is one:
    /// calls of ours wait all the same, and asynchronous operations put it on.
    void set_non_blocking(bool mode) noexcept
    {
        non_blocking_ = mode;
        if (!mode) native_non_blocking_ = false; // as Asio
    }
    bool non_blocking() const noexcept { return non_blocking_; }
    void set_native_non_blocking(bool mode) noexcept { native_non_blocking_ = mode; }
    bool native_non_blocking() const noexcept { return native_non_blocking_; }
    void forget_modes() noexcept { non_blocking_ = native_non_blocking_ = reports_aborted_ = false; } ///< it changes hands

    // -- synchronous: as long as it takes, or SO_RCVTIMEO and SO_SNDTIMEO allow, unless non_blocking() ---------------------
    std::size_t send(const_buffer_list from, const core::endpoint* destination, int flags, error_code& ec);
    std::size_t receive(mutable_buffer_list into, int flags, core::endpoint* sender, error_code& ec);
    std::size_t send_message(const_buffer_list from, const core::endpoint& destination, const message_info& info, error_code& ec);
    std::size_t receive_message(mutable_buffer_list into, int flags, bool may_wait, core::endpoint& sender, message_info& info,
                                error_code& ec);
    /// @param sent_to whom the datagram was for
    std::size_t receive_error(mutable_buffer_list into, core::endpoint& sent_to, error_info& info, error_code& ec);
    void connect(const core::endpoint& peer, error_code& ec);
    std::shared_ptr<socket> accept(core::endpoint& peer, error_code& ec);
    void wait(int what, error_code& ec);

    std::size_t send(std::span<core::slice> from, error_code& ec); ///< all of them, unless non_blocking(); leaves the rest
    std::size_t receive(std::vector<core::slice>& into, std::size_t limit, error_code& ec);

    // -- synchronous, non_blocking() or not, up to a deadline: then timed_out ------------------------------------------
    void connect_until(const core::endpoint& peer, core::time_point deadline, error_code& ec);
    void wait_until(int what, core::time_point deadline, error_code& ec);

    // -- asynchronous -------------------------------------------------------------------------------------------------
    /// Queues the operation; if nothing waits before it, it is tried at once. Even then its handler is posted, unless it has an
    /// immediate executor.
    void start(direction d, operation* op);
    void cancel();
    void cancel(std::uint64_t id);

    // -- tries, under the lock; false: would block ----------------------------------------------------------------------
    bool try_send(const_buffer_list from, const core::endpoint* destination, int flags, std::size_t& n, error_code& ec);
    bool try_receive(mutable_buffer_list into, int flags, core::endpoint* sender, std::size_t& n, error_code& ec);
    bool try_send(std::span<core::slice> from, std::size_t& n, error_code& ec); ///< takes what it sends off their fronts
    bool try_receive(std::vector<core::slice>& into, std::size_t limit, std::size_t& n, error_code& ec);
    bool try_connect(const core::endpoint& peer, bool& started, error_code& ec);
    bool try_accept(std::shared_ptr<socket>& accepted, core::endpoint& peer, error_code& ec);
    bool try_wait(int what, error_code& ec);

    /// Tries what waits; what that finishes is in engine::finished(). Under the lock.
    void ready(core::readiness what, core::time_point now) override;
    // -- stack::async_drain, under the lock ---------------------------------------------------------------------------------
    void finish(operation_queue& done);
    bool finish_if_quiet(core::time_point now);

    /// The stack is going away: takes every operation out, aborted. Under the lock.
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
    void expect_no_more(); ///< a synchronous write
    void advance(direction d, operation_queue& done);
    bool set_shell_option(int level, int name, const void* data, std::size_t size, error_code& ec);
    bool get_shell_option(int level, int name, void* data, std::size_t* size, error_code& ec) const;
    error_code set_timeout(direction d, const void* data, std::size_t size);
    bool get_fact(int level, int name, void* data, std::size_t* size, error_code& ec) const;
    bool set_interface_option(int level, int name, const void* data, std::size_t size, error_code& ec);
    bool get_interface_option(int level, int name, void* data, std::size_t* size, error_code& ec) const;
    error_code bind_to_device(const void* data, std::size_t size);
    error_code set_group(int name, const void* data, std::size_t size);
    void abort_all(operation_queue& done);
    void leave(operation_queue& done);
    /// The calls that TCP alone has are made on this. Null if the socket is another protocol's.
    core::tcp_sockets* as_tcp() const noexcept;
    core::duration linger_time() const;
    void wait_until_finished(core::time_point deadline);

    friend class engine;

    std::shared_ptr<engine> engine_;
    core::socket_protocol& protocol_; ///< of the engine's host; called under the lock
    const core::socket_id id_;        ///< there
    std::uint32_t slot_ = 0;          ///< in the engine's list
    int native_handle_ = -1;
    bool non_blocking_ = false;
    bool native_non_blocking_ = false;
    bool reports_aborted_ = false; ///< socket_base::enable_connection_aborted; remembered: no accept() of ours fails so
    bool has_timeouts_ = false;    ///< SO_RCVTIMEO, SO_SNDTIMEO: the engine has them; written under the lock
    // Under the lock:
    bool open_ : 1 = true;             ///< a stack that goes away ends it too
    bool closed_ : 1 = false;          ///< by close() or discard(): there is nothing left to be done
    bool user_set_linger_ : 1 = false; ///< SO_LINGER, on this socket and not on the listener that it comes from
    bool finishes_ : 1 = false;        ///< it gets a FIN when nothing is written to it any more (stack::async_drain)
    bool wrote_ : 1 = false;           ///< since it was asked last whether it still does
    operation_queue pending_[3];       ///< by direction
};

/// The native handle of a socket of tapio: the socket itself, or a number that stands for it. A number is given out, and
/// registered process-wide, when somebody asks for it. It is no file descriptor: numbers lie where none does, so that a system
/// call on it (sendfile, setsockopt, poll) fails with bad_descriptor. What such calls are wanted for, ip::send_file, set_option
/// and async_wait do.
class native_handle_value
{
public:
    native_handle_value(int value = -1) noexcept : value_(value) {}
    explicit native_handle_value(std::shared_ptr<socket> s) noexcept : socket_(std::move(s)) {}
    operator int() const { return socket_ ? socket_->native_handle() : value_; }

    /// Null if there is none.
    std::shared_ptr<socket> find() const { return socket_ ? socket_ : socket::find(value_); }
    /// The same; if its number had kept it alive, that ends.
    std::shared_ptr<socket> adopt() const { return socket_ ? socket_ : socket::adopt(value_); }

private:
    std::shared_ptr<socket> socket_;
    int value_ = -1;
};

/// A number that no other operation of the process has.
std::uint64_t next_operation_id() noexcept;

/// Completes an operation that had no socket to begin with.
inline void fail(operation* op, const error_code& ec)
{
    op->result = ec;
    op->has_immediate_executor ? op->complete_at_once() : op->complete();
}

} // namespace tapio::detail

#pragma GCC visibility pop
