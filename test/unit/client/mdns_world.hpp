/// @file
/// Hosts with the machines of multicast DNS, on links that are the test: every message is recorded as text, delivered at once to
/// the other hosts of its link, or lost.
#pragma once

#include "client/mdns_names.hpp"
#include "client/mdns_querier.hpp"
#include "client/mdns_responder.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <sstream>
#include <string>
#include <vector>

namespace tapio::core::client::mdns {

using namespace std::chrono_literals;
using dns::name;
using dns::record_type;
using octets = std::vector<std::byte>;
using outcome = dns_result::outcome;

inline name n(const std::string& text) { return name::parse(text).value(); }
inline address ip_of(const char* text) { return boost::asio::ip::make_address(text); }
inline wire::mdns_record a_record(const std::string& owner, const char* text, std::uint32_t ttl = 120, bool flush = true)
{
    return {{n(owner), record_type::a, ttl, ip_of(text).to_v4()}, flush};
}
inline wire::mdns_record aaaa_record(const std::string& owner, const char* text, std::uint32_t ttl = 120)
{
    return {{n(owner), record_type::aaaa, ttl, ip_of(text).to_v6()}, true};
}
inline wire::mdns_record ptr_record(const std::string& owner, const std::string& to, std::uint32_t ttl = 4500, bool flush = false)
{
    return {{n(owner), record_type::ptr, ttl, n(to)}, flush};
}
inline wire::mdns_message query(const std::string& owner, record_type t, bool unicast = false)
{
    wire::mdns_message m;
    m.questions.push_back({n(owner), t, unicast});
    return m;
}
inline wire::mdns_message response(std::vector<wire::mdns_record> answers)
{
    wire::mdns_message m;
    m.response = true;
    m.answers = std::move(answers);
    return m;
}

inline std::string text_of(const dns::record& r)
{
    const std::string type = r.type == record_type::a      ? "A"
                             : r.type == record_type::aaaa ? "AAAA"
                             : r.type == record_type::ptr  ? "PTR"
                             : r.type == record_type::srv  ? "SRV"
                             : r.type == record_type::txt  ? "TXT"
                             : r.type == record_type::nsec ? "NSEC"
                                                           : "?";
    std::string data;
    if (const auto* a = std::get_if<address_v4>(&r.data)) data = a->to_string();
    if (const auto* a = std::get_if<address_v6>(&r.data)) {
        data = without_zone(*a).to_string(); // not the name of one of this machine's interfaces
        if (a->scope_id() != 0) data += '%' + std::to_string(a->scope_id());
    }
    if (const auto* to = std::get_if<name>(&r.data)) data = to->to_string();
    if (const auto* s = std::get_if<dns::service_location>(&r.data)) data = s->target.to_string() + ':' + std::to_string(s->port);
    return r.owner.to_string() + ' ' + type + (data.empty() ? "" : ' ' + data);
}

/// "query a.local?", "a.local A 192.0.2.1"; `!` behind a record: flush; `-` before it: taken back.
inline std::string text_of(const std::vector<wire::mdns_record>& all)
{
    std::string out;
    for (const auto& r : all)
        out += (out.empty() ? "" : ", ") + (r.ttl == 0 ? "-" + text_of(r) : text_of(r)) + (r.flush ? "!" : "");
    return out;
}

struct sent
{
    std::size_t host;
    link_zone link;
    std::optional<endpoint> to; ///< none: the group
    wire::mdns_message message;
    std::size_t size;
    time_point at;
};

class world;

class host final : public mdns_transport, public dns_sink
{
public:
    host(world& w, std::size_t number, std::vector<link_zone> links, std::vector<const char*> addresses);

    void send(link_zone link, const endpoint* to, const_bytes message, time_point now) override;
    void resolved(lookup_id l, dns_result&& r, time_point now) override
    {
        EXPECT_FALSE(results.contains(l)) << "told twice";
        ended[l] = now;
        results[l] = std::move(r);
    }

    endpoint here() const { return {addresses.front(), wire::mdns_port}; }
    void publish(const std::string& host_name, std::vector<mdns_service> services = {});
    lookup_id look_up(const std::string& text, std::vector<record_type> types = {record_type::a}, duration patience = 5s);
    std::string found(lookup_id l) const
    {
        const auto at = results.find(l);
        if (at == results.end()) return "nothing yet";
        if (at->second.what != outcome::found) return at->second.what == outcome::no_data ? "no data" : "no name";
        std::string out;
        for (const dns::answer& a : at->second.answers)
            for (const dns::record& r : a.records) out += (out.empty() ? "" : ", ") + text_of(r);
        return out;
    }

    world& in;
    const std::size_t number;
    std::vector<link_zone> links;
    std::vector<address> addresses;
    random_source random;
    mdns_querier querier;
    mdns_responder responder;
    std::map<lookup_id, dns_result> results;
    std::map<lookup_id, time_point> ended;
};

class world
{
public:
    host& add(std::vector<const char*> addresses, std::vector<link_zone> links = {2})
    {
        hosts.push_back(std::make_unique<host>(*this, hosts.size(), std::move(links), std::move(addresses)));
        return *hosts.back();
    }
    /// Delivers what was sent, and what follows from it.
    void settle()
    {
        for (bool more = true; more;) {
            more = false;
            while (!under_way.empty()) {
                const sent s = std::move(under_way.front());
                under_way.pop_front();
                for (const auto& h : hosts)
                    if (h->number != s.host) deliver(*h, s);
            }
            for (const auto& h : hosts)
                while (h->querier.deliver(now)) more = true;
            more = more || !under_way.empty();
        }
    }
    void pass(duration d)
    {
        const time_point end = now + d;
        settle();
        for (time_point next = deadline(); next <= end; next = deadline()) {
            ASSERT_LT(++steps, 1'000'000U);
            now = std::max(now, next);
            for (const auto& h : hosts) {
                h->querier.advance(now);
                h->responder.advance(now);
            }
            settle();
        }
        now = end;
    }
    /// What a station without machines sends. @param from also a legacy querier's port
    void receive(host& h, const wire::mdns_message& m, const endpoint& from, bool to_group = true)
    {
        deliver(h, {hosts.size(), h.links.front(), to_group ? std::nullopt : std::optional(h.here()), m, 0, now}, from);
        settle();
    }
    /// What was sent since the last call, by one host, or all.
    std::vector<sent> take() { return std::exchange(log, {}); }
    /// The answers of responses among it.
    std::vector<std::string> take_answers()
    {
        std::vector<std::string> out;
        for (const sent& s : take())
            if (s.message.response) out.push_back((s.to ? "alone: " : "") + text_of(s.message.answers));
        return out;
    }

    std::vector<std::unique_ptr<host>> hosts;
    std::deque<sent> under_way;
    std::vector<sent> log;
    std::function<bool(const sent&)> lost = [](const sent&) { return false; };
    time_point now{1h};
    unsigned steps = 0;

private:
    time_point deadline() const
    {
        time_point t = never;
        for (const auto& h : hosts) t = std::min({t, h->querier.next_deadline(), h->responder.next_deadline()});
        return t;
    }
    void deliver(host& h, const sent& s) { deliver(h, s, hosts[s.host]->here()); }
    void deliver(host& h, const sent& s, const endpoint& from)
    {
        const bool connected = std::find(h.links.begin(), h.links.end(), s.link) != h.links.end();
        const bool meant = !s.to || std::find(h.addresses.begin(), h.addresses.end(), s.to->address) != h.addresses.end();
        if (!connected || !meant) return;
        if (s.message.response) {
            h.querier.receive(s.link, s.message, now);
            h.responder.receive_response(s.link, s.message, now);
        } else {
            if (!s.to) h.querier.heard(s.link, s.message, now);
            h.responder.receive_query({s.link, from, true, !s.to}, s.message, now);
        }
    }
};

inline host::host(world& w, std::size_t num, std::vector<link_zone> l, std::vector<const char*> texts)
    : in(w),
      number(num),
      links(std::move(l)),
      random([num] {
          static std::array<std::byte, random_source::seed_size> seed{};
          seed[0] = static_cast<std::byte>(num + 1);
          return std::span<const std::byte, random_source::seed_size>(seed);
      }()),
      querier(*this),
      responder(*this, random)
{
    for (const char* t : texts) addresses.push_back(ip_of(t));
    querier.set_links({links.begin(), links.end()}, in.now);
    for (const link_zone z : links) responder.set_addresses(z, addresses, in.now);
}

inline void host::send(link_zone link, const endpoint* to, const_bytes message, time_point now)
{
    const auto m = wire::parse_mdns(message);
    ASSERT_TRUE(m) << "a message that is none";
    sent s{number, link, to != nullptr ? std::optional(*to) : std::nullopt, *m, message.size(), now};
    in.log.push_back(s);
    if (!in.lost(s)) in.under_way.push_back(std::move(s));
}

inline void host::publish(const std::string& host_name, std::vector<mdns_service> services)
{
    mdns_options o{host_name, std::move(services)};
    ASSERT_TRUE(is_valid(o));
    responder.configure(o, in.now);
    in.settle();
}

inline lookup_id host::look_up(const std::string& text, std::vector<record_type> types, duration patience)
{
    std::vector<std::pair<record_type, mdns_own>> asked;
    for (const record_type t : types) asked.emplace_back(t, mdns_own{responder.own(n(text), t), responder.is_own(n(text))});
    const lookup_id l = querier.start(n(text), std::move(asked), patience, *this, in.now);
    in.settle();
    return l;
}

} // namespace tapio::core::client::mdns
