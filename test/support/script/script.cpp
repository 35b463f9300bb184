// // The packet-script harness: time, segments in and out, and the comparison with what is expected.
#include "support/script/script.hpp"

#include "base/checksum.hpp"
#include "support/at_rest.hpp"
#include "support/ip_packet.hpp"
#include "support/world/world.hpp"
#include "wire/icmpv4.hpp"
#include "wire/icmpv6.hpp"

#include <cstdio>

namespace tapio::test {

namespace {

constexpr interface_id tun = 1;

std::string payload_at(std::uint32_t seq, std::size_t size)
{
    std::string out(size, 0);
    for (std::size_t i = 0; i < size; ++i) {
        const std::uint64_t x = (seq + i) * 0x9e3779b97f4a7c15U;
        out[i] = static_cast<char>('a' + (x >> 32) % 26);
    }
    return out;
}

std::unique_ptr<host> make_host(const host_options& options, std::size_t mtu, const address& a, time_point now)
{
    auto h = std::make_unique<host>(resting_if_asked(options), make_seed(42));
    device_info info;
    info.link = link_type::ip;
    info.mtu = mtu_in_test_family(mtu);
    h->add_interface(info);
    EXPECT_FALSE(h->add_address(tun, a, prefix_in_test_family(24), now));
    return h;
}

packet packet_of(const std::string& octets)
{
    return octets.empty() ? packet() : packet(slice::copy_of(std::as_bytes(std::span(octets))));
}

std::string hexadecimal(const wire::fast_open_cookie& c)
{
    std::string out;
    for (const std::byte b : c) {
        out += "0123456789abcdef"[std::to_integer<unsigned>(b) >> 4];
        out += "0123456789abcdef"[std::to_integer<unsigned>(b) & 15];
    }
    return out;
}

wire::fast_open_cookie cookie_of(const std::string& hex)
{
    wire::fast_open_cookie out;
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2) out.push_back(std::byte(std::stoul(hex.substr(i, 2), nullptr, 16)));
    return out;
}

std::string rest_of(const packet& p, std::size_t from)
{
    std::string out(p.size() - from, 0);
    p.copy_to(std::as_writable_bytes(std::span(out)), from);
    return out;
}

/// The segment with the AE bit set and its checksum updated.
packet with_accurate_ecn(const packet& segment)
{
    constexpr std::size_t offset = offsetof(wire::tcp_header, offset), sum = offsetof(wire::tcp_header, checksum);
    std::string octets = rest_of(segment, 0);
    auto* const at = reinterpret_cast<std::byte*>(octets.data());
    const std::uint16_t before = wire::load_16(at + offset);
    at[offset] |= std::byte{1};
    wire::store_16(at + sum, updated_checksum(wire::load_16(at + sum), before, wire::load_16(at + offset)));
    return packet_of(octets);
}

} // namespace

script::~script()
{
    if (host_) nothing_left(location::current());
}

host& script::host()
{
    if (!host_) start();
    return *host_;
}

void script::start()
{
    start_ = now_ = time_of_isn();
    host_ = make_host(options, mtu, ours_, now_);
}

/// The time at which our initial sequence number for the default conversation is `default_isn`. RFC 9293 §3.4.1: the ISN grows by
/// one every 4 us, so one ISN determines the time.
time_point script::time_of_isn() const
{
    const time_point before{1h};
    const auto probe = make_host({}, 1500, ours_, before);
    const tcp_id id = probe->tcp().open(test_family()).value();
    EXPECT_FALSE(probe->tcp().bind(id, local()));
    (void)probe->tcp().connect(id, {theirs_, default_peer_port}, before);
    probe->advance(before);
    packet p;
    EXPECT_TRUE(probe->next_packet(tun, p, before));
    const family_sizes sizes = sizes_of(test_family());
    EXPECT_TRUE(p.pull(sizes.tcp_headers));
    const std::uint32_t isn = wire::read<wire::tcp_header>(p.front().subspan(sizes.ip_header)).sequence.value();
    return before + std::chrono::microseconds(4) * static_cast<std::int64_t>(default_isn - isn);
}

// -- time -----------------------------------------------------------------------------------------------------------

script& script::at(duration since_start, location where)
{
    core::host& h = host();
    if (broken_ || !nothing_left(where)) return *this;
    const time_point target = start_ + since_start;
    if (target < now_) fail("time cannot go back", where);
    for (unsigned i = 0; h.next_deadline() <= target && !broken_; ++i) {
        if (i > 100'000) fail("the host's deadline does not move: it spins", where);
        now_ = std::max(now_, h.next_deadline());
        h.advance(now_);
        take_output();
    }
    now_ = std::max(now_, target);
    return *this;
}

void script::drive()
{
    core::host& h = host();
    for (unsigned i = 0; i == 0 || h.next_deadline() <= now_; ++i) {
        if (i > 100'000) return fail("the host spins", location::current());
        h.advance(now_);
        take_output();
    }
}

// -- what the host sends --------------------------------------------------------------------------------------------

void script::take_output()
{
    packet p;
    while (host_->next_packet(tun, p, now_) && waiting_.size() < 100'000) take_packet(std::move(p));
}

void script::take_packet(packet&& p)
{
    const std::size_t size = p.size();
    EXPECT_TRUE(p.pull(std::min<std::size_t>(size, 100)));
    const auto ip = header_of(p);
    if (!ip) return fail("the host sent a malformed IP packet", location::current());
    if (ip->protocol != ip_protocol::tcp) return note(stamp(now_) + " > protocol " + std::to_string(int(ip->protocol)));
    p.consume(ip->header_length);
    const auto tcp = wire::parse_tcp(p.front(), p.size());
    if (!tcp) return fail("the host sent a malformed TCP segment", location::current());
    checksum_accumulator sum = pseudo_header(ours_, theirs_, 6, p.size());
    core::add(sum, p);
    if (sum.checksum() != 0) return fail("the host sent a wrong TCP checksum", location::current()); // RFC 9293 MUST-2
    conversation& c = conversations_[tcp->destination_port];
    if ((std::to_integer<unsigned>(p.front()[offsetof(wire::tcp_header, offset)]) & 15) != 0)
        return fail("the host sent a reserved bit", location::current()); // RFC 9293 §3.1: must be zero
    const std::string payload = rest_of(p, tcp->header_length);
    waiting_.push_back(
        {now_, tcp->destination_port, describe(c, *tcp, payload.size()), payload, ip->tos, ip->ttl, ip->dont_fragment});
    note(stamp(now_) + " > " + to_text(waiting_.back().text) +
         (tcp->destination_port == default_peer_port ? "" : " to port " + std::to_string(tcp->destination_port)));
    if (tcp->options.timestamps) c.our_last_ts = tcp->options.timestamps->value;
}

/// The segment with relative numbers. A SYN defines our initial sequence number.
segment_text script::describe(conversation& c, const wire::tcp_fields& f, std::size_t size) const
{
    if ((f.flags & wire::tcp_syn) != 0 && !c.our_isn) {
        c.our_isn = f.sequence;
        if (f.options.timestamps) c.our_first_ts = f.options.timestamps->value;
    }
    segment_text t;
    t.flags = f.flags;
    t.seq = f.sequence - c.our_isn.value_or(0);
    t.size = static_cast<std::uint32_t>(size);
    if ((f.flags & wire::tcp_ack) != 0) t.ack = f.acknowledgement - c.peer_isn;
    t.win = f.window;
    if ((f.flags & wire::tcp_urg) != 0) t.urg = f.urgent;
    if (f.options.max_segment) t.mss = *f.options.max_segment;
    if (f.options.window_scale) t.wscale = *f.options.window_scale;
    t.sack_permitted = f.options.sack_permitted;
    if (f.options.timestamps)
        t.ts = wire::tcp_timestamps{f.options.timestamps->value - c.our_first_ts.value_or(0), f.options.timestamps->echo};
    if (f.options.fast_open) {
        t.fast_open = hexadecimal(*f.options.fast_open);
        if (!t.fast_open->empty()) c.our_cookie = *t.fast_open;
    }
    for (const auto& b : f.options.sack) t.sack.push_back({b.begin - c.peer_isn, b.end - c.peer_isn});
    return t;
}

// -- what the peer sends --------------------------------------------------------------------------------------------

script& script::in(const std::string& text, location where)
{
    const segment_text t = parse_segment_text(text);
    const std::uint32_t syn = (t.flags & wire::tcp_syn) != 0 ? 1 : 0;
    return in(text, payload_at(t.seq.value_or(0) + syn, t.size.value_or(0)), where);
}

script& script::in(const std::string& text, const std::string& payload, location where)
{
    (void)host();
    if (broken_ || !nothing_left(where)) return *this;
    inject(segment_of(text, payload, where), wire::ip_protocol::tcp);
    return *this;
}

script& script::in_together(const std::vector<std::string>& texts, location where)
{
    (void)host();
    if (broken_ || !nothing_left(where)) return *this;
    std::vector<packet> batch;
    for (std::string text : texts) {
        mark_next_ = text.starts_with("CE ");
        if (mark_next_) text.erase(0, 3);
        const segment_text t = parse_segment_text(text);
        packet p = segment_of(text, payload_at(t.seq.value_or(0), t.size.value_or(0)), where);
        push_ip(p, theirs_, ours_, ip_protocol::tcp, std::exchange(mark_next_, false) ? 3 : 0);
        batch.push_back(packet_of(rest_of(p, 0))); // in one slice, as from a device
    }
    host_->receive(tun, std::span(batch), now_);
    drive();
    return *this;
}

packet script::segment_of(const std::string& text, const std::string& payload, const location& where)
{
    const segment_text t = parse_segment_text(text);
    if (t.size.value_or(0) != payload.size()) fail("the payload is not as long as the segment says", where);
    conversation& c = current();
    note(stamp(now_) + " < " + text + (peer_port_ == default_peer_port ? "" : " from port " + std::to_string(peer_port_)));
    packet p = packet_of(payload);
    wire::push_tcp(p, fields_of(c, t), theirs_, ours_);
    if (t.accurate_ecn) p = with_accurate_ecn(p);
    return p;
}

wire::tcp_fields script::fields_of(conversation& c, const segment_text& t)
{
    if ((t.flags & wire::tcp_syn) != 0) c.timestamps = t.ts.has_value();
    wire::tcp_fields f;
    f.source_port = peer_port_;
    f.destination_port = our_port;
    f.sequence = c.peer_isn + t.seq.value_or(0);
    f.acknowledgement = t.ack ? c.our_isn.value_or(0) + *t.ack : 0;
    f.flags = t.flags;
    f.window = static_cast<std::uint16_t>(t.win.value_or(65535));
    f.urgent = static_cast<std::uint16_t>(t.urg.value_or(0));
    if (t.mss) f.options.max_segment = static_cast<std::uint16_t>(*t.mss);
    if (t.wscale) f.options.window_scale = static_cast<std::uint8_t>(*t.wscale);
    f.options.sack_permitted = t.sack_permitted;
    if (t.ts)
        f.options.timestamps = wire::tcp_timestamps{t.ts->value, t.ts->echo + c.our_first_ts.value_or(0)};
    else if (c.timestamps && !t.absent.contains("ts")) // as a peer does: its clock, and our latest timestamp
        f.options.timestamps = wire::tcp_timestamps{
            static_cast<std::uint32_t>(100 + std::chrono::duration_cast<std::chrono::milliseconds>(elapsed()).count()),
            c.our_last_ts};
    if (t.fast_open) f.options.fast_open = cookie_of(*t.fast_open == "ours" ? c.our_cookie : *t.fast_open);
    for (const auto& b : t.sack) f.options.sack.push_back({c.our_isn.value_or(0) + b.begin, c.our_isn.value_or(0) + b.end});
    return f;
}

void script::inject(packet&& segment, ip_protocol protocol)
{
    push_ip(segment, theirs_, ours_, protocol, std::exchange(mark_next_, false) ? 3 : 0);
    host_->receive(tun, std::move(segment), now_);
    drive();
}

/// Over IPv6: the message that says the same (RFC 4443 §3.1, §3.2).
void script::inject_icmp(packet p, std::uint8_t code, std::uint32_t next_hop_mtu)
{
    if (!over_v6()) {
        wire::push_icmpv4(p, wire::icmpv4_type::destination_unreachable, code, next_hop_mtu);
        return inject(std::move(p), ip_protocol::icmp);
    }
    using type = wire::icmpv6_type;
    const flow_key flow({theirs_, 0}, {ours_, 0}, ip_protocol::icmpv6);
    switch (code) {
    case wire::fragmentation_needed: wire::push_icmpv6(p, type::packet_too_big, 0, next_hop_mtu, flow); break;
    case wire::port_unreachable: wire::push_icmpv6(p, type::destination_unreachable, wire::v6_port_unreachable, 0, flow); break;
    case wire::protocol_unreachable: wire::push_icmpv6(p, type::parameter_problem, wire::unknown_next_header, 6, flow); break;
    case wire::net_unreachable: wire::push_icmpv6(p, type::destination_unreachable, wire::v6_no_route, 0, flow); break;
    default: wire::push_icmpv6(p, type::destination_unreachable, wire::v6_address_unreachable, 0, flow); break;
    }
    inject(std::move(p), ip_protocol::icmpv6);
}

script& script::icmp_unreachable(std::uint8_t code, std::uint32_t seq, std::uint32_t next_hop_mtu, std::uint16_t size,
                                 location where)
{
    (void)host();
    if (broken_ || !nothing_left(where)) return *this;
    note(stamp(now_) + " < ICMP unreachable, code " + std::to_string(code) + ", about " + std::to_string(seq));
    wire::tcp_fields f;
    f.source_port = our_port;
    f.destination_port = peer_port_;
    f.sequence = current().our_isn.value_or(0) + seq;
    packet quote;
    wire::push_tcp(quote, f, ours_, theirs_);
    push_ip(quote, ours_, theirs_, ip_protocol::tcp);
    std::string quoted = rest_of(quote, 0);
    const std::size_t length =
        over_v6() ? offsetof(wire::ipv6_header, payload_length) : offsetof(wire::ipv4_header, total_length);
    if (size != 0) wire::store_16(reinterpret_cast<std::byte*>(quoted.data()) + length, size);
    const std::size_t told = next_hop_mtu != 0 ? mtu_in_test_family(next_hop_mtu) : 0;
    inject_icmp(packet_of(quoted), code, static_cast<std::uint32_t>(told));
    return *this;
}

// -- expectations ---------------------------------------------------------------------------------------------------

script& script::marked()
{
    mark_next_ = true;
    return *this;
}

script& script::out(const std::string& text, location where) { return out_within(0ns, text, where); }

script& script::out_within(duration tolerance, const std::string& text, location where)
{
    (void)host();
    if (broken_) return *this;
    const time_point expected_at = now_;
    // In steps from deadline to deadline, so that now_ is the time at which the packet was sent.
    while (waiting_.empty() && !broken_ && host_->next_deadline() <= expected_at + tolerance)
        at(std::max(host_->next_deadline(), now_) - start_, where);
    if (waiting_.empty()) {
        fail("expected  " + text + "\ngot nothing", where);
        return *this;
    }
    const sent_packet p = waiting_.front();
    last_tos_ = p.tos;
    last_ttl_ = p.ttl;
    last_dont_fragment_ = p.dont_fragment;
    waiting_.pop_front();
    std::string wrong = difference(parse_segment_text(text), p.text);
    if (p.port != peer_port_) wrong += " port";
    if (p.at < expected_at - tolerance || p.at > expected_at + tolerance) wrong += " time";
    if (!wrong.empty())
        fail("expected  " + text + "\ngot       " + to_text(p.text) + " at" + stamp(p.at) + "\nwrong:   " + wrong, where);
    check_payload(p, where);
    return *this;
}

void script::check_payload(const sent_packet& p, const location& where)
{
    if (broken_ || p.payload.empty()) return;
    const std::string& written = conversations_[p.port].written;
    const std::uint32_t from = p.text.seq.value_or(0) - ((p.text.flags & wire::tcp_syn) != 0 ? 0 : 1);
    if (from > written.size() || written.compare(from, p.payload.size(), p.payload) != 0)
        fail("the payload of " + to_text(p.text) + " is not what the user wrote", where);
}

script& script::out_nothing(location where)
{
    (void)host();
    nothing_left(where);
    return *this;
}

script& script::ignore_output()
{
    waiting_.clear();
    return *this;
}

std::size_t script::packets_waiting() { return waiting_.size(); }

bool script::nothing_left(const location& where)
{
    if (broken_ || waiting_.empty()) return true;
    fail("not expected: " + to_text(waiting_.front().text) + " at" + stamp(waiting_.front().at), where);
    return false;
}

// -- reports --------------------------------------------------------------------------------------------------------

void script::fail(const std::string& why, const location& where)
{
    if (broken_) return;
    broken_ = true;
    message = why + "\nthe trace so far:\n";
    const std::size_t from = trace_.size() > 200 ? trace_.size() - 200 : 0;
    for (std::size_t i = from; i < trace_.size(); ++i) message += "  " + trace_[i] + '\n';
    if (!quiet) ADD_FAILURE_AT(where.file_name(), static_cast<int>(where.line())) << message;
}

void script::note(const std::string& line)
{
    if (trace_.size() < 100'000) trace_.push_back(line);
}

std::string script::stamp(time_point t) const
{
    char text[40];
    std::snprintf(text, sizeof text, " %12.6f", std::chrono::duration<double>(t - start_).count());
    return text;
}

} // namespace tapio::test
