// http: fetches a URL with curl's options and exit statuses, or serves a directory.
#include "http_server/server.hpp"
#include "tapio/format.hpp"
#include "tapio/http_client.hpp"
#include "tapio/network.hpp"
#include "tapio/time_limit.hpp"

#include <boost/asio/steady_timer.hpp>

#include <cstdio>
#include <iostream>
#include <memory>
#include <unistd.h>

namespace apps::tools {

namespace {

namespace asio = boost::asio;
using asio::as_tuple;
using asio::use_awaitable;
using boost::system::error_code;
using tapio::ip::tcp;

struct http_options
{
    std::string address, output, method, directory, mdns;
    std::vector<std::string> fields, names;
    bool head = false, include = false, fail = false, follow = false, silent = false;
    std::chrono::nanoseconds connect_patience{}, patience{};
    std::uint16_t port = 80;
    tls_options tls;
    family_options family;

    void add_to(po::options_description& d)
    {
        d.add_options()                                                                                                  //
            ("url", po::value(&address), "what to fetch")                                                                //
            ("output,o", po::value(&output), "write the body to this file instead of standard output")                   //
            ("head,I", po::bool_switch(&head), "ask by HEAD, and print the fields of the answer")                        //
            ("include,i", po::bool_switch(&include), "print the fields of the answer, too")                              //
            ("fail,f", po::bool_switch(&fail), "no output and exit status 22 if the server says 400 or more")            //
            ("location,L", po::bool_switch(&follow), "follow redirections, ten at most")                                 //
            ("request,X", po::value(&method), "method in the place of GET")                                              //
            ("header,H", po::value(&fields), "field of the request, like 'Accept: text/html'; repeatable")               //
            ("resolve", po::value(&names), "HOST:PORT:ADDRESS: the address of a host; repeatable (the port is ignored)") //
            ("connect-timeout", seconds_option(connect_patience), "seconds for the connection")                          //
            ("max-time,m", seconds_option(patience), "seconds for everything")                                           //
            ("silent,s", po::bool_switch(&silent), "no progress, no error messages")                                     //
            ("insecure,k", po::bool_switch(&tls.insecure), "https: take any certificate")                                //
            ("cacert", po::value(&tls.authorities), "https: certificates of authorities, instead of the system's")       //
            ("serve", po::value(&directory), "serve this directory instead (GET, HEAD; a status page at /status)")       //
            ("port", port_number(port), "port to serve on")                                                              //
            ("mdns", po::value(&mdns), "with --serve: be NAME.local, with a service of type _http._tcp (RFC 6762, 6763)");
        family.add_to(d);
    }

    std::string verb() const { return !method.empty() ? method : head ? "HEAD" : "GET"; }
};

/// Where the body goes: standard output or a file, which is made when the first octet comes.
class output
{
public:
    output(const http_options& o, bool json) : options_(o), discard_(json && o.output.empty()), progress_(shows_progress()) {}
    ~output()
    {
        if (file_ != nullptr && file_ != stdout) std::fclose(file_);
        end_progress();
    }
    output(const output&) = delete;
    output& operator=(const output&) = delete;

    void take(const http_answer& a, const char* data, std::size_t size, std::uint64_t whole)
    {
        if (discard_ || (options_.fail && a.status >= 400)) return;
        if (data == nullptr && (options_.include || options_.head)) write(a.head.data(), a.head.size());
        if (data == nullptr && !options_.output.empty()) write("", 0); // an empty body makes an empty file
        if (size > 0) write(data, size);
        if (progress_) show(a.octets, whole);
    }

    /// Writes what is buffered.
    void finish()
    {
        end_progress();
        std::FILE* const f = std::exchange(file_, nullptr);
        if (f == nullptr) return;
        if ((f == stdout ? std::fflush(f) : std::fclose(f)) != 0) throw tool_error("cannot write the output", curl_write_error);
    }

private:
    bool shows_progress() const { return !options_.silent && !options_.output.empty() && ::isatty(STDERR_FILENO) != 0; }

    void write(const char* data, std::size_t size)
    {
        if (file_ == nullptr)
            file_ = options_.output.empty() || options_.output == "-" ? stdout : std::fopen(options_.output.c_str(), "wb");
        if (file_ == nullptr) throw tool_error(options_.output + ": cannot be written", curl_write_error);
        if (std::fwrite(data, 1, size, file_) != size) throw tool_error("cannot write the output", curl_write_error);
    }

    void end_progress()
    {
        if (std::exchange(shown_, false)) std::cerr << std::endl;
    }

    void show(std::uint64_t octets, std::uint64_t whole)
    {
        const auto now = std::chrono::steady_clock::now();
        if (now - last_ < std::chrono::milliseconds(200)) return;
        last_ = now;
        shown_ = true;
        const double seconds = std::chrono::duration<double>(now - begin_).count();
        std::cerr << "\r" << format_bytes(static_cast<double>(octets));
        if (whole > 0) std::cerr << " of " << format_bytes(static_cast<double>(whole));
        std::cerr << ", " << format_bytes(static_cast<double>(octets) / std::max(seconds, 1e-3)) << "/s   " << std::flush;
    }

    const http_options& options_;
    const bool discard_, progress_;
    std::FILE* file_ = nullptr;
    bool shown_ = false;
    const std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
    std::chrono::steady_clock::time_point last_ = begin_;
};

class fetcher
{
public:
    fetcher(network& net, const tool& t, const http_options& o) : net_(net), options_(o), json_(t.json), out_(o, t.json)
    {
        for (const std::string& n : o.names) add_name(n);
    }

    asio::awaitable<void> run()
    {
        const auto to = parse_url(options_.address);
        if (!to) throw tool_error("'" + options_.address + "' is not a URL of http or https", curl_bad_url);
        http_request what{*to, options_.verb(), options_.fields};
        constexpr int most_redirections = 10;
        for (int i = 0;; ++i) {
            answer_ = co_await fetch(what);
            if (!options_.follow || answer_.location.empty() || answer_.status / 100 != 3) break;
            if (i == most_redirections) throw tool_error("too many redirections", curl_too_many_redirects);
            const auto next = follow(what.to, answer_.location);
            if (!next) throw tool_error("the redirection leads nowhere: " + answer_.location, curl_bad_url);
            what.to = *next;
        }
        out_.finish();
        if (options_.fail && answer_.status >= 400)
            throw tool_error("the server answered " + std::to_string(answer_.status), curl_http_error);
        if (json_)
            say("{\"status\": " + std::to_string(answer_.status) + ", \"octets\": " + std::to_string(answer_.octets) + '}');
    }

    void time_out()
    {
        timed_out_ = true;
        net_.io().stop();
    }
    bool timed_out() const { return timed_out_; }

private:
    void add_name(const std::string& text)
    {
        const auto first = text.find(':'), second = text.find(':', first + 1);
        if (first == text.npos || second == text.npos) throw usage_error("--resolve " + text + ": not HOST:PORT:ADDRESS");
        std::string address = text.substr(second + 1);
        if (address.starts_with('[') && address.ends_with(']')) address = address.substr(1, address.size() - 2);
        net_.stack().add_host_name(text.substr(0, first), parse_address(address));
    }

    asio::awaitable<http_answer> fetch(const http_request& what)
    {
        tcp::socket socket = co_await connect(what.to);
        const body_sink sink = [this](const http_answer& a, const char* data, std::size_t size, std::uint64_t whole) {
            const bool redirection = options_.follow && a.status / 100 == 3;
            if (!redirection) out_.take(a, data, size, whole);
        };
        if (what.to.tls) co_return co_await https(std::move(socket), what, options_.tls, sink);
        co_return co_await exchange(socket, what, sink);
    }

    asio::awaitable<tcp::socket> connect(const url& to)
    {
        const auto address = co_await resolve(net_.stack(), to.host, options_.family.choice(), curl_no_host);
        tcp::socket socket(net_.stack());
        time_limit limit(net_.io(), options_.connect_patience, [&socket] { socket.close(); });
        const auto [error] = co_await socket.async_connect({address, to.port}, as_tuple(use_awaitable));
        const bool timed_out = limit.end() || error == asio::error::timed_out;
        if (timed_out) throw tool_error("connect to " + to.authority() + ": timed out", curl_timed_out);
        if (error) throw tool_error("connect to " + to.authority() + ": " + error.message(), curl_no_connection);
        co_return socket;
    }

    network& net_;
    const http_options& options_;
    const bool json_;
    output out_;
    http_answer answer_;
    bool timed_out_ = false;
};

int fetch(const tool& t, const http_options& options)
{
    network net(t);
    fetcher one(net, t, options);
    asio::steady_timer whole(net.io());
    if (options.patience.count() > 0) {
        whole.expires_after(options.patience);
        whole.async_wait([&](error_code e) {
            if (!e) one.time_out();
        });
    }
    const bool uninterrupted = net.run(one.run());
    if (one.timed_out()) throw tool_error("timed out", curl_timed_out);
    return uninterrupted ? int{success} : interrupted_status;
}

void publish(tapio::stack& stack, const http_options& options)
{
    tapio::mdns_options o;
    o.host_name = options.mdns;
    o.services.push_back({{}, "_http._tcp", options.port, {}});
    try {
        stack.publish(o);
    } catch (const boost::system::system_error& e) {
        throw usage_error("--mdns " + options.mdns + ": " + e.code().message());
    }
}

int serve(const tool& t, const http_options& options)
{
    http_server::site site;
    site.root.emplace(options.directory);
    network net(t);
    auto& stack = net.stack();
    show_host(site, stack);
    http_server::server server(net.io(), stack, {tcp::v6(), options.port}, site);
    if (!options.mdns.empty()) publish(stack, options);
    asio::steady_timer for_ever(net.io(), asio::steady_timer::time_point::max());
    say("ready: http on port " + std::to_string(options.port));
    net.run(for_ever.async_wait(use_awaitable), [&] { server.stop([&] { drain(stack, [&] { net.io().stop(); }); }); });
    return success;
}

int run_http(const command& self, int argc, const char* const* argv)
{
    tool t(self);
    http_options options;
    options.add_to(t.options);
    t.positional.add("url", 1);
    t.failure_status = curl_receive_failed;
    return t.run(argc, argv, [&] {
        options.family.choice();
        if (options.address.empty() == options.directory.empty()) throw usage_error("give a URL, or --serve DIRECTORY");
        return options.directory.empty() ? fetch(t, options) : serve(t, options);
    });
}

} // namespace

const command http{
    "http", "fetch a URL, or serve a directory", "[options] URL  or  --serve DIRECTORY [options]",
    "  tapio http --memory -i http://198.18.0.2/\n"
    "  tapio http --tap tap0 --address 198.18.0.2/24 -o page.html http://198.18.0.1:8000/\n"
    "  tapio http --tap tap0 --address 198.18.0.2/24 --serve . --port 8080 --mdns desk\n"
    "Exit status: curl's, such as 6 unknown host, 7 no connection, 22 (with -f) an error of the server, 28 timed out.\n\n",
    run_http};

} // namespace apps::tools
