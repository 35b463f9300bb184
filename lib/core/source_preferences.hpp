/// @file
/// IPV6_ADDR_PREFERENCES (RFC 5014): which of its addresses a socket prefers as source. Values, defaults and errors are Linux's.
#pragma once

#include "ip/source_selection.hpp"

#include <tapio/core/error.hpp>

#include <cerrno>
#include <cstdint>

namespace tapio::core {

/// The flags of RFC 5014 §3; the numbers are those of <linux/in6.h>.
enum source_flag : int
{
    prefer_temporary = 0x0001,     ///< IPV6_PREFER_SRC_TMP
    prefer_public = 0x0002,        ///< IPV6_PREFER_SRC_PUBLIC
    prefer_care_of = 0x0004,       ///< IPV6_PREFER_SRC_COA
    prefer_generated = 0x0008,     ///< IPV6_PREFER_SRC_CGA: no address of ours is one, so this and its opposite say nothing
    prefer_default = 0x0100,       ///< IPV6_PREFER_SRC_PUBTMP_DEFAULT: this host's default, which is to prefer temporary ones
    prefer_home = 0x0400,          ///< IPV6_PREFER_SRC_HOME, the default
    prefer_not_generated = 0x0800, ///< IPV6_PREFER_SRC_NONCGA
};

/// What a socket has been told; at first nothing.
class chosen_preferences
{
public:
    /// In place of those before; what `flags` do not speak of gets its default. @return EINVAL: they contradict one another, and
    /// nothing has changed
    error_code set(int flags) noexcept
    {
        const int lasting = flags & (prefer_temporary | prefer_public | prefer_default);
        const int mobile = flags & (prefer_home | prefer_care_of);
        const int generated = flags & (prefer_generated | prefer_not_generated);
        if (is_several(lasting) || is_several(mobile) || is_several(generated)) return errno_code(EINVAL);
        lasting_ = static_cast<std::uint8_t>(lasting & ~prefer_default) & 3;
        care_of_ = mobile == prefer_care_of;
        return {};
    }
    /// As Linux tells them: always two flags, and none of CGA.
    int flags() const noexcept
    {
        return (lasting_ != 0 ? int{lasting_} : int{prefer_default}) | (care_of_ ? prefer_care_of : prefer_home);
    }
    /// For source address selection.
    ip::source_preferences rules() const noexcept { return {lasting_ != prefer_public, !care_of_}; }

private:
    static constexpr bool is_several(int flags) noexcept { return (flags & (flags - 1)) != 0; }

    // One octet, because every resting connection has it.
    std::uint8_t lasting_ : 2 = 0; ///< prefer_temporary, prefer_public, or 0: prefer_default
    bool care_of_ : 1 = false;
};

} // namespace tapio::core
