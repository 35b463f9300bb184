/// @file
/// What the state-change reports about one group have still to say (RFC 3376 §5.1, RFC 3810 §6.1).
#pragma once

#include "ip/source_filter.hpp"
#include "wire/group_record.hpp"

#include <tapio/core/address.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace tapio::core::ip {

/// Every change is reported as often as the robustness variable says. Later changes are merged into the reports of earlier ones.
class state_change
{
public:
    static constexpr std::size_t most_sources = 256; ///< beyond it reports carry the whole state

    /// Reports the difference of two states of the interface. Precondition: they differ.
    void add(const source_filter& before, const source_filter& after, unsigned robustness);
    /// Reports the whole state from now on, as after a change of the filter mode.
    void report_all(unsigned reports) noexcept;
    void clear() noexcept { report_all(0); }

    bool pending() const noexcept { return mode_reports_ > 0 || !sources_.empty(); }
    /// One report has been sent.
    void sent() noexcept;

    /// Calls `f(wire::group_record_type, std::span<const address>)` for each record of the next report.
    template <class F>
    void for_each_record(const source_filter& now, F&& f) const
    {
        using enum wire::group_record_type;
        if (mode_reports_ > 0) {
            f(now.mode == filter_mode::include ? to_include : to_exclude, std::span<const address>(now.sources));
            return;
        }
        for (const bool wanted : {true, false})
            if (const auto some = sources_that_are(wanted, now); !some.empty()) f(wanted ? allow : block, std::span(some));
    }

private:
    struct changed_source
    {
        address source;
        unsigned reports; ///< still to be sent, at least 1
    };

    void add_source(const address& source, unsigned robustness);
    std::vector<address> sources_that_are(bool wanted, const source_filter& now) const;

    unsigned mode_reports_ = 0;           ///< reports of the whole state still to be sent
    std::vector<changed_source> sources_; ///< sorted
};

} // namespace tapio::core::ip
