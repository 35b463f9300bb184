#include "tapio/router_advertisement.hpp"

#include "tapio/octet_reader.hpp"

#include <tapio/core/address.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>

namespace apps::tools {

namespace {

constexpr std::uint32_t infinite = 0xffff'ffff; // RFC 4861 §4.6.2

/// "Router lifetime           :         1800 (0x00000708) seconds". @param zero what 0 means, if it is no number of units
std::string number_line(const char* label, std::uint32_t value, const char* unit, const char* zero = nullptr)
{
    std::array<char, 100> line{};
    const char* const word = value == 0 ? zero : value == infinite ? "infinite" : nullptr;
    if (word != nullptr)
        std::snprintf(line.data(), line.size(), "%-26s: %12s (0x%08x)\n", label, word, value);
    else
        std::snprintf(line.data(), line.size(), "%-26s: %12u (0x%08x) %s\n", label, value, value, unit);
    return line.data();
}

std::string word_line(const char* label, const std::string& word)
{
    std::array<char, 400> line{};
    std::snprintf(line.data(), line.size(), "%-26s: %12s\n", label, word.c_str());
    return line.data();
}

std::string text_line(const char* label, const std::string& text)
{
    std::array<char, 400> line{};
    std::snprintf(line.data(), line.size(), "%-26s: %s\n", label, text.c_str());
    return line.data();
}

const char* yes(bool b) { return b ? "Yes" : "No"; }
const char* boolean(bool b) { return b ? "true" : "false"; }

/// RFC 4191 §2.1: two bits.
const char* preference_of(unsigned bits)
{
    constexpr std::array names{"medium", "high", "medium (invalid)", "low"};
    return names[bits & 3];
}

/// Writes what the options say, to both outputs.
class option_writer
{
public:
    explicit option_writer(router_advertisement& out) : out_(out) {}

    /// @param o behind its type and length
    void add(unsigned type, octet_reader o)
    {
        switch (type) {
        case 1: return mac(o);
        case 3: return prefix(o);
        case 5: return mtu(o);
        case 24: return route(o);
        case 25: return servers(o);
        case 31: return domains(o);
        default: return;
        }
    }
    std::string json() const
    {
        return ", \"prefixes\": [" + prefixes_ + "], \"routes\": [" + routes_ + "], \"dns_servers\": [" + servers_ +
               "], \"dns_search\": [" + domains_ + ']' + (mtu_.empty() ? "" : ", \"mtu\": " + mtu_) +
               (mac_.empty() ? "" : ", \"mac\": \"" + mac_ + '"');
    }

private:
    static void append(std::string& list, const std::string& item) { list += (list.empty() ? "" : ", ") + item; }
    static std::string quoted(const std::string& text) { return '"' + text + '"'; }

    void mac(octet_reader o)
    {
        mac_ = tapio::core::to_string(tapio::core::mac_address{o.take<6>()});
        if (!o.truncated()) out_.text += text_line(" Source link-layer address", mac_);
    }

    void prefix(octet_reader o)
    {
        const unsigned length = o.u8(), flags = o.u8();
        const std::uint32_t valid = o.u32(), preferred = o.u32();
        o.skip(4);
        const std::string what = o.v6().to_string() + '/' + std::to_string(length);
        if (o.truncated()) return;
        out_.text += text_line(" Prefix", what) + word_line("  On-link", yes((flags & 0x80) != 0)) +
                     word_line("  Autonomous address conf.", yes((flags & 0x40) != 0)) +
                     number_line("  Valid time", valid, "seconds") + number_line("  Pref. time", preferred, "seconds");
        out_.prefixes.push_back(what);
        append(prefixes_, "{\"prefix\": " + quoted(what) + ", \"on_link\": " + boolean((flags & 0x80) != 0) +
                              ", \"autonomous\": " + boolean((flags & 0x40) != 0) + ", \"valid\": " + std::to_string(valid) +
                              ", \"preferred\": " + std::to_string(preferred) + '}');
    }

    void mtu(octet_reader o)
    {
        o.skip(2);
        const std::uint32_t octets = o.u32();
        if (o.truncated()) return;
        mtu_ = std::to_string(octets);
        std::array<char, 100> line{};
        std::snprintf(line.data(), line.size(), "%-26s: %12u bytes (%s)\n", " MTU", octets, octets >= 1280 ? "valid" : "invalid");
        out_.text += line.data();
    }

    /// RFC 4191 §2.3: of the prefix there are as many octets as are needed.
    void route(octet_reader o)
    {
        const unsigned length = o.u8(), flags = o.u8();
        const std::uint32_t lifetime = o.u32();
        std::array<std::uint8_t, 16> octets{};
        if (o.truncated() || length > 128 || (length + 7) / 8 > o.size()) return;
        for (std::size_t n = 0; n < (length + 7) / 8; ++n) octets[n] = o.u8();
        const std::string what = boost::asio::ip::address_v6(octets).to_string() + '/' + std::to_string(length);
        const char* const preference = preference_of(flags >> 3);
        out_.text += text_line(" Route", what) + word_line("  Route preference", preference) +
                     number_line("  Route lifetime", lifetime, "seconds");
        append(routes_, "{\"prefix\": " + quoted(what) + ", \"preference\": " + quoted(preference) +
                            ", \"lifetime\": " + std::to_string(lifetime) + '}');
    }

    /// RFC 8106 §5.1
    void servers(octet_reader o)
    {
        o.skip(2);
        const std::uint32_t lifetime = o.u32();
        while (o.size() >= 16) {
            const std::string server = o.v6().to_string();
            out_.text += text_line(" Recursive DNS server", server);
            append(servers_, quoted(server));
        }
        out_.text += number_line("  DNS server lifetime", lifetime, "seconds");
    }

    /// RFC 8106 §5.2: names as labels; padding of zeros.
    void domains(octet_reader o)
    {
        o.skip(2);
        const std::uint32_t lifetime = o.u32();
        std::string all;
        while (o.size() > 0) {
            std::string name;
            for (std::size_t n = o.u8(); n > 0 && n < 64 && n <= o.size(); n = o.u8()) {
                name += name.empty() ? "" : ".";
                for (; n > 0; --n) name += printable(o.u8());
            }
            if (name.empty()) break;
            all += name + ' ';
            append(domains_, quoted(name));
        }
        out_.text += text_line(" DNS search list", all) + number_line("  DNS search list lifetime", lifetime, "seconds");
    }
    static char printable(std::uint8_t octet)
    {
        const bool plain = (octet >= '0' && octet <= '9') || (octet >= 'a' && octet <= 'z') || (octet >= 'A' && octet <= 'Z');
        return plain || octet == '-' || octet == '_' ? static_cast<char>(octet) : '?';
    }

    router_advertisement& out_;
    std::string prefixes_, routes_, servers_, domains_, mtu_, mac_;
};

/// Calls `f(type, octet_reader)` for each option. @return false: one has the length 0, or ends behind the message
template <class F>
bool for_each_option(octet_reader r, F&& f)
{
    while (r.size() > 0) {
        const unsigned type = r.u8();
        const std::size_t length = std::size_t{r.u8()} * 8;
        if (length == 0 || length - 2 > r.size()) return false;
        f(type, r.part(length - 2));
    }
    return true;
}

} // namespace

std::optional<router_advertisement> describe_advertisement(std::span<const std::byte> message)
{
    octet_reader r(message);
    if (r.u8() != 134 || r.u8() != 0) return std::nullopt;
    r.skip(2); // checksum: verified by the stack
    const unsigned hop_limit = r.u8(), flags = r.u8();
    const std::uint32_t lifetime = r.u16(), reachable = r.u32(), retransmit = r.u32();
    if (r.truncated()) return std::nullopt;
    std::array<char, 100> hops{};
    if (hop_limit == 0)
        std::snprintf(hops.data(), hops.size(), "%-26s:    undefined (      0x00)\n", "Hop limit");
    else
        std::snprintf(hops.data(), hops.size(), "%-26s: %12u (      0x%02x)\n", "Hop limit", hop_limit, hop_limit);
    const char* const preference = preference_of(flags >> 3);
    router_advertisement out;
    out.text = hops.data() + word_line("Stateful address conf.", yes((flags & 0x80) != 0)) +
               word_line("Stateful other conf.", yes((flags & 0x40) != 0)) +
               word_line("Mobile home agent", yes((flags & 0x20) != 0)) + word_line("Router preference", preference) +
               word_line("Neighbor discovery proxy", yes((flags & 0x04) != 0)) +
               number_line("Router lifetime", lifetime, "seconds") +
               number_line("Reachable time", reachable, "milliseconds", "unspecified") +
               number_line("Retransmit time", retransmit, "milliseconds", "unspecified");
    option_writer options(out);
    if (!for_each_option(r, [&](unsigned type, const octet_reader& o) { options.add(type, o); })) return std::nullopt;
    out.json = "\"hop_limit\": " + std::to_string(hop_limit) + ", \"managed\": " + boolean((flags & 0x80) != 0) +
               ", \"other\": " + boolean((flags & 0x40) != 0) + ", \"preference\": \"" + preference +
               "\", \"lifetime\": " + std::to_string(lifetime) + ", \"reachable_ms\": " + std::to_string(reachable) +
               ", \"retransmit_ms\": " + std::to_string(retransmit) + options.json();
    return out;
}

std::string link_layer_address(std::span<const std::byte> options, unsigned type)
{
    std::string found;
    const bool sound = for_each_option(octet_reader(options), [&](unsigned t, octet_reader o) {
        if (t == type && o.size() >= 6 && found.empty()) found = tapio::core::to_string(tapio::core::mac_address{o.take<6>()});
    });
    return sound ? found : "";
}

} // namespace apps::tools
