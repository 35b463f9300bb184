/// @file
/// Records that servers have sent, until their TTLs are over, and what does not exist. Read RFC 2308 first, then RFC 2181 §5
/// (sets of records) and RFC 8767 (stale records). Bounded in entries and in octets; what was used longest ago makes room.
#pragma once

#include <tapio/core/dns.hpp>
#include <tapio/core/time.hpp>

#include <cstddef>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace tapio::core::client {

class dns_cache
{
public:
    static constexpr std::chrono::seconds stale_ttl{30}; ///< TTL of stale records (RFC 8767 §4)

    enum class kind : std::uint8_t
    {
        records,
        no_data, ///< the name has no record of the type
        no_name  ///< the name does not exist
    };
    struct hit
    {
        kind what = kind::records;
        std::vector<dns::record> records; ///< with what is left of their TTL; in the order of the response
        bool stale = false;
    };

    explicit dns_cache(const dns_options& options) { configure(options); }
    void configure(const dns_options& options); ///< entries beyond new bounds are dropped

    /// @param stale  also records whose TTL is over (dns_options::serve_stale)
    /// Without it, such records are found only while postpone() says so.
    std::optional<hit> find(const dns::name& n, dns::record_type type, time_point now, bool stale = false);
    /// A set of records of one owner and type (RFC 2181 §5.2: the least of their TTLs counts). One with a TTL of 0 is not kept.
    void add(std::vector<dns::record> set, time_point now);
    /// RFC 2308 §5. @param type of the question; "no such name" holds for all types
    void add_negative(const dns::name& n, dns::record_type type, kind what, std::chrono::seconds ttl, time_point now);
    /// No server has answered: until `t` stale records are used without asking again (RFC 8767 §5).
    void postpone(const dns::name& n, dns::record_type type, time_point t);
    void clear();

    std::size_t size() const noexcept { return index_.size(); }
    std::size_t octets() const noexcept { return octets_; } ///< an estimate of the memory in use

private:
    struct entry
    {
        std::string key;
        kind what = kind::records;
        std::vector<dns::record> records;
        time_point stored{}, expires{};
        time_point retry{}; ///< see postpone()
        std::size_t octets = 0;
    };
    using entries = std::list<entry>;
    using index = std::map<std::string, entries::iterator>;

    static std::string key_of(const dns::name& n, unsigned type);
    static std::size_t size_of(const entry& e);
    std::optional<hit> find(const std::string& key, time_point now, bool stale);
    void put(entry e);
    void erase(const std::string& key);
    void erase(index::iterator at);
    void shrink();

    dns_options options_;
    entries used_; ///< the last one used first
    index index_;
    std::size_t octets_ = 0;
};

} // namespace tapio::core::client
