#include "asio/engine.hpp"
#include "core/destination_order.hpp"

#include <tapio/detail/happy_eyeballs.hpp>
#include <tapio/detail/socket.hpp>

#include <boost/asio/error.hpp>

#include <algorithm>

namespace tapio::detail {

using core::family;

happy_eyeballs::happy_eyeballs(boost::asio::execution_context& context) : engine_(engine_of(context)) {}

/// RFC 8305 §3: with addresses of IPv4 alone, those of IPv6 are awaited for a moment.
void happy_eyeballs::resolved(family f, const core::error_code& ec, std::vector<core::endpoint> found)
{
    family_state& s = of(f);
    s.known = true;
    s.ec = ec;
    s.left.assign(found.begin(), found.end());
    if (last_) return; // attempts have begun
    not_before_ = f == family::v4 && !knows(family::v6) ? engine_->now() + resolution_delay : core::time_point{};
}

/// RFC 8305 §5: the next attempt need not wait for the delay.
void happy_eyeballs::failed(const core::error_code& ec)
{
    --in_flight_;
    failure_ = ec;
    not_before_ = {};
}

/// RFC 8305 §4: the families take turns, beginning with that of the address which RFC 6724 prefers.
family happy_eyeballs::choose() const
{
    const bool v4 = !of(family::v4).left.empty(), v6 = !of(family::v6).left.empty();
    if (v4 != v6) return v4 ? family::v4 : family::v6;
    if (last_) return *last_ == family::v4 ? family::v6 : family::v4;
    std::vector<core::address> fronts{of(family::v6).left.front().address, of(family::v4).left.front().address};
    engine_->look([&](const core::host& h) { core::order_destinations(h.net(), fronts); });
    return core::family_of(fronts.front());
}

std::optional<core::endpoint> happy_eyeballs::next()
{
    const core::time_point now = engine_->now();
    if (none_left() || now < not_before_) return std::nullopt;
    const family f = choose();
    const core::endpoint e = of(f).left.front();
    of(f).left.pop_front();
    last_ = f;
    ++in_flight_;
    not_before_ = now + attempt_delay;
    return e;
}

std::optional<core::duration> happy_eyeballs::wait() const
{
    if (none_left()) return std::nullopt;
    return std::max(not_before_ - engine_->now(), core::duration::zero());
}

core::error_code happy_eyeballs::error() const noexcept
{
    if (last_) return failure_;
    const core::error_code v4 = of(family::v4).ec, v6 = of(family::v6).ec;
    return v4 == boost::asio::error::host_not_found && v6 ? v6 : v4; // "try again" says more than "not found"
}

} // namespace tapio::detail
