/// @file
/// A connection to a server that many queries share, without I/O: RFC 7766 §6.2.1 (TCP), RFC 7858 §3.3 (TLS). Responses come in
/// any order. The messages on the connection have identifiers of their own, so that two queries with the same one do not meet;
/// responses get the query's back.
#pragma once

#include "client/dns_query.hpp"

#include <tapio/core/error.hpp>
#include <tapio/core/secure_stream.hpp>

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace tapio::core::client {

class dns_stream
{
public:
    static constexpr std::size_t most_unanswered = 30'000;        ///< queries, abandoned ones included
    static constexpr duration patience = std::chrono::seconds(3); ///< without a response, while one is due

    struct message
    {
        query_id query = 0;
        std::vector<std::byte> octets; ///< with its length in front (RFC 1035 §4.2.2)
    };

    /// @param security null: in clear
    dns_stream(std::unique_ptr<secure_stream> security, duration idle_timeout, time_point now);

    bool is_usable(time_point now) const noexcept; ///< false: it is broken, or the server responds no more
    /// @param with_length a whole message  @return false: the connection is broken, or has no room
    bool send(query_id q, const_bytes with_length, time_point now);
    void leave(query_id q, time_point now);                                       ///< its response is not wanted any more
    void retire() noexcept { idle_timeout_ = duration::zero(), retired_ = true; } ///< no new queries; it ends with the last one
    bool is_retired() const noexcept { return retired_; }

    /// Octets came from the server. @return an error: the connection is to be closed, after the responses were taken
    error_code receive(const_bytes octets, time_point now);
    std::optional<message> next_response();

    const_bytes unsent() const noexcept { return unsent_; } ///< to be written to the connection
    void sent(std::size_t octets) { unsent_.erase(unsent_.begin(), unsent_.begin() + static_cast<std::ptrdiff_t>(octets)); }
    void close(); ///< no more is sent after unsent()

    bool has_answered() const noexcept { return answered_; }
    std::vector<message> take_unanswered(); ///< to be sent again on another connection (RFC 7766 §6.2.4)
    time_point idle_at() const noexcept { return by_query_.empty() ? idle_since_ + idle_timeout_ : never; } ///< when to close it
    std::string failure() const { return security_->failure(); }

private:
    struct unanswered
    {
        query_id query = 0;   ///< 0: abandoned
        std::uint16_t id = 0; ///< the query's
        std::vector<std::byte> octets;
    };

    std::uint16_t unused_id() noexcept;
    error_code take_messages(time_point now);

    std::unique_ptr<secure_stream> security_; ///< never null
    duration idle_timeout_;
    bool retired_ = false, broken_ = false, answered_ = false;
    std::map<std::uint16_t, unanswered> unanswered_; ///< by the identifier on the connection
    std::map<query_id, std::uint16_t> by_query_;
    std::uint16_t last_id_ = 0;
    time_point quiet_since_; ///< the last response, or the first query after all were answered
    time_point idle_since_;
    std::vector<std::byte> received_, unsent_;
    std::deque<message> responses_;
};

} // namespace tapio::core::client
