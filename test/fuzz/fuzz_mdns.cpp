// fuzz_mdns STEPS FIRST-SEED SEEDS: a host with multicast DNS on two links, among honest hosts, forgers and damaged messages.
// Messages are made of the names that matter, cut off, mutated, or are what the host has sent itself. Checked: every lookup ends
// once; nothing is sent off the link or is longer than a frame; what is sent can be read, and is about names of its own; no
// record is repeated too soon; bounds hold; and when the noise ends, all names are published. The same seed gives the same run.
#include "client/mdns_names.hpp"
#include "client/mdns_querier.hpp"
#include "client/mdns_responder.hpp"
#include "run_fuzzer.hpp"

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
using octets = std::vector<std::byte>;

const address_v4 neighbor(0xc6120063), stranger(0xc0000263); // 198.18.0.99, 192.0.2.99

[[noreturn]] void fail(const char* what)
{
    std::fprintf(stderr, "fuzz_mdns: %s\n", what);
    std::abort();
}

class fuzzer : mdns_transport, dns_sink
{
public:
    explicit fuzzer(std::uint64_t seed) : random_(seed), source_(seed_of(seed)), querier_(*this), responder_(*this, source_)
    {
        querier_.set_links({2, 3}, now_);
        for (const link_zone l : {2U, 3U}) responder_.set_addresses(l, addresses_of(l), now_);
        publish();
    }

    void step()
    {
        switch (random_() % 16) {
        case 0: start(); break;
        case 1: cancel(); break;
        case 2: pass(duration(static_cast<std::int64_t>(random_() % 3'000'000'000))); break;
        case 3:
            if (random_() % 64 == 0) change();
            break;
        default: receive(); break;
        }
        while (querier_.deliver(now_)) {}
        if (querier_.cache().size() > mdns_cache::default_records) fail("the cache's bound");
        if (querier_.cache().octets() > mdns_cache::default_octets) fail("the cache's bound on octets");
        most_cached_ = std::max(most_cached_, querier_.cache().size());
    }

    /// Nobody says anything any more: lookups end, and all is published.
    void end()
    {
        pass(10min);
        if (!waiting_.empty() || querier_.lookups() + querier_.questions() != 0) fail("a lookup has not ended");
        if (!responder_.is_published()) fail("not published");
        if (std::min(querier_.next_deadline(), responder_.next_deadline()) != never) fail("a deadline is left");
        sent_.clear();
        responder_.say_goodbye(now_);
        if (sent_.empty()) fail("no goodbye");
        if (responder_.next_deadline() != never) fail("a deadline is left after the goodbye");
    }

    bool report(std::uint64_t steps, std::uint64_t seed) const
    {
        const auto as = [](std::uint64_t n) { return static_cast<unsigned long long>(n); };
        std::printf("%llu steps, seed %llu: %llu lookups found, %llu not, %llu cancelled; %llu messages read, %llu refused, %llu "
                    "sent, %llu by unicast; %llu conflicts; %zu records cached at most\n",
                    as(steps), as(seed), as(found_), as(not_found_), as(cancelled_), as(read_), as(refused_), as(sent_messages_),
                    as(unicast_), as(responder_.conflicts()), most_cached_);
        if (steps < 10'000) return true;
        return found_ > 100 && not_found_ > 10 && cancelled_ > 10 && read_ > steps / 4 && refused_ > steps / 100 &&
               sent_messages_ > steps / 20 && unicast_ > 100 && responder_.conflicts() > 3 && most_cached_ > 50;
    }

private:
    static std::array<std::byte, random_source::seed_size> seed_of(std::uint64_t n)
    {
        std::array<std::byte, random_source::seed_size> s{};
        std::memcpy(s.data(), &n, sizeof n);
        return s;
    }
    static std::vector<address> addresses_of(link_zone l)
    {
        return {address_v4(0xc6120000U + l), address_v6({0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, l)};
    }
    void publish()
    {
        mdns_options o{"me", {{"desk", "_http._tcp", 80, {"a=b"}, {"_fast"}}}};
        if (random_() % 2 == 0) o.services.push_back({"", "_ipp._tcp", static_cast<std::uint16_t>(random_()), {}});
        if (!is_valid(o)) fail("the options");
        responder_.configure(o, now_);
    }
    void change()
    {
        const auto l = static_cast<link_zone>(2 + random_() % 2);
        auto addresses = addresses_of(l);
        if (random_() % 2 == 0) addresses.pop_back();
        switch (random_() % 4) {
        case 0: publish(); break;
        case 1: responder_.restart(l, now_); break;
        case 2: random_() % 2 == 0 ? responder_.leave(l, now_) : responder_.set_addresses(l, {}, now_); [[fallthrough]];
        default: responder_.set_addresses(l, addresses, now_); break;
        }
    }

    // -- what the host says
    void send(link_zone link, const endpoint* to, const_bytes message, time_point now) override
    {
        ++sent_messages_;
        const auto m = wire::parse_mdns(message);
        if (!m) fail("a message that is none");
        if (message.size() > mdns_payload) fail("a message longer than a frame");
        if (to != nullptr) {
            ++unicast_;
            if (!m->response) fail("a query by unicast");
            if (to->address != address(neighbor)) fail("an answer to another network");
        }
        for (const wire::mdns_record& r : m->response ? m->answers : std::vector<wire::mdns_record>()) {
            const bool own = r.owner.is_below(local_domain()) || r.type == record_type::ptr || r.type == record_type::nsec;
            if (!own) fail("an answer about another's name");
            if (to == nullptr && r.ttl != 0) note(link, r, now);
        }
        sent_.push_back(octets(message.begin(), message.end()));
        if (sent_.size() > 50) sent_.pop_front();
    }
    /// Not in 250 ms, but for an announcement that follows from a change.
    void note(link_zone link, const wire::mdns_record& r, time_point now)
    {
        auto& times =
            said_[{link, r.owner.lower_case().to_string() + '/' + std::to_string(static_cast<unsigned>(r.type)) +
                             std::string(reinterpret_cast<const char*>(wire::data_of(r).data()), wire::data_of(r).size())}];
        times.push_back(now);
        if (times.size() > 50) times.pop_front();
        if (times.size() == 50 && now - times.front() < 5s) fail("a record is repeated too often");
    }

    // -- lookups
    void resolved(lookup_id l, dns_result&& r, time_point) override
    {
        if (waiting_.erase(l) != 1) fail("a lookup that is not there has ended");
        ++(r.what == dns_result::outcome::found ? found_ : not_found_);
        for (const dns::answer& a : r.answers)
            if (a.records.size() > 4 * mdns_cache::most_of_set + 10) fail("too many records");
    }
    void start()
    {
        const name n = some_name();
        const record_type t = some_type();
        mdns_own own{responder_.own(n, t), responder_.is_own(n)};
        waiting_.insert(querier_.start(n, {{t, std::move(own)}}, 1s + std::chrono::seconds(random_() % 8), *this, now_));
    }
    void cancel()
    {
        if (waiting_.empty() || random_() % 4 != 0) return;
        const auto at = std::next(waiting_.begin(), static_cast<std::ptrdiff_t>(random_() % waiting_.size()));
        querier_.cancel(*at);
        waiting_.erase(at);
        ++cancelled_;
    }
    void pass(duration d)
    {
        const time_point end = now_ + d;
        const auto next = [this] { return std::min(querier_.next_deadline(), responder_.next_deadline()); };
        for (unsigned rounds = 0; next() <= end; ++rounds) {
            if (rounds > 1'000'000) fail("time does not pass");
            now_ = std::max(now_, next());
            querier_.advance(now_);
            responder_.advance(now_);
            while (querier_.deliver(now_)) {}
        }
        now_ = end;
    }

    // -- what others say
    name some_name()
    {
        static const std::array<const char*, 10> names{"me.local",
                                                       "me-2.local",
                                                       "desk._http._tcp.local",
                                                       "_http._tcp.local",
                                                       "_fast._sub._http._tcp.local",
                                                       "_services._dns-sd._udp.local",
                                                       "2.0.18.198.in-addr.arpa",
                                                       "other.local",
                                                       "another.local",
                                                       "me-3.local"};
        const name own = random_() % 4 == 0 ? responder_.name() : name();
        return own.is_root() ? *name::parse(names[random_() % names.size()]) : own;
    }
    record_type some_type()
    {
        static const std::array<record_type, 7> types{record_type::a,   record_type::aaaa, record_type::ptr, record_type::srv,
                                                      record_type::txt, record_type::any,  record_type::nsec};
        return types[random_() % types.size()];
    }
    wire::mdns_record some_record()
    {
        wire::mdns_record r;
        r.owner = some_name();
        r.ttl = random_() % 4 == 0 ? 0 : static_cast<std::uint32_t>(random_() % 5000);
        r.flush = random_() % 2 == 0;
        r.type = some_type();
        switch (r.type) {
        case record_type::a: r.data = address_v4(0xc6120000U + static_cast<std::uint32_t>(random_() % 300)); break;
        case record_type::aaaa: r.data = address_v6::loopback(); break;
        case record_type::ptr: r.data = some_name(); break;
        case record_type::srv:
            r.data = dns::service_location{0, 0, static_cast<std::uint16_t>(random_() % 3), some_name()};
            break;
        case record_type::nsec: r.data = wire::make_nsec(r.owner, {some_type()}); break;
        default: r.type = record_type::txt, r.data = dns::text_strings{std::string(random_() % 200, 'x')}; break;
        }
        return r;
    }
    octets some_message()
    {
        if (!sent_.empty() && random_() % 8 == 0) return sent_[random_() % sent_.size()];
        wire::mdns_message m;
        m.response = random_() % 2 == 0;
        m.truncated = random_() % 8 == 0;
        if (random_() % 32 == 0) m.opcode = 1;
        if (random_() % 32 == 0) m.code = 1;
        if (!m.response || random_() % 16 == 0)
            for (auto n = random_() % 4; n > 0; --n) m.questions.push_back({some_name(), some_type(), random_() % 2 == 0});
        const std::size_t most = random_() % 32 == 0 ? 200 : 4;
        for (auto n = random_() % most; n > 0; --n) m.answers.push_back(some_record());
        if (random_() % 4 == 0)
            for (auto n = random_() % 4; n > 0; --n) m.authorities.push_back(some_record());
        if (random_() % 4 == 0)
            for (auto n = random_() % 4; n > 0; --n) m.additionals.push_back(some_record());
        if (random_() % 64 == 0)
            for (unsigned i = 0; i < 100; ++i)
                m.answers.push_back({{*name::parse("h" + std::to_string(random_() % 5000) + ".local"), record_type::a, 60,
                                      address_v4(0xc6120042U)},
                                     true});
        return wire::make_mdns(m, wire::longest_mdns_message);
    }
    void receive()
    {
        octets o = some_message();
        if (random_() % 4 == 0 && !o.empty()) {
            for (auto n = 1 + random_() % 4; n > 0; --n) o[random_() % o.size()] = static_cast<std::byte>(random_());
            if (random_() % 4 == 0) o.resize(random_() % o.size());
        }
        const auto m = wire::parse_mdns(o);
        if (!m) return void(++refused_);
        ++read_;
        const auto link = static_cast<link_zone>(2 + random_() % 2);
        const bool to_group = random_() % 8 != 0;
        const bool on_link = random_() % 8 != 0;
        const endpoint from{on_link ? neighbor : stranger, static_cast<std::uint16_t>(random_() % 4 != 0 ? 5353 : 40000)};
        if (m->response) {
            if (from.port == 5353 && (to_group || on_link)) {
                querier_.receive(link, *m, now_);
                responder_.receive_response(link, *m, now_);
            }
        } else {
            if (to_group && from.port == 5353) querier_.heard(link, *m, now_);
            responder_.receive_query({link, from, on_link, to_group}, *m, now_);
        }
    }

    std::mt19937_64 random_;
    random_source source_;
    time_point now_{1h};
    std::set<lookup_id> waiting_;
    std::deque<octets> sent_;
    std::map<std::pair<link_zone, std::string>, std::deque<time_point>> said_;
    std::uint64_t found_ = 0, not_found_ = 0, cancelled_ = 0, read_ = 0, refused_ = 0, sent_messages_ = 0, unicast_ = 0;
    std::size_t most_cached_ = 0;
    mdns_querier querier_;
    mdns_responder responder_;
};

} // namespace

int main(int argc, char** argv) { return tapio::test::run_fuzzer<fuzzer>(argc, argv); }
