/// @file
/// The congestion-control algorithms that sockets of a host can choose by name: the built-in ones, and those added by the user.
#pragma once

#include "base/random_source.hpp"
#include "tcp/bbr.hpp"
#include "tcp/cubic.hpp"
#include "tcp/dctcp.hpp"
#include "tcp/new_reno.hpp"

#include <tapio/core/congestion_control.hpp>

#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace tapio::core {

class congestion_controls
{
public:
    using entry = std::pair<const std::string, congestion_control_factory>;

    explicit congestion_controls(random_source& random) : random_(random)
    {
        add("reno", [] { return std::make_unique<tcp::new_reno>(); });
        add("cubic", [] { return std::make_unique<tcp::cubic>(); });
        add("dctcp", [] { return std::make_unique<tcp::dctcp>(); });
        add("bbr", [this] { return std::make_unique<tcp::bbr>(random_.next_u64()); });
    }

    /// Replaces an algorithm of the same name.
    void add(std::string name, congestion_control_factory make) { all_[std::move(name)] = std::move(make); }
    /// Null if the name is unknown. The pointer stays valid.
    const entry* find(std::string_view name) const
    {
        const auto at = all_.find(name);
        return at == all_.end() ? nullptr : &*at;
    }

private:
    random_source& random_;
    std::map<std::string, congestion_control_factory, std::less<>> all_;
};

} // namespace tapio::core
