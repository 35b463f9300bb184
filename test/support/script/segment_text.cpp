// // Conversion between segments and their text form, and the comparison of two segments.
#include "support/script/segment_text.hpp"

#include <sstream>
#include <stdexcept>
#include <utility>

namespace tapio::test {

namespace {

constexpr std::pair<char, std::uint8_t> flag_letters[] = {
    {'S', core::wire::tcp_syn}, {'F', core::wire::tcp_fin}, {'R', core::wire::tcp_rst}, {'P', core::wire::tcp_psh},
    {'.', core::wire::tcp_ack}, {'U', core::wire::tcp_urg}, {'E', core::wire::tcp_ece}, {'W', core::wire::tcp_cwr}};

[[noreturn]] void nonsense(const std::string& what) { throw std::invalid_argument("segment text: " + what); }

std::uint32_t number(const std::string& s)
{
    std::size_t used = 0;
    const unsigned long long n = std::stoull(s, &used, 0);
    if (used != s.size()) nonsense(s);
    return static_cast<std::uint32_t>(n);
}

std::uint32_t next_number(std::istream& in)
{
    std::string word;
    in >> word;
    return number(word);
}

void parse_flags(const std::string& word, segment_text& out)
{
    for (const char c : word) {
        std::uint8_t bit = 0;
        for (const auto& [letter, value] : flag_letters)
            if (letter == c) bit = value;
        if (c == 'A') out.accurate_ecn = true;
        if (bit == 0 && c != '-' && c != 'A') nonsense("flags " + word);
        out.flags |= bit;
    }
}

void parse_option(const std::string& text, segment_text& out)
{
    std::istringstream in(text);
    std::string name;
    in >> name;
    if (name == "mss")
        out.mss = next_number(in);
    else if (name == "wscale")
        out.wscale = next_number(in);
    else if (name == "sackOK")
        out.sack_permitted = true;
    else if (name.starts_with("no_"))
        out.absent.insert(name.substr(3));
    else if (name == "ts") {
        core::wire::tcp_timestamps t;
        t.value = next_number(in);
        t.echo = next_number(in);
        out.ts = t;
    } else if (name == "sack") {
        for (std::string word; in >> word;) {
            const auto colon = word.find(':');
            if (colon == std::string::npos) nonsense(word);
            out.sack.push_back({number(word.substr(0, colon)), number(word.substr(colon + 1))});
        }
    } else if (name == "FO") {
        in >> out.fast_open.emplace();
    } else if (name != "nop")
        nonsense("option " + text);
}

void parse_options(std::string list, segment_text& out)
{
    if (list.size() < 2 || list.front() != '<' || list.back() != '>') nonsense(list);
    std::istringstream in(list.substr(1, list.size() - 2));
    for (std::string option; std::getline(in, option, ',');) parse_option(option, out);
}

/// "seq:last(size)"
void parse_range(const std::string& word, segment_text& out)
{
    const auto colon = word.find(':'), open = word.find('(');
    if (colon == std::string::npos || open == std::string::npos || word.back() != ')') nonsense(word);
    out.seq = number(word.substr(0, colon));
    out.size = number(word.substr(open + 1, word.size() - open - 2));
    if (number(word.substr(colon + 1, open - colon - 1)) != *out.seq + *out.size) nonsense(word + " does not add up");
}

void put_flags(std::ostream& o, std::uint8_t flags)
{
    if (flags == 0) o << '-';
    for (const auto& [letter, bit] : flag_letters)
        if ((flags & bit) != 0) o << letter;
}

void put_options(std::ostream& o, const segment_text& s)
{
    const char* before = " <";
    const auto next = [&]() -> std::ostream& { return o << std::exchange(before, ","); };
    if (s.mss) next() << "mss " << *s.mss;
    if (s.wscale) next() << "wscale " << *s.wscale;
    if (s.sack_permitted) next() << "sackOK";
    if (s.ts) next() << "ts " << s.ts->value << ' ' << s.ts->echo;
    if (s.fast_open) next() << "FO " << *s.fast_open;
    for (const auto& b : s.sack) next() << "sack " << b.begin << ':' << b.end;
    for (const auto& a : s.absent) next() << "no_" << a;
    if (*before == ',') o << '>';
}

template <class T>
void compare(std::ostream& o, const char* what, const std::optional<T>& expected, const std::optional<T>& got)
{
    if (expected && expected != got) o << ' ' << what;
}

} // namespace

segment_text parse_segment_text(const std::string& text)
{
    segment_text out;
    const auto angle = text.find('<');
    std::istringstream in(text.substr(0, angle));
    std::string word;
    in >> word;
    parse_flags(word, out);
    while (in >> word) {
        if (word == "ack")
            out.ack = next_number(in);
        else if (word == "win")
            out.win = next_number(in);
        else if (word == "urg")
            out.urg = next_number(in);
        else
            parse_range(word, out);
    }
    if (angle != std::string::npos) parse_options(text.substr(angle), out);
    return out;
}

std::string to_text(const segment_text& s)
{
    std::ostringstream o;
    put_flags(o, s.flags);
    if (s.accurate_ecn) o << 'A';
    if (s.seq) o << ' ' << *s.seq << ':' << *s.seq + s.size.value_or(0) << '(' << s.size.value_or(0) << ')';
    if (s.ack) o << " ack " << *s.ack;
    if (s.win) o << " win " << *s.win;
    if (s.urg) o << " urg " << *s.urg;
    put_options(o, s);
    return o.str();
}

std::string difference(const segment_text& expected, const segment_text& got)
{
    std::ostringstream o;
    const std::uint8_t ignored = (expected.flags & core::wire::tcp_psh) != 0 ? 0 : core::wire::tcp_psh;
    if (((expected.flags ^ got.flags) & ~ignored & 0xff) != 0) o << " flags";
    if (expected.accurate_ecn != got.accurate_ecn) o << " AE";
    compare(o, "seq", expected.seq, got.seq);
    compare(o, "length", expected.size, got.size);
    compare(o, "ack", expected.ack, got.ack);
    compare(o, "win", expected.win, got.win);
    compare(o, "urg", expected.urg, got.urg);
    compare(o, "mss", expected.mss, got.mss);
    compare(o, "wscale", expected.wscale, got.wscale);
    compare(o, "ts", expected.ts, got.ts);
    const bool some_cookie = expected.fast_open == "ours" && got.fast_open && !got.fast_open->empty();
    if (!some_cookie) compare(o, "FO", expected.fast_open, got.fast_open);
    if (expected.sack_permitted && !got.sack_permitted) o << " sackOK";
    if (!expected.sack.empty() && expected.sack != got.sack) o << " sack";
    const auto& no = expected.absent;
    if ((no.contains("mss") && got.mss) || (no.contains("wscale") && got.wscale) || (no.contains("ts") && got.ts) ||
        (no.contains("FO") && got.fast_open) || (no.contains("sackOK") && got.sack_permitted) ||
        (no.contains("sack") && !got.sack.empty()))
        o << " an option that should be absent";
    return o.str();
}

} // namespace tapio::test
