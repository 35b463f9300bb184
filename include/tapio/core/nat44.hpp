/// @file
/// NAPT for IPv4, without a lock and without a source of randomness: the machine inside tapio::nat44 (<tapio/nat44.hpp>), which
/// programs use. Here are also its options, counters and mappings.
#pragma once

#include <tapio/core/address.hpp>
#include <tapio/core/packet_hook.hpp>
#include <tapio/core/time.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace tapio::core::ip {
class nat44_translator; // not exported
}

#pragma GCC visibility push(default)

namespace tapio::core {

/// Which packets from outside pass a mapping (RFC 4787 §5, RFC 5382 §4.3).
enum class nat44_filtering : std::uint8_t
{
    endpoint_independent, ///< all
    address_dependent     ///< those from addresses to which the inside endpoint has sent
};

/// Makes an endpoint inside reachable by an outside port: a mapping that never expires, and that no filter applies to.
struct nat44_forward
{
    std::uint8_t protocol = 6;      ///< 6 TCP, 17 UDP
    std::uint16_t outside_port = 0; ///< may lie outside of nat44_options::first_port to last_port
    endpoint inside{};              ///< address of IPv4 and port
    address_v4 outside{};           ///< one of the outside addresses; unspecified: the first
};

struct nat44_options
{
    std::uint32_t outside = 0; ///< number of the outside interface; all others are inside
    /// The addresses that packets from inside get as source. All mappings of a host have the same one (RFC 4787 REQ-2). May be
    /// empty until set_outside_addresses(); meanwhile nothing from inside leaves.
    std::vector<address_v4> outside_addresses{};
    /// The ports, and identifiers of ICMP queries, that mappings get. The default is below the stack's own ephemeral ports
    /// (32768 to 60999). Listeners and fixed local ports of this host should stay out of the range: a mapped port is no longer
    /// the host's.
    std::uint16_t first_port = 20000, last_port = 32767;
    std::vector<nat44_forward> forwards{};
    nat44_filtering filtering = nat44_filtering::address_dependent; ///< RFC 4787 REQ-8
    /// Drops packets that the outside interface received, that no mapping has translated, and that would be forwarded: an inside
    /// host is reachable by its mappings alone.
    bool block_untranslated = true;

    // Limits. A mapping is an inside endpoint; a session is a remote address (UDP, ICMP) or endpoint (TCP) to which it has sent.
    std::size_t max_mappings = 16384;          ///< without forwards
    std::size_t max_mappings_per_host = 4096;  ///< of one inside address
    std::size_t max_sessions = 65536;          ///< at the limit, a mapping's least recently used session is replaced
    std::size_t max_sessions_per_host = 16384; ///< likewise

    // How long a session lasts after its last packet from inside; a mapping ends with its last session.
    duration udp_timeout = std::chrono::minutes(5);               ///< RFC 4787 REQ-5: at least 2 min, 5 min recommended
    duration tcp_established_timeout = std::chrono::minutes(124); ///< RFC 5382 REQ-5: at least this
    duration tcp_transitory_timeout = std::chrono::minutes(4);    ///< while opening, and after FINs or RST; RFC 5382 REQ-5
    duration icmp_timeout = std::chrono::seconds(60);             ///< of queries; RFC 5508 REQ-2: at least this
};

struct nat44_counters
{
    std::uint64_t mappings = 0; ///< at present, without forwards
    std::uint64_t sessions = 0; ///< at present
    std::uint64_t created = 0;  ///< mappings
    std::uint64_t expired = 0;  ///< mappings
    // Packets that were dropped:
    std::uint64_t refused = 0;     ///< from inside: a limit is reached, no port is free, or there is no outside address
    std::uint64_t filtered = 0;    ///< from outside: by the mapping's filter, or untranslated (nat44_options::block_untranslated)
    std::uint64_t unsupported = 0; ///< from inside: cannot be translated (core::nat44)
};

struct nat44_mapping
{
    std::uint8_t protocol = 0; ///< 6 TCP, 17 UDP, 1 ICMP queries
    endpoint inside, outside;  ///< the port of ICMP is the identifier
    bool forward = false;      ///< one of nat44_options::forwards
    std::size_t sessions = 0;  ///< a forward has none
    time_point expires{};      ///< unless packets follow; forward: never
};

/// See tapio::nat44.
/// @par Thread safety  distinct objects: safe; shared objects: unsafe
class nat44 final : public packet_hook
{
public:
    using seed_type = std::array<std::byte, 32>;

    /// Bits of hooked_packet::mark(), for hooks after this one. Other bits are left alone.
    static constexpr std::uint32_t translated = 0x4000'0000; ///< input() has changed the destination
    static constexpr std::uint32_t hairpin = 0x8000'0000;    ///< ... of a packet from inside: output() will change its source

    /// @param seed of hashes and port numbers: secret, else peers can provoke collisions
    /// @throws boost::system::system_error invalid_argument, whose text names the option: first_port 0 or above last_port; a
    /// limit
    ///   or timeout of 0; an outside address that is unspecified or given twice; a forward that is not of TCP or UDP, has port 0
    ///   or an inside address of IPv6, or shares its outside or inside endpoint with another
    nat44(const nat44_options& options, const seed_type& seed);
    ~nat44() override;

    hook_verdict input(hooked_packet& p, time_point now) override;
    hook_verdict forward(hooked_packet& p, time_point now) override;
    hook_verdict output(hooked_packet& p, time_point now) override;
    bool needs_whole_datagrams() const noexcept override { return true; } ///< RFC 4787 REQ-14: only the first fragment has ports
    time_point next_deadline() const noexcept override;
    void advance(time_point now) override;

    /// Deletes all mappings but the forwards, unless the addresses are the present ones.
    /// @throws boost::system::system_error invalid_argument: an address that is unspecified or given twice
    void set_outside_addresses(const std::vector<address_v4>& addresses);

    nat44_counters counters() const noexcept;
    std::vector<nat44_mapping> mappings() const; ///< in no particular order. Takes time linear in their number and their sessions

private:
    std::unique_ptr<ip::nat44_translator> translator_;
};

} // namespace tapio::core

#pragma GCC visibility pop
