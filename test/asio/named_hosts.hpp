/// @file
/// A host with a resolver, and a host with a DNS server, over an impaired wire in virtual time. Both have both families.
#pragma once

#include "support/dns_server.hpp"

#include <tapio/device/impaired.hpp>
#include <tapio/device/pipe.hpp>
#include <tapio/tapio.hpp>

#include <boost/asio.hpp>

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <utility>

namespace tapio::test {

using namespace std::chrono_literals;
using boost::asio::ip::make_address;
using boost::system::error_code;
using core::dns::record_type;

struct named_hosts
{
    explicit named_hosts(const core::impairment_options& wire = {}, int concurrency = 1) : io(concurrency)
    {
        auto [l, r] = make_pipe();
        client.emplace(io, impaired(std::move(l), {wire, wire}), stack_options{.time = &time});
        peer.emplace(io, std::move(r), stack_options{.time = &time});
        client->add_address(make_address("192.0.2.1"), 24);
        client->add_address(make_address("2001:db8::1"), 64);
        peer->add_address(make_address("192.0.2.2"), 24);
        peer->add_address(make_address("2001:db8::2"), 64);
        peer->add_address(make_address("192.0.2.3"), 24);
        peer->add_address(make_address("2001:db8::3"), 64);
        use({{make_address("192.0.2.2"), 0}});
        time.run_for(3s); // duplicate address detection, and what follows from it
    }
    void use(std::vector<core::endpoint> servers)
    {
        options.servers = std::move(servers);
        client->set_dns(options);
    }

    struct outcome
    {
        bool over = false;
        error_code ec;
        std::string text; ///< endpoints
        core::time_point at{};
    };
    static std::string text_of(const ip::tcp::resolver::results_type& all)
    {
        std::string out;
        for (const auto& e : all) out += (out.empty() ? "" : " ") + e.endpoint().address().to_string();
        return out;
    }
    auto noting(outcome& o)
    {
        return [this, &o](error_code ec, const ip::tcp::resolver::results_type& found) {
            EXPECT_FALSE(o.over) << "called twice";
            o = {true, ec, text_of(found), time.now()};
        };
    }
    outcome resolve(const std::string& host, boost::asio::ip::resolver_base::flags flags = {})
    {
        outcome o;
        ip::tcp::resolver r(*client);
        r.async_resolve(host, "80", flags, noting(o));
        EXPECT_FALSE(o.over) << "the handler ran within the call";
        EXPECT_TRUE(time.run_until([&] { return o.over; }, 10min));
        return o;
    }

    boost::asio::io_context io;
    virtual_time time{io};
    std::optional<stack> client, peer;
    dns_options options;
};

} // namespace tapio::test
