/// @file
/// A connection of the resolver to a DNS server: client/dns_stream with a TCP socket.
#pragma once

#include "client/dns_stream.hpp"
#include "core/socket_protocol.hpp"

#include <tapio/core/event_sink.hpp>

#include <memory>
#include <string>
#include <vector>

namespace tapio::core {

class name_connection final : public event_sink
{
public:
    class owner
    {
    public:
        virtual void responded(client::query_id q, const_bytes octets, time_point now) = 0;
        /// The connection is useless: to be destroyed, but not within the call.
        virtual void ended(name_connection& c, time_point now) = 0;

    protected:
        ~owner() = default;
    };

    /// Where the connection leads to; queries to the same place share it.
    struct place
    {
        endpoint server;
        bool secure = false;

        friend bool operator==(const place&, const place&) = default;
    };

    /// @param id a socket that is connected, or about to be; closed by close()
    name_connection(owner& o, socket_protocol& tcp, socket_id id, const place& to, client::dns_stream stream);

    const place& to() const noexcept { return to_; }
    client::dns_stream& stream() noexcept { return stream_; }
    const client::dns_stream& stream() const noexcept { return stream_; }

    bool send(client::query_id q, const_bytes message, time_point now); ///< @return false: the connection is broken
    void close(time_point now);                                         ///< in order, as far as the socket takes it

    void ready(readiness what, time_point now) override;

private:
    void receive(time_point now);
    bool send_more(time_point now);
    void end(time_point now);

    owner& owner_;
    socket_protocol& tcp_;
    const socket_id id_;
    const place to_;
    client::dns_stream stream_;
    bool open_ = true;
};

} // namespace tapio::core
