/// @file
/// The stream buffer of `tcp::iostream` on tapio. Asio's own makes system calls on the native handle; this one calls tapio. It
/// has the members, errors and deadlines of boost::asio::basic_socket_streambuf.
#pragma once

#include <tapio/detail/asio_hook.hpp>

#include <boost/asio/basic_socket.hpp>
#include <boost/asio/basic_socket_streambuf.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <streambuf>
#include <utility>

#pragma GCC visibility push(default)

namespace tapio::detail {

/// The first base class, so that the io_context is constructed before the socket.
struct streambuf_context
{
    std::shared_ptr<boost::asio::io_context> own; ///< null if the buffer was made from a socket
};

template <class Protocol, class Clock>
class socket_streambuf : public std::streambuf, private streambuf_context, public boost::asio::basic_socket<Protocol>
{
    using socket_base = boost::asio::basic_socket<Protocol>;
    using error_code = boost::system::error_code;

public:
    using protocol_type = Protocol;
    using endpoint_type = typename Protocol::endpoint;
    using clock_type = Clock;
    using time_point = typename Clock::time_point;
    using duration = typename Clock::duration;
    using time_type = time_point;
    using duration_type = duration;

    socket_streambuf() : streambuf_context{std::make_shared<boost::asio::io_context>()}, socket_base(*own) { empty(); }
    explicit socket_streambuf(boost::asio::basic_stream_socket<Protocol> s) : socket_base(std::move(s)) { empty(); }
    socket_streambuf(socket_streambuf&& other)
        : streambuf_context(other), socket_base(std::move(other.socket())), error_(other.error_), expiry_(other.expiry_)
    {
        take_areas(other);
    }
    socket_streambuf& operator=(socket_streambuf&& other)
    {
        close();
        socket() = std::move(other.socket());
        streambuf_context::operator=(other);
        error_ = other.error_;
        expiry_ = other.expiry_;
        take_areas(other);
        return *this;
    }
    ~socket_streambuf() override { flush(); }

    socket_streambuf* connect(const endpoint_type& e)
    {
        error_ = {};
        connect_to_first(&e, &e + 1);
        return error_ ? nullptr : this;
    }
    /// Resolves the arguments (host, service) and connects to the first endpoint that accepts.
    template <class... Names>
    socket_streambuf* connect(Names... names)
    {
        typename Protocol::resolver resolver(socket().get_executor());
        const auto found = resolver.resolve(names..., error_);
        if (!error_) connect_to_first(found.begin(), found.end());
        return error_ ? nullptr : this;
    }
    socket_streambuf* close()
    {
        flush();
        socket().close(error_);
        if (!error_) empty();
        return error_ ? nullptr : this;
    }

    socket_base& socket() { return *this; }
    boost::asio::io_context* own_context() { return own.get(); } ///< null: the buffer was made from a socket
    const error_code& error() const { return error_; }
    const error_code& puberror() const { return error_; }
    time_point expiry() const { return expiry_; }
    time_point expires_at() const { return expiry_; }
    void expires_at(const time_point& t) { expiry_ = t; }
    void expires_after(const duration& d) { expiry_ = Clock::now() + d; }
    duration expires_from_now() const { return expiry_ - Clock::now(); }
    void expires_from_now(const duration& d) { expires_after(d); }

protected:
    int_type underflow() override
    {
        if (gptr() != egptr()) return traits_type::to_int_type(*gptr());
        const std::size_t n = with_deadline(boost::asio::socket_base::wait_read, [this](detail::socket& s) {
            const core::mutable_bytes room(reinterpret_cast<std::byte*>(get_.data() + putback), get_.size() - putback);
            return s.receive({&room, 1}, 0, nullptr, error_);
        });
        if (!error_ && n == 0) error_ = boost::asio::error::eof;
        if (error_) return traits_type::eof();
        setg(get_.data() + putback, get_.data() + putback, get_.data() + putback + n);
        return traits_type::to_int_type(*gptr());
    }
    int_type overflow(int_type c) override
    {
        if (!flush()) return traits_type::eof();
        if (traits_type::eq_int_type(c, traits_type::eof())) return traits_type::not_eof(c);
        const char octet = traits_type::to_char_type(c);
        if (unbuffered_) return send_all(&octet, 1) ? c : traits_type::eof();
        *pptr() = octet;
        pbump(1);
        return c;
    }
    int sync() override { return flush() ? 0 : -1; }
    std::streambuf* setbuf(char* memory, std::streamsize size) override
    {
        if (memory != nullptr || size != 0 || pptr() != pbase()) return nullptr;
        unbuffered_ = true;
        setp(nullptr, nullptr);
        return this;
    }

private:
    static constexpr std::size_t putback = 8; ///< octets that may be put back

    void empty()
    {
        setg(get_.data() + putback, get_.data() + putback, get_.data() + putback);
        if (unbuffered_)
            setp(nullptr, nullptr);
        else
            setp(put_.data(), put_.data() + put_.size());
    }
    void take_areas(socket_streambuf& other)
    {
        const auto unread = other.egptr() - other.gptr(), unsent = other.pptr() - other.pbase();
        get_ = other.get_;
        put_ = other.put_;
        unbuffered_ = other.unbuffered_;
        setg(get_.data() + putback, get_.data() + (other.gptr() - other.get_.data()),
             get_.data() + (other.gptr() - other.get_.data()) + unread);
        if (unbuffered_)
            setp(nullptr, nullptr);
        else
            setp(put_.data(), put_.data() + put_.size());
        pbump(static_cast<int>(unsent));
        other.error_ = {};
        other.expiry_ = time_point::max();
        other.empty();
    }

    bool expired()
    {
        if (expiry_ > Clock::now()) return false;
        error_ = boost::asio::error::timed_out;
        return true;
    }
    core::time_point deadline() const
    {
        if (expiry_ == time_point::max()) return core::never;
        return core::time_point(std::chrono::duration_cast<core::duration>(expiry_.time_since_epoch()));
    }

    /// Repeats `attempt` whenever the socket is ready, until it does not block or the expiry has passed.
    template <class Try>
    std::size_t with_deadline(boost::asio::socket_base::wait_type what, Try&& attempt)
    {
        const auto s = socket().native_handle().find();
        if (!s) return error_ = boost::asio::error::bad_descriptor, 0;
        s->set_non_blocking(true);
        for (;;) {
            if (expired()) return 0;
            const std::size_t n = attempt(*s);
            if (error_ != boost::asio::error::would_block) return n;
            s->wait_until(static_cast<int>(what), deadline(), error_);
            if (error_) return 0;
        }
    }
    bool send_all(const char* from, std::size_t size)
    {
        while (size > 0) {
            const std::size_t n = with_deadline(boost::asio::socket_base::wait_write, [&](detail::socket& s) {
                const core::const_bytes octets(reinterpret_cast<const std::byte*>(from), size);
                return s.send({&octets, 1}, nullptr, 0, error_);
            });
            if (error_) return false;
            from += n;
            size -= n;
        }
        return true;
    }
    bool flush()
    {
        if (pptr() == pbase()) return true;
        const bool sent = send_all(pbase(), static_cast<std::size_t>(pptr() - pbase()));
        setp(put_.data(), put_.data() + put_.size());
        return sent;
    }
    template <class Iterator>
    void connect_to_first(Iterator at, Iterator end)
    {
        error_ = boost::asio::error::not_found;
        for (; at != end; ++at) {
            if (expired()) return;
            const endpoint_type peer = *at;
            socket().close(error_);
            socket().open(peer.protocol(), error_);
            if (error_) continue;
            empty();
            const auto s = socket().native_handle().find();
            s->connect_until(to_core(peer), deadline(), error_);
            if (!error_) return;
        }
    }

    std::array<char, 512> get_, put_;
    bool unbuffered_ = false;
    error_code error_;
    time_point expiry_ = time_point::max();
};

} // namespace tapio::detail

namespace boost::asio {

template <tapio::protocol P, typename Clock, typename WaitTraits>
class basic_socket_streambuf<P, Clock, WaitTraits> : public tapio::detail::socket_streambuf<P, Clock>
{
public:
    using tapio::detail::socket_streambuf<P, Clock>::socket_streambuf;
};

} // namespace boost::asio

#pragma GCC visibility pop
