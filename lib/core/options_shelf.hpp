/// @file
/// Shares one copy of tcp_options among the connections whose options are equal.
#pragma once

#include "core/tcp_options.hpp"

#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <boost/smart_ptr/intrusive_ref_counter.hpp>

#include <algorithm>
#include <cstddef>
#include <vector>

namespace tapio::core {

class options_shelf
{
    struct copy : tcp_options, boost::intrusive_ref_counter<copy, boost::thread_unsafe_counter>
    {
        explicit copy(const tcp_options& o) : tcp_options(o) {}
    };

public:
    using shared = boost::intrusive_ptr<const copy>;

    /// A shared copy of `o`. Only the `most` recently requested copies are searched.
    shared share(const tcp_options& o)
    {
        const auto known = std::find_if(recent_.begin(), recent_.end(),
                                        [&](const shared& r) { return static_cast<const tcp_options&>(*r) == o; });
        if (known != recent_.end()) {
            std::rotate(recent_.begin(), known, known + 1);
        } else {
            if (recent_.size() >= most) recent_.pop_back();
            recent_.insert(recent_.begin(), shared(new copy(o)));
        }
        return recent_.front();
    }

private:
    static constexpr std::size_t most = 8;

    std::vector<shared> recent_; ///< most recent first
};

} // namespace tapio::core
