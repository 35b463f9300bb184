/// @file
/// One question, and the attempts to have it answered: which message goes to which server, by UDP or TCP, and which response is
/// believed. No I/O and no clock: the owner sends, receives and tells the time. Read RFC 5452 §9 first, then RFC 7766 (TCP) and
/// RFC 7858 (TLS).
///
/// A response is believed if it comes from the server asked, has the identifier of the attempt, and repeats the question, the
/// case of its letters included ("0x20"). Each attempt has a new identifier, a new case, and, by the owner, a new random port.
#pragma once

#include "base/random_source.hpp"
#include "wire/dns.hpp"

#include <tapio/core/dns.hpp>
#include <tapio/core/time.hpp>

#include <cstdint>
#include <vector>

namespace tapio::core::client {

using query_id = std::uint64_t; ///< of a query that a client has under way; never 0

class dns_query
{
public:
    /// Messages by UDP that answer something else, after which the query goes on by TCP: somebody is guessing.
    static constexpr unsigned most_mismatches = 32;

    /// What the owner must do after a call.
    enum class step : std::uint8_t
    {
        wait,          ///< nothing
        send_datagram, ///< send message() to server() from a new socket with a random port; the query's former socket is closed
        open_stream,   ///< send message(), which has its length in front, to server() by TCP; likewise
        open_secure,   ///< the same by TLS
        answered,      ///< response() is what there is to know
        failed         ///< no server has answered usefully; failure() says more
    };

    struct server_choice
    {
        endpoint at;
        bool in_clear = false; ///< also if queries go by TLS: the server has no TLS, and dns_options::tls_fallback allows it
    };

    /// @param servers in the order in which they are asked
    dns_query(wire::dns_question q, std::vector<server_choice> servers, const dns_options& options, random_source& random);

    step start(time_point now);
    /// Anything that arrived at the query's socket. @pre it came from server()
    step receive_datagram(const_bytes message, time_point now);
    step receive_stream(const_bytes octets, time_point now);
    step unreachable(time_point now); ///< the socket has failed, a datagram could not be sent, or the stream has ended
    step advance(time_point now);     ///< nothing before deadline()
    time_point deadline() const noexcept { return deadline_; }

    const wire::dns_question& question() const noexcept { return question_; }
    const endpoint& server() const noexcept { return servers_[turn_].at; }
    const std::vector<std::byte>& message() const noexcept { return message_; }
    bool by_stream() const noexcept { return by_stream_; }
    bool secure() const noexcept { return secure_; } ///< by_stream(), and that by TLS
    const wire::dns_message& response() const noexcept { return response_; }
    /// The last response code that was no answer; no_error: no server has answered at all.
    dns::response_code failure() const noexcept { return failure_; }
    unsigned mismatches() const noexcept { return all_mismatches_; } ///< messages that were not believed
    bool timed_out() const noexcept { return timed_out_; } ///< the last step was taken because server() did not answer in time

private:
    step attempt(time_point now);
    step next_server(time_point now);
    step failed_attempt(time_point now);
    void choose_transport();
    step give_up_server(time_point now);
    step try_stream(time_point now);
    step mismatched(time_point now);
    step take(const_bytes message, time_point now);
    step judge(wire::dns_message&& m, time_point now);
    void make_message();
    duration patience() const noexcept;

    wire::dns_question question_;
    std::vector<server_choice> servers_; ///< those that are left
    const unsigned attempts_;
    const duration timeout_;
    bool vary_case_;
    const bool always_by_stream_, always_secure_, may_fall_back_;
    const std::uint16_t payload_; ///< EDNS; 0: without
    random_source& random_;
    std::size_t turn_ = 0; ///< index of server()
    unsigned round_ = 0;
    bool plain_ = false; ///< the server does not understand EDNS (RFC 6891 §6.2.2)
    bool by_stream_ = false, secure_ = false;
    bool case_lost_ = false; ///< a response by UDP was right but for its case; TCP is tried for that reason
    bool timed_out_ = false;
    std::uint16_t id_ = 0;
    dns::name sent_name_;                          ///< with the case that was sent
    unsigned mismatches_ = 0, all_mismatches_ = 0; ///< of this attempt; of all
    std::vector<std::byte> message_, stream_;
    wire::dns_message response_;
    dns::response_code failure_ = dns::response_code::no_error;
    time_point deadline_ = never;
};

} // namespace tapio::core::client
