/// @file
/// The Domain Name System as its users see it: records, what a query returns, and the options of a stack's resolver. Read
/// RFC 1034 first.
#pragma once

#include <tapio/core/address.hpp>
#include <tapio/core/dns_name.hpp>
#include <tapio/core/time.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#pragma GCC visibility push(default)

namespace tapio::core::dns {

/// The type of a record; other numbers occur, too (IANA's registry).
enum class record_type : std::uint16_t
{
    a = 1,     ///< RFC 1035 §3.4.1
    ns = 2,    ///< §3.3.11
    cname = 5, ///< §3.3.1
    soa = 6,   ///< §3.3.13
    ptr = 12,  ///< §3.3.12
    mx = 15,   ///< §3.3.9
    txt = 16,  ///< §3.3.14
    aaaa = 28, ///< RFC 3596 §2.1
    srv = 33,  ///< RFC 2782
    opt = 41,  ///< RFC 6891; in messages only
    nsec = 47, ///< RFC 4034 §4, RFC 6762 §6.1; its data is not decoded
    any = 255, ///< in questions only; see RFC 8482
};

/// RCODE (RFC 1035 §4.1.1), with the eight bits more of RFC 6891 §6.1.3; other numbers occur, too.
enum class response_code : std::uint16_t
{
    no_error = 0,
    format_error = 1,
    server_failure = 2,
    name_error = 3, ///< NXDOMAIN: the name does not exist, for any type
    not_implemented = 4,
    refused = 5,
    bad_version = 16,
};

struct mail_exchange ///< MX
{
    std::uint16_t preference = 0; ///< the lowest first
    name exchange;

    friend bool operator==(const mail_exchange&, const mail_exchange&) = default;
};

struct service_location ///< SRV
{
    std::uint16_t priority = 0; ///< the lowest first
    std::uint16_t weight = 0;   ///< within a priority
    std::uint16_t port = 0;
    name target; ///< the root: the service is not available

    friend bool operator==(const service_location&, const service_location&) = default;
};

struct zone_authority ///< SOA
{
    name primary, mailbox;
    std::uint32_t serial = 0;
    std::uint32_t refresh = 0, retry = 0, expire = 0; ///< s
    std::uint32_t minimum = 0;                        ///< s; how long "no such name" and "no such type" last (RFC 2308 §4)

    friend bool operator==(const zone_authority&, const zone_authority&) = default;
};

using text_strings = std::vector<std::string>; ///< TXT: one or more strings of up to 255 octets
using unknown_data = std::vector<std::byte>;   ///< a type that is not decoded (RFC 3597)

/// A, AAAA, names (CNAME, NS, PTR), MX, SRV, SOA, TXT, others.
using record_data =
    std::variant<address_v4, address_v6, name, mail_exchange, service_location, zone_authority, text_strings, unknown_data>;

/// A record of class IN.
struct record
{
    name owner;
    record_type type = record_type::a;
    std::uint32_t ttl = 0; ///< s; what is left of it
    record_data data;      ///< the alternative that belongs to `type`

    friend bool operator==(const record& a, const record& b) noexcept
    {
        return a.owner == b.owner && a.type == b.type && a.data == b.data; // TTLs differ between copies of one record
    }
};

/// What a query has found.
struct answer
{
    std::vector<record> records; ///< CNAME records on the way to the answer come first, in their order
    /// Without a record of the type: the SOA record of the zone that says so (RFC 2308 §2). none: the server has sent none, or
    /// the answer is from the cache.
    std::optional<record> authority;
    name canonical; ///< the name at the end of CNAME records; the queried one if there are none
    response_code code = response_code::no_error;
    bool authoritative = false; ///< AA of the response; false if from the cache
    bool from_cache = false;    ///< no query was sent for the last part of the answer
    bool encrypted = false;     ///< the last part of the answer came by TLS; false if from the cache
    bool stale = false;         ///< expired records of the cache, because no server answers (RFC 8767)
};

} // namespace tapio::core::dns

namespace tapio::core {

class secure_streams; // secure_stream.hpp

/// What a resolver asks by multicast DNS (RFC 6762), of all hosts of the links that it is connected to, in place of servers.
/// Anybody there may answer.
enum class mdns_use : std::uint8_t
{
    none,
    /// Names below "local" (RFC 6762 §3), and the reverse names of link-local addresses (§4). **A search domain below "local" is
    /// not used.**
    local_names,
    all_names ///< every name, as it is: servers and search domains are not used
};

/// Options of a stack's resolver; defaults as in resolv.conf(5) where that has the option. Values beyond a bound count as the
/// bound.
struct dns_options
{
    /// In the order in which they are asked; port 0 means 53. Empty: the servers that interfaces have learned (router
    /// advertisements, DHCP). Beyond 8 they are ignored.
    std::vector<endpoint> servers;
    /// Domains that are tried for names with few dots (`ndots`), as "corp.example". Empty: those that interfaces have learned, if
    /// `servers` is empty, too. Beyond 8 they are ignored, as are those that are no domain names.
    std::vector<std::string> search;
    unsigned ndots = 1; ///< a name with at least so many dots is tried as it is first; at most 15
    std::chrono::milliseconds timeout = std::chrono::seconds(5); ///< for one answer of one server; doubles with each round
    unsigned attempts = 2;                                       ///< rounds through all servers; 1 to 5
    bool rotate = false;                                         ///< each query begins with another server
    bool use_0x20 = true; ///< queries vary the case of their names, which answers must repeat
    bool use_tcp = false; ///< queries go by TCP at once, not only after a truncated answer (RFC 7766)
    /// Queries go by TLS (RFC 7858); make it with make_dns_over_tls() (dns_over_tls.hpp). Null: in clear.
    std::shared_ptr<secure_streams> tls;
    std::uint16_t tls_port = 853; ///< of all servers, for TLS; the ports in `servers` are for queries in clear
    /// false: the strict profile of RFC 8310 §5. A server that cannot be asked by TLS, or does not prove who it is, gives no
    /// answer. true: such a server is asked in clear instead, and for the next five minutes TLS is not tried with it. An attacker
    /// on the way can bring that about.
    bool tls_fallback = false;
    std::chrono::milliseconds idle_timeout = std::chrono::seconds(10); ///< how long an unused connection to a server stays open
    std::uint16_t edns_payload = 1232;  ///< octets of a response by UDP that we accept (RFC 6891); below 512: without EDNS
    std::size_t cache_entries = 1000;   ///< 0: no cache. An entry is the records of one name and type, or that there are none
    std::size_t cache_octets = 1 << 20; ///< of memory, roughly
    std::chrono::seconds longest_ttl = std::chrono::hours(24);         ///< longer TTLs count as this
    std::chrono::seconds longest_negative_ttl = std::chrono::hours(3); ///< the same for "no such name" and "no such type"
    /// How long expired records may still be used while no server answers (RFC 8767); 0: not at all; at most 30 days. RFC 8767 §5
    /// suggests one to three days.
    std::chrono::seconds serve_stale{0};
    std::size_t most_queries = 256; ///< that wait for a server at the same time, one socket each; others queue
    /// Not used unless asked for: what is asked is heard by all hosts of the link. Without an answer a lookup by multicast ends
    /// after `timeout`.
    mdns_use mdns = mdns_use::none;
};

} // namespace tapio::core

#pragma GCC visibility pop
