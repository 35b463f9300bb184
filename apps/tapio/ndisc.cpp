// ndisc: who has an IPv6 address on the link, as ndisc6; with -r which routers there are and what they advertise, as rdisc6.
#include "tapio/network.hpp"
#include "tapio/octet_reader.hpp"
#include "tapio/router_advertisement.hpp"
#include "tapio/socket_option.hpp"

#include <tapio/ip/icmp.hpp>
#include <tapio/ip/message.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <netinet/in.h>

namespace apps::tools {

namespace {

namespace asio = boost::asio;
using asio::as_tuple;
using asio::use_awaitable;
using asio::ip::address_v6;
using boost::system::error_code;
using tapio::ip::icmp;

constexpr unsigned device = 1;                                               // the interface of a tool's host; 0 is its loopback
constexpr unsigned zone = device + 1;                                        // of its link-local addresses
constexpr std::uint8_t solicit_router = 133, solicit = 135, advertise = 136; // RFC 4861 §4
constexpr std::uint8_t source_option = 1, target_option = 2;
constexpr std::uint8_t on_link = 255; // hop limit of Neighbour Discovery: no router has forwarded it

constexpr int no_answer = 2; // exit status

struct ndisc_options
{
    std::string destination;
    bool routers = false, several = false, quiet = false;
    std::uint64_t attempts = 3;
    std::chrono::nanoseconds wait = std::chrono::seconds(1);

    void add_to(po::options_description& d)
    {
        d.add_options()                                                                                                    //
            ("destination", po::value(&destination), "IPv6 address or name (also without the option's name); not with -r") //
            ("routers,r", po::bool_switch(&routers), "solicit routers, and print what they advertise")                     //
            ("multiple,m", po::bool_switch(&several), "wait for further answers after the first one")                      //
            ("attempts,n", number(attempts, 1, 1000), "solicitations to send before giving up [3]")                        //
            ("wait,w", seconds_option(wait), "seconds to wait for an answer to each [1]")                                  //
            ("quiet,q", po::bool_switch(&quiet), "print the link-layer address, or the prefixes, alone");
    }
    void check() const
    {
        if (routers && !destination.empty()) throw usage_error("-r asks all routers: no destination");
        if (!routers && destination.empty())
            throw usage_error("the option '--destination' is required but missing (--help lists the options)");
    }
};

address_v6 all_routers() { return address_v6({0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2}, zone); }

/// RFC 4291 §2.7.1
address_v6 solicited_node(const address_v6& of)
{
    const auto a = of.to_bytes();
    return address_v6({0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, a[13], a[14], a[15]}, zone);
}

/// With this host's link-layer address as an option. The stack fills in the checksum.
std::vector<std::uint8_t> make_solicitation(const std::optional<address_v6>& target, const tapio::core::mac_address& own)
{
    std::vector<std::uint8_t> m{target ? solicit : solicit_router, 0, 0, 0, 0, 0, 0, 0};
    if (target) {
        const auto octets = target->to_bytes();
        m.insert(m.end(), octets.begin(), octets.end());
    }
    m.insert(m.end(), {source_option, 1});
    m.insert(m.end(), own.octets.begin(), own.octets.end());
    return m;
}

class discoverer
{
public:
    discoverer(network& net, const tool& t, const ndisc_options& options)
        : net_(net), options_(options), json_(t.json), silent_(t.json || options.quiet), timer_(net.io())
    {
    }

    asio::awaitable<void> run()
    {
        if (!options_.routers)
            target_ = (co_await resolve(net_.stack(), options_.destination, family_choice::v6, failure)).to_v6();
        const auto own = net_.stack().mac(device);
        if (own.is_unspecified()) throw tool_error("the device is no Ethernet", failure);
        const address_v6 to = target_ ? solicited_node(*target_) : all_routers();
        open();
        if (!silent_) announce(to);
        asio::co_spawn(socket_->get_executor(), receive(), asio::detached);
        const auto message = make_solicitation(target_, own);
        for (std::uint64_t n = 0; n < options_.attempts && !stopped_ && answers_.empty(); ++n) {
            socket_->send_to(asio::buffer(message), icmp::endpoint(to, 0));
            timer_.expires_after(options_.wait);
            co_await timer_.async_wait(as_tuple(use_awaitable));
            if (!silent_ && answers_.empty() && !stopped_) say("Timed out.");
        }
        socket_->close();
    }

    /// Ends run() soon.
    void stop()
    {
        stopped_ = true;
        timer_.cancel();
    }

    int report() const
    {
        if (json_) {
            std::string list;
            for (const auto& a : answers_) list += (list.empty() ? "" : ", ") + a;
            say((target_ ? "{\"target\": \"" + target_->to_string() + "\", \"answers\": ["
                         : std::string("{\"advertisements\": [")) +
                list + "]}");
        } else if (!silent_ && answers_.empty()) {
            say("No response.");
        }
        return answers_.empty() ? no_answer : success;
    }

private:
    void open()
    {
        socket_.emplace(net_.stack(), icmp::v6());
        socket_->set_option(int_option(IPPROTO_IPV6, IPV6_MULTICAST_HOPS, on_link));
        socket_->set_option(int_option(IPPROTO_IPV6, IPV6_MULTICAST_IF, zone));
    }

    void announce(const address_v6& to) const
    {
        const std::string name = net_.stack().interfaces().at(device).status.name;
        const std::string whom = tapio::core::without_zone(target_ ? *target_ : to).to_string();
        say("Soliciting " + (target_ ? options_.destination : whom) + " (" + whom + ") on " + name + "...");
    }

    asio::awaitable<void> receive()
    {
        std::vector<std::byte> datagram(65536);
        icmp::endpoint from;
        tapio::ip::packet_info info;
        for (;;) {
            const auto [error, n] =
                co_await tapio::ip::async_receive_message(*socket_, asio::buffer(datagram), from, info, as_tuple(use_awaitable));
            if (error == asio::error::operation_aborted || error == asio::error::bad_descriptor) co_return;
            if (error || info.ttl != on_link) continue; // RFC 4861 §6.1.2, §7.1.2: only from the link
            const auto message = std::span<const std::byte>(datagram).first(n);
            const std::string sender = tapio::core::without_zone(from.address()).to_string();
            const bool answered = target_ ? neighbor(message, sender) : router(message, sender);
            if (answered && !options_.several) co_return stop();
        }
    }

    /// A neighbour advertisement (RFC 4861 §4.4) about the target.
    bool neighbor(std::span<const std::byte> message, const std::string& sender)
    {
        octet_reader r(message);
        if (r.u8() != advertise || r.u8() != 0) return false;
        r.skip(2);
        const std::uint32_t flags = r.u32();
        const auto target = r.v6().to_v6();
        if (r.truncated() || target.to_bytes() != target_->to_bytes()) return false;
        const std::string mac = link_layer_address(r.rest(), target_option);
        if (mac.empty()) return false;
        answers_.push_back("{\"mac\": \"" + mac + "\", \"from\": \"" + sender +
                           "\", \"router\": " + (flags >> 31 != 0 ? "true" : "false") + '}');
        if (options_.quiet && !json_) say(mac);
        if (!silent_) say("Target link-layer address: " + mac + "\n from " + sender);
        return true;
    }

    bool router(std::span<const std::byte> message, const std::string& sender)
    {
        const auto told = describe_advertisement(message);
        if (!told) return false;
        answers_.push_back("{\"from\": \"" + sender + "\", " + told->json + '}');
        if (options_.quiet && !json_)
            for (const auto& prefix : told->prefixes) say(prefix);
        if (!silent_) say('\n' + told->text + " from " + sender);
        return true;
    }

    network& net_;
    const ndisc_options& options_;
    const bool json_, silent_;
    asio::steady_timer timer_;
    std::optional<address_v6> target_; ///< none: routers are looked for
    std::optional<icmp::socket> socket_;
    std::vector<std::string> answers_; ///< as JSON
    bool stopped_ = false;
};

int run_ndisc(const command& self, int argc, const char* const* argv)
{
    tool t(self);
    ndisc_options options;
    options.add_to(t.options);
    t.positional.add("destination", 1);
    return t.run(argc, argv, [&] {
        options.check();
        network net(t);
        discoverer one(net, t, options);
        net.run(one.run(), [&] { one.stop(); });
        return one.report();
    });
}

} // namespace

const command ndisc{"ndisc", "neighbour and router solicitations (IPv6)", "[options] DESTINATION | -r",
                    "  tapio ndisc --memory 2001:db8::2\n"
                    "  tapio ndisc --tap tap0 --address 2001:db8::2/64 2001:db8::1\n"
                    "  tapio ndisc --tap tap0 --address fe80::2/64 -r\n"
                    "Exit status: 0 somebody answered, 2 nobody did, or the command line is wrong; 1 another error.\n\n",
                    run_ndisc};

} // namespace apps::tools
