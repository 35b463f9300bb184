/// @file
/// The answering side of multicast DNS (RFC 6762 §6 to §10), without I/O: a host's name and services on each of its links.
///
///     of a name, on each link    probing -> announcing -> published;   a conflict: probing, or another name
///
/// A name is the same on all links: a conflict on one of them changes it everywhere. Reverse names are not probed for: addresses
/// are unique by other means. Read RFC 6762 §8 first.
#pragma once

#include "base/random_source.hpp"
#include "client/mdns_records.hpp"
#include "client/mdns_transport.hpp"
#include "wire/mdns.hpp"

#include <tapio/core/address.hpp>
#include <tapio/core/mdns.hpp>
#include <tapio/core/time.hpp>

#include <cstddef>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tapio::core::client {

/// Where a query has come from.
struct mdns_source
{
    link_zone link = 0;
    endpoint from;
    bool on_link = false; ///< `from` is an address of the link's networks: answers may go there (RFC 6762 §11)
    bool to_group = true; ///< the query was sent to the group
};

class mdns_responder
{
public:
    static constexpr duration probe_interval = std::chrono::milliseconds(250); ///< §8.1
    static constexpr unsigned probes = 3, announcements = 2;                   ///< §8.1, §8.3
    static constexpr duration announce_interval = std::chrono::seconds(1);     ///< §8.3
    static constexpr duration lost_tie = std::chrono::seconds(1);              ///< §8.2
    static constexpr duration least_gap = std::chrono::seconds(1);             ///< between two multicasts of a record (§6.2)
    static constexpr duration probe_gap = std::chrono::milliseconds(250);      ///< the same when it is defended
    static constexpr std::size_t many_conflicts = 15;                          ///< §8.1: so many in conflict_window ...
    static constexpr duration conflict_window = std::chrono::seconds(10);
    static constexpr duration conflict_pause = std::chrono::seconds(5); ///< ... make each further attempt wait,
    static constexpr duration calm = std::chrono::minutes(1);           ///< until there has been none for so long
    static constexpr std::size_t most_delayed = 64;                     ///< responses of a link that wait; more are not given

    mdns_responder(mdns_transport& transport, random_source& random) : transport_(transport), random_(random) {}
    mdns_responder(const mdns_responder&) = delete;
    mdns_responder& operator=(const mdns_responder&) = delete;

    /// Names and services of before that are not among these are taken back. Precondition: is_valid(o)
    void configure(const mdns_options& o, time_point now);
    /// The host's addresses on a link; none: the link is gone.
    void set_addresses(link_zone link, std::vector<address> addresses, time_point now);
    void restart(link_zone link, time_point now); ///< perhaps on another link, where the names must be probed for again (§8)
    void say_goodbye(time_point now);             ///< takes everything back (§10.1), and stops
    void leave(link_zone link, time_point now);   ///< the same on one link, until it has addresses again

    void receive_query(const mdns_source& s, const wire::mdns_message& query, time_point now);
    void receive_response(link_zone link, const wire::mdns_message& response, time_point now);
    void advance(time_point now);
    time_point next_deadline() const noexcept;

    /// The host's own records, with zones, for its own resolver.
    std::vector<wire::mdns_record> own(const dns::name& n, dns::record_type type) const;
    bool is_own(const dns::name& n) const;                                                  ///< a name that is this host's alone
    dns::name name() const { return groups_.empty() ? dns::name() : groups_.front().name; } ///< the root: none
    std::vector<dns::name> services() const;
    bool is_published() const noexcept; ///< everything, on all links; false without links
    std::uint64_t conflicts() const noexcept { return conflicts_; }

private:
    enum class stage : std::uint8_t
    {
        probing,
        announcing,
        published
    };
    struct progress
    {
        stage at = stage::probing;
        unsigned sent = 0; ///< probes, or announcements
        time_point next = never;
    };
    /// A response that waits (§6, §7.2).
    struct delayed
    {
        time_point due{};
        address from;                     ///< of the query: further known answers come from there
        std::optional<endpoint> to;       ///< none: the group
        std::vector<std::size_t> answers; ///< indices of records
    };
    struct link
    {
        std::vector<address> addresses;
        std::vector<mdns_owned> records;
        std::vector<progress> groups;
        std::vector<delayed> waiting;

        bool is_usable(const mdns_owned& o) const noexcept { return groups[o.group].at != stage::probing; }
    };
    using indices = std::vector<std::size_t>;
    class known_answers;

    // mdns_responder.cpp
    void begin(link& l, time_point now);
    void probe_again(progress& p, time_point now);
    void announce_again(progress& p, time_point now);
    void rebuild(link_zone zone, link& l, bool take_back, time_point now);
    static void renumber(link& l, const std::vector<std::optional<std::size_t>>& now_at);
    void rename(std::size_t group, time_point now);
    time_point after_conflict(time_point now);
    void advance(link_zone zone, link& l, time_point now);
    void send_probes(link_zone zone, link& l, time_point now);
    void send_announcements(link_zone zone, link& l, time_point now);
    void say_goodbye(link_zone zone, link& l, time_point now);
    void respond(link_zone zone, const endpoint* to, std::vector<wire::mdns_record> answers,
                 std::vector<wire::mdns_record> additionals, time_point now);
    std::vector<dns::record> proposed(const link& l, std::size_t group) const;
    bool is_ours(const dns::record& r) const;

    // mdns_responder_input.cpp
    void break_ties(link& l, const wire::mdns_message& query, time_point now);
    void answer(const mdns_source& s, link& l, const wire::mdns_message& query, time_point now);
    static indices matching(const link& l, const wire::mdns_message& query, bool wants_unicast);
    void answer_legacy(const mdns_source& s, link& l, const wire::mdns_message& query, const indices& found, time_point now);
    void answer_alone(const mdns_source& s, link& l, const indices& found, bool truncated, time_point now);
    void answer_all(const mdns_source& s, link& l, const indices& found, const wire::mdns_message& query, time_point now);
    void delay(link& l, delayed d);
    void send_to_group(link_zone zone, link& l, const indices& found, duration gap, time_point now);
    void send_delayed(link_zone zone, link& l, time_point now);
    static void withdraw(link& l, std::size_t record);
    std::size_t contested(const link& l, const wire::mdns_record& r) const;
    duration random_up_to(duration most);

    mdns_transport& transport_;
    random_source& random_;
    mdns_options options_;
    std::vector<mdns_group> groups_; ///< the host's name first
    std::map<link_zone, link> links_;
    std::deque<time_point> recent_conflicts_; ///< up to `many_conflicts`
    bool pauses_ = false;                     ///< there were many
    std::uint64_t conflicts_ = 0;
};

} // namespace tapio::core::client
