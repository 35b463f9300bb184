/// @file
/// Membership of one interface in multicast groups of one family: source filters, and the host's part of IGMP (RFC 3376 §5 and
/// §7.2, RFC 2236, RFC 1112 Appendix I) or MLD (RFC 3810 §6 and §8.2, RFC 2710). Read RFC 3376 §3 and §5 first.
#pragma once

#include "base/random_source.hpp"
#include "base/ring.hpp"
#include "ip/pending_response.hpp"
#include "ip/querier_version.hpp"
#include "ip/source_filter.hpp"
#include "ip/state_change.hpp"
#include "wire/group_record.hpp"
#include "wire/icmpv6.hpp"

#include <tapio/core/address.hpp>
#include <tapio/core/error.hpp>
#include <tapio/core/packet.hpp>
#include <tapio/core/time.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <utility>

namespace tapio::core::ip {

/// A message to send. Its IP header also needs the router alert option: wire::ipv4_router_alert_option or
/// wire::mld_hop_by_hop_header.
struct group_message
{
    static constexpr std::uint8_t hop_limit = 1; ///< or TTL
    static constexpr std::uint8_t tos = 0xc0;    ///< IPv4: internetwork control (RFC 3376 §4)

    address destination;
    /// IGMP: the whole message. MLD: what wire::push_icmpv6() puts its header in front of.
    /// The source is for IGMP any address of the interface, or 0.0.0.0 if it has none (RFC 3376 §4.2.13); for MLD a link-local
    /// address that is not tentative, or :: if there is none (RFC 3590, RFC 3810 §5.2.13).
    packet body;
    wire::icmpv6_type type{}; ///< MLD; code 0
    std::uint32_t rest = 0;   ///< MLD: for wire::push_icmpv6()
};

/// The caller calls advance(now) at next_deadline() at the latest, and in the same turn after each change of filters, which is
/// reported at once. After each call it takes the messages.
///
/// No group is reported that all hosts hear, nor one that stays within the host (RFC 3376 §5, RFC 3810 §6). Others of link-local
/// scope are.
///
/// Repeated reports and answers to queries leave at multiples of 10 ms, so that groups share reports, and forged queries cannot
/// make advance() look through the groups more than about 100 times in a second. The number of answers is limited, too
/// (response_limit).
class group_membership
{
public:
    static constexpr std::size_t most_groups = 1024;          ///< further ones are refused
    static constexpr std::size_t most_sources = 8192;         ///< in all filters of all groups
    static constexpr std::size_t most_queried_sources = 1024; ///< recorded of pending queries; beyond it the whole state is sent
    static constexpr std::size_t most_messages = 1024;        ///< waiting to be taken; further ones are lost

    /// @param mtu of the interface, octets. The link counts as down at first.
    group_membership(family f, std::size_t mtu, random_source& random) noexcept;

    // -- filters (RFC 3376 §2 and §3, RFC 3810 §3 and §4) ---------------------------------------------------------------

    /// Sets the filter of a socket: IP_ADD_MEMBERSHIP is exclude without sources, leaving is include without sources. The caller
    /// bounds the sources of one filter (Linux: igmp_max_msf 10, mld_max_msf 64).
    /// Precondition: `group` is a multicast address of our family, `sources` are unicast addresses of our family
    /// @return ENOBUFS: too many groups or sources on this interface; then nothing has changed
    error_code set_filter(subscriber_id who, const address& group, filter_mode mode, std::span<const address> sources,
                          time_point now);
    const source_filter* filter_of(subscriber_id who, const address& group) const noexcept; ///< null: no member
    source_filter interface_filter(const address& group) const;                             ///< merged of all sockets

    bool is_member(const address& group) const noexcept; ///< whether any socket is
    /// Whether the interface accepts a packet: from all sources for groups that all hosts hear, else for some socket.
    bool accepts(const address& group, const address& source) const noexcept;
    bool accepts(subscriber_id who, const address& group, const address& source) const noexcept; ///< by the socket's own filter

    // -- the link -------------------------------------------------------------------------------------------------------

    void link_up(time_point now);    ///< also after a change of network: forgets the querier, and reports all groups
    void link_down() noexcept;       ///< no messages until link_up(); filters stay
    void report_all(time_point now); ///< for example when a first link-local address has become valid (RFC 3590 §4)
    void set_mtu(std::size_t octets) noexcept;

    // -- messages in ----------------------------------------------------------------------------------------------------

    /// The caller checks what the IP header tells, and drops the query otherwise:
    /// - IGMP: TTL 1; router alert except in version 1 (RFC 3376 §9.1); the destination is an address of the interface or a
    ///   group that it hears (RFC 3376 §4.1.12). A query to a unicast address is only good for debugging, and better refused.
    /// - MLD: the source is a link-local address, hop limit 1, router alert (RFC 3810 §6.2); destination as above (§5.1.15).
    /// - none of our own messages that came back
    void receive_query(const wire::group_query& q, time_point now);
    /// A report of IGMPv1, IGMPv2 or MLDv1 by another host about `group`. The caller checks TTL or hop limit 1, for MLD also that
    /// the source is link-local or :: (RFC 2710 §3, RFC 3590).
    void receive_report(const address& group, time_point now);
    wire::group_protocol version() const noexcept { return version_; } ///< that we speak

    // -- time and messages out ------------------------------------------------------------------------------------------

    void advance(time_point now);
    time_point next_deadline() const noexcept { return next_; } ///< may be too early, never too late
    bool has_message() const noexcept { return !messages_.empty(); }
    group_message take_message() { return messages_.take_front(); } ///< precondition: has_message()

private:
    struct group_state
    {
        group_filters filters;
        bool reported = true;       ///< false: no messages about this group
        bool last_reporter = false; ///< v2: no other host has reported the group since we did (RFC 2236 §3)
        state_change change;        ///< v1, v2: only the number of messages
        time_point change_at = never;
        pending_response response;
    };
    using group_map = std::map<address, group_state>;

    const group_state* find(const address& group) const noexcept;
    group_state* find_reported(const address& group) noexcept;
    bool make_room();
    void changed(group_map::iterator at, const source_filter& before, const source_filter& after, time_point now);
    void report_change(group_state& g, const source_filter& before, const source_filter& after, time_point now);

    void follow_version(time_point now);
    void cancel_reports() noexcept;
    bool reports_anything() const noexcept;
    void answer_singly(const wire::group_query& q, time_point now);
    void delay_answer(group_state& g, duration most, time_point now);

    time_point random_time(duration most, time_point now) noexcept;
    void wake_at(time_point t) noexcept { next_ = std::min(next_, t); }
    void find_deadline(time_point now) noexcept;

    void start_general_answer(time_point now);
    void send_changes(time_point now);
    void send_change(const address& group, group_state& g);
    void send_responses(time_point now);
    void send_response(const address& group, group_state& g);
    void send_record(wire::group_record_type type, const address& group, std::span<const address> sources);
    void send_records();
    void send_single(const address& group, group_state& g);
    void push_message(group_message&& m);

    const family family_;
    random_source& random_;
    bool up_ = false;
    group_map groups_;
    std::size_t sources_ = 0;         ///< in all filters
    std::size_t queried_sources_ = 0; ///< in all pending responses; at most too high between two advances
    querier_version querier_;
    wire::group_protocol version_ = wire::group_protocol::v3;
    time_point general_at_ = never; ///< v3: the answer to a general query
    time_point next_ = never;
    response_limit limit_;
    address resume_at_; ///< the group whose answer the limit has delayed
    wire::group_record_writer records_;
    ring<group_message> messages_;
    std::uint64_t pushed_ = 0; ///< messages so far
};

} // namespace tapio::core::ip
