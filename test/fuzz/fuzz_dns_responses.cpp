// fuzz_dns_responses STEPS FIRST-SEED SEEDS: a step is a response to a dns_query: honest, mutated, of somebody who guesses, or
// all of these. Whatever is believed is read once more by a reader of this file, which knows nothing of wire/dns: it must be
// whole, have the query's identifier and its question in the case that was sent, and contain all records that are used. What can
// be parsed can be written, and then parsed to the same. The same seed gives the same run.
#include "client/dns_answer.hpp"
#include "client/dns_query.hpp"
#include "run_fuzzer.hpp"
#include "wire/mdns.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace {

using namespace tapio::core;
using namespace tapio::core::client;
using namespace std::chrono_literals;
using dns::name;
using dns::record_type;
using octets = std::vector<std::byte>;
using step_of_query = dns_query::step;

[[noreturn]] void fail(const char* what)
{
    std::fprintf(stderr, "fuzz_dns_responses: %s\n", what);
    std::abort();
}

// -- a second opinion: RFC 1035 §4 read anew ------------------------------------------------------------------------------------

struct plain_record
{
    std::string owner; ///< labels, in small letters
    unsigned type = 0, class_code = 0;
    std::string data; ///< of CNAME and PTR: labels in small letters; of others: the octets
};

std::string small(std::string s)
{
    for (char& c : s) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return s;
}

/// A whole message; `good` says whether it is one.
struct plain_message
{
    explicit plain_message(const octets& o) : all(o) { good = read() && at == all.size(); }

    unsigned octet(std::size_t n) const { return std::to_integer<unsigned>(all[n]); }
    unsigned two(std::size_t n) const { return octet(n) << 8 | octet(n + 1); }
    bool read()
    {
        at = 12;
        if (all.size() < at || two(4) > 1) return false;
        id = two(0), flags = two(2);
        if (two(4) == 1) {
            if (!read_name(at, question) || all.size() - at < 4) return false;
            question_type = two(at), question_class = two(at + 2);
            at += 4;
        }
        for (unsigned section = 0; section < 3; ++section)
            for (unsigned n = two(6 + 2 * section); n > 0; --n) {
                plain_record r;
                if (!read_record(r)) return false;
                if (section == 0) answers.push_back(std::move(r));
            }
        return true;
    }
    bool read_record(plain_record& r)
    {
        if (!read_name(at, r.owner) || all.size() - at < 10) return false;
        r.owner = small(r.owner);
        r.type = two(at), r.class_code = two(at + 2);
        const std::size_t size = two(at + 8);
        at += 10;
        if (all.size() - at < size) return false;
        std::size_t inside = at;
        const bool is_name = r.type == 5 || r.type == 12;
        if (is_name && !(read_name(inside, r.data) && inside == at + size) && r.class_code == 1) return false;
        if (is_name)
            r.data = small(r.data);
        else
            r.data.assign(reinterpret_cast<const char*>(all.data()) + at, size);
        at += size;
        return true;
    }
    bool read_name(std::size_t& from, std::string& out) const
    {
        out.clear();
        std::size_t here = from;
        bool jumped = false;
        for (unsigned steps = 0; steps < 300 && here < all.size(); ++steps) {
            const unsigned size = octet(here);
            if (size >= 0xc0) {
                if (here + 1 >= all.size()) return false;
                if (!jumped) from = here + 2;
                jumped = true;
                here = two(here) & 0x3fffU;
                continue;
            }
            if (size > 63 || all.size() - here <= size) return false;
            if (size == 0) {
                if (!jumped) from = here + 1;
                return out.size() < 255;
            }
            out.append(reinterpret_cast<const char*>(all.data()) + here, size + 1);
            here += size + 1;
        }
        return false;
    }

    const octets& all;
    std::size_t at = 0;
    bool good = false;
    unsigned id = 0, flags = 0, question_type = 0, question_class = 0;
    std::string question;
    std::vector<plain_record> answers;
};

std::string plain(const name& n) { return small(n.labels()); }

/// What the reader above has for a record; none: data of another kind, which are compared by owner and type alone.
std::optional<std::string> plain_data(const dns::record& r)
{
    if (const auto* const n = std::get_if<name>(&r.data))
        return r.type == record_type::cname || r.type == record_type::ptr ? std::optional(plain(*n)) : std::nullopt;
    const auto text = [](const auto& bytes) { return std::string(bytes.begin(), bytes.end()); };
    if (const auto* const v4 = std::get_if<address_v4>(&r.data)) return text(v4->to_bytes());
    if (const auto* const v6 = std::get_if<address_v6>(&r.data)) return text(v6->to_bytes());
    return std::nullopt;
}

class fuzzer
{
public:
    explicit fuzzer(std::uint64_t seed) : random_(seed), source_(seed_of(seed)) { ask(); }

    void step()
    {
        const octets o = some_response();
        check_parsers(o);
        const auto before = query_->mismatches();
        const auto what = by_stream_ ? give_by_stream(o) : query_->receive_datagram(o, now_);
        if (query_->mismatches() > before) ++mismatches_, ++of_this_attempt_;
        switch (what) {
        case step_of_query::wait:
            if (by_stream_ || of_this_attempt_ >= dns_query::most_mismatches) fail("it waits on");
            return;
        case step_of_query::answered:
            ++believed_;
            check_believed(o);
            return ask();
        case step_of_query::failed: ++failed_; return ask();
        case step_of_query::open_stream: by_stream_ = true, varies_ = false; break; // perhaps for want of the right case
        case step_of_query::send_datagram: by_stream_ = false; break;
        case step_of_query::open_secure: fail("by TLS");
        }
        ++attempts_;
        of_this_attempt_ = 0;
    }

    void end() {}

    bool report(std::uint64_t steps, std::uint64_t seed) const
    {
        const auto as = [](std::uint64_t n) { return static_cast<unsigned long long>(n); };
        std::printf("%llu responses, seed %llu: %llu mutated, %llu guessed; %llu believed, %llu mismatches, %llu attempts, "
                    "%llu queries failed, %llu messages parsed, %llu as multicast DNS\n",
                    as(steps), as(seed), as(mutated_), as(guessed_), as(believed_), as(mismatches_), as(attempts_), as(failed_),
                    as(parsed_), as(parsed_mdns_));
        if (steps < 10'000) return true;
        return mutated_ > steps / 2 && guessed_ > steps / 10 && believed_ > steps / 20 && mismatches_ > steps / 20 &&
               attempts_ > steps / 50 && failed_ > steps / 100 && parsed_ > steps / 5;
    }

private:
    static std::array<std::byte, random_source::seed_size> seed_of(std::uint64_t n)
    {
        std::array<std::byte, random_source::seed_size> s{};
        std::memcpy(s.data(), &n, sizeof n);
        return s;
    }
    std::uint64_t below(std::uint64_t n) { return random_() % n; }

    name some_name()
    {
        static const std::array<const char*, 8> names{"www.example.com",  "WWW.Example.com", "a.b.c.d.example.com",  "x",
                                                      "mail.example.net", "example.com",     "2.0.192.in-addr.arpa", ""};
        return name::parse(names[below(names.size())]).value_or(name()); // "": the root
    }
    void ask()
    {
        static const std::array<record_type, 9> types{record_type::a,   record_type::aaaa, record_type::mx,
                                                      record_type::txt, record_type::ptr,  record_type::srv,
                                                      record_type::any, record_type::soa,  record_type::cname};
        dns_options o;
        o.use_0x20 = below(4) != 0;
        o.use_tcp = below(4) == 0;
        o.edns_payload = below(2) == 0 ? 0 : 1232;
        const std::vector<dns_query::server_choice> servers(1 + below(3), {{address_v4(0xc6120001U), 53}, false});
        query_.emplace(wire::dns_question{some_name(), types[below(types.size())], wire::dns_class_in}, servers, o, source_);
        varies_ = o.use_0x20;
        by_stream_ = query_->start(now_) == step_of_query::open_stream;
        ++attempts_;
        of_this_attempt_ = 0;
    }
    /// The message of the present attempt.
    wire::dns_message asked() const
    {
        const const_bytes whole = query_->message();
        return *wire::parse_dns(by_stream_ ? whole.subspan(2) : whole);
    }
    step_of_query give_by_stream(const octets& o)
    {
        octets framed(2);
        wire::store_16(framed.data(), static_cast<std::uint16_t>(o.size()));
        framed.insert(framed.end(), o.begin(), o.end());
        for (const_bytes left = framed;;) {
            const std::size_t n = 1 + below(left.size());
            const auto what = query_->receive_stream(left.first(n), now_);
            left = left.subspan(n);
            if (left.empty()) return what;
            if (what != step_of_query::wait) fail("part of a message is enough");
        }
    }

    // -- messages
    dns::record some_record(const name& owner, record_type t)
    {
        const auto ttl = static_cast<std::uint32_t>(below(1000));
        switch (t) {
        case record_type::a: return {owner, t, ttl, address_v4(static_cast<std::uint32_t>(random_()))};
        case record_type::aaaa: return {owner, t, ttl, address_v6::loopback()};
        case record_type::mx: return {owner, t, ttl, dns::mail_exchange{static_cast<std::uint16_t>(below(100)), some_name()}};
        case record_type::srv: return {owner, t, ttl, dns::service_location{1, 2, 3, some_name()}};
        case record_type::soa: return {owner, t, ttl, dns::zone_authority{some_name(), some_name(), 1, 2, 3, 4, ttl}};
        case record_type::txt: return {owner, t, ttl, dns::text_strings(1 + below(3), std::string(below(100), 'x'))};
        default: return {owner, below(2) == 0 ? record_type::cname : record_type::ptr, ttl, some_name()};
        }
    }
    wire::dns_message honest()
    {
        const wire::dns_message q = asked();
        wire::dns_message m;
        m.id = q.id;
        m.response = m.recursion_available = true;
        m.question = q.question;
        if (q.edns && below(8) != 0) m.edns = wire::dns_edns{1232, 0};
        if (below(16) == 0) m.code = static_cast<dns::response_code>(below(24));
        if (below(32) == 0) m.truncated = true;
        name owner = q.question->name;
        for (auto n = below(4) == 0 ? below(20) : 0; n > 0; --n) {
            const name to = some_name();
            m.answers.push_back({owner, record_type::cname, 60, to});
            owner = to;
        }
        for (auto n = below(4); n > 0; --n) m.answers.push_back(some_record(owner, q.question->type));
        if (below(4) == 0) m.answers.push_back(some_record(some_name(), record_type::a));
        if (below(4) == 0) m.authorities.push_back(some_record(some_name(), record_type::soa));
        if (below(4) == 0) m.additionals.push_back(some_record(some_name(), record_type::a));
        return m;
    }
    /// Somebody who has not seen the query.
    void guess(wire::dns_message& m)
    {
        ++guessed_;
        if (below(2) == 0) m.id = static_cast<std::uint16_t>(random_());
        if (below(2) == 0) m.question->name = m.question->name.lower_case();
        if (below(4) == 0) m.question->name = some_name();
        if (below(8) == 0) m.question->type = static_cast<record_type>(1 + below(40));
        if (below(8) == 0) m.question->class_code = 3;
        if (below(8) == 0) m.question.reset();
        if (below(8) == 0) m.response = false;
        if (below(8) == 0) m.opcode = static_cast<std::uint8_t>(below(16));
    }
    void mutate(octets& o)
    {
        ++mutated_;
        for (auto n = 1 + below(4); n > 0 && !o.empty(); --n) {
            const std::size_t at = below(4) == 0 ? below(std::min<std::size_t>(o.size(), 12)) : below(o.size());
            const std::size_t rest = o.size() - at, size = std::min<std::size_t>(rest, 1 + below(16));
            const auto begin = o.begin() + static_cast<std::ptrdiff_t>(at), end = begin + static_cast<std::ptrdiff_t>(size);
            switch (below(8)) {
            case 0: o[at] = static_cast<std::byte>(random_()); break;
            case 1: o[at] ^= static_cast<std::byte>(1U << below(8)); break;
            case 2: // a compression pointer, or a length
                if (rest >= 2) wire::store_16(o.data() + at, static_cast<std::uint16_t>(0xc000U | below(o.size() + 4)));
                break;
            case 3:
                if (rest >= 2)
                    wire::store_16(o.data() + at, static_cast<std::uint16_t>(below(2) == 0 ? below(3) : 0xffffU - below(3)));
                break;
            case 4: o.resize(at); break;
            case 5: o.erase(begin, end); break;
            case 6: {
                const octets again(begin, end);
                o.insert(o.begin() + static_cast<std::ptrdiff_t>(below(o.size() + 1)), again.begin(), again.end());
                break;
            }
            default: // a count of the header
                if (o.size() >= 12) o[5 + 2 * below(4)] = static_cast<std::byte>(below(8));
            }
        }
    }
    octets some_response()
    {
        if (of_attempt_ != attempts_ || below(4) == 0) { // making one takes longer than all else
            honest_ = honest();
            honest_octets_ = wire::make_dns(honest_);
            of_attempt_ = attempts_;
        }
        octets o = honest_octets_;
        if (below(4) == 0) {
            wire::dns_message m = honest_;
            guess(m);
            o = wire::make_dns(m);
        }
        if (below(8) == 0) {
            const std::size_t half = below(o.size()); // and the rest of another message
            const octets other = wire::make_dns(honest());
            if (half < other.size())
                o.resize(half), o.insert(o.end(), other.begin() + static_cast<std::ptrdiff_t>(half), other.end());
        }
        if (below(4) != 0) mutate(o);
        if (o.size() > wire::longest_dns_message) o.resize(wire::longest_dns_message);
        return o;
    }

    // -- checks
    void check_parsers(const octets& o)
    {
        if (wire::parse_mdns(o)) ++parsed_mdns_;
        const auto m = wire::parse_dns(o);
        if (!m) return;
        ++parsed_;
        if (!plain_message(o).good) fail("a message is parsed that is none");
        if (m->answers.size() + m->authorities.size() + m->additionals.size() > wire::most_dns_records) fail("too many records");
        if (below(4) != 0) return;
        const auto again = wire::parse_dns(wire::make_dns(*m));
        if (!again) fail("a message that is written cannot be parsed");
        if (again->truncated && !m->truncated) return; // too long without the compression that it had
        const bool same = static_cast<const wire::dns_head&>(*again) == *m && again->answers == m->answers &&
                          again->authorities == m->authorities && again->additionals == m->additionals;
        if (!same) fail("a message that is written is another one");
    }
    void check_believed(const octets& o)
    {
        const plain_message m(o);
        if (!m.good) fail("believed: not a message");
        const const_bytes sent = const_bytes(query_->message()).subspan(by_stream_ ? 2 : 0);
        const octets own(sent.begin(), sent.end());
        const plain_message q(own);
        if (m.id != q.id) fail("believed: another identifier");
        if ((m.flags & 0x8000U) == 0 || (m.flags & 0x7800U) != 0) fail("believed: no response to a query");
        if ((m.flags & 0x0200U) != 0 && !by_stream_) fail("believed: truncated");
        if (const unsigned code = m.flags & 15U; code != 0 && code != 3) fail("believed: an error");
        if (small(m.question) != small(q.question)) fail("believed: another name");
        if (varies_ && !by_stream_ && m.question != q.question) fail("believed: another case");
        if (m.question_type != q.question_type || m.question_class != q.question_class) fail("believed: another question");
        std::string owner = small(q.question);
        const dns_finding found = read_answer(query_->response(), query_->question());
        if (found.sets.size() > most_cnames + 1) fail("too many CNAME records");
        for (const auto& set : found.sets) {
            for (const dns::record& r : set)
                if (plain(r.owner) != owner || !contains(m, r)) fail("a record is used that does not belong to the question");
            const auto* const next = std::get_if<name>(&set.front().data);
            if (set.front().type == record_type::cname && next != nullptr) owner = plain(*next);
        }
    }
    static bool contains(const plain_message& m, const dns::record& r)
    {
        const auto data = plain_data(r);
        return std::any_of(m.answers.begin(), m.answers.end(), [&](const plain_record& p) {
            return p.owner == plain(r.owner) && p.type == static_cast<unsigned>(r.type) && p.class_code == 1 &&
                   (!data || *data == p.data);
        });
    }

    std::mt19937_64 random_;
    random_source source_;
    time_point now_{1h};
    std::optional<dns_query> query_;
    wire::dns_message honest_;
    octets honest_octets_;
    std::uint64_t of_attempt_ = 0; ///< `attempts_` when it was made
    bool by_stream_ = false, varies_ = false;
    unsigned of_this_attempt_ = 0; ///< mismatches
    std::uint64_t mutated_ = 0, guessed_ = 0, believed_ = 0, mismatches_ = 0, attempts_ = 0, failed_ = 0, parsed_ = 0,
                  parsed_mdns_ = 0;
};

} // namespace

int main(int argc, char** argv) { return tapio::test::run_fuzzer<fuzzer>(argc, argv); }
