/// @file
/// A world in virtual time: hosts joined by impaired wires. Nothing here waits or reads a clock.
#pragma once

#include "core/host.hpp"
#include "support/test_family.hpp"

#include <tapio/core/impairment.hpp>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace tapio::test {

using namespace tapio::core;

/// A socket owner; pass `this` to set_owner().
class agent : public event_sink
{
public:
    virtual ~agent() = default;
};

/// One direction of a wire: the impairment model, and the packets in transit.
class direction
{
public:
    direction(const impairment_options& options, std::uint64_t seed, std::size_t link_header)
        : model_(options, seed), link_header_(link_header)
    {
    }

    void push(packet p, time_point now);
    /// The next packet that is due; packets due at the same time keep the order in which they were sent.
    bool pop(packet& out, time_point now);
    std::size_t largest = SIZE_MAX; ///< octets of packet; larger packets are dropped silently: a black hole

    time_point next_deadline() const noexcept { return arrivals_.empty() ? never : arrivals_.begin()->first; }

    /// Replaces the model. Packets in transit still arrive; counters restart at 0.
    void change(const impairment_options& options, std::uint64_t seed) { model_ = impairment(options, seed); }

    std::function<void(const packet&)> sees; ///< called with every packet that is pushed

    const impairment_counters& counters() const noexcept { return model_.counters(); }
    duration queueing_delay(time_point now) const noexcept { return model_.queueing_delay(now); }
    std::size_t in_transit() const noexcept { return arrivals_.size(); } ///< packets
    std::uint64_t delivered() const noexcept { return delivered_; }      ///< packets
    std::uint64_t overtaken() const noexcept { return overtaken_; }      ///< packets that arrived after one that was sent later

private:
    struct travelling
    {
        std::uint64_t number = 0; ///< order of sending
        core::packet content;
    };

    impairment model_;
    std::size_t link_header_;                        ///< octets
    std::multimap<time_point, travelling> arrivals_; ///< equal times keep their order
    std::vector<impairment::arrival> scratch_;
    std::uint64_t sent_ = 0, newest_ = 0, delivered_ = 0, overtaken_ = 0;
};

/// Both directions of a wire between two hosts.
struct wire_between
{
    direction forth, back;
};

class world
{
public:
    explicit world(std::uint64_t seed = 1);

    time_point now() const noexcept { return now_; }

    /// A new host that has only the loopback interface.
    host& add_host(const host_options& options = {});

    struct wire_options
    {
        link_type link = link_type::ip;
        std::size_t mtu = 1500; ///< octets
        impairment_options forth{}, back{};
        std::size_t queue_length = 0; ///< as device_info::queue_length
        bool offload = false;         ///< segments are coalesced and cut in software next to the wire
    };
    /// Joins two hosts, each with one address with a /24 prefix.
    wire_between& join(host& a, const std::string& a_address, host& b, const std::string& b_address, const wire_options& options);

    /// Runs everything that is due now.
    void settle();
    /// Lets time pass until `done` returns true (called at the end of each instant), at most `limit`.
    bool run_until(const std::function<bool()>& done, duration limit);
    void run_for(duration length);

    std::uint64_t packets() const noexcept { return packets_; } ///< delivered by all wires
    time_point next_deadline() const;

private:
    struct end
    {
        std::size_t host = 0;
        host::interface_id interface = 0;
        direction* out = nullptr;
        bool offload = false;
    };

    end plug(host& h, const std::string& address, const wire_options& options, direction& out);
    bool step_hosts();
    bool step_wires();

    std::uint64_t seed_;
    time_point now_{std::chrono::hours(1)};
    std::vector<std::unique_ptr<host>> hosts_;
    std::vector<std::unique_ptr<wire_between>> wires_;
    std::vector<std::pair<end, end>> ends_; ///< of the wire with the same index
    std::uint64_t packets_ = 0;
};

/// A seed for a host, derived from a number.
std::array<std::byte, 32> make_seed(std::uint64_t n);

} // namespace tapio::test
