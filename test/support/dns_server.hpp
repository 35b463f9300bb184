/// @file
/// A small DNS server over UDP and TCP, made of tapio's sockets, for tests: it answers from a list of records, and can be silent,
/// truncate, or change its responses.
#pragma once

#include "wire/dns.hpp"

#include <tapio/ip/tcp.hpp>
#include <tapio/ip/udp.hpp>
#include <tapio/stack.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace tapio::test {

/// Handlers run on the stack's executor; members may be changed between them, or before the server is asked.
class dns_server
{
public:
    using message = core::wire::dns_message;
    using name = core::dns::name;
    using record = core::dns::record;
    using record_type = core::dns::record_type;
    using error_code = boost::system::error_code;

    dns_server(stack& s, const boost::asio::ip::address& at, std::uint16_t port = 53)
        : udp_(s, ip::udp::endpoint(at, port)), tcp_(s, ip::tcp::endpoint(at, port))
    {
        receive();
        accept();
    }

    static name n(const std::string& text) { return name::parse(text).value(); }
    void add(const std::string& owner, const char* address, std::uint32_t ttl = 60)
    {
        const auto a = boost::asio::ip::make_address(address);
        if (a.is_v4()) records.push_back({n(owner), record_type::a, ttl, a.to_v4()});
        if (a.is_v6()) records.push_back({n(owner), record_type::aaaa, ttl, a.to_v6()});
    }
    void add_alias(const std::string& owner, const std::string& target, std::uint32_t ttl = 60)
    {
        records.push_back({n(owner), record_type::cname, ttl, n(target)});
    }

    std::vector<record> records;
    std::uint32_t negative_ttl = 60; ///< s
    bool silent = false;
    bool truncates = false;                            ///< by UDP nothing but TC
    std::function<void(message&, bool by_tcp)> change; ///< the last word about a response
    std::function<bool(const message&)> ignores;       ///< queries that are not answered
    std::vector<core::wire::dns_question> asked;       ///< in the order of their arrival
    std::vector<ip::udp::endpoint> askers;             ///< of those by UDP
    std::size_t by_tcp = 0;                            ///< queries
    ip::udp::socket& socket() noexcept { return udp_; }

private:
    struct stream
    {
        explicit stream(ip::tcp::socket s) : socket(std::move(s)) {}
        ip::tcp::socket socket;
        std::array<std::byte, 2> length{};
        std::vector<std::byte> octets;
    };

    message answer_to(const message& q)
    {
        message m;
        m.id = q.id;
        m.response = m.authoritative = m.recursion_available = true;
        m.recursion_desired = q.recursion_desired;
        m.question = q.question;
        if (q.edns) m.edns = core::wire::dns_edns{1232, 0};
        name at = q.question->name;
        const auto exists = [&] {
            return std::any_of(records.begin(), records.end(), [&](const record& r) { return r.owner == at; });
        };
        for (unsigned hops = 0; hops < 20; ++hops) {
            const std::size_t before = m.answers.size();
            for (const record& r : records)
                if (r.owner == at && r.type == q.question->type) m.answers.push_back(r);
            const auto alias = std::find_if(records.begin(), records.end(),
                                            [&](const record& r) { return r.owner == at && r.type == record_type::cname; });
            if (m.answers.size() != before) return m;
            if (alias == records.end()) break;
            m.answers.push_back(*alias);
            at = std::get<name>(alias->data);
        }
        if (!exists()) m.code = core::dns::response_code::name_error;
        m.authorities = {{name(), record_type::soa, negative_ttl,
                          core::dns::zone_authority{n("ns.example"), n("host.example"), 1, 2, 3, 4, negative_ttl}}};
        return m;
    }

    /// @return empty: no answer
    std::vector<std::byte> respond(core::const_bytes query, bool by_stream)
    {
        const auto q = core::wire::parse_dns(query);
        if (!q || !q->question || q->response) return {};
        asked.push_back(*q->question);
        by_tcp += by_stream ? 1 : 0;
        if (silent || (ignores && ignores(*q))) return {};
        message m = answer_to(*q);
        if (truncates && !by_stream) {
            m.answers.clear();
            m.truncated = true;
        }
        if (change) change(m, by_stream);
        const std::size_t limit = q->edns ? q->edns->payload : core::wire::plain_dns_payload;
        return core::wire::make_dns(m, by_stream ? core::wire::longest_dns_message : limit);
    }

    void receive()
    {
        udp_.async_receive_from(boost::asio::buffer(memory_), from_, [this](error_code ec, std::size_t size) {
            if (ec == boost::asio::error::operation_aborted || !udp_.is_open()) return;
            if (!ec) {
                askers.push_back(from_);
                const auto answer = respond(core::const_bytes(memory_).first(size), false);
                error_code ignored;
                if (!answer.empty()) udp_.send_to(boost::asio::buffer(answer), from_, 0, ignored);
            }
            receive();
        });
    }
    void accept()
    {
        tcp_.async_accept([this](error_code ec, ip::tcp::socket s) {
            if (ec) return;
            serve(std::make_shared<stream>(std::move(s)));
            accept();
        });
    }
    void serve(const std::shared_ptr<stream>& s)
    {
        boost::asio::async_read(s->socket, boost::asio::buffer(s->length), [this, s](error_code ec, std::size_t) {
            if (ec) return;
            s->octets.resize(core::wire::load_16(s->length.data()));
            boost::asio::async_read(s->socket, boost::asio::buffer(s->octets), [this, s](error_code e, std::size_t) {
                if (e) return;
                s->octets = respond(s->octets, true);
                if (s->octets.empty()) return serve(s);
                core::wire::store_16(s->length.data(), static_cast<std::uint16_t>(s->octets.size()));
                s->octets.insert(s->octets.begin(), s->length.begin(), s->length.end());
                boost::asio::async_write(s->socket, boost::asio::buffer(s->octets), [this, s](error_code failed, std::size_t) {
                    if (!failed) serve(s);
                });
            });
        });
    }

    ip::udp::socket udp_;
    ip::tcp::acceptor tcp_;
    ip::udp::endpoint from_;
    std::array<std::byte, 4096> memory_{};
};

} // namespace tapio::test
