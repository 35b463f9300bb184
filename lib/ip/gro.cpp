#include "ip/gro.hpp"

#include "base/checksum.hpp"
#include "wire/ethernet.hpp"
#include "wire/ipv4.hpp"
#include "wire/tcp.hpp"

#include <boost/container/static_vector.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace tapio::core::ip {

namespace {

constexpr std::size_t ip_size = sizeof(wire::ipv4_header); // without options
constexpr std::size_t largest_packet = 65535;              // octets, from the IP header on
constexpr std::size_t most_streams = 8;                    // that are joined at a time
constexpr std::uint16_t fragment_bits = 0x3fff;            // more fragments, and the offset

/// A TCP segment in a packet, as far as joining looks at it.
struct view
{
    const_bytes octets;      ///< from the link's header on, padding cut
    std::size_t link = 0;    ///< octets of the link's header
    std::size_t headers = 0; ///< octets of all headers
    wire::tcp_header tcp;
    bool joinable = false;
    bool bare = false; ///< acknowledges, and says nothing else

    std::size_t payload() const noexcept { return octets.size() - headers; }
};

/// Addresses and ports.
const_bytes stream_of(const_bytes octets, std::size_t link) noexcept
{
    return octets.subspan(link + offsetof(wire::ipv4_header, source), 12);
}

bool equal(const_bytes a, const_bytes b) noexcept { return std::equal(a.begin(), a.end(), b.begin(), b.end()); }

bool checksums_right(const view& v, bool tcp_verified) noexcept
{
    const const_bytes ip = v.octets.subspan(v.link, ip_size);
    if (ones_sum(ip) != 0xffff) return false;
    if (tcp_verified) return true;
    const const_bytes segment = v.octets.subspan(v.link + ip_size);
    checksum_accumulator sum;
    sum.add(ip.subspan(offsetof(wire::ipv4_header, source))); // the pseudo-header's addresses
    sum.add_word(static_cast<std::uint16_t>(wire::ip_protocol::tcp));
    sum.add_word(static_cast<std::uint16_t>(segment.size()));
    sum.add(segment);
    return sum.folded() == 0xffff;
}

/// Nothing if the packet is not plain TCP over IPv4.
std::optional<view> look_at(const packet& p, link_type link)
{
    view v;
    v.octets = p.front();
    v.link = link == link_type::ethernet ? sizeof(wire::ethernet_header) : 0;
    if (v.octets.size() != p.size() || v.octets.size() < v.link + ip_size + sizeof(wire::tcp_header)) return std::nullopt;
    if (v.link != 0 && wire::read<wire::ethernet_header>(v.octets).type.value() != static_cast<unsigned>(wire::ether_type::ipv4))
        return std::nullopt;
    const auto ip = wire::read<wire::ipv4_header>(v.octets.subspan(v.link));
    if (ip.version_ihl.value() != 0x45 || ip.protocol.value() != static_cast<unsigned>(wire::ip_protocol::tcp))
        return std::nullopt;
    const std::size_t size = v.link + ip.total_length.value();
    v.tcp = wire::read<wire::tcp_header>(v.octets.subspan(v.link + ip_size));
    v.headers = v.link + ip_size + 4U * (v.tcp.offset.value() >> 4);
    if (size > v.octets.size() || (ip.flags_offset.value() & fragment_bits) != 0) return v;
    v.octets = v.octets.first(size);
    using state = offload_info::checksum_state;
    const bool whole = p.offload.gso == offload_info::gso_type::none && v.headers >= v.link + ip_size + sizeof(wire::tcp_header);
    const bool data = v.headers < size && (v.tcp.flags.value() & ~wire::tcp_psh) == wire::tcp_ack;
    const bool no_data = v.headers == size && v.tcp.flags.value() == wire::tcp_ack;
    const bool right = whole && (no_data || (data && p.offload.checksum != state::partial)) &&
                       checksums_right(v, p.offload.checksum != state::complete);
    v.joinable = right && data;
    v.bare = right && no_data;
    return v;
}

/// The headers are the same but for TCP's numbers, and IP's length and identification.
bool alike(const_bytes headers, const view& v) noexcept
{
    if (headers.size() != v.headers) return false;
    const auto a = wire::read<wire::ipv4_header>(headers.subspan(v.link));
    const auto b = wire::read<wire::ipv4_header>(v.octets.subspan(v.link));
    const std::size_t options = v.link + ip_size + sizeof(wire::tcp_header);
    return a.tos.value() == b.tos.value() && a.ttl.value() == b.ttl.value() && a.flags_offset.value() == b.flags_offset.value() &&
           equal(headers.first(v.link), v.octets.first(v.link)) &&
           equal(headers.subspan(options), v.octets.subspan(options, v.headers - options));
}

/// A segment and what has been joined to it.
class run
{
public:
    run(packet& head, const view& v)
        : head_(&head),
          link_(v.link),
          header_size_(v.headers),
          tcp_(v.tcp),
          next_(v.tcp.sequence.value() + static_cast<std::uint32_t>(v.payload())),
          size_(v.payload()),
          largest_(v.payload())
    {
        std::copy_n(v.octets.begin(), header_size_, headers_.begin());
        head.truncate(v.octets.size());
        head.offload.checksum = offload_info::checksum_state::verified;
    }

    const_bytes stream() const noexcept { return stream_of(headers(), link_); }

    bool takes(const view& v) const noexcept
    {
        return !short_ && v.tcp.sequence.value() == next_ && v.payload() <= largest_ &&
               header_size_ - link_ + size_ + v.payload() <= largest_packet &&
               v.tcp.acknowledgement.value() == tcp_.acknowledgement.value() && v.tcp.window.value() == tcp_.window.value() &&
               alike(headers(), v);
    }

    void join(packet& p, const view& v)
    {
        short_ = v.payload() < largest_;
        size_ += v.payload();
        next_ += static_cast<std::uint32_t>(v.payload());
        tcp_.flags = static_cast<std::uint8_t>(tcp_.flags.value() | v.tcp.flags.value()); // PSH
        p.truncate(v.octets.size());
        p.consume(v.headers);
        for (slice& s : p.take_payload()) head_->append(std::move(s));
    }

    /// Makes one segment of it.
    void finish()
    {
        if (size_ == largest_) return; // nothing was joined
        auto ip = wire::read<wire::ipv4_header>(headers().subspan(link_));
        const std::uint16_t before = ip.total_length.value();
        ip.total_length = static_cast<std::uint16_t>(header_size_ - link_ + size_);
        ip.checksum = updated_checksum(ip.checksum.value(), before, ip.total_length.value());
        write(link_, wire::octets_of(ip));
        write(link_ + ip_size, wire::octets_of(tcp_));
        head_->consume(header_size_);
        std::copy_n(headers_.begin(), header_size_, head_->push_front(header_size_));
        head_->offload.gso = offload_info::gso_type::tcp_v4;
        head_->offload.gso_size = static_cast<std::uint16_t>(largest_);
        head_->offload.header_length = static_cast<std::uint16_t>(header_size_);
    }

private:
    const_bytes headers() const noexcept { return const_bytes(headers_).first(header_size_); }
    void write(std::size_t at, const_bytes octets) noexcept
    {
        std::copy(octets.begin(), octets.end(), headers_.begin() + static_cast<std::ptrdiff_t>(at));
    }

    packet* head_;
    std::size_t link_, header_size_; ///< octets: of the link's header, of all
    wire::tcp_header tcp_;
    std::array<std::byte, sizeof(wire::ethernet_header) + ip_size + 60> headers_; ///< the packet's own may move
    std::uint32_t next_;                                                          ///< the sequence number that goes on here
    std::size_t size_;                                                            ///< octets of payload
    std::size_t largest_;                                                         ///< of one segment
    bool short_ = false;                                                          ///< the last was shorter: nothing may follow
};

/// The last bare acknowledgement of a stream, of which nothing else has come since.
class bare_acknowledgement
{
public:
    bare_acknowledgement(packet& p, const view& v) : packet_(&p), seen_(v)
    {
        if (p.offload.checksum == offload_info::checksum_state::complete)
            p.offload.checksum = offload_info::checksum_state::verified;
    }

    const_bytes stream() const noexcept { return stream_of(seen_.octets, seen_.link); }

    /// `later` says all that this one does, and acknowledges more. An equal number would be a duplicate, which TCP counts.
    bool is_superseded_by(const view& later) const noexcept
    {
        const auto ahead = static_cast<std::int32_t>(later.tcp.acknowledgement.value() - seen_.tcp.acknowledgement.value());
        return ahead > 0 && later.tcp.sequence.value() == seen_.tcp.sequence.value() && alike(seen_.octets, later);
    }
    void drop() { *packet_ = packet(); }

private:
    packet* packet_;
    view seen_;
};

using runs = boost::container::static_vector<run, most_streams>;
using bare_acknowledgements = boost::container::static_vector<bare_acknowledgement, most_streams>;

template <class List>
auto find_stream(List& list, const view& v)
{
    return std::find_if(list.begin(), list.end(), [&](const auto& x) { return equal(x.stream(), stream_of(v.octets, v.link)); });
}

void take(runs& open, packet& p, const view& v)
{
    const auto at = find_stream(open, v);
    if (at != open.end()) {
        if (v.joinable && at->takes(v)) return at->join(p, v);
        at->finish();
        open.erase(at);
    }
    if (!v.joinable) return;
    if (open.size() == most_streams) {
        open.front().finish();
        open.erase(open.begin());
    }
    open.emplace_back(p, v);
}

void take(bare_acknowledgements& last, packet& p, const view& v)
{
    if (const auto at = find_stream(last, v); at != last.end()) {
        if (v.bare && at->is_superseded_by(v)) at->drop();
        last.erase(at);
    }
    if (!v.bare) return;
    if (last.size() == most_streams) last.erase(last.begin());
    last.emplace_back(p, v);
}

} // namespace

void coalesce(std::span<packet> batch, link_type link)
{
    runs open;
    bare_acknowledgements last;
    for (packet& p : batch) {
        const auto v = look_at(p, link);
        if (!v) continue;
        take(open, p, *v);
        take(last, p, *v);
    }
    for (run& r : open) r.finish();
}

} // namespace tapio::core::ip
