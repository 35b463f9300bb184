// demo: two hosts in the memory of this program talk, and every packet is shown. It needs no privileges and no network.
#include "tapio/decode.hpp"
#include "tapio/format.hpp"
#include "tapio/memory_hosts.hpp"
#include "tapio/terminal.hpp"
#include "tapio/tool.hpp"

#include <tapio/device/capture.hpp>
#include <tapio/ip/icmp.hpp>
#include <tapio/ip/tcp.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <cstdio>
#include <exception>
#include <iostream>
#include <vector>

namespace apps::tools {

namespace {

namespace asio = boost::asio;
using asio::use_awaitable;
using boost::system::error_code;
using tapio::ip::icmp;
using tapio::ip::tcp;
namespace core = tapio::core;

/// Prints the packets that one host sends and receives.
class packet_printer final : public core::trace
{
public:
    /// From now on packets are printed. What a host says of itself when it gets its addresses is left out.
    void start(bool quiet) { shown_ = !quiet, counts_ = true; }

    void received(std::uint32_t interface, const core::packet& p, core::time_point now) override
    {
        if (interface != 0) show("<-", colour::cyan, p, now);
    }
    void sent(std::uint32_t interface, const core::packet& p, core::time_point now) override
    {
        if (interface != 0) show("->", colour::green, p, now);
    }

    std::size_t packets() const { return packets_; }

private:
    void show(const char* arrow, colour c, const core::packet& p, core::time_point now)
    {
        if (!counts_) return;
        if (++packets_ == 1) begin_ = now;
        if (!shown_) return;
        std::vector<std::byte> octets(p.size());
        p.copy_to(octets);
        const std::string text = decoder_.line(octets, core::link_type::ethernet);
        std::printf("  %9s ms  %s %s\n", format_ms(now - begin_).c_str(), in(c, arrow).c_str(), text.c_str());
    }

    decoder decoder_;
    core::time_point begin_{};
    std::size_t packets_ = 0;
    bool shown_ = false, counts_ = false;
};

/// The guest and its questions.
class tour
{
public:
    tour(bool json, const std::string& capture) : json_(json), others_(io_)
    {
        auto wire = others_.take_wire();
        if (!capture.empty()) wire = tapio::capture(std::move(wire), capture);
        client_.emplace(io_, std::move(wire), tapio::stack_options{.trace = &printer_});
        memory_hosts::configure(*client_);
    }

    /// Prints everything. @throws what went wrong
    void run()
    {
        say(in(colour::bold, "Two hosts, both inside this process: 198.18.0.1 (here) and 198.18.0.2, on an Ethernet in memory."));
        printer_.start(json_);
        std::exception_ptr failed;
        asio::co_spawn(*client_, everything(), [&](std::exception_ptr e) {
            failed = e;
            io_.stop();
        });
        asio::steady_timer patience(io_, std::chrono::seconds(10));
        patience.async_wait([&](error_code error) {
            if (error) return;
            failed = std::make_exception_ptr(std::runtime_error("no answer within 10 s"));
            io_.stop();
        });
        io_.run();
        if (failed) std::rethrow_exception(failed);
        end();
    }

private:
    asio::awaitable<void> everything()
    {
        co_await ping("198.18.0.2");
        co_await fetch("198.18.0.2");
        co_await refused("198.18.0.2");
        co_await ping("2001:db8::2");
    }

    /// Lets packets that nobody waits for pass, at most `milliseconds`.
    asio::awaitable<void> settle(int milliseconds)
    {
        asio::steady_timer timer(io_, std::chrono::milliseconds(milliseconds));
        co_await timer.async_wait(use_awaitable);
    }

    void title(const std::string& text)
    {
        say("");
        say(in(colour::bold, text));
    }

    asio::awaitable<void> ping(const std::string& to)
    {
        const auto address = asio::ip::make_address(to);
        title("A ping of " + to + (address.is_v4() ? ": first ARP finds the neighbour, then the echo" : ": the same over IPv6"));
        icmp::socket socket(*client_, address.is_v4() ? icmp::v4() : icmp::v6());
        // An echo request (RFC 792, RFC 4443) with identifier 1, sequence number 1 and 8 octets of data. The stack fills in
        // ICMPv6's checksum; ICMP's is the sum of these constants.
        std::array<std::uint8_t, 16> request{8, 0, 0xf7, 0xfd, 0, 1, 0, 1};
        if (address.is_v6()) request[0] = 128;
        const auto begin = std::chrono::steady_clock::now();
        socket.send_to(asio::buffer(request), icmp::endpoint(address, 0));
        const std::uint8_t reply = address.is_v4() ? 0 : 129;
        std::array<std::uint8_t, 256> answer{};
        for (bool right = false; !right;) {
            co_await socket.async_receive(asio::buffer(answer), use_awaitable);
            right = answer[address.is_v4() ? (answer[0] & 0xfU) * 4U : 0U] == reply;
        }
        say(in(colour::yellow, "  round trip: " + format_duration(std::chrono::steady_clock::now() - begin)));
        if (json_) results_ += ", \"ping_" + std::string(address.is_v4() ? "v4" : "v6") + "\": true";
    }

    asio::awaitable<void> fetch(const std::string& from)
    {
        title("A web page over TCP: three-way handshake, request, answer, close");
        tcp::socket socket(*client_);
        co_await socket.async_connect({asio::ip::make_address(from), 80}, use_awaitable);
        const std::string question = "GET / HTTP/1.1\r\nHost: " + from + "\r\nConnection: close\r\n\r\n";
        co_await asio::async_write(socket, asio::buffer(question), use_awaitable);
        std::string answer;
        const auto [error, n] = co_await asio::async_read(socket, asio::dynamic_buffer(answer), asio::as_tuple(use_awaitable));
        if (error != asio::error::eof || !answer.starts_with("HTTP/1.1 200")) throw std::runtime_error("the page did not come");
        const auto info = tapio::tcp_info(socket);
        socket.close();
        co_await settle(50);
        say(in(colour::yellow, "  " + std::to_string(n) + " octets; tcp_info says: " + name(info.state) + ", srtt " +
                                   format_duration(info.srtt) + ", cwnd " + std::to_string(info.cwnd) + ", " +
                                   std::string(info.congestion_control)));
        if (json_) results_ += ", \"http_octets\": " + std::to_string(n);
    }

    asio::awaitable<void> refused(const std::string& by)
    {
        title("A port on which nobody listens");
        tcp::socket socket(*client_);
        const auto [error] = co_await socket.async_connect({asio::ip::make_address(by), 9}, asio::as_tuple(use_awaitable));
        if (error != asio::error::connection_refused) throw std::runtime_error("the closed port did not refuse");
        say(in(colour::yellow, "  " + error.message()));
        if (json_) results_ += ", \"refused\": true";
    }

    void end()
    {
        if (json_) {
            std::cout << "{\"packets\": " << printer_.packets() << results_ << "}" << std::endl;
            return;
        }
        say("\n" + std::to_string(printer_.packets()) + " packets, no privileges, no kernel network. Next:");
        say("  tapio ping --memory 198.18.0.2            the tools, in this network");
        say("  tapio traceroute --memory 198.18.1.2      ... through its router");
        say("  tapio help                                all of them, and how to use a TAP or TUN device");
    }

    void say(const std::string& line)
    {
        if (!json_) apps::say(line);
    }

    const bool json_;
    std::string results_;
    packet_printer printer_;
    asio::io_context io_{1};
    memory_hosts others_;
    std::optional<tapio::stack> client_;
};

int run_demo(const command& self, int argc, const char* const* argv)
{
    tool t(self);
    t.has_network = false;
    t.options.add(t.host.capture_description());
    return t.run(argc, argv, [&] {
        tour(t.json, t.host.capture).run();
        return int{success};
    });
}

} // namespace

const command demo{"demo", "two hosts in memory talk, and every packet is shown", "[options]",
                   "  tapio demo                             handshake, ping, a web page, a refusal; no privileges\n"
                   "  tapio demo --capture demo.pcapng       the same packets for Wireshark\n\n",
                   run_demo};

} // namespace apps::tools
