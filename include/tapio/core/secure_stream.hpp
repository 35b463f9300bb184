/// @file
/// The interface between the resolver and an implementation of TLS, without I/O: octets of the connection on one side, plaintext
/// on the other. tapio's own is in a library by itself (dns_over_tls.hpp), because it needs OpenSSL; others can be written.
#pragma once

#include <tapio/core/address.hpp>
#include <tapio/core/error.hpp>
#include <tapio/core/slice.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#pragma GCC visibility push(default)

namespace tapio::core {

/// The client's end of one connection.
/// @par Contract  calls come one at a time, with the stack's lock held; they must not block, nor call the stack. After an error
///   there is only take_output(), for an alert that tells the peer
class secure_stream
{
public:
    virtual ~secure_stream() = default;

    /// Octets came from the peer. Appends the plaintext in them to `plaintext`.
    /// @return an error: the connection is useless, for example because the peer has not proved its identity
    virtual error_code receive(const_bytes octets, std::vector<std::byte>& plaintext) = 0;

    /// Sends plaintext. What comes before the peer is authenticated is kept until then.
    virtual error_code send(const_bytes plaintext) = 0;

    /// Appends the octets to be sent to the peer to `octets`. Asked after each other call, and first after construction.
    virtual void take_output(std::vector<std::byte>& octets) = 0;

    /// Nothing more will be sent: tells the peer (RFC 8446 §6.1, close_notify).
    virtual void close() = 0;

    virtual bool has_ended() const = 0;      ///< the peer sends nothing more
    virtual std::string failure() const = 0; ///< for people: what the last error was
};

/// Makes a secure_stream for each connection to a DNS server.
class secure_streams
{
public:
    virtual ~secure_streams() = default;

    /// @return null: this server is not to be asked, for example because it is not known how it proves its identity
    virtual std::unique_ptr<secure_stream> connect(const endpoint& server) = 0;
};

} // namespace tapio::core

#pragma GCC visibility pop
