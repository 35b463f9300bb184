// dhcp: asks DHCP servers for addresses, says what they give, and what becomes of it.
#include "tapio/dhcp_text.hpp"
#include "tapio/format.hpp"
#include "tapio/network.hpp"
#include "tapio/time_limit.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>
#include <cstdio>

namespace apps::tools {

namespace {

namespace asio = boost::asio;
using asio::use_awaitable;
using clock_type = std::chrono::steady_clock;

struct dhcp_options
{
    family_options family;
    bool stateless = false, prefix = false, once = false, release = false, no_probe = false, no_rapid_commit = false;
    unsigned prefix_length = 0;
    std::string requested;
    std::chrono::nanoseconds timeout = std::chrono::seconds(30);

    void add_to(po::options_description& d)
    {
        family.add_to(d);
        d.add_options()                                                                                           //
            ("stateless", po::bool_switch(&stateless), "of DHCPv6, ask for servers of DNS and time alone")        //
            ("prefix", po::bool_switch(&prefix), "of DHCPv6, also ask for a prefix (prefix delegation)")          //
            ("prefix-length", number(prefix_length, 0, 128), "its length, as a hint for the server; 0: none")     //
            ("request", po::value(&requested), "of DHCPv4, the address that this host had before")                //
            ("no-probe", po::bool_switch(&no_probe), "use an IPv4 address without probing it first (4 to 7 s)")   //
            ("no-rapid-commit", po::bool_switch(&no_rapid_commit), "always in four messages")                     //
            ("once", po::bool_switch(&once), "end when each client has been given something, or after --timeout") //
            ("timeout,w", seconds_option(timeout), "seconds to wait with --once; 0: for ever [30]")               //
            ("release", po::bool_switch(&release), "give everything back at the end");
    }

    tapio::configure_options wanted(const host_options& host) const
    {
        const auto choice = family.choice();
        tapio::configure_options o;
        o.dhcpv4 = choice != family_choice::v6;
        o.slaac = false;
        o.dhcpv6 = choice == family_choice::v4 ? tapio::dhcpv6_use::off
                   : stateless                 ? tapio::dhcpv6_use::stateless
                                               : tapio::dhcpv6_use::stateful;
        o.delegate_prefix = prefix && choice != family_choice::v4;
        o.wanted_prefix_length = prefix_length;
        o.hostname = host.hostname;
        o.detect_conflicts = !no_probe;
        o.rapid_commit = !no_rapid_commit;
        if (requested.empty()) return o;
        const auto before = parse_address(requested);
        if (!before.is_v4()) throw usage_error("--request " + requested + ": it takes an IPv4 address");
        o.requested_address = before.to_v4();
        return o;
    }
};

class dhcp_session
{
public:
    dhcp_session(network& net, const tool& t, const dhcp_options& options)
        : net_(net), options_(options), wanted_(options.wanted(t.host)), json_(t.json)
    {
    }

    /// Goes on until it is abandoned, or with --once until there is something of each family.
    asio::awaitable<void> run()
    {
        configure_by_dhcp(net_.stack(), wanted_);
        time_limit limit(net_.io(), options_.once ? options_.timeout : std::chrono::nanoseconds(0), [this] { net_.io().stop(); });
        for (told_ = net_.stack().configuration();;) {
            if (options_.once && is_complete(told_)) co_return;
            tell(co_await net_.stack().async_wait_configuration(1, told_.version, use_awaitable));
        }
    }

    /// Gives back what there is, and waits until the servers have been told.
    asio::awaitable<void> give_back()
    {
        constexpr std::chrono::milliseconds step{50}, most{3000};
        net_.stack().release_lease();
        asio::steady_timer timer(net_.io());
        for (auto waited = step; waited <= most; waited += step) {
            timer.expires_after(step);
            co_await timer.async_wait(use_awaitable);
            tell(net_.stack().configuration());
            if (told_.dhcpv6 == tapio::dhcpv6_state::off && waited >= 10 * step) break;
        }
    }

    bool has_anything() const { return told_.lease || told_.lease_v6; }
    bool has_had_anything() const { return had_; }

private:
    bool is_complete(const tapio::interface_configuration& c) const
    {
        return (!wanted_.dhcpv4 || c.lease) && (wanted_.dhcpv6 == tapio::dhcpv6_use::off || c.lease_v6);
    }

    void tell(const tapio::interface_configuration& c)
    {
        const bool v4 = c.dhcpv4 != told_.dhcpv4 || c.lease != told_.lease;
        const bool v6 = c.dhcpv6 != told_.dhcpv6 || c.lease_v6 != told_.lease_v6;
        if (json_ && (v4 || v6)) say(leases_json(c, std::chrono::duration<double>(clock_type::now() - began_).count()));
        if (!json_ && v4) tell_one("DHCPv4", tapio::core::name(c.dhcpv4), c.lease, told_.lease);
        if (!json_ && v6) tell_one("DHCPv6", tapio::core::name(c.dhcpv6), c.lease_v6, told_.lease_v6);
        told_ = c;
        had_ = had_ || has_anything();
    }

    /// The state in a line, and the lease below it if it is a new one.
    template <class Lease>
    void tell_one(const char* client, const char* state, const Lease& present, const Lease& before) const
    {
        std::string text = '+' + format_ms(clock_type::now() - began_, 0) + " ms  " + client + ' ' + state;
        if (!present && before) text += ": nothing is leased any more";
        text += '\n';
        if (present && present != before) text += lease_text(*present, "    ");
        std::fputs(text.c_str(), stdout);
        std::fflush(stdout);
    }

    network& net_;
    const dhcp_options& options_;
    const tapio::configure_options wanted_;
    const bool json_;
    const clock_type::time_point began_ = clock_type::now();
    tapio::interface_configuration told_;
    bool had_ = false;
};

int run_dhcp(const command& self, int argc, const char* const* argv)
{
    tool t(self);
    dhcp_options options;
    options.add_to(t.options);
    t.has_memory = false;
    t.host.needs_address = false;
    return t.run(argc, argv, [&] {
        if (t.host.wants_dhcp() || t.host.autoconf) throw usage_error("this command needs no --dhcp and no --autoconf");
        options.family.choice();
        network net(t);
        dhcp_session one(net, t, options);
        (void)net.run(one.run());
        if (options.release && one.has_anything()) (void)net.run(one.give_back());
        return one.has_had_anything() ? success : failure;
    });
}

} // namespace

const command dhcp{"dhcp", "asks DHCP servers for addresses, and says what they give", "[options]",
                   "  tapio dhcp --tap tap0\n"
                   "  tapio dhcp --tap tap0 -4 --once --json\n"
                   "  tapio dhcp --tap tap0 -6 --prefix --prefix-length 56 --release\n"
                   "It goes on, and says what changes, until Ctrl-C.\n"
                   "Exit status: 0 something was given, 1 nothing, 2 another error.\n\n",
                   run_dhcp};

} // namespace apps::tools
