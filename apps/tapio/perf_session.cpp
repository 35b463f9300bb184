#include "tapio/perf_session.hpp"

#include "common/program.hpp"
#include "tapio/format.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/endian/conversion.hpp>
#include <boost/system/system_error.hpp>

#include <algorithm>
#include <sys/resource.h>

namespace apps::tools {

namespace asio = boost::asio;
using asio::as_tuple;
using asio::use_awaitable;
using tapio::ip::tcp;
using tapio::ip::udp;

namespace {

std::string padded(const std::string& text, std::size_t width)
{
    return std::string(width - std::min(width, text.size()), ' ') + text;
}

/// "[  1]   0.00-1.00   sec   112 MBytes   941 Mbits/sec"
std::string front(const std::string& id, double from, double to, double octets)
{
    const double seconds = std::max(to - from, 1e-9);
    return '[' + padded(id, 3) + "] " + padded(format_fixed(from, 2) + '-' + format_fixed(to, 2), 13) + " sec  " +
           padded(format_bytes(octets), 11) + "  " + padded(format_rate(octets * 8 / seconds), 14);
}

std::string loss(std::int64_t lost, std::int64_t packets)
{
    const double percent = packets > 0 ? 100.0 * static_cast<double>(lost) / static_cast<double>(packets) : 0;
    return std::to_string(lost) + '/' + std::to_string(packets) + " (" + format_fixed(percent, 2) + "%)";
}

double seconds_of(const timeval& t) { return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6; }

std::pair<double, double> cpu_times()
{
    rusage used{};
    ::getrusage(RUSAGE_SELF, &used);
    return {seconds_of(used.ru_utime), seconds_of(used.ru_stime)};
}

} // namespace

// -- the control connection ---------------------------------------------------------------------------------------------------

asio::awaitable<void> perf_control::send_state(perf_state s)
{
    const auto octet = static_cast<signed char>(s);
    co_await asio::async_write(socket_, asio::buffer(&octet, 1), use_awaitable);
}

asio::awaitable<perf_state> perf_control::receive_state()
{
    signed char octet = 0;
    co_await asio::async_read(socket_, asio::buffer(&octet, 1), use_awaitable);
    co_return perf_state{octet};
}

asio::awaitable<void> perf_control::send_text(std::string text)
{
    const std::uint32_t length = boost::endian::native_to_big(static_cast<std::uint32_t>(text.size()));
    const std::array<asio::const_buffer, 2> both{asio::buffer(&length, sizeof length), asio::buffer(text)};
    co_await asio::async_write(socket_, both, use_awaitable);
}

asio::awaitable<std::string> perf_control::receive_text()
{
    constexpr std::uint32_t longest = 1U << 20U; // octets; results of 128 streams are a tenth of it
    std::uint32_t length = 0;
    co_await asio::async_read(socket_, asio::buffer(&length, sizeof length), use_awaitable);
    length = boost::endian::big_to_native(length);
    if (length > longest) throw std::runtime_error("iperf3: the peer sends a text of " + std::to_string(length) + " octets");
    std::string text(length, '\0');
    co_await asio::async_read(socket_, asio::buffer(text), use_awaitable);
    co_return text;
}

asio::awaitable<std::string> perf_control::receive_server_error()
{
    std::array<std::uint32_t, 2> numbers{};
    co_await asio::async_read(socket_, asio::buffer(numbers), as_tuple(use_awaitable));
    const auto code = static_cast<int>(boost::endian::big_to_native(numbers[0]));
    co_return "the server reports error " + std::to_string(code);
}

// -- the streams --------------------------------------------------------------------------------------------------------------

perf_session::perf_session(asio::io_context& io, bool is_client, const perf_parameters& p, const perf_report_options& o)
    : io_(io), is_client_(is_client), parameters_(p), report_(o), timer_(io)
{
    budget_->rate = p.bandwidth;
}

perf_session::~perf_session() { stop(); }

void perf_session::add_tcp(tcp::socket socket)
{
    const auto index = streams_.size();
    streams_.push_back(make_tcp_stream(io_, std::move(socket), static_cast<unsigned>(index), sends(index), parameters_, budget_));
}

void perf_session::add_udp(std::shared_ptr<udp::socket> socket, const udp::endpoint& peer)
{
    const auto index = streams_.size();
    streams_.push_back(
        make_udp_stream(io_, std::move(socket), peer, static_cast<unsigned>(index), sends(index), parameters_, budget_));
}

void perf_session::start()
{
    begin_ = clock::now();
    running_ = true;
    std::tie(cpu_user_, cpu_system_) = cpu_times();
    last_octets_.assign(streams_.size(), 0);
    print_titles();
    for (const auto& s : streams_)
        asio::co_spawn(
            io_, [s] { return s->run(); }, asio::detached); // which keeps it alive
    asio::co_spawn(io_, report_intervals(shared_from_this()), asio::detached);
}

void perf_session::stop()
{
    if (!std::exchange(running_, false)) return;
    end_ = clock::now();
    timer_.cancel();
    for (const auto& s : streams_) {
        s->stop();
        if (!is_client_) s->end(); // iperf3 reads whole blocks: without an end it would wait for the rest of the last one
    }
}

double perf_session::elapsed() const { return std::chrono::duration<double>((running_ ? clock::now() : end_) - begin_).count(); }

void perf_session::reset()
{
    begin_ = clock::now();
    std::tie(cpu_user_, cpu_system_) = cpu_times();
    for (const auto& s : streams_) s->reset();
    last_octets_.assign(streams_.size(), 0);
    budget_->spent = 0;
}

asio::awaitable<void> perf_session::report_intervals(std::shared_ptr<perf_session> self)
{
    if (self->parameters_.omit > 0) {
        self->timer_.expires_after(std::chrono::seconds(self->parameters_.omit));
        const auto [error] = co_await self->timer_.async_wait(as_tuple(use_awaitable));
        if (error || !self->running_) co_return;
        self->reset();
    }
    const auto interval = self->report_.interval;
    for (int n = 1; interval.count() > 0; ++n) {
        self->timer_.expires_at(self->begin_ + n * interval);
        const auto [error] = co_await self->timer_.async_wait(as_tuple(use_awaitable));
        if (error || !self->running_) co_return;
        self->print_interval(std::chrono::duration<double>((n - 1) * interval).count(), self->elapsed());
    }
}

perf_results perf_session::results() const
{
    perf_results out;
    const auto [user, system] = cpu_times();
    const double seconds = std::max(elapsed(), 1e-9);
    out.cpu_user = 100 * (user - cpu_user_) / seconds;
    out.cpu_system = 100 * (system - cpu_system_) / seconds;
    out.cpu_total = out.cpu_user + out.cpu_system;
    bool sends_tcp = false;
    for (const auto& s : streams_) {
        out.streams.push_back(s->result());
        out.streams.back().seconds = seconds;
        sends_tcp = sends_tcp || (s->sending() && !parameters_.udp);
        if (!s->congestion_control().empty()) out.congestion_control = s->congestion_control();
    }
    out.sender_has_retransmits = parameters_.udp ? 0 : sends_tcp ? 1 : -1;
    return out;
}

// -- printing -----------------------------------------------------------------------------------------------------------------

void perf_session::print_titles() const
{
    if (report_.json || report_.silent) return;
    say(std::string("[ ID] Interval             Transfer         Bitrate") +
        (parameters_.udp ? "         Jitter, lost/total" : "      Retr"));
}

void perf_session::print_interval(double from, double to)
{
    std::uint64_t all = 0;
    for (std::size_t i = 0; i < streams_.size(); ++i) {
        const std::uint64_t n = streams_[i]->octets() - std::min(last_octets_[i], streams_[i]->octets());
        last_octets_[i] = streams_[i]->octets();
        all += n;
        const std::string way = parameters_.bidirectional ? (streams_[i]->sending() ? "  (sent)" : "  (received)") : "";
        if (!report_.json && !report_.silent)
            say(front(std::to_string(streams_[i]->id()), from, to, static_cast<double>(n)) + way);
    }
    if (!report_.json && !report_.silent && streams_.size() > 1 && !parameters_.bidirectional)
        say(front("SUM", from, to, static_cast<double>(all)));
    intervals_.push_back({from, to, all});
}

struct perf_session::end_sum
{
    double seconds = 0, octets = 0, jitter = 0;
    std::int64_t retransmits = 0, lost = 0, packets = 0;
};

/// @param of_senders  what the sending party counted, of the streams on which the client (or the server) sends
perf_session::end_sum perf_session::sum(const perf_results& r, bool of_senders, bool client_sends) const
{
    end_sum out;
    int count = 0;
    for (const auto& s : r.streams) {
        const unsigned index = s.id == 1 ? 0 : static_cast<unsigned>(std::max(s.id - 2, 0));
        if (parameters_.sends(true, index) != client_sends) continue;
        out.octets += static_cast<double>(s.octets);
        out.seconds = std::max(out.seconds, s.seconds);
        if (of_senders) out.retransmits += std::max<std::int64_t>(s.retransmits, 0);
        out.lost += s.lost;
        out.packets += s.packets;
        out.jitter += s.jitter;
        ++count;
    }
    if (count > 0) out.jitter /= count;
    return out;
}

void perf_session::print_direction(const perf_results& sender, const perf_results& receiver, bool client_sends) const
{
    const bool one = parameters_.parallel == 1;
    const auto line = [&](const std::string& id, const end_sum& s, bool sent) {
        std::string out = front(id, 0, s.seconds, s.octets);
        if (parameters_.udp)
            out += padded(format_fixed(s.jitter * 1000, 3), 8) + " ms  " + loss(sent ? 0 : s.lost, s.packets);
        else
            out += padded(sent ? std::to_string(s.retransmits) : "", 7);
        say(out + (sent ? "  sender" : "  receiver"));
    };
    const int id = perf_stream_id(parameters_.bidirectional && !client_sends ? parameters_.parallel : 0);
    line(one ? std::to_string(id) : "SUM", sum(sender, true, client_sends), true);
    line(one ? std::to_string(id) : "SUM", sum(receiver, false, client_sends), false);
}

void perf_session::print(const perf_results& theirs) const
{
    if (report_.silent) return;
    if (report_.json) return say(json(theirs));
    const perf_results ours = results();
    say("- - - - - - - - - - - - - - - - - - - - - - - - -");
    const perf_results& client = is_client_ ? ours : theirs;
    const perf_results& server = is_client_ ? theirs : ours;
    if (parameters_.bidirectional || !parameters_.reverse) print_direction(client, server, true);
    if (parameters_.bidirectional || parameters_.reverse) print_direction(server, client, false);
}

std::string perf_session::json(const perf_results& theirs) const
{
    const perf_results ours = results();
    const perf_results& client = is_client_ ? ours : theirs;
    const perf_results& server = is_client_ ? theirs : ours;
    const auto object = [&](const end_sum& s) {
        std::string out = "{\"seconds\": " + format_fixed(s.seconds, 6) + ", \"bytes\": " + format_fixed(s.octets, 0) +
                          ", \"bits_per_second\": " + format_fixed(s.octets * 8 / std::max(s.seconds, 1e-9), 0);
        if (!parameters_.udp) return out + ", \"retransmits\": " + std::to_string(s.retransmits) + '}';
        const double percent = s.packets > 0 ? 100.0 * static_cast<double>(s.lost) / static_cast<double>(s.packets) : 0;
        return out + ", \"jitter_ms\": " + format_fixed(s.jitter * 1000, 6) + ", \"lost_packets\": " + std::to_string(s.lost) +
               ", \"packets\": " + std::to_string(s.packets) + ", \"lost_percent\": " + format_fixed(percent, 4) + '}';
    };
    const auto both = [&](const perf_results& sender, const perf_results& receiver, bool client_sends, const std::string& tail) {
        return "\"sum_sent" + tail + "\": " + object(sum(sender, true, client_sends)) + ", \"sum_received" + tail +
               "\": " + object(sum(receiver, false, client_sends));
    };
    std::string out = "{\"start\": " + to_json(parameters_) + ", \"intervals\": [";
    for (const auto& i : intervals_) {
        out += (&i == intervals_.data() ? "" : ", ") +
               ("{\"start\": " + format_fixed(i.from, 6) + ", \"end\": " + format_fixed(i.to, 6)) +
               ", \"bytes\": " + std::to_string(i.octets) + '}';
    }
    out += "], \"end\": {";
    if (parameters_.bidirectional)
        out += both(client, server, true, "") + ", " + both(server, client, false, "_bidir_reverse");
    else
        out += parameters_.reverse ? both(server, client, false, "") : both(client, server, true, "");
    return out + "}}";
}

} // namespace apps::tools
