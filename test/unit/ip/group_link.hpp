// A group_membership of either family in virtual time. What it sends is noted as text that is the same for both:
//
//     "to_exclude 1 {}, allow 2 {7 8}"   one report of IGMPv3 or MLDv2, groups and sources by their numbers
//     "report 1", "leave 1"              IGMPv2 and MLDv1
//     "v1 report 1"                      IGMPv1
#pragma once

#include "ip/group_membership.hpp"
#include "wire/igmp.hpp"
#include "wire/mld.hpp"

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cstring>
#include <deque>
#include <functional>
#include <initializer_list>
#include <string>
#include <vector>

namespace tapio::core::ip {

using namespace std::chrono_literals;

using numbers = std::vector<unsigned>;

class group_link
{
public:
    explicit group_link(family f, std::size_t mtu = 1500) : family_(f), mtu_(mtu), random_(seed_), m(f, mtu, random_)
    {
        m.link_up(now);
    }

    /// Group `n` of a scope wider than the link: 239.1.x.y or ff05::xxyy.
    address group(unsigned n) const
    {
        if (family_ == family::v4) return address_v4(0xef01'0000U + n);
        return v6({0xff, 5}, n);
    }
    address source(unsigned n) const
    {
        if (family_ == family::v4) return address_v4(0xc612'0000U + n);
        return v6({0x20, 1, 0xd, 0xb8}, n);
    }
    std::vector<address> sources(const numbers& some) const
    {
        std::vector<address> out;
        for (const unsigned n : some) out.push_back(source(n));
        return out;
    }

    // -- users --------------------------------------------------------------------------------------------------------
    error_code set(subscriber_id who, unsigned g, filter_mode mode, const numbers& some = {})
    {
        return m.set_filter(who, group(g), mode, sources(some), now);
    }
    error_code include(unsigned g, const numbers& some) { return set(1, g, filter_mode::include, some); }
    error_code exclude(unsigned g, const numbers& some) { return set(1, g, filter_mode::exclude, some); }
    error_code join(unsigned g) { return exclude(g, {}); }
    error_code leave(unsigned g) { return include(g, {}); }

    // -- the link -----------------------------------------------------------------------------------------------------
    /// @param g 0: general
    void query(unsigned g, duration max_response, const numbers& some = {},
               wire::group_protocol version = wire::group_protocol::v3)
    {
        wire::group_query q;
        q.version = version;
        q.max_response = max_response;
        q.robustness = robustness;
        q.query_interval = interval;
        if (version == wire::group_protocol::v3) q.sources = list(some);
        q.group = g != 0 ? group(g) : family_ == family::v4 ? address(address_v4()) : address(address_v6());
        m.receive_query(q, now);
    }
    void query_v2(unsigned g, duration max_response) { query(g, max_response, {}, wire::group_protocol::v2); }
    void query_v1() { query(0, 10s, {}, wire::group_protocol::v1); }
    void report_of_another(unsigned g) { m.receive_report(group(g), now); }

    /// Lets time pass. What was sent meanwhile is in `sent`, and when in `times`.
    void run(duration d)
    {
        const time_point end = now + d;
        for (settle(); m.next_deadline() <= end; settle()) {
            ASSERT_GE(m.next_deadline(), now);
            now = std::max(now, m.next_deadline());
        }
        now = end;
        settle();
    }
    /// What is sent at once.
    void settle()
    {
        m.advance(now);
        EXPECT_GT(m.next_deadline(), now); // else its driver would not come to rest
        while (m.has_message()) note(m.take_message());
    }
    /// What has been sent since the last call, after `d`.
    std::vector<std::string> after(duration d)
    {
        run(d);
        return std::exchange(sent, {});
    }
    std::vector<std::string> at_once() { return after(0s); }
    void forget() { sent.clear(), times.clear(); }

private:
    std::array<std::byte, random_source::seed_size> seed_{std::byte{42}};
    family family_;
    std::size_t mtu_;
    random_source random_;
    std::deque<std::vector<std::byte>> lists_;

    static address v6(std::initializer_list<unsigned char> front, unsigned n)
    {
        address_v6::bytes_type bytes{};
        std::copy(front.begin(), front.end(), bytes.begin());
        wire::store_32(reinterpret_cast<std::byte*>(bytes.data() + 12), n);
        return address_v6(bytes);
    }
    wire::address_list list(const numbers& some)
    {
        wire::group_record_writer w(family_, 65535);
        const auto all = sources(some);
        std::span<const address> left(all);
        w.add(wire::group_record_type::allow, group(1), left);
        const auto written = w.octets().subspan(4 + wire::size_of_addresses(family_));
        lists_.emplace_back(written.begin(), written.end());
        return wire::address_list(family_, lists_.back());
    }

    unsigned number(const address& a) const
    {
        if (a.is_v4()) return a.to_v4().to_uint() & 0xffff;
        const auto bytes = a.to_v6().to_bytes();
        return wire::load_32(reinterpret_cast<const std::byte*>(bytes.data() + 12)) & 0xffff;
    }
    static const char* name(wire::group_record_type t)
    {
        constexpr const char* names[] = {"?", "is_include", "is_exclude", "to_include", "to_exclude", "allow", "block"};
        return names[static_cast<unsigned>(t)];
    }
    std::string text(const wire::group_record& r) const
    {
        std::string out = std::string(name(r.type)) + ' ' + std::to_string(number(r.group)) + " {";
        for (std::size_t i = 0; i < r.sources.size(); ++i) out += (i == 0 ? "" : " ") + std::to_string(number(r.sources[i]));
        return out + '}';
    }

    void note(const group_message& message)
    {
        std::vector<std::byte> body(message.body.size());
        message.body.copy_to(body);
        EXPECT_LE(body.size() + (family_ == family::v4 ? 24 : 56), mtu_); // IP header, router alert; ICMPv6 header
        if (on_message) on_message();
        sent.push_back(family_ == family::v4 ? igmp_text(body, message) : mld_text(body, message));
        times.push_back(now);
    }
    std::string igmp_text(const_bytes body, const group_message& message)
    {
        const auto type = wire::parse_igmp(body);
        if (!type) return "malformed";
        std::string out;
        if (*type == wire::igmp_type::report_v3) {
            const bool whole = wire::for_each_igmp_record(body, [&](const wire::group_record& r) { add(out, r); });
            EXPECT_TRUE(whole && message.destination == address_v4(0xe000'0016U)); // RFC 3376 §4.2.14
            return out;
        }
        return single(*type == wire::igmp_type::leave, *type == wire::igmp_type::report_v1, *wire::parse_igmp_report(body),
                      message.destination);
    }
    std::string mld_text(const_bytes body, const group_message& message)
    {
        std::string out;
        if (message.type == wire::icmpv6_type::listener_report_v2) {
            const bool whole = wire::for_each_mld_record(message.rest, body, [&](const wire::group_record& r) { add(out, r); });
            EXPECT_TRUE(whole && message.destination == boost::asio::ip::make_address("ff02::16")); // RFC 3810 §5.2.14
            return out;
        }
        const bool leaves = message.type == wire::icmpv6_type::listener_done;
        EXPECT_TRUE(leaves || message.type == wire::icmpv6_type::listener_report);
        EXPECT_EQ(message.rest, 0U);
        return single(leaves, false, *wire::parse_mld_report(body), message.destination);
    }
    void add(std::string& out, const wire::group_record& r)
    {
        out += (out.empty() ? "" : ", ") + text(r);
        if (on_record) on_record(r);
    }
    std::string single(bool leaves, bool v1, const address& g, const address& destination) const
    {
        const address all_routers = boost::asio::ip::make_address(family_ == family::v4 ? "224.0.0.2" : "ff02::2");
        EXPECT_EQ(destination, leaves ? all_routers : g); // RFC 2236 §9, RFC 2710 §8
        return (leaves ? "leave " : v1 ? "v1 report " : "report ") + std::to_string(number(g));
    }

public:
    time_point now{1000s};
    group_membership m;
    std::uint8_t robustness = 2;        ///< of the querier
    std::chrono::seconds interval{125}; ///< of the querier
    std::vector<std::string> sent;      ///< see run()
    std::vector<time_point> times;      ///< of `sent`, never cleared but by forget()
    std::function<void()> on_message;   ///< may be empty; comes before its records
    std::function<void(const wire::group_record&)> on_record;
};

using texts = std::vector<std::string>;

struct both_families : testing::TestWithParam<family>
{
    group_link link{GetParam()};
};

inline std::string family_name(const testing::TestParamInfo<family>& i) { return i.param == family::v4 ? "igmp" : "mld"; }

} // namespace tapio::core::ip
