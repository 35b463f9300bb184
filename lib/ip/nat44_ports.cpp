#include "ip/nat44_ports.hpp"

#include <cstddef>

namespace tapio::core::ip {

nat44_ports::nat44_ports(std::uint16_t first, std::uint16_t last)
    : first_(first), last_(last), positions_(std::size_t{last} - first + 1, taken)
{
    for (auto& half : free_) half.reserve(positions_.size() / 2 + 1); // so that give_back() cannot fail
    for (std::uint32_t port = first; port <= last; ++port) give_back(static_cast<std::uint16_t>(port));
}

std::optional<std::uint16_t> nat44_ports::take(std::uint16_t wanted, bool keep_parity, random_source& random)
{
    if (take(wanted)) return wanted;
    const auto &even = free_[0], &odd = free_[1];
    if (free() == 0) return std::nullopt;
    const auto pick = [&](const std::vector<std::uint16_t>& half) {
        return half[random.uniform(static_cast<std::uint32_t>(half.size()))];
    };
    std::uint16_t port = 0;
    if (keep_parity) {
        const auto& same = free_[wanted & 1U];
        port = pick(same.empty() ? free_[~wanted & 1U] : same);
    } else {
        const std::uint32_t n = random.uniform(static_cast<std::uint32_t>(free()));
        port = n < even.size() ? even[n] : odd[n - even.size()];
    }
    take(port);
    return port;
}

bool nat44_ports::take(std::uint16_t port) noexcept
{
    if (!has(port) || position(port) == taken) return false;
    auto& half = free_[port & 1U];
    const std::uint16_t last = half.back();
    half[position(port)] = last;
    position(last) = position(port);
    position(port) = taken;
    half.pop_back();
    return true;
}

void nat44_ports::give_back(std::uint16_t port)
{
    if (!has(port)) return;
    auto& half = free_[port & 1U];
    position(port) = static_cast<std::uint16_t>(half.size());
    half.push_back(port);
}

} // namespace tapio::core::ip
