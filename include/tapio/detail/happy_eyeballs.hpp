/// @file
/// The decisions of Happy Eyeballs (RFC 8305): which address is tried when. Its owner resolves, connects and waits. Implemented
/// in lib/asio/happy_eyeballs.cpp. Internal.
#pragma once

#include <tapio/core/address.hpp>
#include <tapio/core/error.hpp>
#include <tapio/core/time.hpp>
#include <tapio/detail/engine_fwd.hpp>

#include <boost/asio/execution_context.hpp>

#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#pragma GCC visibility push(default)

namespace tapio::detail {

class happy_eyeballs
{
public:
    static constexpr core::duration resolution_delay = std::chrono::milliseconds(50); ///< RFC 8305 §3
    static constexpr core::duration attempt_delay = std::chrono::milliseconds(250);   ///< §5

    /// @param context  of the sockets: its stack's routes and time count
    explicit happy_eyeballs(boost::asio::execution_context& context);

    /// The lookup of one family has ended. @param found in the order of RFC 6724
    void resolved(core::family f, const core::error_code& ec, std::vector<core::endpoint> found);
    /// The attempt that began last, or an earlier one, has failed.
    void failed(const core::error_code& ec);

    /// To be called after each event, until it returns none. @return where the next attempt goes, now
    std::optional<core::endpoint> next();
    /// How long until next() must be called again without another event; none: an event is awaited.
    std::optional<core::duration> wait() const;
    /// There is nothing left to wait for, and no attempt has succeeded. @pre next() has returned none
    bool is_over() const noexcept { return knows(core::family::v4) && knows(core::family::v6) && in_flight_ == 0 && none_left(); }
    core::error_code error() const noexcept; ///< of the last attempt; without attempts, of the lookups

private:
    struct family_state
    {
        bool known = false; ///< the lookup has ended
        core::error_code ec;
        std::deque<core::endpoint> left; ///< not tried yet
    };
    family_state& of(core::family f) noexcept { return families_[f == core::family::v6 ? 1 : 0]; }
    const family_state& of(core::family f) const noexcept { return families_[f == core::family::v6 ? 1 : 0]; }
    bool knows(core::family f) const noexcept { return of(f).known; }
    bool none_left() const noexcept { return families_[0].left.empty() && families_[1].left.empty(); }
    core::family choose() const;

    std::shared_ptr<engine> engine_;
    family_state families_[2]; ///< IPv4, IPv6
    std::optional<core::family> last_;
    core::time_point not_before_{}; ///< of the next attempt
    std::size_t in_flight_ = 0;
    core::error_code failure_;
};

} // namespace tapio::detail

#pragma GCC visibility pop
