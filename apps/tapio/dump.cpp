// dump: packets of a capture file or of an interface, a line each, with tcpdump's options.
#include "tapio/capture_file.hpp"
#include "tapio/decode.hpp"
#include "tapio/filter.hpp"
#include "tapio/format.hpp"
#include "tapio/live_capture.hpp"
#include "tapio/terminal.hpp"
#include "tapio/tool.hpp"

#include <tapio/device/pcapng.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/descriptor_base.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include <cstdio>
#include <ctime>
#include <fstream>
#include <iostream>
#include <map>
#include <unistd.h>

namespace apps::tools {

namespace {

namespace asio = boost::asio;
namespace core = tapio::core;

struct dump_options
{
    std::string read, write, interface;
    std::vector<std::string> filter;
    std::uint64_t count = 0; ///< 0: all
    bool numeric = false, hex = false, link = false, absolute = false, no_time = false, epoch = false;

    void add_to(po::options_description& d)
    {
        d.add_options()                                                                                            //
            ("filter", po::value(&filter), "which packets, in libpcap's syntax: tcp port 80 and host 198.18.0.1")  //
            ("read,r", po::value(&read), "capture file, pcap or pcapng; -: standard input")                        //
            ("interface,i", po::value(&interface), "interface of the kernel, such as the TAP device of a program") //
            ("write,w", po::value(&write), "write the packets to this file (pcapng) instead of printing them")     //
            ("count,c", number(count, 0, INT64_MAX), "end after so many packets; 0: never")                        //
            ("numeric,n", po::bool_switch(&numeric), "print numbers (names are never looked up)")                  //
            ("hex,x", po::bool_switch(&hex), "also print the octets")                                              //
            ("link,e", po::bool_switch(&link), "also print the link-layer addresses")                              //
            ("absolute,S", po::bool_switch(&absolute), "TCP sequence numbers as they are")                         //
            ("no-time,t", po::bool_switch(&no_time), "do not print the time")                                      //
            ("epoch", po::bool_switch(&epoch), "print the time in seconds since 1970");
    }

    std::string expression() const
    {
        std::string out;
        for (const std::string& word : filter) out += (out.empty() ? "" : " ") + word;
        return out;
    }
};

std::string escaped(const std::string& text)
{
    std::string out;
    for (const char c : text) {
        if (c == '"' || c == '\\') out += '\\';
        out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
    return out;
}

class dumper
{
public:
    dumper(const tool& t, const dump_options& o)
        : options_(o), json_(t.json), filter_(o.expression()), decoder_({.link = o.link, .absolute = o.absolute})
    {
        if (!o.write.empty()) file_.emplace(o.write);
    }

    packet_filter& filter() { return filter_; }

    /// @return false when enough have come
    bool take(const captured_packet& p)
    {
        if (!filter_.matches(p.link, p.octets, p.original)) return true;
        ++packets_;
        file_ ? write(p) : print(p);
        return options_.count == 0 || packets_ < options_.count;
    }

    void finish()
    {
        if (file_) file_->flush();
        std::fflush(stdout);
        if (file_ && file_->error()) throw boost::system::system_error(file_->error(), options_.write);
        if (options_.read.empty() || file_) std::cerr << packets_ << " packets" << std::endl;
    }

private:
    void write(const captured_packet& p)
    {
        const auto link = link_type_of(p.link);
        if (!link) throw std::runtime_error("packets of link type " + std::to_string(p.link) + " cannot be written");
        auto known = written_.find({p.link, p.interface});
        if (known == written_.end()) {
            core::device_info device;
            device.name = options_.interface.empty() ? "interface " + std::to_string(p.interface) : options_.interface;
            device.link = *link;
            known = written_.emplace(std::pair(p.link, p.interface), file_->add_interface(device)).first;
        }
        file_->write(known->second, core::packet(core::slice::copy_of(p.octets)), p.time,
                     tapio::pcapng_writer::direction::unknown);
    }

    void print(const captured_packet& p)
    {
        const auto link = link_type_of(p.link);
        const std::string text = link ? decoder_.line(p.octets, *link) : "link type " + std::to_string(p.link);
        if (json_) {
            std::printf("{\"time\": %s, \"length\": %zu, \"text\": \"%s\"}\n", seconds(p.time).c_str(), p.original,
                        escaped(text).c_str());
            return;
        }
        const std::string when = options_.no_time ? "" : in(colour::dim, options_.epoch ? seconds(p.time) : clock(p.time)) + ' ';
        std::fputs((when + text + '\n').c_str(), stdout);
        if (options_.hex) std::fputs(hex_dump(p.octets).c_str(), stdout);
        if (options_.read.empty()) std::fflush(stdout);
    }

    static std::string fraction(std::chrono::nanoseconds t)
    {
        const std::string us = std::to_string(t.count() % 1'000'000'000 / 1000);
        return '.' + std::string(6 - us.size(), '0') + us;
    }
    static std::string seconds(std::chrono::nanoseconds t) { return std::to_string(t.count() / 1'000'000'000) + fraction(t); }
    static std::string clock(std::chrono::nanoseconds t)
    {
        const auto when = static_cast<std::time_t>(t.count() / 1'000'000'000);
        std::tm local{};
        std::array<char, 16> text{};
        localtime_r(&when, &local);
        std::strftime(text.data(), text.size(), "%H:%M:%S", &local);
        return text.data() + fraction(t);
    }

    const dump_options& options_;
    const bool json_;
    packet_filter filter_;
    decoder decoder_;
    std::optional<tapio::pcapng_writer> file_;
    std::map<std::pair<unsigned, std::uint32_t>, std::uint32_t> written_; ///< interfaces of `file_`
    std::uint64_t packets_ = 0;
};

void dump_file(dumper& out, const dump_options& o)
{
    std::ifstream file;
    if (o.read != "-") file.open(o.read, std::ios::binary);
    if (o.read != "-" && !file) throw std::runtime_error(o.read + ": cannot be read");
    capture_reader reader(o.read == "-" ? std::cin : file);
    while (const auto p = reader.next())
        if (!out.take(*p)) break;
    out.finish();
}

/// Takes what has come, then waits for more.
void take_live(asio::posix::stream_descriptor& d, live_capture& from, dumper& out, asio::io_context& io)
{
    d.async_wait(asio::posix::descriptor_base::wait_read, [&](boost::system::error_code error) {
        if (error) return;
        while (const auto p = from.next())
            if (!out.take(*p)) return io.stop();
        take_live(d, from, out, io);
    });
}

void dump_live(dumper& out, const dump_options& o)
{
    live_capture from(o.interface);
    out.filter().check(from.link());
    asio::io_context io(1);
    asio::posix::stream_descriptor descriptor(io, ::dup(from.descriptor()));
    stop_signal stop(io, [&] { io.stop(); });
    std::cerr << "listening on " << o.interface << std::endl;
    take_live(descriptor, from, out, io);
    io.run();
    out.finish();
}

int run_dump(const command& self, int argc, const char* const* argv)
{
    tool t(self);
    t.has_network = false;
    dump_options options;
    options.add_to(t.options);
    t.positional.add("filter", -1);
    return t.run(argc, argv, [&] {
        if (options.read.empty() == options.interface.empty()) throw usage_error("give one of -r FILE and -i INTERFACE");
        dumper out(t, options);
        options.read.empty() ? dump_live(out, options) : dump_file(out, options);
        return int{success};
    });
}

} // namespace

const command dump{"dump", "packets, a decoded line each, from a file or an interface", "[options] [FILTER]",
                   "  tapio dump -r capture.pcapng\n"
                   "  tapio dump -r capture.pcapng 'tcp port 80 and host 198.18.0.1'\n"
                   "  tapio dump -i tap0 -c 10 icmp\n"
                   "  tapio dump -r old.pcap -w new.pcapng udp\n\n",
                   run_dump};

} // namespace apps::tools
