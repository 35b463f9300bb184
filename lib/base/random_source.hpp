/// @file
/// A deterministic generator, seeded by the caller. Without the seed its output is unpredictable (SipHash of a counter), so it is
/// fit for ports, identifiers and keys.
#pragma once

#include "base/siphash.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace tapio::core {

class random_source
{
public:
    static constexpr std::size_t seed_size = 32; ///< octets

    explicit random_source(std::span<const std::byte, seed_size> seed) noexcept
    {
        std::memcpy(&key_, seed.data(), sizeof key_);
        std::memcpy(&start_, seed.data() + sizeof key_, sizeof start_);
    }

    std::uint64_t next_u64() noexcept
    {
        const std::uint64_t block[2] = {start_[0] + counter_++, start_[1]};
        return siphash(key_, std::as_bytes(std::span(block)));
    }
    std::uint32_t next_u32() noexcept { return static_cast<std::uint32_t>(next_u64() >> 32); }

    /// Uniform in [0, bound), by rejection. Precondition: bound > 0.
    std::uint32_t uniform(std::uint32_t bound) noexcept
    {
        const std::uint32_t skip = (0U - bound) % bound; // 2^32 mod bound
        for (;;) {
            const std::uint64_t scaled = std::uint64_t{next_u32()} * bound;
            if (static_cast<std::uint32_t>(scaled) >= skip) return static_cast<std::uint32_t>(scaled >> 32);
        }
    }

    siphash_key make_key() noexcept { return {next_u64(), next_u64()}; }

private:
    siphash_key key_;
    std::uint64_t start_[2];
    std::uint64_t counter_ = 0;
};

} // namespace tapio::core
