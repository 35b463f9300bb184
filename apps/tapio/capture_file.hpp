/// @file
/// Reads capture files: pcap (libpcap's, with microseconds or nanoseconds) and pcapng (draft-ietf-opsawg-pcapng), in either byte
/// order.
#pragma once

#include <tapio/core/device_info.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <istream>
#include <optional>
#include <vector>

namespace apps::tools {

/// The numbers of link types in capture files (LINKTYPE_...).
enum link_number : unsigned
{
    link_ethernet = 1,
    link_raw_ip = 101,
    link_ipv4 = 228,
    link_ipv6 = 229
};

/// The link type as the decoder and the writer know it; none: not one of ours.
std::optional<tapio::core::link_type> link_type_of(unsigned number);

struct captured_packet
{
    unsigned link = link_ethernet;   ///< a link_number, or another LINKTYPE_
    std::uint32_t interface = 0;     ///< number in the file
    std::chrono::nanoseconds time{}; ///< since the UNIX epoch
    std::size_t original = 0;        ///< octets on the wire; the capture may have fewer
    std::vector<std::byte> octets;
};

/// @par Errors  a file of another kind, or one that is damaged, throws std::runtime_error; one that ends within a packet just
/// ends
class capture_reader
{
public:
    /// @param in  opened in binary mode; must outlive this object
    explicit capture_reader(std::istream& in);

    /// @return none at the end
    std::optional<captured_packet> next();

private:
    struct interface
    {
        unsigned link = link_ethernet;
        std::uint64_t ticks_per_second = 1'000'000;
        std::int64_t offset = 0; ///< seconds
    };

    bool read(std::size_t n); ///< into `block_`; false at the end
    std::uint16_t u16(std::size_t at) const;
    std::uint32_t u32(std::size_t at) const;

    void begin_section(); ///< after the type of a section header block
    void add_interface();
    void read_options(std::size_t at, interface& i) const;
    std::optional<captured_packet> next_pcap();
    std::optional<captured_packet> next_pcapng();
    std::optional<captured_packet> enhanced() const;
    std::optional<captured_packet> simple() const;
    captured_packet packet(std::uint32_t of, std::uint64_t ticks, std::size_t captured, std::size_t original,
                           std::size_t at) const;

    std::istream& in_;
    std::vector<unsigned char> block_;
    bool big_endian_ = false, pcapng_ = false;
    std::vector<interface> interfaces_;
};

} // namespace apps::tools
