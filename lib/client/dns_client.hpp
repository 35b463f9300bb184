/// @file
/// The resolver of a host, without I/O: lookups of users, the cache, and the queries that they share. A stub resolver in the
/// sense of RFC 1034 §5.3.1: the servers that it asks do the recursion. Read dns_query.hpp, dns_cache.hpp and dns_answer.hpp,
/// too.
///
/// The owner's contract. It is the `dns_transport`: it has a socket for each query that wants one. What arrives there it passes
/// on to receive_datagram(), receive_stream() or unreachable(). It calls advance() when next_deadline() has come, and deliver()
/// after all these calls and after start(), until that returns false: only there are users told of results.
#pragma once

#include "base/random_source.hpp"
#include "client/dns_answer.hpp"
#include "client/dns_cache.hpp"
#include "client/dns_query.hpp"

#include <tapio/core/dns.hpp>
#include <tapio/core/dns_status.hpp>

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace tapio::core::client {

using lookup_id = std::uint64_t;

/// The sockets, which the owner has. It must not call the client from within these functions.
class dns_transport
{
public:
    /// Closes the query's socket, if it has one, and sends `message` from a new one with an unpredictable port, which is
    /// connected to `server` so that it receives from there only. @return false: it cannot be sent
    virtual bool send_datagram(query_id q, const endpoint& server, const_bytes message, time_point now) = 0;
    /// The same by TCP, on a connection that other queries to the server may share. What cannot be sent at once is sent later. Of
    /// what arrives, receive_stream() gets the response to this query alone. @return false: the connection cannot be made
    virtual bool open_stream(query_id q, const endpoint& server, const_bytes message, time_point now) = 0;
    virtual bool open_secure(query_id q, const endpoint& server, const_bytes message, time_point now) = 0; ///< the same by TLS
    virtual void close(query_id q, time_point now) = 0; ///< the query's socket or its part of a connection, if it has one

protected:
    ~dns_transport() = default;
};

struct dns_request
{
    std::vector<dns::name> names;        ///< in the order in which they are tried: candidates()
    std::vector<dns::record_type> types; ///< asked for at the same time
};

struct dns_result
{
    enum class outcome : std::uint8_t
    {
        found,   ///< at least one of the answers has records of its type
        no_data, ///< a name exists, but has no such record
        no_name, ///< no such name; also if there is no server to ask
        failed,  ///< no server answers, or none usefully: another try may succeed
        refused  ///< there are too many lookups already
    } what = outcome::no_name;
    bool asked = false; ///< a server was asked, or the cache or a special name had the answer; false: there is none to ask
    std::vector<dns::answer> answers; ///< one for each type, about the name that `what` is about
};

class dns_sink
{
public:
    /// Called by deliver(). The lookup is over; `start` and `cancel` may be called from here.
    virtual void resolved(lookup_id l, dns_result&& r, time_point now) = 0;

protected:
    ~dns_sink() = default;
};

class dns_client
{
public:
    static constexpr std::size_t most_servers = 8, most_search_domains = 8;
    static constexpr std::size_t most_lookups = 10'000;
    static constexpr duration stale_patience = std::chrono::milliseconds(1800); ///< RFC 8767 §5
    static constexpr duration failure_memory = std::chrono::seconds(30);        ///< of queries (ibid.) and of servers
    static constexpr duration clear_memory = std::chrono::minutes(5);           ///< of servers without TLS

    dns_client(const dns_options& options, dns_transport& transport, random_source& random);
    dns_client(const dns_client&) = delete;
    dns_client& operator=(const dns_client&) = delete;

    /// Queries under way go on as they are. The cache stays.
    void configure(const dns_options& options);
    const dns_options& options() const noexcept { return options_; } ///< within its bounds, port 0 replaced
    /// A name as a user gives it: with the search domains, by `ndots`; with a final dot as it is (RFC 1123 §6.1.4.3).
    /// @return empty: no domain name
    std::vector<dns::name> candidates(std::string_view text) const;

    lookup_id start(dns_request request, dns_sink& sink, time_point now);
    void cancel(lookup_id l, time_point now); ///< the sink is not called any more; does nothing if the lookup is over

    void receive_datagram(query_id q, const_bytes message, time_point now);
    void receive_stream(query_id q, const_bytes octets, time_point now);
    void unreachable(query_id q, time_point now);
    void advance(time_point now);
    time_point next_deadline() const noexcept;
    bool deliver(time_point now); ///< tells one sink. @return false: there is nothing to tell

    const dns_counters& counters() const noexcept { return counters_; }
    const dns_cache& cache() const noexcept { return cache_; }
    void clear_cache() { cache_.clear(); }
    std::size_t lookups() const noexcept { return lookups_.size(); }
    std::size_t queries() const noexcept { return queries_.size(); } ///< queued ones included
    std::size_t active_queries() const noexcept { return active_; }

private:
    using step = dns_query::step;
    using server_memory = std::vector<std::pair<endpoint, time_point>>; ///< servers, and until when it is remembered
    using question_key = std::pair<dns::record_type, dns::name>;
    using waiting_part = std::pair<lookup_id, std::size_t>; ///< a lookup, and the index of its type

    /// A query to servers, and the parts of lookups that wait for it.
    struct query
    {
        dns_query machine;
        std::set<waiting_part> waiting;
        bool active = false; ///< it has been started
        bool kept = false;   ///< goes on without waiting parts, to refresh the cache (RFC 8767 §5)
        time_point deadline = never;
    };
    /// The answer for one type of a lookup, as far as it is known.
    struct part
    {
        dns::record_type type = dns::record_type::a;
        dns::answer answer;
        unsigned cnames = 0;
        bool over = false, found = false, failed = false, silent = false, exists = true;
        query_id waits_for = 0; ///< 0: none
    };
    struct lookup
    {
        dns_request request;
        dns_sink* sink = nullptr;
        std::size_t at = 0; ///< index of the name that is tried
        std::vector<part> parts;
        bool any_failed = false;
        std::optional<std::vector<dns::answer>> no_data; ///< of the first name that exists but has no data
        time_point stale_at = never;                     ///< when stale records are used
        bool asked = false;
    };
    struct finished
    {
        lookup_id id;
        dns_sink* sink;
        dns_result result;
    };

    void begin_name(lookup_id id, lookup& l, time_point now);
    void follow(lookup_id id, std::size_t index, time_point now);
    bool follow_known(part& p, time_point now, bool stale);
    static void accept(part& p, dns_finding&& f);
    void wait(lookup_id id, lookup& l, std::size_t index, time_point now);
    void settle(lookup_id id, time_point now);
    void finish(lookup_id id, dns_result::outcome what);
    bool use_stale(const lookup& l, part& p, time_point now);
    void postpone(const wire::dns_question& q, time_point now);
    void stale_deadline(lookup_id id, lookup& l, time_point at);
    void leave_query(lookup_id id, std::size_t index, part& p, bool keep, time_point now);

    void carry_out(query_id id, step s, time_point now);
    void answered(query_id id, time_point now);
    void failed(query_id id, time_point now);
    void remember(const wire::dns_question& q, const dns_finding& f, time_point now);
    std::set<waiting_part> remove(query_id id, time_point now);
    void start_next(time_point now);
    void run(time_point now);
    void set_deadline(query_id id, query& q);
    void note_mismatches(const query& q, unsigned before) noexcept { counters_.mismatches += q.machine.mismatches() - before; }
    bool send(query_id id, step s, time_point now);
    std::vector<dns_query::server_choice> server_order(time_point now);
    void note_server(const endpoint& server, bool answers, time_point now);
    void note_failure(const dns_query& q, time_point now);

    dns_options options_;
    std::vector<dns::name> search_;
    dns_transport& transport_;
    random_source& random_;
    dns_cache cache_;
    dns_counters counters_;
    std::map<lookup_id, lookup> lookups_;
    std::map<query_id, query> queries_;
    std::map<question_key, query_id> by_question_;
    std::set<query_id> queued_;                   ///< oldest first, as identifiers grow
    std::deque<std::pair<query_id, bool>> ended_; ///< this and the next: what run() has to do; true: answered
    std::deque<lookup_id> unsettled_;             ///< lookups of which a part may be over
    std::size_t active_ = 0;
    std::set<std::pair<time_point, query_id>> deadlines_;
    std::set<std::pair<time_point, lookup_id>> stale_deadlines_;
    std::deque<finished> finished_;
    server_memory silent_;   ///< servers that did not answer: they are asked last
    server_memory in_clear_; ///< servers that were asked by TLS in vain, and may be asked without
    std::uint64_t last_id_ = 0;
    std::size_t rotation_ = 0;
};

} // namespace tapio::core::client
