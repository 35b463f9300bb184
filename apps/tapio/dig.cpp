// dig: asks a DNS server, and prints its answer in the form of a zone file, like BIND's dig.
#include "tapio/dns_text.hpp"
#include "tapio/dns_tls.hpp"
#include "tapio/format.hpp"
#include "tapio/network.hpp"

#include <tapio/dns.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <optional>
#include <tuple>
#include <utility>

namespace apps::tools {

namespace {

namespace asio = boost::asio;
namespace dns = tapio::dns;
using clock_type = std::chrono::steady_clock;

constexpr std::array<const char*, 2> mdns_groups{"224.0.0.251", "ff02::fb"};
constexpr std::uint16_t mdns_port = 5353;
constexpr int no_reply = 9, wrong_question = 1, other_error = 10; // the exit statuses of dig

struct dig_options
{
    std::vector<std::string> words; ///< "@server", "+short", name, type
    std::string reverse;
    std::uint16_t port = 0; ///< 0: 53, by TLS 853
    std::chrono::nanoseconds timeout = std::chrono::seconds(5);
    unsigned tries = 3;
    bool brief = false, tcp = false, mdns = false;
    dns_tls_options tls;

    void add_to(po::options_description& d)
    {
        d.add_options() //
            ("question", po::value(&words),
             "@SERVER, a name, a type [A]; +short, +tcp, +tls and the like as of dig and kdig (without the option's name)") //
            ("reverse,x", po::value(&reverse), "the name of an address (PTR)")                                              //
            ("port,p", number(port, 0, 65535), "port of the server; 0: 53, or by TLS 853")                                  //
            ("short", po::bool_switch(&brief), "only what the records say")                                                 //
            ("tcp", po::bool_switch(&tcp), "by TCP")                                                                        //
            ("mdns", po::bool_switch(&mdns), "ask all hosts of the link (RFC 6762), as with @224.0.0.251 or @ff02::fb")     //
            ("timeout,w", seconds_option(timeout), "seconds to wait for one answer [5]")                                    //
            ("tries", number(tries, 1, 5), "how often to ask");
    }
};

struct dig_question
{
    std::string server; ///< empty: those that DHCP or routers have named
    dns::name name;
    dns::record_type type = dns::record_type::a;
};

bool is_mdns_group(const std::string& server)
{
    return std::find(mdns_groups.begin(), mdns_groups.end(), server) != mdns_groups.end();
}

dns::name parse_name(const std::string& text)
{
    const auto n = dns::name::parse(text);
    if (!n) throw usage_error("'" + text + "' is not a domain name");
    return *n;
}

/// Reads the words, which may come in any order but for the name and its type.
dig_question question_of(dig_options& o)
{
    dig_question q;
    std::vector<std::string> rest;
    for (const std::string& w : o.words) {
        if (w.front() == '@') {
            q.server = w.substr(1);
            o.mdns = o.mdns || is_mdns_group(q.server);
        } else if (w == "+short" || w == "+tcp" || w == "+vc") {
            (w == "+short" ? o.brief : o.tcp) = true;
        } else if (o.tls.take(w)) {
            continue;
        } else if (w.front() == '+') {
            throw usage_error(w + ": there are +short, +tcp, +tls, +tls-ca[=FILE], +tls-hostname=NAME and +tls-pin=BASE64");
        } else {
            rest.push_back(w);
        }
    }
    if (o.mdns && !q.server.empty() && !is_mdns_group(q.server)) throw usage_error("--mdns asks no server");
    if (!o.reverse.empty()) {
        if (!rest.empty()) throw usage_error("-x takes no other name");
        q.name = parse_name(reverse_name(parse_address(o.reverse)));
        q.type = dns::record_type::ptr;
        return q;
    }
    if (rest.empty() || rest.size() > 2) throw usage_error("give a name, and perhaps a type of records, like example.com MX");
    q.name = parse_name(rest[0]);
    if (rest.size() == 1) return q;
    const auto type = record_type_of(rest[1]);
    if (!type) throw usage_error("'" + rest[1] + "' is not a type of records, like A, MX or TYPE257");
    q.type = *type;
    return q;
}

class digger
{
public:
    using tls = std::shared_ptr<tapio::core::secure_streams>;

    digger(network& net, const tool& t, const dig_options& o, dig_question q, tls by)
        : net_(net), json_(t.json), options_(o), question_(std::move(q)), tls_(std::move(by))
    {
    }

    asio::awaitable<void> run()
    {
        tapio::dns_options o;
        if (options_.mdns) {
            o.mdns = tapio::mdns_use::all_names;
        } else if (!question_.server.empty()) {
            const auto server = co_await resolve(net_.stack(), question_.server, family_choice::any, no_reply);
            o.servers = {{server, options_.port}};
        }
        o.tls = tls_;
        if (options_.port != 0) o.tls_port = options_.port;
        o.use_tcp = options_.tcp;
        o.timeout = std::chrono::duration_cast<std::chrono::milliseconds>(options_.timeout);
        o.attempts = options_.tries;
        o.cache_entries = 0;
        net_.stack().set_dns(o);
        const auto began = clock_type::now();
        std::tie(error_, answer_) =
            co_await dns::async_query(net_.stack(), question_.name, question_.type, asio::as_tuple(asio::use_awaitable));
        took_ = clock_type::now() - began;
    }

    int report() const
    {
        const std::string server = server_text();
        const bool answered = has_answer();
        if (!answered && !json_) {
            const std::string why = net_.stack().dns().tls_failure;
            say(";; no answer from " + server + ": " + (why.empty() ? error_.message() : why));
            return no_reply;
        }
        const dns_report r{question_.name, question_.type, answer_, server, transport(), took_, answered};
        const std::string text = json_ ? dns_json(r) : options_.brief ? dns_brief(r) : dns_full(r);
        std::fputs(text.c_str(), stdout);
        return answered ? success : no_reply;
    }

private:
    std::string server_text() const
    {
        if (options_.mdns) return endpoint_text(asio::ip::make_address(mdns_groups[0]), mdns_port);
        const auto servers = net_.stack().dns().servers;
        return servers.empty() ? "no server" : endpoint_text(servers[0].address, port());
    }
    /// Without a record there is a response code all the same; it is a server's if one message at least has been answered.
    bool has_answer() const
    {
        if (!error_ || error_ == asio::error::no_data) return true;
        const auto c = net_.stack().dns().counters;
        return answer_.code != dns::response_code::no_error &&
               c.timeouts + c.unreachable < c.datagrams + c.streams + c.secure_streams;
    }
    std::uint16_t port() const { return options_.port != 0 ? options_.port : options_.tls.on ? 853 : 53; }
    const char* transport() const { return options_.tls.on ? "TLS" : options_.tcp ? "TCP" : "UDP"; }

    network& net_;
    const bool json_;
    const dig_options& options_;
    const dig_question question_;
    const tls tls_;
    boost::system::error_code error_;
    dns::answer answer_;
    clock_type::duration took_{};
};

int run_dig(const command& self, int argc, const char* const* argv)
{
    tool t(self);
    dig_options options;
    options.add_to(t.options);
    t.positional.add("question", -1);
    t.usage_status = wrong_question;
    t.failure_status = other_error;
    return t.run(argc, argv, [&] {
        dig_question question = question_of(options);
        auto tls = make_dns_tls(options.tls, other_error);
        network net(t);
        digger one(net, t, options, std::move(question), std::move(tls));
        if (!net.run(one.run())) return interrupted_status;
        return one.report();
    });
}

} // namespace

const command dig{
    "dig", "asks a DNS server, or the hosts of the link, for the records of a name",
    "[options] [@SERVER] NAME [TYPE] [+short] [+tcp] [+tls]",
    "  tapio dig --tap tap0 --address 198.18.0.2/24 @198.18.0.1 example.com\n"
    "  tapio dig --tap tap0 --dhcp example.com MX +short\n"
    "  tapio dig --tap tap0 --dhcp -x 2001:db8::1 --json\n"
    "  tapio dig --tap tap0 --dhcp @198.18.0.1 example.com +tls-ca=ca.pem +tls-hostname=dns.example\n"
    "  tapio dig --tap tap0 --address 198.18.0.2/24 --mdns _http._tcp.local PTR\n"
    "Without a server it asks those that DHCP or IPv6 routers have named. Exit status, as of dig: 0 a server has answered,\n"
    "perhaps that there is no such name; 1 wrong usage; 9 no answer; 10 another error. +tls alone takes any server's\n"
    "certificate; +tls-ca, +tls-hostname and +tls-pin authenticate the server.\n\n",
    run_dig};

} // namespace apps::tools
