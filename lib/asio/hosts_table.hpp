/// @file
/// Host names and their addresses, like /etc/hosts. Case and a trailing dot are ignored (RFC 952, RFC 1034 §3.1).
#pragma once

#include <tapio/core/address.hpp>

#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tapio::detail {

/// Thread-safe.
class hosts_table
{
public:
    void add(std::string_view name, const core::address& a)
    {
        const std::lock_guard lock(mutex_);
        entries_.emplace_back(normal(name), a);
    }
    /// The addresses of `name`, in the order in which they were added.
    std::vector<core::address> find(std::string_view name) const
    {
        const std::string wanted = normal(name);
        const std::lock_guard lock(mutex_);
        std::vector<core::address> out;
        for (const auto& [known, a] : entries_)
            if (known == wanted) out.push_back(a);
        return out;
    }
    std::optional<std::string> name_of(const core::address& a) const
    {
        const std::lock_guard lock(mutex_);
        for (const auto& [known, address] : entries_)
            if (address == a) return known;
        return std::nullopt;
    }

private:
    static std::string normal(std::string_view name)
    {
        if (name.ends_with('.')) name.remove_suffix(1);
        std::string out(name);
        for (char& c : out)
            if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
        return out;
    }

    mutable std::mutex mutex_;
    std::vector<std::pair<std::string, core::address>> entries_{{"localhost", core::address_v4::loopback()},
                                                                {"localhost", core::address_v6::loopback()}}; // RFC 6761 §6.3
};

} // namespace tapio::detail
