/// @file
/// A dns_client whose network is the test: what it sends is recorded, and answered by the test.
#pragma once

#include "client/dns_client.hpp"

#include <gtest/gtest.h>

#include <array>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace tapio::core::client {

using namespace std::chrono_literals;
using dns::name;
using dns::record;
using dns::record_type;
using dns::response_code;
using octets = std::vector<std::byte>;
using outcome = dns_result::outcome;

inline name n(const std::string& text) { return name::parse(text).value(); }
inline address ip_of(const char* text) { return boost::asio::ip::make_address(text); }
inline record a_record(const std::string& owner, const char* address, std::uint32_t ttl = 60)
{
    return {n(owner), record_type::a, ttl, boost::asio::ip::make_address_v4(address)};
}
inline record aaaa_record(const std::string& owner, const char* address, std::uint32_t ttl = 60)
{
    return {n(owner), record_type::aaaa, ttl, boost::asio::ip::make_address_v6(address)};
}
inline record alias(const std::string& owner, const std::string& target, std::uint32_t ttl = 60)
{
    return {n(owner), record_type::cname, ttl, n(target)};
}
inline record soa(const std::string& zone, std::uint32_t minimum, std::uint32_t ttl = 3600)
{
    return {n(zone), record_type::soa, ttl, dns::zone_authority{n("ns.example"), n("host.example"), 1, 2, 3, 4, minimum}};
}

/// A message that the client has sent.
struct sent_message
{
    query_id query = 0;
    endpoint server;
    bool stream = false;
    wire::dns_message message;
    bool secure = false;
    std::size_t size = 0; ///< octets of the message
};

/// A response to a question, as an honest server gives it.
inline wire::dns_message response_to(const wire::dns_message& q, std::vector<record> answers = {},
                                     response_code code = response_code::no_error)
{
    wire::dns_message m;
    m.id = q.id;
    m.response = m.recursion_desired = m.recursion_available = true;
    m.question = q.question;
    m.answers = std::move(answers);
    m.code = code;
    if (q.edns) m.edns = wire::dns_edns{1232, 0};
    return m;
}

class dns_world : public dns_transport, public dns_sink
{
public:
    explicit dns_world(const dns_options& o = options()) : client(o, *this, random_) {}

    static dns_options options()
    {
        dns_options o;
        o.servers = {{ip_of("192.0.2.53"), 0}, {ip_of("2001:db8::53"), 5353}};
        return o;
    }

    // -- dns_transport
    bool send_datagram(query_id q, const endpoint& server, const_bytes message, time_point) override
    {
        return send(q, server, message, false);
    }
    bool open_stream(query_id q, const endpoint& server, const_bytes message, time_point) override
    {
        EXPECT_EQ(wire::load_16(message.data()), message.size() - 2);
        return send(q, server, message.subspan(2), true);
    }
    bool open_secure(query_id q, const endpoint& server, const_bytes message, time_point at) override
    {
        const bool sent_it = !no_tls && open_stream(q, server, message, at);
        if (sent_it) sent.back().secure = true;
        return sent_it;
    }
    void close(query_id q, time_point) override { open.erase(q); }

    // -- dns_sink
    void resolved(lookup_id l, dns_result&& r, time_point) override
    {
        EXPECT_FALSE(results.contains(l)) << "told twice";
        results[l] = std::move(r);
    }

    lookup_id look_up(const std::string& text, std::vector<record_type> types = {record_type::a})
    {
        const lookup_id l = client.start({client.candidates(text), std::move(types)}, *this, now);
        deliver();
        return l;
    }
    void deliver()
    {
        while (client.deliver(now)) {}
    }
    /// Takes the oldest message that the test has not taken yet.
    sent_message next()
    {
        if (sent.empty()) return ADD_FAILURE() << "nothing was sent", sent_message();
        sent_message m = std::move(sent.front());
        sent.erase(sent.begin());
        return m;
    }
    void receive(const sent_message& to, const octets& o)
    {
        if (!to.stream) {
            client.receive_datagram(to.query, o, now);
        } else {
            octets framed(2);
            wire::store_16(framed.data(), static_cast<std::uint16_t>(o.size()));
            framed.insert(framed.end(), o.begin(), o.end());
            client.receive_stream(to.query, framed, now);
        }
        deliver();
    }
    void receive(const sent_message& to, const wire::dns_message& m) { receive(to, wire::make_dns(m)); }
    void answer(std::vector<record> records, response_code code = response_code::no_error)
    {
        const sent_message m = next();
        receive(m, response_to(m.message, std::move(records), code));
    }
    void refuse(std::vector<record> authorities, response_code code)
    {
        const sent_message m = next();
        wire::dns_message r = response_to(m.message, {}, code);
        r.authorities = std::move(authorities);
        receive(m, r);
    }
    void pass(duration d)
    {
        const time_point end = now + d;
        while (client.next_deadline() <= end) {
            now = std::max(now, client.next_deadline());
            client.advance(now);
            deliver();
        }
        now = end;
    }
    const dns_result& result(lookup_id l)
    {
        static const dns_result none{};
        if (!results.contains(l)) return ADD_FAILURE() << "no result", none;
        return results[l];
    }
    /// The addresses of the first answer, as text.
    std::string addresses(lookup_id l, std::size_t index = 0)
    {
        std::string out;
        const auto& r = result(l);
        if (r.answers.size() <= index) return "none";
        for (const record& rec : r.answers[index].records) {
            if (const auto* const v4 = std::get_if<address_v4>(&rec.data)) out += (out.empty() ? "" : " ") + v4->to_string();
            if (const auto* const v6 = std::get_if<address_v6>(&rec.data)) out += (out.empty() ? "" : " ") + v6->to_string();
        }
        return out;
    }

    time_point now{1h};
    std::vector<sent_message> sent;
    std::map<query_id, endpoint> open; ///< the client's sockets
    std::map<lookup_id, dns_result> results;
    std::vector<endpoint> unreachable; ///< servers to which nothing can be sent
    bool no_tls = false;               ///< no connection can be made

private:
    bool send(query_id q, const endpoint& server, const_bytes message, bool stream)
    {
        for (const endpoint& e : unreachable)
            if (e == server) return false;
        open[q] = server;
        const auto parsed = wire::parse_dns(message);
        if (!parsed) return ADD_FAILURE() << "the client's own message", false;
        sent.push_back({q, server, stream, *parsed, false, message.size()});
        return true;
    }

    static constexpr std::array<std::byte, random_source::seed_size> seed{std::byte{5}};
    random_source random_{seed};

public:
    dns_client client;
};

} // namespace tapio::core::client
