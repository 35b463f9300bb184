#include "client/mdns_names.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <set>
#include <utility>

namespace tapio::core::client {

namespace {

dns::name known(const char* text) { return *dns::name::parse(text); }

/// Cut so that the whole is a label, not within a character of UTF-8.
std::string with_suffix(std::string label, const std::string& suffix)
{
    std::size_t room = dns::name::longest_label - suffix.size();
    if (label.size() > room) {
        while (room > 0 && (static_cast<unsigned char>(label[room]) & 0xc0U) == 0x80) --room;
        label.resize(room);
    }
    return label + suffix;
}

bool is_label(const std::string& s) { return !s.empty() && s.size() <= dns::name::longest_label; }

/// "_name._tcp" or "_name._udp"; the name has up to 15 letters, digits and hyphens, and a letter at least.
bool is_service_type(const std::string& s)
{
    constexpr std::size_t suffix = 5, longest = 15;
    if (!s.starts_with('_') || !(s.ends_with("._tcp") || s.ends_with("._udp")) || s.size() < suffix + 2) return false;
    const std::string n = s.substr(1, s.size() - suffix - 1);
    const auto is = [](auto f) { return [f](char c) { return f(static_cast<unsigned char>(c)) != 0; }; };
    const auto fits = [](char c) { return c == '-' || (static_cast<unsigned char>(c) < 128 && std::isalnum(c) != 0); };
    return n.size() <= longest && std::all_of(n.begin(), n.end(), fits) &&
           std::any_of(n.begin(), n.end(), is([](int c) { return std::isalpha(c); }));
}

bool is_text(const std::vector<std::string>& all)
{
    constexpr std::size_t most_octets = 1000;
    std::size_t octets = 0;
    for (const std::string& s : all) {
        if (s.empty() || s.size() > 255 || s.front() == '=') return false; // RFC 6763 §6.4: a key is not empty
        octets += s.size() + 1;
    }
    return octets <= most_octets;
}

bool are_subtypes(const std::vector<std::string>& all)
{
    std::set<dns::name> names; // whatever their case
    return all.size() <= mdns_service::most_subtypes && std::all_of(all.begin(), all.end(), [&](const std::string& s) {
               return is_label(s) && names.insert(prepend(s, local_domain())).second;
           });
}

} // namespace

const dns::name& local_domain()
{
    static const dns::name n = known("local");
    return n;
}

const dns::name& service_types_name()
{
    static const dns::name n = known("_services._dns-sd._udp.local");
    return n;
}

bool is_link_local_name(const dns::name& n)
{
    static const std::array<dns::name, 5> reverse{known("254.169.in-addr.arpa"), known("8.e.f.ip6.arpa"), known("9.e.f.ip6.arpa"),
                                                  known("a.e.f.ip6.arpa"), known("b.e.f.ip6.arpa")};
    return n.is_below(local_domain()) ||
           std::any_of(reverse.begin(), reverse.end(), [&](const dns::name& r) { return n.is_below(r); });
}

dns::name prepend(const std::string& label, const dns::name& parent)
{
    return *dns::name::of_labels(static_cast<char>(label.size()) + label + parent.labels());
}

std::string host_label(const std::string& wanted, unsigned number)
{
    return number == 1 ? wanted : with_suffix(wanted, "-" + std::to_string(number));
}

std::string instance_label(const std::string& wanted, unsigned number)
{
    return number == 1 ? wanted : with_suffix(wanted, " (" + std::to_string(number) + ")");
}

dns::name service_type_name(const std::string& of_type) { return *(*dns::name::parse(of_type) + local_domain()); }

dns::name service_subtype_name(const std::string& subtype, const std::string& of_type)
{
    return prepend(subtype, prepend("_sub", service_type_name(of_type)));
}

bool is_valid(const mdns_options& o)
{
    if (o.host_name.empty()) return o.services.empty();
    if (!is_label(o.host_name) || o.host_name.find('.') != std::string::npos) return false;
    if (o.services.size() > mdns_options::most_services) return false;
    std::set<dns::name> names;
    return std::all_of(o.services.begin(), o.services.end(), [&](const mdns_service& s) {
        const std::string& instance = s.instance.empty() ? o.host_name : s.instance;
        return is_label(instance) && is_service_type(s.type) && is_text(s.text) && are_subtypes(s.subtypes) &&
               names.insert(prepend(instance, service_type_name(s.type))).second;
    });
}

} // namespace tapio::core::client
