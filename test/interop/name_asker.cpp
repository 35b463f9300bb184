// A host on a TAP device that asks a DNS server; test/interop/dns_peers runs it.
//
//   name_asker TAP ADDRESS PREFIX-LENGTH SERVER [AUTHORITIES SERVER-NAME]
//
// Reads lines "TYPE NAME" (a, aaaa, cname, mx, ns, ptr, soa, srv, txt, or a number), "host NAME", "address ADDRESS", and "burst
// NUMBER" (addresses of so many names at the same time), and prints what it was told, records in order, without TTLs. With a file
// of authorities and a name it asks by TLS.
#include <tapio/device/tap.hpp>
#include <tapio/dns.hpp>
#ifdef TAPIO_TESTS_HAVE_TLS
#include <tapio/dns_over_tls.hpp>
#endif
#include <tapio/ip/tcp.hpp>
#include <tapio/stack.hpp>

#include <boost/asio.hpp>

#include <algorithm>
#include <array>
#include <exception>
#include <iomanip>
#include <iostream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

namespace {

namespace asio = boost::asio;
namespace dns = tapio::dns;
using asio::ip::make_address;
using boost::system::error_code;
using tapio::ip::tcp;

struct text_of_data
{
    std::string operator()(const asio::ip::address_v4& a) const { return a.to_string(); }
    std::string operator()(const asio::ip::address_v6& a) const { return a.to_string(); }
    std::string operator()(const dns::name& n) const { return n.to_string(); }
    std::string operator()(const dns::mail_exchange& m) const
    {
        return std::to_string(m.preference) + ' ' + m.exchange.to_string();
    }
    std::string operator()(const dns::service_location& s) const
    {
        std::ostringstream out;
        out << s.priority << ' ' << s.weight << ' ' << s.port << ' ' << s.target.to_string();
        return out.str();
    }
    std::string operator()(const dns::zone_authority& s) const
    {
        std::ostringstream out;
        out << s.primary.to_string() << ' ' << s.mailbox.to_string() << ' ' << s.serial << ' ' << s.refresh << ' ' << s.retry
            << ' ' << s.expire << ' ' << s.minimum;
        return out.str();
    }
    std::string operator()(const dns::text_strings& all) const
    {
        std::string out;
        for (const std::string& s : all) out += (out.empty() ? "\"" : " \"") + s + '"';
        return out;
    }
    std::string operator()(const dns::unknown_data& all) const
    {
        std::ostringstream out;
        for (const std::byte b : all) out << std::hex << std::setw(2) << std::setfill('0') << std::to_integer<int>(b);
        return out.str();
    }
};

std::string text_of(const error_code& ec)
{
    if (ec == asio::error::host_not_found) return "no such name";
    if (ec == asio::error::no_data) return "no such type";
    if (ec == asio::error::host_not_found_try_again) return "try again";
    return ec.message();
}

dns::record_type type_of(const std::string& text)
{
    using enum dns::record_type;
    static const std::map<std::string, dns::record_type> known{{"a", a},     {"aaaa", aaaa}, {"cname", cname},
                                                               {"mx", mx},   {"ns", ns},     {"ptr", ptr},
                                                               {"soa", soa}, {"srv", srv},   {"txt", txt}};
    const auto at = known.find(text);
    return at != known.end() ? at->second : static_cast<dns::record_type>(std::stoul(text));
}

/// All at the same time. @return how many were answered, and by how many messages
asio::awaitable<std::string> ask_many(tapio::stack& stack, std::size_t number)
{
    std::size_t answered = 0, over = 0;
    const auto before = stack.dns().counters.secure_streams;
    asio::steady_timer end(co_await asio::this_coro::executor, std::chrono::seconds(20));
    for (std::size_t i = 0; i < number; ++i)
        dns::async_query(stack, "h" + std::to_string(i) + ".burst.example", dns::record_type::a, [&](error_code ec, const auto&) {
            answered += ec ? 0 : 1;
            if (++over == number) end.cancel();
        });
    co_await end.async_wait(asio::as_tuple(asio::use_awaitable));
    co_return std::to_string(answered) + " answers to " + std::to_string(stack.dns().counters.secure_streams - before) +
        " messages by TLS";
}

asio::awaitable<std::vector<std::string>> ask(tapio::stack& stack, const std::string& what, const std::string& about)
{
    std::vector<std::string> out;
    const auto token = asio::as_tuple(asio::use_awaitable);
    tcp::resolver resolver(stack);
    if (what == "host") {
        const auto [ec, found] = co_await resolver.async_resolve(about, "", token);
        if (ec) out.push_back(text_of(ec));
        for (const auto& e : found) out.push_back(e.endpoint().address().to_string());
    } else if (what == "address") {
        const auto [ec, found] = co_await resolver.async_resolve(tcp::endpoint(make_address(about), 0), token);
        out.push_back(ec ? text_of(ec) : found.begin()->host_name());
    } else if (what == "burst") {
        out.push_back(co_await ask_many(stack, std::stoul(about)));
    } else {
        const auto [ec, answer] = co_await dns::async_query(stack, about, type_of(what), token);
        if (ec) out.push_back(text_of(ec));
        for (const dns::record& r : answer.records) out.push_back(r.owner.to_string() + ' ' + std::visit(text_of_data{}, r.data));
    }
    co_return out;
}

asio::awaitable<void> ask_all(tapio::stack& stack, bool& failed)
try {
    for (std::string what, about; std::cin >> what >> about;) {
        auto found = co_await ask(stack, what, about);
        std::sort(found.begin(), found.end()); // servers rotate records
        std::cout << what << ' ' << about << '\n';
        for (const std::string& line : found) std::cout << "  " << line << '\n';
        std::cout.flush();
    }
    const auto c = stack.dns().counters;
    std::cout << "mismatches " << c.mismatches << ", timeouts " << c.timeouts << '\n';
    stack.shutdown();
} catch (const std::exception& e) {
    std::cerr << "name_asker: " << e.what() << '\n';
    failed = true;
    stack.shutdown();
}

std::shared_ptr<tapio::core::secure_streams> tls_of([[maybe_unused]] const char* authorities, [[maybe_unused]] const char* name)
{
#ifdef TAPIO_TESTS_HAVE_TLS
    return tapio::make_dns_over_tls({.identity = {.name = name}, .authorities = authorities});
#else
    throw std::runtime_error("this build is without OpenSSL");
#endif
}

} // namespace

int main(int argc, char** arguments)
try {
    if (argc != 5 && argc != 7) return std::cerr << "name_asker TAP ADDRESS PREFIX-LENGTH SERVER [AUTHORITIES SERVER-NAME]\n", 2;
    asio::io_context io(1);
    tapio::stack stack(io, tapio::open_tap({.name = arguments[1]}));
    stack.add_address(make_address(arguments[2]), static_cast<unsigned>(std::stoul(arguments[3])));
    tapio::dns_options options;
    options.servers = {{make_address(arguments[4]), 53}};
    if (argc == 7) options.tls = tls_of(arguments[5], arguments[6]);
    stack.set_dns(options);
    bool failed = false;
    asio::co_spawn(stack, ask_all(stack, failed), asio::detached);
    io.run();
    return failed ? 1 : 0;
} catch (const std::exception& e) {
    std::cerr << "name_asker: " << e.what() << '\n';
    return 1;
}
