#include <tapio/core/dns_name.hpp>

#include <algorithm>
#include <cstdint>

namespace tapio::core::dns {

namespace {

constexpr char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
constexpr std::size_t length_at(std::string_view labels, std::size_t at) noexcept
{
    return static_cast<std::uint8_t>(labels[at]);
}

/// Reads one octet of the presentation format, which `text` begins with, and removes it from `text`.
std::optional<char> take_octet(std::string_view& text)
{
    if (text.front() != '\\') {
        const char c = text.front();
        text.remove_prefix(1);
        return c;
    }
    text.remove_prefix(1);
    if (text.empty()) return std::nullopt;
    if (!is_digit(text.front())) {
        const char c = text.front();
        text.remove_prefix(1);
        return c;
    }
    if (text.size() < 3 || !is_digit(text[1]) || !is_digit(text[2])) return std::nullopt;
    const int value = (text[0] - '0') * 100 + (text[1] - '0') * 10 + (text[2] - '0');
    text.remove_prefix(3);
    return value <= 255 ? std::optional(static_cast<char>(value)) : std::nullopt;
}

void append_octet(std::string& out, char c)
{
    const auto value = static_cast<std::uint8_t>(c);
    if (c == '.' || c == '\\') {
        out += '\\';
        out += c;
    } else if (value > 0x20 && value < 0x7f) {
        out += c;
    } else {
        out += '\\';
        out += static_cast<char>('0' + value / 100);
        out += static_cast<char>('0' + value / 10 % 10);
        out += static_cast<char>('0' + value % 10);
    }
}

} // namespace

std::optional<name> name::parse(std::string_view text)
{
    if (text == ".") return name();
    if (text.empty()) return std::nullopt;
    std::string labels;
    while (!text.empty()) {
        const std::size_t begin = labels.size();
        labels += '\0';
        while (!text.empty() && text.front() != '.') {
            const auto octet = take_octet(text);
            if (!octet || labels.size() >= longest) return std::nullopt;
            labels += *octet;
        }
        const std::size_t length = labels.size() - begin - 1;
        if (length == 0 || length > longest_label) return std::nullopt;
        labels[begin] = static_cast<char>(length);
        if (!text.empty()) text.remove_prefix(1); // the dot
    }
    if (labels.size() + 1 > longest) return std::nullopt;
    return name(std::move(labels));
}

std::string name::to_string() const
{
    if (is_root()) return ".";
    std::string out;
    for (std::size_t at = 0; at < labels_.size(); at += length_at(labels_, at) + 1) {
        if (at != 0) out += '.';
        for (std::size_t i = 1; i <= length_at(labels_, at); ++i) append_octet(out, labels_[at + i]);
    }
    return out;
}

std::optional<name> name::of_labels(std::string labels)
{
    if (labels.size() + 1 > longest) return std::nullopt;
    for (std::size_t at = 0; at < labels.size();) {
        const std::size_t length = length_at(labels, at);
        if (length == 0 || length > longest_label || at + 1 + length > labels.size()) return std::nullopt;
        at += length + 1;
    }
    return name(std::move(labels));
}

std::size_t name::count() const noexcept
{
    std::size_t n = 0;
    for (std::size_t at = 0; at < labels_.size(); at += length_at(labels_, at) + 1) ++n;
    return n;
}

std::string_view name::first_label() const noexcept
{
    return is_root() ? std::string_view() : std::string_view(labels_).substr(1, length_at(labels_, 0));
}

name name::parent() const { return is_root() ? *this : name(labels_.substr(length_at(labels_, 0) + 1)); }

bool name::is_below(const name& ancestor) const noexcept
{
    if (ancestor.labels_.size() > labels_.size()) return false;
    const std::size_t begin = labels_.size() - ancestor.labels_.size();
    std::size_t at = 0;
    while (at < begin) at += length_at(labels_, at) + 1;
    return at == begin && std::equal(labels_.begin() + static_cast<std::ptrdiff_t>(begin), labels_.end(),
                                     ancestor.labels_.begin(), [](char a, char b) { return lower(a) == lower(b); });
}

std::optional<name> name::operator+(const name& suffix) const
{
    if (labels_.size() + suffix.labels_.size() + 1 > longest) return std::nullopt;
    return name(labels_ + suffix.labels_);
}

/// Length octets are at most 63, so that none is taken for a letter.
name name::lower_case() const
{
    std::string out = labels_;
    for (char& c : out) c = lower(c);
    return name(std::move(out));
}

bool operator==(const name& a, const name& b) noexcept
{
    return a.labels_.size() == b.labels_.size() &&
           std::equal(a.labels_.begin(), a.labels_.end(), b.labels_.begin(), [](char x, char y) { return lower(x) == lower(y); });
}

bool operator<(const name& a, const name& b) noexcept
{
    return std::lexicographical_compare(a.labels_.begin(), a.labels_.end(), b.labels_.begin(), b.labels_.end(),
                                        [](char x, char y) { return lower(x) < lower(y); });
}

} // namespace tapio::core::dns
