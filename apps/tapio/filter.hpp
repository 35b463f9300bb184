/// @file
/// Filters in the syntax of libpcap (pcap-filter(7)). Without libpcap in the build there is none.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

namespace apps::tools {

class packet_filter
{
public:
    /// @param expression  empty: everything matches
    /// @throws usage_error if this build is without libpcap
    explicit packet_filter(std::string expression);
    ~packet_filter();
    packet_filter(const packet_filter&) = delete;
    packet_filter& operator=(const packet_filter&) = delete;

    /// Throws what is wrong with the expression for this link type. @throws usage_error
    void check(unsigned link);
    /// @param link  the number of the link type (capture_file.hpp)  @param original  octets on the wire  @throws usage_error
    bool matches(unsigned link, std::span<const std::byte> octets, std::size_t original);

private:
    struct state;
    std::unique_ptr<state> state_; ///< null: everything matches
};

} // namespace apps::tools
