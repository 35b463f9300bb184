#include "base/checksum.hpp"
#include "base/split_mix.hpp"

#include <tapio/core/impairment.hpp>

#include <utility>

namespace tapio::core {

std::uint64_t impairment::random() noexcept { return split_mix(state_); }

bool impairment::happens(double probability) noexcept
{
    constexpr double range = 1ULL << 53;
    return static_cast<double>(random() >> 11) < probability * range;
}

bool impairment::queue_is_full(time_point now) const noexcept
{
    return options_.queue_limit != 0 && waiting(now) > static_cast<double>(options_.queue_limit);
}

/// Octets in the queue.
double impairment::waiting(time_point now) const noexcept
{
    if (options_.rate == 0 || busy_until_ <= now) return 0;
    return std::chrono::duration<double>(busy_until_ - now).count() * static_cast<double>(options_.rate) / 8;
}

/// Sets CE on an IPv4 packet that is ECN-capable.
void impairment::mark(packet& p, std::size_t link_header)
{
    constexpr std::size_t least = 20;
    if (p.size() < link_header + least) return;
    block copy(p.size());
    p.copy_to({copy.data(), p.size()});
    std::byte* const ip = copy.data() + link_header;
    const auto tos = std::to_integer<unsigned>(ip[1]);
    if (std::to_integer<unsigned>(ip[0]) >> 4 != 4 || (tos & 3) == 0 || (tos & 3) == 3) return;
    ip[1] = static_cast<std::byte>(tos | 3);
    ip[10] = ip[11] = std::byte{0};
    const std::size_t header = std::min((std::to_integer<std::size_t>(ip[0]) & 15) * 4, p.size() - link_header);
    const auto sum = static_cast<std::uint16_t>(~ones_sum(const_bytes(ip, header)));
    ip[10] = static_cast<std::byte>(sum >> 8);
    ip[11] = static_cast<std::byte>(sum & 0xff);
    packet out(copy.share(0, p.size()));
    out.offload = p.offload;
    p = std::move(out);
    ++counters_.marked;
}

time_point impairment::leaves_wire(std::size_t octets, time_point now) noexcept
{
    if (options_.rate == 0) return now;
    const std::chrono::duration<double> takes(8.0 * static_cast<double>(octets) / static_cast<double>(options_.rate));
    busy_until_ = std::max(busy_until_, now) + std::chrono::duration_cast<duration>(takes);
    return busy_until_;
}

duration impairment::flight_time() noexcept
{
    duration time = options_.delay;
    if (options_.jitter > duration::zero())
        time += duration(static_cast<duration::rep>(random() % static_cast<std::uint64_t>(options_.jitter.count())));
    if (happens(options_.reorder)) {
        ++counters_.reordered;
        time += options_.reorder_delay *
                static_cast<duration::rep>(options_.reorder_steps > 1 ? 1 + random() % options_.reorder_steps : 1);
    }
    return time;
}

time_point impairment::after_stall(time_point at) const noexcept
{
    if (options_.stall_every <= duration::zero()) return at;
    const duration left = options_.stall_every - at.time_since_epoch() % options_.stall_every;
    return left <= options_.stall ? at + left : at;
}

packet impairment::damaged(const packet& p, std::size_t link_header)
{
    block copy(p.size());
    p.copy_to({copy.data(), p.size()});
    const std::uint64_t bit = random() % (8 * (p.size() - link_header));
    copy.data()[link_header + bit / 8] ^= std::byte{1} << (bit % 8);
    packet out(copy.share(0, p.size()));
    out.offload = p.offload;
    return out;
}

void impairment::send(packet&& p, std::size_t link_header, time_point now, std::vector<arrival>& out)
{
    ++counters_.packets;
    if (queue_is_full(now)) {
        ++counters_.queue_dropped;
        return;
    }
    if (options_.mark_above != 0 && waiting(now) > static_cast<double>(options_.mark_above)) mark(p, link_header);
    const time_point left = leaves_wire(p.size(), now);
    if (happens(options_.drop)) {
        ++counters_.dropped;
        return;
    }
    if (p.size() > link_header && happens(options_.corrupt)) {
        ++counters_.corrupted;
        p = damaged(p, link_header);
    }
    const time_point at = after_stall(left + flight_time());
    if (happens(options_.duplicate)) {
        ++counters_.duplicated;
        out.push_back({at, p});
    }
    out.push_back({at, std::move(p)});
}

} // namespace tapio::core
