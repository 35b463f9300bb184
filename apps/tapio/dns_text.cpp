#include "tapio/dns_text.hpp"

#include "tapio/format.hpp"

#include <boost/json.hpp>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cstdint>
#include <utility>
#include <variant>

namespace apps::tools {

namespace json = boost::json;
namespace dns = tapio::dns;
using dns::record_type;
using dns::response_code;

namespace {

constexpr std::array<std::pair<record_type, std::string_view>, 10> types{{{record_type::a, "A"},
                                                                          {record_type::ns, "NS"},
                                                                          {record_type::cname, "CNAME"},
                                                                          {record_type::soa, "SOA"},
                                                                          {record_type::ptr, "PTR"},
                                                                          {record_type::mx, "MX"},
                                                                          {record_type::txt, "TXT"},
                                                                          {record_type::aaaa, "AAAA"},
                                                                          {record_type::srv, "SRV"},
                                                                          {record_type::any, "ANY"}}};

/// With the final dot of a complete name.
std::string full(const dns::name& n) { return n.is_root() ? "." : n.to_string() + '.'; }

std::string hex(unsigned octet)
{
    constexpr char digits[] = "0123456789ABCDEF";
    return {digits[octet >> 4], digits[octet & 15]};
}

/// In quotes; what is not printable as \DDD (RFC 1035 §5.1).
std::string quoted(const std::string& text)
{
    std::string out = "\"";
    for (const char c : text) {
        const auto octet = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (octet < ' ' || octet > '~') {
            const std::string digits = std::to_string(octet);
            out += '\\' + std::string(3 - digits.size(), '0') + digits;
        } else {
            out += c;
        }
    }
    return out + '"';
}

struct data_text
{
    std::string operator()(const tapio::core::address_v4& a) const { return a.to_string(); }
    std::string operator()(const tapio::core::address_v6& a) const { return a.to_string(); }
    std::string operator()(const dns::name& n) const { return full(n); }
    std::string operator()(const dns::mail_exchange& m) const { return std::to_string(m.preference) + ' ' + full(m.exchange); }
    std::string operator()(const dns::service_location& s) const
    {
        return std::to_string(s.priority) + ' ' + std::to_string(s.weight) + ' ' + std::to_string(s.port) + ' ' + full(s.target);
    }
    std::string operator()(const dns::zone_authority& z) const
    {
        std::string out = full(z.primary) + ' ' + full(z.mailbox);
        for (const std::uint32_t n : {z.serial, z.refresh, z.retry, z.expire, z.minimum}) out += ' ' + std::to_string(n);
        return out;
    }
    std::string operator()(const dns::text_strings& all) const
    {
        std::string out;
        for (const std::string& one : all) out += (out.empty() ? "" : " ") + quoted(one);
        return out;
    }
    std::string operator()(const dns::unknown_data& octets) const // RFC 3597 §5
    {
        std::string out = "\\# " + std::to_string(octets.size());
        if (!octets.empty()) out += ' ';
        for (const std::byte b : octets) out += hex(std::to_integer<unsigned>(b));
        return out;
    }
};

/// At least one tab, and the next column at a multiple of 8 from 24 on, as dig has it.
std::string column(const std::string& text) { return text + std::string(text.size() < 16 ? 3 - text.size() / 8 : 1, '\t'); }

} // namespace

std::optional<record_type> record_type_of(std::string_view text)
{
    std::string upper(text);
    for (char& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    const auto at = std::find_if(types.begin(), types.end(), [&](const auto& t) { return t.second == upper; });
    if (at != types.end()) return at->first;
    if (!upper.starts_with("TYPE")) return std::nullopt;
    std::uint16_t n = 0;
    const auto [end, error] = std::from_chars(upper.data() + 4, upper.data() + upper.size(), n);
    if (error != std::errc() || end != upper.data() + upper.size() || n == 0) return std::nullopt;
    return static_cast<record_type>(n);
}

std::string record_type_text(record_type type)
{
    const auto at = std::find_if(types.begin(), types.end(), [type](const auto& t) { return t.first == type; });
    return at != types.end() ? std::string(at->second) : "TYPE" + std::to_string(static_cast<unsigned>(type));
}

std::string response_code_text(response_code code)
{
    switch (code) {
    case response_code::no_error: return "NOERROR";
    case response_code::format_error: return "FORMERR";
    case response_code::server_failure: return "SERVFAIL";
    case response_code::name_error: return "NXDOMAIN";
    case response_code::not_implemented: return "NOTIMP";
    case response_code::refused: return "REFUSED";
    case response_code::bad_version: return "BADVERS";
    }
    return "RCODE" + std::to_string(static_cast<unsigned>(code));
}

std::string reverse_name(const boost::asio::ip::address& a)
{
    std::string out;
    if (a.is_v4()) {
        for (const auto octet : a.to_v4().to_bytes()) out.insert(0, std::to_string(octet) + '.');
        return out + "in-addr.arpa";
    }
    constexpr char digits[] = "0123456789abcdef";
    for (const auto octet : a.to_v6().to_bytes()) {
        const std::string two{digits[octet & 15], '.', digits[octet >> 4], '.'};
        out.insert(0, two);
    }
    return out + "ip6.arpa";
}

std::string record_data_text(const dns::record& r) { return std::visit(data_text(), r.data); }

std::string record_text(const dns::record& r)
{
    return column(full(r.owner)) + std::to_string(r.ttl) + "\tIN\t" + record_type_text(r.type) + '\t' + record_data_text(r);
}

std::string dns_brief(const dns_report& r)
{
    std::string out;
    for (const dns::record& one : r.answer.records) out += record_data_text(one) + '\n';
    return out;
}

std::string dns_full(const dns_report& r)
{
    std::string out = ";; status: " + response_code_text(r.answer.code) + ", flags: qr" + (r.answer.authoritative ? " aa" : "") +
                      "; QUERY: 1, ANSWER: " + std::to_string(r.answer.records.size()) +
                      ", AUTHORITY: " + (r.answer.authority ? "1" : "0") + "\n\n;; QUESTION SECTION:\n;" + column(full(r.name)) +
                      "\tIN\t" + record_type_text(r.type) + '\n';
    if (!r.answer.records.empty()) out += "\n;; ANSWER SECTION:\n";
    for (const dns::record& one : r.answer.records) out += record_text(one) + '\n';
    if (r.answer.authority) out += "\n;; AUTHORITY SECTION:\n" + record_text(*r.answer.authority) + '\n';
    return out + "\n;; Query time: " + format_ms(r.took, 1) + " msec\n;; SERVER: " + r.server + " (" + r.transport + ")\n";
}

std::string dns_json(const dns_report& r)
{
    const auto object_of = [](const dns::record& one) {
        return json::object{
            {"name", full(one.owner)}, {"type", record_type_text(one.type)}, {"ttl", one.ttl}, {"data", record_data_text(one)}};
    };
    json::array records, authority;
    for (const dns::record& one : r.answer.records) records.push_back(object_of(one));
    if (r.answer.authority) authority.push_back(object_of(*r.answer.authority));
    json::object out;
    out["name"] = full(r.name);
    out["type"] = record_type_text(r.type);
    out["server"] = r.server;
    out["transport"] = r.transport;
    out["answered"] = r.answered;
    out["status"] = response_code_text(r.answer.code);
    out["authoritative"] = r.answer.authoritative;
    out["time_ms"] = std::chrono::duration<double, std::milli>(r.took).count();
    out["answer"] = std::move(records);
    out["authority"] = std::move(authority);
    return json::serialize(out) + '\n';
}

} // namespace apps::tools
