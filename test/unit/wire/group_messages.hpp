// Octets of IGMP and MLD messages, and the walk over mutated ones, for the tests of both.
#pragma once

#include "base/split_mix.hpp"
#include "support/flat.hpp"
#include "wire/group_record.hpp"

#include <tapio/core/packet.hpp>

#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <vector>

namespace tapio::core::wire {

using test::flat;
using test::octets;

inline octets bytes(std::initializer_list<unsigned> values)
{
    octets out;
    for (const unsigned v : values) out.push_back(static_cast<std::byte>(v));
    return out;
}

inline octets operator+(octets a, const octets& b)
{
    a.insert(a.end(), b.begin(), b.end());
    return a;
}

inline std::vector<address> addresses(const address_list& list)
{
    std::vector<address> out;
    for (std::size_t i = 0; i < list.size(); ++i) out.push_back(list[i]);
    return out;
}

/// Calls `f(const_bytes)` with messages that differ from the given ones in some octets, in their length, or both. Each lies alone
/// in memory of its size, so that AddressSanitizer notices a read behind it.
template <class F>
void for_each_mutation(const std::vector<octets>& messages, std::size_t count, F&& f)
{
    std::uint64_t state = 7;
    for (std::size_t n = 0; n < count; ++n) {
        const std::uint64_t r = split_mix(state);
        octets m = messages[r % messages.size()];
        for (std::uint64_t changes = r >> 16 & 3; changes > 0; --changes) {
            const std::uint64_t change = split_mix(state);
            m[(change >> 8) % m.size()] = static_cast<std::byte>(change);
        }
        if ((r >> 32) % 3 == 0) m.resize((r >> 40) % (m.size() + 8));
        const std::unique_ptr<std::byte[]> alone(new std::byte[m.size()]);
        if (!m.empty()) std::memcpy(alone.get(), m.data(), m.size());
        f(std::span<std::byte>(alone.get(), m.size()));
    }
}

} // namespace tapio::core::wire
