/// @file
/// The asking side of multicast DNS (RFC 6762 §5 and §7.1 to §7.3), without I/O: lookups of users, the questions that they share,
/// and the cache. A lookup ends when an answer is complete, soon after the first part of one, or when its time is over; records
/// are not monitored afterwards (§5.1: queries are one-shot, but from port 5353, repeated and with known answers).
///
/// The owner's contract is that of dns_client: it passes responses to receive(), calls advance() when next_deadline() has come,
/// and deliver() after all calls until it returns false.
#pragma once

#include "base/random_source.hpp"
#include "client/dns_client.hpp"
#include "client/mdns_cache.hpp"
#include "client/mdns_transport.hpp"
#include "wire/mdns.hpp"

#include <tapio/core/dns.hpp>

#include <cstddef>
#include <deque>
#include <map>
#include <set>
#include <utility>
#include <vector>

namespace tapio::core::client {

/// What this host itself says of a name.
struct mdns_own
{
    std::vector<wire::mdns_record> records;
    bool is_unique = false; ///< the name is this host's alone: there is no more to know of it
};

class mdns_querier
{
public:
    static constexpr duration first_interval = std::chrono::seconds(1);       ///< until a question is repeated; doubles (§5.2)
    static constexpr duration more_may_come = std::chrono::milliseconds(500); ///< after the first part of an answer
    static constexpr std::size_t most_lookups = 1'000;
    static constexpr lookup_id first_id = lookup_id{1} << 63; ///< so that an owner of a dns_client, too, can tell lookups apart

    explicit mdns_querier(mdns_transport& transport) : transport_(transport) {}
    mdns_querier(const mdns_querier&) = delete;
    mdns_querier& operator=(const mdns_querier&) = delete;

    /// Where questions go to. What was heard on other links is forgotten.
    void set_links(std::set<link_zone> links, time_point now);
    void forget(link_zone link) { cache_.forget(link); } ///< what was heard there: it may be another link by now (§10.3)

    /// @param own for each type, what this host says itself  @param patience how long answers are waited for
    lookup_id start(const dns::name& n, std::vector<std::pair<dns::record_type, mdns_own>> asked, duration patience,
                    dns_sink& sink, time_point now);
    void cancel(lookup_id l); ///< the sink is not called any more; does nothing if the lookup is over

    /// A response that came from the link (RFC 6762 §11); the owner has checked its source.
    void receive(link_zone link, const wire::mdns_message& response, time_point now);
    /// A query of another host to the group: a question that it asks need not be asked again at once (§7.3), and should be
    /// answered (§10.5).
    void heard(link_zone link, const wire::mdns_message& query, time_point now);
    void advance(time_point now);
    time_point next_deadline() const noexcept;
    bool deliver(time_point now); ///< tells one sink. @return false: there is nothing to tell

    const mdns_cache& cache() const noexcept { return cache_; }
    std::size_t lookups() const noexcept { return lookups_.size(); }
    std::size_t questions() const noexcept { return questions_.size(); }

private:
    using question_key = std::pair<dns::name, dns::record_type>;

    struct question
    {
        std::set<lookup_id> waiting;
        time_point next{};                     ///< when it is asked
        duration interval = first_interval;    ///< after that
        bool first = true;                     ///< the next one is the first: QU (§5.4)
        std::map<link_zone, time_point> heard; ///< when another host asked it
    };
    struct part
    {
        dns::record_type type = dns::record_type::a;
        mdns_own own;
    };
    struct lookup
    {
        dns::name name;
        std::vector<part> parts;
        dns_sink* sink = nullptr;
        time_point ends{};
        bool any_answer = false;
    };
    struct found
    {
        std::vector<dns::record> records;
        bool complete = false;
        bool denied = false; ///< a host has the name, and says that it has no such record (§6.1)
    };
    struct finished
    {
        lookup_id id;
        dns_sink* sink;
        dns_result result;
    };

    found look(const lookup& l, const part& p, time_point now);
    bool finish_if_complete(lookup_id id, time_point now);
    void finish(lookup_id id, time_point now, bool from_cache);
    void leave_questions(lookup_id id, const lookup& l);
    void set_end(lookup_id id, lookup& l, time_point at);
    void ask(const dns::name& n, dns::record_type type, lookup_id id, time_point now);
    void send_due(time_point now);
    void send(link_zone link, wire::mdns_message&& m, time_point now);
    void add_known(wire::mdns_message& m, link_zone link, time_point now);

    mdns_transport& transport_;
    mdns_cache cache_;
    std::set<link_zone> links_;
    std::map<lookup_id, lookup> lookups_;
    std::set<std::pair<time_point, lookup_id>> ends_;
    std::map<question_key, question> questions_;
    time_point soonest_ = never; ///< no question is due before
    std::deque<finished> finished_;
    lookup_id last_id_ = first_id;
};

} // namespace tapio::core::client
