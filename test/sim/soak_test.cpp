// Half an hour of random behaviour: readers that stop (closed windows), half-closes, aborts, outages and loss in both directions.
// Every octet received is the right one, a peer that closes in order has delivered everything, virtual time never stands still,
// and in the end no memory is held.
#include "support/world/stream_user.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace tapio::test {
namespace {

using namespace std::chrono_literals;

/// One end of a connection that reads, writes and closes at random.
class moody_user
{
public:
    moody_user(host& h, tcp_id id, std::uint64_t salt, std::uint64_t peer_salt)
        : host_(&h), id_(id), salt_(salt), peer_salt_(peer_salt)
    {
    }

    void act(std::mt19937_64& random, time_point now)
    {
        if (!id_) return;
        if (host_->tcp().take_error(id_)) return abort(now);
        if (now >= reads_again_ && random() % 64 == 0) reads_again_ = now + std::chrono::seconds(random() % 120);
        if (now >= reads_again_) read(now);
        if (!id_) return;
        if (!shut_ && random() % 4 == 0) write(random() % 3000, now);
        if (!id_) return;
        if (!shut_ && random() % 256 == 0) shut_ = !host_->tcp().shutdown(id_, shutdown_type::send, now);
        if (random() % 2048 == 0) return abort(now);
        if (random() % 2048 == 0 && !end_) { // closes, with data that is still to be delivered
            broken_ = true;
            return close(now);
        }
        if (shut_ && end_) close(now);
    }

    void finish(time_point now)
    {
        if (!id_) return;
        reads_again_ = now;
        if (!shut_) shut_ = !host_->tcp().shutdown(id_, shutdown_type::send, now);
        if (host_->tcp().take_error(id_)) return abort(now);
        read(now);
        if (id_ && shut_ && end_) close(now);
    }

    bool gone() const noexcept { return !id_; }
    bool wrong() const noexcept { return wrong_; }
    bool broken() const noexcept { return broken_; } ///< it closed before the peer's end of stream
    bool ended() const noexcept { return end_; }
    std::uint64_t sent() const noexcept { return sent_; }
    std::uint64_t received() const noexcept { return received_; }
    std::uint16_t local_port() const { return host_->tcp().local_endpoint(id_)->port; }

private:
    void write(std::size_t size, time_point now)
    {
        std::vector<std::byte> octets(size);
        for (std::size_t i = 0; i < size; ++i) octets[i] = octet_at(sent_ + i, salt_);
        const std::array<const_bytes, 1> from{octets};
        if (const auto n = host_->tcp().send(id_, from, now)) sent_ += *n;
    }

    void read(time_point now)
    {
        std::array<std::byte, 8192> octets;
        const std::array<mutable_bytes, 1> into{mutable_bytes(octets)};
        while (!end_) {
            const auto n = host_->tcp().receive(id_, into, {}, now);
            if (!n && (n.error() == errno_code(EAGAIN) || n.error() == errno_code(ENOTCONN))) return;
            if (!n) return abort(now);
            end_ = *n == 0;
            for (std::size_t i = 0; i < *n; ++i) wrong_ = wrong_ || octets[i] != octet_at(received_ + i, peer_salt_);
            received_ += *n;
        }
    }

    void close(time_point now) { host_->tcp().close(std::exchange(id_, tcp_id()), now); }

    void abort(time_point now)
    {
        broken_ = true;
        (void)host_->tcp().set_option(id_, socket_option::linger, 0, now);
        close(now);
    }

    host* host_;
    tcp_id id_;
    std::uint64_t salt_, peer_salt_, sent_ = 0, received_ = 0;
    time_point reads_again_{};
    bool shut_ = false, end_ = false, wrong_ = false, broken_ = false;
};

struct conversation
{
    std::optional<moody_user> client, server;
};

class soak : public testing::TestWithParam<unsigned>
{
protected:
    static host_options options()
    {
        host_options o;
        o.tcp.receive_buffer = o.tcp.receive_buffer_limit = 8000;
        o.tcp.send_buffer = o.tcp.send_buffer_limit = 16'000;
        o.tcp.keep_alive = true;
        o.tcp.keep_idle = 60s;
        o.tcp.keep_interval = 5s;
        return o;
    }

    impairment_options weather()
    {
        impairment_options o;
        o.delay = std::chrono::milliseconds(random_() % 80);
        if (random_() % 2 == 0) o.drop = 0.03;
        if (random_() % 8 == 0) o.drop = 1; // an outage
        if (random_() % 4 == 0) o.jitter = 5ms;
        if (random_() % 4 == 0) o.duplicate = 0.02;
        return o;
    }

    void connect()
    {
        const tcp_id id = start_connect(a_, there_, net_.now());
        const std::uint64_t salt = 2 * ++made_;
        moody_user client(a_, id, salt, salt + 1);
        by_port_[client.local_port()] = salt;
        auto& c = open_[salt];
        c.client = client;
    }

    void accept()
    {
        endpoint from;
        while (const auto id = b_.tcp().accept(listener_, from, net_.now())) {
            const std::uint64_t salt = by_port_.at(from.port);
            open_[salt].server.emplace(b_, *id, salt + 1, salt);
        }
    }

    /// Checks connections of which both ends have closed, and removes them.
    void judge()
    {
        std::erase_if(open_, [&](const auto& entry) {
            const auto& [client, server] = entry.second;
            const bool over = client->gone() && (!server || server->gone());
            if (client->wrong() || (server && server->wrong())) ADD_FAILURE() << "wrong octets on connection " << entry.first;
            if (!over) return false;
            octets_ += client->received() + (server ? server->received() : 0);
            if (server && client->ended() && !server->broken() && !client->broken()) {
                ++complete_;
                EXPECT_EQ(client->received(), server->sent());
                if (server->ended()) {
                    EXPECT_EQ(server->received(), client->sent());
                }
            }
            return true;
        });
    }

    std::mt19937_64 random_{GetParam()};
    world net_{GetParam()};
    host &a_ = net_.add_host(options()), &b_ = net_.add_host(options());
    const endpoint there_ = make_endpoint("192.0.2.2", 80);
    tcp_id listener_;
    std::uint64_t made_ = 0, complete_ = 0, octets_ = 0;
    std::map<std::uint16_t, std::uint64_t> by_port_;
    std::map<std::uint64_t, conversation> open_;
};

TEST_P(soak, half_an_hour)
{
    wire_between& wire = net_.join(a_, "192.0.2.1", b_, "192.0.2.2", {link_type::ip, 1500, weather(), weather()});
    listener_ = b_.tcp().open(test_family()).value();
    ASSERT_FALSE(b_.tcp().bind(listener_, there_));
    ASSERT_FALSE(b_.tcp().listen(listener_, 16, net_.now()));
    const time_point start = net_.now();
    time_point changes = start;
    while (net_.now() - start < 30min) {
        if (net_.now() >= changes) {
            wire.forth.change(weather(), random_());
            if (random_() % 2 == 0) wire.back.change(weather(), random_()); // else the wire back is unchanged
            changes = net_.now() + std::chrono::milliseconds(100 + random_() % 30'000);
        }
        if (open_.size() < 8 && random_() % 16 == 0) connect();
        accept();
        for (auto& [salt, c] : open_) {
            c.client->act(random_, net_.now());
            if (c.server) c.server->act(random_, net_.now());
        }
        judge();
        net_.run_for(200ms); // throws on an endless exchange without progress of time
    }
    wire.forth.change({}, 1);
    wire.back.change({}, 1);
    for (const time_point end = net_.now() + 15min; net_.now() < end; net_.run_for(1s)) {
        accept();
        for (auto& [salt, c] : open_) {
            c.client->finish(net_.now());
            if (c.server) c.server->finish(net_.now());
        }
        judge();
    }
    EXPECT_TRUE(open_.empty()) << open_.size() << " connections did not end";
    EXPECT_EQ(a_.tcp().size(), 0U);
    EXPECT_EQ(b_.tcp().size(), 1U);
    EXPECT_EQ(a_.counters().tcp.orphans + b_.counters().tcp.orphans, 0U);
    EXPECT_EQ(a_.counters().tcp.curr_estab + b_.counters().tcp.curr_estab, 0U);
    EXPECT_GT(complete_, made_ / 8);
    EXPECT_GT(octets_, 1'000'000U);
    EXPECT_LT(net_.packets(), octets_ / 20) << "too many packets for so few octets";
    EXPECT_GT(a_.counters().tcp.zero_window_probes + b_.counters().tcp.zero_window_probes, 100U);
    RecordProperty("connections", static_cast<int>(made_));
    std::printf("%llu connections, %llu in order, %llu octets, %llu packets, %llu probes, %llu corrections held back\n",
                static_cast<unsigned long long>(made_), static_cast<unsigned long long>(complete_),
                static_cast<unsigned long long>(octets_), static_cast<unsigned long long>(net_.packets()),
                static_cast<unsigned long long>(a_.counters().tcp.zero_window_probes + b_.counters().tcp.zero_window_probes),
                static_cast<unsigned long long>(a_.counters().tcp.acks_skipped + b_.counters().tcp.acks_skipped));
}

INSTANTIATE_TEST_SUITE_P(seed, soak, testing::Range(1U, 9U));

} // namespace
} // namespace tapio::test
