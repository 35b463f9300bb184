#include "tapio/perf_streams.hpp"

#include <tapio/ip/zero_copy.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <random>
#include <vector>

namespace apps::tools {

namespace {

namespace asio = boost::asio;
using asio::as_tuple;
using asio::use_awaitable;
using boost::system::error_code;
using tapio::ip::tcp;
using tapio::ip::udp;
using clock_type = perf_stream::clock;

/// Octets that do not compress.
std::vector<std::byte> noise(std::size_t n)
{
    std::minstd_rand random(1);
    std::vector<std::byte> out(n);
    for (std::byte& b : out) b = static_cast<std::byte>(random() >> 8U);
    return out;
}

/// Holds a sender to a rate: how long until the next octets may go.
class pacer
{
public:
    explicit pacer(std::uint64_t bits_per_second) : rate_(static_cast<double>(bits_per_second)) {}

    void start() { begin_ = clock_type::now(); }
    void spend(std::size_t octets) { bits_ += 8.0 * static_cast<double>(octets); }
    /// When the next octets may go: at once if that is in the past.
    clock_type::time_point due() const
    {
        if (rate_ == 0) return begin_;
        return begin_ + std::chrono::duration_cast<clock_type::duration>(std::chrono::duration<double>(bits_ / rate_));
    }

private:
    const double rate_;
    double bits_ = 0;
    clock_type::time_point begin_ = clock_type::now();
};

class tcp_stream final : public perf_stream
{
public:
    tcp_stream(asio::io_context& io, tcp::socket socket, unsigned index, bool sending, const perf_parameters& p,
               std::shared_ptr<perf_budget> budget)
        : perf_stream(index, sending), socket_(std::move(socket)), timer_(io), budget_(std::move(budget)), pacer_(budget_->rate)
    {
        if (sending)
            block_ = tapio::slice::copy_of(noise(p.length));
        else
            into_.resize(p.length);
    }

    asio::awaitable<void> run() override
    {
        pacer_.start();
        if (sending_)
            co_await send();
        else
            co_await receive();
    }

    void stop() override
    {
        remember();
        stopped_ = true;
        error_code ignored;
        socket_.cancel(ignored);
        timer_.cancel();
    }

    void end() override
    {
        error_code ignored;
        if (sending_) socket_.shutdown(tcp::socket::shutdown_send, ignored);
    }

    perf_stream_result result() const override
    {
        perf_stream_result out;
        out.id = id_;
        out.octets = octets_;
        out.retransmits = sending_ ? retransmits_ : -1;
        return out;
    }

    std::string congestion_control() const override { return congestion_control_; }

private:
    asio::awaitable<void> send()
    {
        while (!stopped_ && !budget_->is_spent()) {
            const auto [error, n] = co_await tapio::ip::async_send_slice(socket_, block_, as_tuple(use_awaitable));
            if (!stopped_) octets_ += n;
            budget_->spend(n);
            if (error) co_return;
            if (budget_->rate != 0) co_await pace(n);
        }
    }

    asio::awaitable<void> pace(std::size_t n)
    {
        pacer_.spend(n);
        timer_.expires_at(pacer_.due());
        co_await timer_.async_wait(as_tuple(use_awaitable));
    }

    asio::awaitable<void> receive()
    {
        for (;;) {
            const auto [error, n] = co_await socket_.async_read_some(asio::buffer(into_), as_tuple(use_awaitable));
            if (stopped_ || error) co_return;
            octets_ += n;
            budget_->spend(n);
        }
    }

    /// What tcp_info has to say, while the connection is there.
    void remember()
    {
        error_code error;
        const auto info = tapio::tcp_info(socket_, error);
        if (error) return;
        retransmits_ = info.retransmissions;
        congestion_control_ = std::string(info.congestion_control);
    }

    tcp::socket socket_;
    asio::steady_timer timer_;
    std::shared_ptr<perf_budget> budget_;
    pacer pacer_;
    tapio::slice block_;
    std::vector<std::byte> into_;
    std::int64_t retransmits_ = 0;
    std::string congestion_control_;
};

class udp_stream final : public perf_stream
{
public:
    udp_stream(asio::io_context& io, std::shared_ptr<udp::socket> socket, const udp::endpoint& peer, unsigned index, bool sending,
               const perf_parameters& p, std::shared_ptr<perf_budget> budget)
        : perf_stream(index, sending),
          io_(io),
          socket_(std::move(socket)),
          peer_(peer),
          timer_(io),
          budget_(std::move(budget)),
          pacer_(budget_->rate),
          wide_(p.wide_counters),
          datagram_(noise(p.length))
    {
    }

    /// Only sends: what comes, deliver() takes.
    asio::awaitable<void> run() override
    {
        constexpr int burst = 32; // datagrams before other handlers run
        pacer_.start();
        while (sending_ && !stopped_ && !budget_->is_spent()) {
            for (int i = 0; i < burst && pacer_.due() <= clock_type::now() && !budget_->is_spent(); ++i) send_one();
            if (pacer_.due() > clock_type::now()) {
                timer_.expires_at(pacer_.due());
                co_await timer_.async_wait(as_tuple(use_awaitable));
            } else {
                co_await asio::post(io_, use_awaitable);
            }
        }
    }

    void stop() override
    {
        stopped_ = true;
        timer_.cancel();
    }

    void reset() override
    {
        perf_stream::reset();
        received_.reset();
        first_sent_ = sent_;
    }

    perf_stream_result result() const override
    {
        perf_stream_result out;
        out.id = id_;
        out.octets = octets_;
        out.packets = sending_ ? static_cast<std::int64_t>(sent_ - first_sent_) : received_.packets();
        out.lost = sending_ ? 0 : received_.lost();
        out.jitter = received_.jitter();
        return out;
    }

    void take(std::span<const std::byte> datagram)
    {
        if (stopped_ || sending_ || datagram.size() < perf_udp_header::size(wide_)) return;
        const auto header = perf_udp_header::read(datagram, wide_);
        const double now = std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
        received_.take(header.sequence, now - (header.seconds + header.microseconds * 1e-6));
        octets_ += datagram.size();
        budget_->spend(datagram.size());
    }

private:
    void send_one()
    {
        const auto now = std::chrono::system_clock::now().time_since_epoch();
        const auto us = std::chrono::duration_cast<std::chrono::microseconds>(now).count();
        perf_udp_header{static_cast<std::uint32_t>(us / 1'000'000), static_cast<std::uint32_t>(us % 1'000'000), ++sent_}.write(
            datagram_, wide_);
        error_code error;
        socket_->send_to(asio::buffer(datagram_), peer_, 0, error); // an error is a loss
        pacer_.spend(datagram_.size());
        octets_ += datagram_.size();
        budget_->spend(datagram_.size());
    }

    asio::io_context& io_;
    std::shared_ptr<udp::socket> socket_;
    const udp::endpoint peer_;
    asio::steady_timer timer_;
    std::shared_ptr<perf_budget> budget_;
    pacer pacer_;
    const bool wide_;
    std::vector<std::byte> datagram_;
    std::uint64_t sent_ = 0, first_sent_ = 0;
    perf_udp_receiver received_;
};

} // namespace

std::unique_ptr<perf_stream> make_tcp_stream(asio::io_context& io, tcp::socket socket, unsigned index, bool sending,
                                             const perf_parameters& p, std::shared_ptr<perf_budget> budget)
{
    return std::make_unique<tcp_stream>(io, std::move(socket), index, sending, p, std::move(budget));
}

std::unique_ptr<perf_stream> make_udp_stream(asio::io_context& io, std::shared_ptr<udp::socket> socket, const udp::endpoint& peer,
                                             unsigned index, bool sending, const perf_parameters& p,
                                             std::shared_ptr<perf_budget> budget)
{
    return std::make_unique<udp_stream>(io, std::move(socket), peer, index, sending, p, std::move(budget));
}

void deliver(perf_stream& stream, std::span<const std::byte> datagram) { dynamic_cast<udp_stream&>(stream).take(datagram); }

} // namespace apps::tools
