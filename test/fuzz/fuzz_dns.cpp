// fuzz_dns STEPS FIRST-SEED SEEDS: users, servers, forgers and time, all random, around a dns_client. Responses are honest,
// damaged, cut off, forged, late or missing. Checked: no forged record is ever returned, every lookup ends exactly once, bounds
// hold, and at the end nothing is left. The same seed gives the same run.
#include "client/dns_client.hpp"
#include "run_fuzzer.hpp"

#include <tapio/core/secure_stream.hpp>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace {

using namespace tapio::core;
using namespace tapio::core::client;
using namespace std::chrono_literals;
using dns::name;
using dns::record_type;
using dns::response_code;
using octets = std::vector<std::byte>;

constexpr std::uint32_t forged_address = 0xc0000242; // 192.0.2.66
constexpr std::size_t most_queries = 20, cache_entries = 100, cache_octets = 40'000;

[[noreturn]] void fail(const char* what)
{
    std::fprintf(stderr, "fuzz_dns: %s\n", what);
    std::abort();
}

/// That there is TLS; the sockets are the fuzzer's.
class no_streams final : public secure_streams
{
    std::unique_ptr<secure_stream> connect(const endpoint&) override { return nullptr; }
};

class fuzzer : dns_transport, dns_sink
{
public:
    explicit fuzzer(std::uint64_t seed) : random_(seed), source_(seed_of(seed)), client_(options(), *this, source_) {}

    void step()
    {
        switch (random_() % 8) {
        case 0:
        case 1: start(); break;
        case 2: cancel(); break;
        case 3: pass(duration(static_cast<std::int64_t>(random_() % 2'000'000'000))); break;
        case 4:
            if (random_() % 64 == 0) client_.configure(options());
            if (random_() % 64 == 0) pass(std::chrono::hours(random_() % 48));
            break;
        default: respond(); break;
        }
        while (client_.deliver(now_)) {}
        check();
    }

    /// Nobody answers any more: everything ends by itself.
    void end()
    {
        pass(1h);
        if (!waiting_.empty()) fail("a lookup has not ended");
        if (client_.lookups() + client_.queries() + sockets_.size() != 0) fail("something is left");
        if (client_.next_deadline() != never) fail("a deadline is left");
    }

    bool report(std::uint64_t steps, std::uint64_t seed) const
    {
        const dns_counters& c = client_.counters();
        const auto as = [](std::uint64_t n) { return static_cast<unsigned long long>(n); };
        std::printf(
            "%llu steps, seed %llu: %llu lookups, %llu found, %llu not, %llu failed, %llu cancelled; %llu queries, %llu "
            "datagrams, "
            "%llu streams, %llu timeouts, %llu mismatches, %llu cache hits, %llu stale; %zu cache entries, %zu octets at most\n",
            as(steps), as(seed), as(c.lookups), as(found_), as(not_found_), as(failed_), as(cancelled_), as(c.queries),
            as(c.datagrams), as(c.streams), as(c.timeouts), as(c.mismatches), as(c.cache_hits), as(c.stale_answers),
            most_entries_, most_octets_);
        if (steps < 10'000) return true;
        return found_ > steps / 100 && not_found_ > steps / 200 && failed_ > 10 && cancelled_ > 10 && c.streams > 100 &&
               c.timeouts > 100 && c.mismatches > 100 && c.cache_hits > 100;
    }

private:
    struct sent_message
    {
        query_id query;
        bool stream;
        octets message;
    };

    static std::array<std::byte, random_source::seed_size> seed_of(std::uint64_t n)
    {
        std::array<std::byte, random_source::seed_size> s{};
        std::memcpy(s.data(), &n, sizeof n);
        return s;
    }
    dns_options options()
    {
        dns_options o;
        for (auto n = random_() % 4; n > 0; --n)
            o.servers.push_back({address_v4(0xc6120000U + static_cast<std::uint32_t>(n)), 0});
        if (random_() % 2 == 0) o.search = {"one.example", "two.example"};
        o.ndots = static_cast<unsigned>(random_() % 3);
        o.timeout = std::chrono::milliseconds(1 + random_() % 3000);
        o.attempts = static_cast<unsigned>(random_() % 7);
        o.rotate = random_() % 2 == 0;
        o.edns_payload = random_() % 4 == 0 ? 0 : 1232;
        o.most_queries = most_queries;
        o.cache_entries = cache_entries;
        o.cache_octets = cache_octets;
        if (random_() % 2 == 0) o.serve_stale = 24h;
        if (random_() % 4 == 0) o.tls = std::make_shared<no_streams>();
        o.tls_fallback = random_() % 2 == 0;
        return o;
    }

    bool send_datagram(query_id q, const endpoint& to, const_bytes m, time_point) override { return send(q, to, m, false); }
    bool open_stream(query_id q, const endpoint& to, const_bytes m, time_point) override
    {
        return send(q, to, m.subspan(2), true);
    }
    bool open_secure(query_id q, const endpoint& to, const_bytes m, time_point at) override
    {
        if (m.size() % 128 != 2 && wire::parse_dns(m.subspan(2))->edns) fail("a query by TLS that is not padded");
        return open_stream(q, to, m, at);
    }
    void close(query_id q, time_point) override { sockets_.erase(q); }
    bool send(query_id q, const endpoint&, const_bytes m, bool stream)
    {
        sockets_.insert(q);
        if (!wire::parse_dns(m)) fail("a query that is no message");
        sent_.push_back({q, stream, octets(m.begin(), m.end())});
        while (sent_.size() > 200) sent_.pop_front();
        return random_() % 32 != 0;
    }

    void resolved(lookup_id l, dns_result&& r, time_point) override
    {
        if (waiting_.erase(l) != 1) fail("a lookup that is not there has ended");
        using outcome = dns_result::outcome;
        ++(r.what == outcome::found ? found_ : r.what == outcome::failed || r.what == outcome::refused ? failed_ : not_found_);
        bool any = false;
        for (const dns::answer& a : r.answers) {
            if (a.records.size() > 2000) fail("too many records");
            for (const dns::record& rec : a.records) {
                const auto* const v4 = std::get_if<address_v4>(&rec.data);
                if (v4 != nullptr && v4->to_uint() == forged_address) fail("a forged record was believed");
                any = true;
            }
        }
        if (r.what == outcome::found && !any) fail("found, but nothing");
    }

    std::string some_name()
    {
        static const std::array<const char*, 6> ends{".bank.example.com", ".example.net", "",
                                                     ".localhost",        ".invalid",     ".one.example"};
        return "host-" + std::string(1, static_cast<char>('a' + random_() % 26)) + ends[random_() % ends.size()];
    }
    void start()
    {
        std::vector<record_type> types{record_type::a};
        if (random_() % 2 == 0) types.push_back(record_type::aaaa);
        if (random_() % 8 == 0) types = {static_cast<record_type>(1 + random_() % 300)};
        waiting_.insert(client_.start({client_.candidates(some_name()), types}, *this, now_));
    }
    void cancel()
    {
        if (waiting_.empty() || random_() % 4 != 0) return;
        const auto at = std::next(waiting_.begin(), static_cast<std::ptrdiff_t>(random_() % waiting_.size()));
        client_.cancel(*at, now_);
        waiting_.erase(at);
        ++cancelled_;
    }
    void pass(duration d)
    {
        const time_point end = now_ + d;
        while (client_.next_deadline() <= end) {
            now_ = std::max(now_, client_.next_deadline());
            client_.advance(now_);
            while (client_.deliver(now_)) {}
        }
        now_ = end;
    }

    wire::dns_message honest(const wire::dns_message& q)
    {
        wire::dns_message m;
        m.id = q.id;
        m.response = m.recursion_available = true;
        m.question = q.question;
        if (q.edns) m.edns = wire::dns_edns{1232, 0};
        const name owner = random_() % 16 == 0 ? *name::parse(some_name()) : q.question->name;
        const auto ttl = static_cast<std::uint32_t>(random_() % 100);
        const dns::record soa{name(), record_type::soa, ttl, dns::zone_authority{name(), name(), 1, 2, 3, 4, ttl}};
        switch (random_() % 12) {
        case 0: m.code = response_code::name_error, m.authorities = {soa}; break;
        case 1: m.authorities = {soa}; break;
        case 2: m.code = static_cast<response_code>(random_() % 24); break;
        case 3: m.truncated = true; break;
        case 4:
        case 5: {
            name at = q.question->name;
            for (auto n = 1 + random_() % 20; n > 0; --n) {
                const name to = *name::parse(some_name());
                m.answers.push_back({at, record_type::cname, ttl, to});
                at = to;
            }
            if (random_() % 2 == 0) m.answers.push_back({at, record_type::a, ttl, address_v4(0xc6120000U)});
            break;
        }
        default:
            for (auto n = 1 + random_() % 4; n > 0; --n) {
                if (q.question->type == record_type::aaaa)
                    m.answers.push_back({owner, record_type::aaaa, ttl, address_v6::loopback()});
                else if (q.question->type == record_type::a)
                    m.answers.push_back(
                        {owner, record_type::a, ttl, address_v4(0xc6120000U + static_cast<std::uint32_t>(random_() % 65536))});
                else
                    m.answers.push_back({owner, record_type::txt, ttl, dns::text_strings{std::string(random_() % 200, 'x')}});
            }
        }
        return m;
    }
    /// Somebody who lacks at least one of identifier and case.
    octets forged(const wire::dns_message& q)
    {
        wire::dns_message m = honest(q);
        for (auto* const section : {&m.answers, &m.authorities, &m.additionals}) section->clear();
        m.truncated = false;
        m.code = response_code::no_error;
        m.answers = {{q.question->name, record_type::a, 1000, address_v4(forged_address)}};
        m.additionals = {{*name::parse(some_name()), record_type::a, 1000, address_v4(forged_address)}};
        m.question->name = q.question->name.lower_case();
        const bool same_case = m.question->name.same_case(q.question->name);
        if (same_case || random_() % 4 != 0) m.id = static_cast<std::uint16_t>(q.id + 1 + random_() % 65535);
        if (random_() % 4 == 0) m.question->name = *name::parse(some_name()), m.id = static_cast<std::uint16_t>(q.id + 1);
        return wire::make_dns(m);
    }
    void damage(octets& o)
    {
        if (o.empty()) return;
        for (auto n = 1 + random_() % 3; n > 0; --n) o[random_() % o.size()] = static_cast<std::byte>(random_());
        if (random_() % 4 == 0) o.resize(random_() % o.size());
    }

    void respond()
    {
        if (sent_.empty()) return;
        const bool late = random_() % 8 == 0;
        const sent_message to = late ? sent_[random_() % sent_.size()] : sent_.back();
        const auto q = *wire::parse_dns(to.message);
        const auto kind = random_() % 8;
        if (!to.stream && kind < 3) {
            for (auto n = random_() % (random_() % 16 == 0 ? 60 : 3); n > 0; --n)
                client_.receive_datagram(to.query, forged(q), now_);
            return;
        }
        if (kind == 3) return client_.unreachable(to.query, now_);
        octets o = wire::make_dns(honest(q), to.stream ? wire::longest_dns_message : 1232);
        if (kind == 4) damage(o);
        if (!to.stream) return client_.receive_datagram(to.query, o, now_);
        octets framed(2);
        wire::store_16(framed.data(), static_cast<std::uint16_t>(random_() % 32 == 0 ? random_() : o.size()));
        framed.insert(framed.end(), o.begin(), o.end());
        for (const_bytes left = framed; !left.empty();) {
            const std::size_t n = 1 + random_() % left.size();
            client_.receive_stream(to.query, left.first(n), now_);
            left = left.subspan(n);
        }
    }

    void check()
    {
        most_entries_ = std::max(most_entries_, client_.cache().size());
        most_octets_ = std::max(most_octets_, client_.cache().octets());
        if (most_entries_ > cache_entries || most_octets_ > cache_octets) fail("the cache's bound");
        if (client_.active_queries() > most_queries || sockets_.size() > most_queries) fail("the bound on queries");
        if (client_.lookups() > waiting_.size()) fail("more lookups than were started");
    }

    std::mt19937_64 random_;
    random_source source_;
    time_point now_{1h};
    std::set<lookup_id> waiting_;
    std::set<query_id> sockets_;
    std::deque<sent_message> sent_;
    std::uint64_t found_ = 0, not_found_ = 0, failed_ = 0, cancelled_ = 0;
    std::size_t most_entries_ = 0, most_octets_ = 0;
    dns_client client_;
};

} // namespace

int main(int argc, char** argv) { return tapio::test::run_fuzzer<fuzzer>(argc, argv); }
