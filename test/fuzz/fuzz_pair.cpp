// Two hosts on one wire with connections in both directions; mutated frames are sent to either, and the hosts answer each other's
// answers. No exchange may go on forever at one instant, and after the last forged frame all connections end and no packets are
// sent any more.
#include "frames.hpp"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <random>

namespace {

using namespace tapio::test;
using namespace std::chrono_literals;

constexpr std::size_t corpus_size = 256;
constexpr std::uint64_t most_at_one_instant = 50'000; ///< packets; several times what the users have written

class side
{
public:
    side(std::uint64_t seed, std::uint8_t number) : host_(options(), seed_of(seed * 2 + number))
    {
        device_info eth;
        eth.name = "eth0";
        eth.mac = {{2, 0, 0, 0, 0, number}};
        host_.add_interface(eth);
        (void)host_.add_address(1, address_v4(0xc000'0200U + number), 24, time_point{1h});
        peer_ = {address_v4(0xc000'0200U + 3U - number), 80};
        listener_ = *host_.tcp().open(family::v4);
        (void)host_.tcp().bind(listener_, {address_v4::any(), 80});
        (void)host_.tcp().listen(listener_, 16, time_point{1h});
    }

    tapio::core::host& host() noexcept { return host_; }

    void user_step(std::mt19937_64& random, time_point now)
    {
        endpoint from;
        while (const auto c = host_.tcp().accept(listener_, from, now)) sockets_.push_back(*c);
        if (random() % 16 == 0 && sockets_.size() < 12) connect(now);
        if (sockets_.empty()) return;
        const auto i = random() % sockets_.size();
        const tcp_id id = sockets_[i];
        static std::array<std::byte, 100'000> some{};
        const std::array<const_bytes, 1> out{const_bytes(some).first(random() % 4 == 0 ? some.size() : random() % 3000)};
        const std::array<mutable_bytes, 1> in{mutable_bytes(some)};
        switch (random() % 16) {
        case 0: (void)host_.tcp().shutdown(id, shutdown_type::send, now); break;
        case 1: (void)host_.tcp().set_option(id, socket_option::linger, 0, now); [[fallthrough]];
        case 2:
            host_.tcp().close(id, now);
            sockets_.erase(sockets_.begin() + static_cast<std::ptrdiff_t>(i));
            break;
        case 3:
        case 4:
        case 5:
        case 6: (void)host_.tcp().receive(id, in, {}, now); break; // rare, so that windows close
        case 7:
        case 8: (void)host_.tcp().send(id, out, now); break;
        default: break;
        }
    }

    void close_all(time_point now)
    {
        for (const tcp_id id : sockets_) host_.tcp().close(id, now);
        sockets_.clear();
        endpoint from;
        while (const auto c = host_.tcp().accept(listener_, from, now)) host_.tcp().close(*c, now);
    }

private:
    static host_options options()
    {
        host_options o;
        o.time_wait_limit = 20;
        o.awake_connections = 4;
        o.tcp.keep_alive = true;
        o.tcp.keep_idle = 60s;
        o.tcp.keep_interval = 10s;
        return o;
    }
    static std::array<std::byte, 32> seed_of(std::uint64_t n)
    {
        std::array<std::byte, 32> s{};
        for (unsigned i = 0; i < 8; ++i) s[i] = static_cast<std::byte>(n >> (8 * i));
        return s;
    }
    void connect(time_point now)
    {
        const tcp_id id = *host_.tcp().open(family::v4);
        const error_code e = host_.tcp().connect(id, peer_, now);
        if (e && e != errno_code(EINPROGRESS)) return host_.tcp().close(id, now);
        sockets_.push_back(id);
    }

    tapio::core::host host_;
    endpoint peer_;
    tcp_id listener_;
    std::vector<tcp_id> sockets_;
};

class pair_fuzzer
{
public:
    explicit pair_fuzzer(std::uint64_t seed) : random_(seed), sides_{side(seed, 1), side(seed, 2)}, delayed_(seed % 2 == 0) {}

    bool step()
    {
        now_ += pause();
        for (side& s : sides_) s.user_step(random_, now_);
        if (!corpus_.empty() && random_() % 4 == 0) {
            octets f = forged();
            auto& to = sides_[random_() % 2].host();
            to.receive(1, packet(slice::copy_of(f)), now_);
        }
        return exchange();
    }

    /// Closes all sockets after the last forged frame. @return packets in the last ten of thirty minutes
    std::uint64_t aftermath()
    {
        for (side& s : sides_) s.close_all(now_);
        const time_point end = now_ + 30min;
        std::uint64_t late = 0;
        while (now_ < end) {
            exchanged_ = 0;
            if (!exchange()) break;
            if (now_ > end - 10min) late += exchanged_;
            const time_point next =
                std::min({sides_[0].host().next_deadline(), sides_[1].host().next_deadline(), queue_.empty() ? end : now_ + 1ms});
            now_ = std::max(now_, std::min(next, end));
        }
        for (side& s : sides_) s.close_all(now_);
        return late;
    }

    std::size_t left() { return sides_[0].host().tcp().size() + sides_[1].host().tcp().size() - 2; }
    std::uint64_t packets() const noexcept { return packets_; }
    std::uint64_t skipped()
    {
        return sides_[0].host().counters().tcp.acks_skipped + sides_[1].host().counters().tcp.acks_skipped;
    }

private:
    duration pause()
    {
        switch (random_() % 64) {
        case 0: return 30s;
        case 1: return 1s;
        default: return duration(static_cast<std::int64_t>(random_() % 5'000'000));
        }
    }

    octets forged()
    {
        octets f = corpus_[random_() % corpus_.size()];
        if (f.size() >= 54 && random_() % 4 != 0) { // changes fields that TCP checks
            for (auto n = random_() % 3; n > 0; --n) f[34 + 4 + random_() % 16] = static_cast<std::byte>(random_());
            if (random_() % 4 == 0) f[47] = static_cast<std::byte>(random_());
            if (random_() % 4 == 0) f[41] = static_cast<std::byte>(std::to_integer<unsigned>(f[41]) + 1); // SEQ + 1
        } else {
            for (auto n = random_() % 4; n > 0; --n) f[random_() % f.size()] = static_cast<std::byte>(random_());
        }
        mend(f);
        return f;
    }

    void remember(const packet& p)
    {
        if (corpus_.size() < corpus_size) {
            corpus_.push_back(flat(p));
        } else {
            corpus_[random_() % corpus_size] = flat(p);
        }
    }

    bool exchange()
    {
        std::deque<std::pair<unsigned, packet>> arriving;
        std::swap(arriving, queue_); // packets sent at the previous instant
        for (std::uint64_t n = 0;; ++n) {
            if (n > most_at_one_instant) return false;
            for (side& s : sides_) {
                if (s.host().next_deadline() <= now_ || s.host().wants_advance()) s.host().advance(now_);
                s.host().dispatch_events(now_);
            }
            bool sent = false;
            for (unsigned i = 0; i < 2; ++i) {
                packet p;
                while (sides_[i].host().next_packet(1, p, now_)) {
                    sent = true;
                    ++packets_, ++exchanged_, ++n;
                    remember(p);
                    if (random_() % 64 == 0) continue; // lost
                    (delayed_ ? queue_ : arriving).emplace_back(1 - i, std::move(p));
                }
            }
            if (arriving.empty() && !sent) return true;
            if (arriving.empty()) continue;
            sides_[arriving.front().first].host().receive(1, std::move(arriving.front().second), now_);
            arriving.pop_front();
        }
    }

    std::mt19937_64 random_;
    std::array<side, 2> sides_;
    bool delayed_; ///< packets arrive at the next instant rather than in this one
    time_point now_{1h};
    std::deque<std::pair<unsigned, packet>> queue_; ///< the receiving side, and the packet
    std::vector<octets> corpus_;
    std::uint64_t packets_ = 0, exchanged_ = 0;
};

} // namespace

int main(int argc, char** argv)
{
    const auto steps = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 20'000;
    const auto first = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1;
    const auto seeds = argc > 3 ? std::strtoull(argv[3], nullptr, 10) : 1;
    for (auto seed = first; seed < first + seeds; ++seed) {
        pair_fuzzer f(seed);
        for (std::uint64_t i = 0; i < steps; ++i) {
            if (f.step()) continue;
            std::printf("seed %llu, step %llu: the two hosts answer each other without end\n",
                        static_cast<unsigned long long>(seed), static_cast<unsigned long long>(i));
            return 1;
        }
        const std::uint64_t late = f.aftermath();
        std::printf("%llu steps, seed %llu: %llu packets, %llu corrections held back; afterwards %llu late packets, %zu "
                    "connections left\n",
                    static_cast<unsigned long long>(steps), static_cast<unsigned long long>(seed),
                    static_cast<unsigned long long>(f.packets()), static_cast<unsigned long long>(f.skipped()),
                    static_cast<unsigned long long>(late), f.left());
        if (late > 200 || f.left() > 0 || f.packets() < steps / 10) return 1;
    }
    return 0;
}
