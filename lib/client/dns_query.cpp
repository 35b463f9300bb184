#include "client/dns_query.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace tapio::core::client {

namespace {

using dns::response_code;

constexpr unsigned most_attempts = 5;
constexpr std::uint16_t least_payload = 512;
constexpr std::uint16_t query_block = 128; // octets; RFC 8467 §4.1: the length of an encrypted query is a multiple of it

/// The 0x20 bit of each letter is random.
dns::name with_random_case(const dns::name& n, random_source& random)
{
    std::string labels = n.lower_case().labels();
    std::uint64_t bits = 0;
    unsigned left = 0;
    for (char& c : labels) {
        if (c < 'a' || c > 'z') continue; // length octets are no letters
        if (left == 0) bits = random.next_u64(), left = 64;
        if ((bits & 1) != 0) c = static_cast<char>(c - 'a' + 'A');
        bits >>= 1;
        --left;
    }
    return *dns::name::of_labels(std::move(labels));
}

/// Servers point from their names into the question, whose case is ours: that part of a name gets the case back that it had
/// before it was varied.
void restore_case(dns::name& n, const dns::name& sent, const dns::name& original)
{
    const std::string& all = n.labels();
    for (std::size_t at = 0; at < all.size(); at += static_cast<std::uint8_t>(all[at]) + 1U) {
        const std::size_t size = all.size() - at;
        if (size > sent.labels().size()) continue;
        const std::size_t there = sent.labels().size() - size;
        if (all.compare(at, size, sent.labels(), there, size) != 0) continue;
        n = *dns::name::of_labels(all.substr(0, at) + original.labels().substr(there));
        return;
    }
}

void restore_case(std::vector<dns::record>& all, const dns::name& sent, const dns::name& original)
{
    for (dns::record& r : all) {
        restore_case(r.owner, sent, original);
        if (auto* const n = std::get_if<dns::name>(&r.data)) restore_case(*n, sent, original);
        if (auto* const mx = std::get_if<dns::mail_exchange>(&r.data)) restore_case(mx->exchange, sent, original);
        if (auto* const srv = std::get_if<dns::service_location>(&r.data)) restore_case(srv->target, sent, original);
        if (auto* const soa = std::get_if<dns::zone_authority>(&r.data)) {
            restore_case(soa->primary, sent, original);
            restore_case(soa->mailbox, sent, original);
        }
    }
}

/// A referral (RFC 1034 §4.3.1): the server does not resolve for us.
bool is_referral(const wire::dns_message& m)
{
    const bool soa = std::any_of(m.authorities.begin(), m.authorities.end(),
                                 [](const dns::record& r) { return r.type == dns::record_type::soa; });
    return m.code == response_code::no_error && m.answers.empty() && !m.authoritative && !m.recursion_available && !soa;
}

} // namespace

dns_query::dns_query(wire::dns_question q, std::vector<server_choice> servers, const dns_options& options, random_source& random)
    : question_(std::move(q)),
      servers_(std::move(servers)),
      attempts_(std::clamp(options.attempts, 1U, most_attempts)),
      timeout_(std::clamp<std::chrono::milliseconds>(options.timeout, std::chrono::milliseconds(1), std::chrono::minutes(1))),
      vary_case_(options.use_0x20),
      always_by_stream_(options.use_tcp),
      always_secure_(options.tls != nullptr),
      may_fall_back_(options.tls_fallback),
      payload_(options.edns_payload < least_payload ? std::uint16_t{0} : options.edns_payload),
      random_(random)
{
}

dns_query::step dns_query::start(time_point now)
{
    if (servers_.empty()) return step::failed;
    choose_transport();
    return attempt(now);
}

void dns_query::choose_transport()
{
    secure_ = always_secure_ && !servers_[turn_].in_clear;
    by_stream_ = secure_ || always_by_stream_;
}

duration dns_query::patience() const noexcept { return timeout_ * (1U << round_); }

void dns_query::make_message()
{
    id_ = static_cast<std::uint16_t>(random_.next_u32());
    sent_name_ = vary_case_ ? with_random_case(question_.name, random_) : question_.name;
    wire::dns_message m;
    m.id = id_;
    m.recursion_desired = true;
    m.question = wire::dns_question{sent_name_, question_.type, question_.class_code};
    if (payload_ != 0 && !plain_) m.edns = wire::dns_edns{payload_, 0, secure_ ? query_block : std::uint16_t{0}};
    message_ = wire::make_dns(m);
    if (!by_stream_) return;
    std::array<std::byte, 2> length{}; // RFC 1035 §4.2.2
    wire::store_16(length.data(), static_cast<std::uint16_t>(message_.size()));
    message_.insert(message_.begin(), length.begin(), length.end());
}

dns_query::step dns_query::attempt(time_point now)
{
    make_message();
    mismatches_ = 0;
    stream_.clear();
    deadline_ = now + patience();
    return secure_ ? step::open_secure : by_stream_ ? step::open_stream : step::send_datagram;
}

dns_query::step dns_query::next_server(time_point now)
{
    plain_ = false;
    if (std::exchange(case_lost_, false)) vary_case_ = false; // TCP has failed: the servers are asked without it
    if (++turn_ >= servers_.size()) {
        turn_ = 0;
        ++round_;
    }
    if (round_ < attempts_ && !servers_.empty()) {
        choose_transport();
        return attempt(now);
    }
    deadline_ = never;
    return step::failed;
}

/// The server has not answered. Without TLS it may (RFC 8310 §5, the opportunistic profile).
dns_query::step dns_query::failed_attempt(time_point now)
{
    if (!secure_ || !may_fall_back_) return next_server(now);
    servers_[turn_].in_clear = true;
    choose_transport();
    return attempt(now);
}

/// The server has answered, but not usefully: it is not asked again.
dns_query::step dns_query::give_up_server(time_point now)
{
    servers_.erase(servers_.begin() + static_cast<std::ptrdiff_t>(turn_));
    --turn_; // next_server() adds one; unsigned, so that this works for the first, too
    return next_server(now);
}

dns_query::step dns_query::try_stream(time_point now)
{
    by_stream_ = true;
    return attempt(now);
}

dns_query::step dns_query::mismatched(time_point now)
{
    ++all_mismatches_;
    if (by_stream_) return give_up_server(now); // nobody else can write there: the server is broken
    return ++mismatches_ < most_mismatches ? step::wait : try_stream(now);
}

dns_query::step dns_query::receive_datagram(const_bytes message, time_point now)
{
    return by_stream_ ? step::wait : take(message, now);
}

dns_query::step dns_query::receive_stream(const_bytes octets, time_point now)
{
    if (!by_stream_) return step::wait;
    constexpr std::size_t prefix = 2; // octets
    const std::size_t room = prefix + wire::longest_dns_message - stream_.size();
    octets = octets.first(std::min(octets.size(), room));
    stream_.insert(stream_.end(), octets.begin(), octets.end());
    if (stream_.size() < prefix) return step::wait;
    const std::size_t size = wire::load_16(stream_.data());
    if (stream_.size() < prefix + size) return step::wait;
    const std::vector<std::byte> whole = std::exchange(stream_, {});
    return take(const_bytes(whole).subspan(prefix, size), now);
}

/// RFC 5452 §9.1: what a response must match.
dns_query::step dns_query::take(const_bytes message, time_point now)
{
    timed_out_ = false;
    const auto head = wire::parse_dns_head(message);
    if (!head || !head->response || head->opcode != 0 || head->id != id_) return mismatched(now);
    const bool understood = head->code != response_code::format_error && head->code != response_code::not_implemented;
    if (!head->question && understood) return mismatched(now);
    if (head->question && !(*head->question == question_)) return mismatched(now);
    if (head->question && vary_case_ && !head->question->name.same_case(sent_name_)) {
        // A server that does not repeat the case, or a forgery: TCP tells them apart.
        if (!by_stream_) {
            ++all_mismatches_;
            case_lost_ = true;
            return try_stream(now);
        }
    }
    if (head->truncated && !by_stream_) return try_stream(now);
    auto m = wire::parse_dns(message);
    if (!m) {
        failure_ = response_code::server_failure;
        return give_up_server(now);
    }
    return judge(std::move(*m), now);
}

dns_query::step dns_query::judge(wire::dns_message&& m, time_point now)
{
    const bool no_edns =
        m.code == response_code::format_error || m.code == response_code::not_implemented || m.code == response_code::bad_version;
    if (no_edns && payload_ != 0 && !plain_) {
        plain_ = true;
        return attempt(now);
    }
    const bool useful = m.code == response_code::no_error || m.code == response_code::name_error;
    if (!useful || !m.question || is_referral(m)) {
        failure_ = useful ? response_code::server_failure : m.code;
        return give_up_server(now);
    }
    response_ = std::move(m);
    if (vary_case_)
        for (auto* const section : {&response_.answers, &response_.authorities})
            restore_case(*section, sent_name_, question_.name);
    deadline_ = never;
    return step::answered;
}

dns_query::step dns_query::unreachable(time_point now)
{
    timed_out_ = false;
    return failed_attempt(now);
}

dns_query::step dns_query::advance(time_point now)
{
    if (now < deadline_) return step::wait;
    timed_out_ = true;
    return failed_attempt(now);
}

} // namespace tapio::core::client
