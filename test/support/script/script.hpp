/// @file
/// The packet-script harness: one core host with a bare IP interface. The test is its peer, its user and its clock.
///
///     wire.at(0ms).in("S 0:0(0) win 65535 <mss 1460>");
///     wire.out("S. 0:0(0) ack 1");
///     wire.at(999ms).out_nothing();
///
/// Sequence numbers are relative to each side's initial sequence number. Both are near 2^32 (ours depends on the clock, RFC 9293
/// §3.4.1, so the script begins at a matching virtual time), so that every script crosses the wrap. Every packet sent must be
/// expected: a packet left over when time passes, or at the end, is a failure. The payload that the host sends is always compared
/// with what the user wrote.
#pragma once

#include "core/host.hpp"
#include "support/script/segment_text.hpp"
#include "support/test_family.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <source_location>
#include <string>
#include <vector>

namespace tapio::test {

using namespace tapio::core;
using namespace std::chrono_literals;

class script;

/// A socket of the host, as seen by its user.
class script_socket
{
public:
    script_socket() = default;
    script_socket(script& s, tcp_id id) : script_(&s), id_(id) {}

    tcp_id id() const noexcept { return id_; }
    /// The octets that out() then expects as payload, in order.
    std::size_t send(const std::string& octets);
    std::size_t send(std::size_t size); ///< generated octets; returns how many the socket accepted
    /// The unread data, at most `size` octets; "" if there is none, or at the end of the stream.
    std::string receive(std::size_t size = 1 << 20);
    std::size_t send_urgent(const std::string& octets); ///< MSG_OOB
    std::string receive_urgent();                       ///< MSG_OOB; "" if there is none
    bool at_mark() const;                               ///< SIOCATMARK
    error_code receive_error(); ///< error of a receive of one octet; none if there was one, or at the end of the stream
    bool at_end();              ///< whether a receive returns end of stream
    error_code shutdown(shutdown_type how);
    void close();
    void abort(); ///< SO_LINGER 0, then close
    void set(socket_option o, int value);
    tcp_info info() const;
    tcp_state state() const { return info().state; }
    error_code error();
    readiness poll() const;
    bool gone() const;      ///< the handle is stale
    script_socket accept(); ///< of a listener; an empty socket if no connection waits
    explicit operator bool() const noexcept { return script_ != nullptr && id_; }

private:
    script* script_ = nullptr;
    tcp_id id_;
};

class script
{
public:
    using location = std::source_location;

    script() = default;
    ~script();
    script(const script&) = delete;
    script& operator=(const script&) = delete;

    host_options options;   ///< may be changed before the first other call
    std::size_t mtu = 1500; ///< octets; may be changed before the first other call

    // -- time ---------------------------------------------------------------------------------------------------------
    /// Lets time pass until `since_start` after the start.
    script& at(duration since_start, location where = location::current());
    script& after(duration more, location where = location::current()) { return at(elapsed() + more, where); }
    duration elapsed() const noexcept { return now_ - start_; }
    time_point now() const noexcept { return now_; }

    // -- the peer -----------------------------------------------------------------------------------------------------
    /// The peer sends this segment. Without `payload` its octets are generated from their position in the stream.
    script& in(const std::string& text, location where = location::current());
    script& in(const std::string& text, const std::string& payload, location where = location::current());
    /// The peer sends these segments, which the host receives in one batch, as from a device that is read until it is empty:
    /// consecutive segments are coalesced. "CE " in front of a segment: it is marked with CE.
    script& in_together(const std::vector<std::string>& texts, location where = location::current());
    /// Expects this as the next segment, sent by now.
    script& out(const std::string& text, location where = location::current());
    /// As out(), but the segment may be sent up to `tolerance` from now.
    script& out_within(duration tolerance, const std::string& text, location where = location::current());
    script& out_nothing(location where = location::current());
    script& ignore_output(); ///< discards all packets sent
    script& marked();        ///< the segment of the next in() is marked with CE (RFC 3168)
    /// the segment last matched by out() was sent with ECT(0)
    bool last_was_ecn_capable() const noexcept { return (last_tos_ & 3) == 2; }
    bool last_may_be_fragmented() const noexcept { return !last_dont_fragment_; } ///< it was sent without DF
    unsigned last_tos() const noexcept { return last_tos_; }
    unsigned last_ttl() const noexcept { return last_ttl_; }
    /// An ICMP destination unreachable about our segment with the relative sequence number `seq`; `next_hop_mtu` is for code 4.
    /// @param size total length of the packet according to the quote, octets; 0: its headers only
    script& icmp_unreachable(std::uint8_t code, std::uint32_t seq, std::uint32_t next_hop_mtu = 0, std::uint16_t size = 0,
                             location where = location::current());
    /// The peer's port from now on; each port is a conversation of its own.
    script& peer(std::uint16_t port);
    const std::string& our_cookie() { return current().our_cookie; } ///< given by our host to this peer; hexadecimal
    script& remember_cookie(const std::string& c)                    ///< the cookie that "FO ours" sends
    {
        current().our_cookie = c;
        return *this;
    }
    /// A new incarnation of this conversation, with new initial sequence numbers.
    script& new_incarnation(std::uint32_t peer_isn);

    std::string octets(std::uint32_t seq, std::size_t size) const; ///< the payload that in() generates for this position
    std::uint32_t our_isn() const;
    std::uint32_t peer_isn() const;
    std::size_t packets_waiting(); ///< packets sent by the host and not yet expected

    // -- the user -----------------------------------------------------------------------------------------------------
    script_socket listen(int backlog = 16); ///< on our port
    script_socket connect();                ///< from our port to the peer's
    script_socket open();
    core::host& host();
    const host_counters& counters() { return host().counters(); }
    endpoint local() const { return {ours_, our_port}; }
    endpoint remote() const { return {theirs_, peer_port_}; }

    static constexpr std::uint16_t our_port = 80;
    static constexpr std::uint16_t default_peer_port = 40000;
    static constexpr std::uint32_t default_isn = 0xffff'fe00;

    /// After a call on the host: runs what is due, and takes the packets sent.
    void drive();
    void sent_by_user(tcp_id id, const std::string& octets);
    void forget_failure() noexcept { broken_ = false; } ///< for tests of the harness itself
    bool broken() const noexcept { return broken_; }
    bool quiet = false; ///< failures are stored in `message` and not reported; for tests of the harness itself
    std::string message;

private:
    struct conversation
    {
        std::uint32_t peer_isn = default_isn;
        std::optional<std::uint32_t> our_isn;
        std::optional<std::uint32_t> our_first_ts;
        std::uint32_t our_last_ts = 0; ///< value sent by our host, not relative
        bool timestamps = false;       ///< the peer sends timestamps
        std::string our_cookie;        ///< Fast Open cookie; hexadecimal
        bool seen_offer = false;
        std::string written; ///< octets written by our user
    };
    struct sent_packet
    {
        time_point at;
        std::uint16_t port;
        segment_text text;
        std::string payload;
        unsigned tos = 0, ttl = 0;
        bool dont_fragment = false;
    };

    void start();
    time_point time_of_isn() const;
    void take_output();
    void take_packet(packet&& p);
    segment_text describe(conversation& c, const wire::tcp_fields& f, std::size_t size) const;
    wire::tcp_fields fields_of(conversation& c, const segment_text& t);
    packet segment_of(const std::string& text, const std::string& payload, const location& where);
    void inject(packet&& segment, ip_protocol protocol);
    void inject_icmp(packet quote, std::uint8_t code, std::uint32_t next_hop_mtu);
    void check_payload(const sent_packet& p, const location& where);
    bool nothing_left(const location& where);
    void fail(const std::string& why, const location& where);
    void note(const std::string& line);
    std::string stamp(time_point t) const;
    conversation& current() { return conversations_[peer_port_]; }

    address ours_ = in_test_family("192.0.2.1");
    address theirs_ = in_test_family("192.0.2.2");
    std::unique_ptr<core::host> host_;
    time_point start_{}, now_{};
    std::uint16_t peer_port_ = default_peer_port;
    std::map<std::uint16_t, conversation> conversations_;
    std::deque<sent_packet> waiting_;
    std::vector<std::string> trace_;
    bool broken_ = false;
    bool mark_next_ = false;
    unsigned last_tos_ = 0, last_ttl_ = 0;
    bool last_dont_fragment_ = false;
};

/// A fixture with a script, and the ways to open a connection that most scripts use.
class packet_script : public testing::Test
{
protected:
    /// The peer connects to our listener; both sides are then at sequence number 1, with no option but the MSS.
    script_socket open_passive(const std::string& syn = "S 0:0(0) win 65535 <mss 1000>");
    /// We connect to the peer.
    script_socket open_active(const std::string& syn_ack = "S. 0:0(0) ack 1 win 65535 <mss 1000>");

    script wire;
};

/// For scripts with path MTUs that IPv6 does not have (below 1280), or whose ICMP errors it does not.
class packet_script_v4 : public packet_script
{
protected:
    void SetUp() override
    {
        if (over_v6()) GTEST_SKIP() << "about IPv4";
    }
};

} // namespace tapio::test
