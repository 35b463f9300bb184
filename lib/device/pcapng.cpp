// Blocks and options: draft-ietf-opsawg-pcapng §3.1, §4.1 (SHB), §4.2 (IDB), §4.3 (EPB), §3.5 (options).
#include <tapio/device/pcapng.hpp>

#include <boost/system/system_error.hpp>

#include <cerrno>
#include <cstring>
#include <span>

namespace tapio {

namespace {

using octets = std::vector<std::byte>;

// Block types
constexpr std::uint32_t section_header = 0x0a0d0d0a, interface_description = 1, enhanced_packet = 6;
// Option codes
constexpr std::uint16_t opt_end = 0, opt_comment = 1, shb_application = 4, if_name = 2, if_resolution = 9, epb_flags = 2;
// Link types (tcpdump.org/linktypes.html)
constexpr std::uint16_t linktype_ethernet = 1, linktype_raw_ip = 101;

constexpr std::uint8_t nanoseconds = 9; // if_tsresol: 10^-9 s

template <class Integer>
void put_integer(octets& out, Integer value)
{
    for (std::size_t i = 0; i < sizeof value; ++i)
        out.push_back(static_cast<std::byte>(static_cast<std::uint64_t>(value) >> (8 * i)));
}

void put_padding(octets& out)
{
    while (out.size() % 4 != 0) out.push_back(std::byte{0});
}

void put_option(octets& out, std::uint16_t code, core::const_bytes value)
{
    put_integer(out, code);
    put_integer(out, static_cast<std::uint16_t>(value.size()));
    out.insert(out.end(), value.begin(), value.end());
    put_padding(out);
}

void put_option(octets& out, std::uint16_t code, std::string_view text)
{
    put_option(out, code, std::as_bytes(std::span(text.substr(0, 0xffff))));
}

void begin_block(octets& out, std::uint32_t type)
{
    out.clear();
    put_integer(out, type);
    put_integer(out, std::uint32_t{0}); // the length, once it is known
}

void end_block(octets& out)
{
    put_integer(out, opt_end);
    put_integer(out, std::uint16_t{0});
    const auto length = static_cast<std::uint32_t>(out.size() + 4);
    put_integer(out, length);
    for (std::size_t i = 0; i < 4; ++i) out[4 + i] = out[out.size() - 4 + i];
}

void put_section_header(octets& out)
{
    begin_block(out, section_header);
    put_integer(out, std::uint32_t{0x1a2b3c4d}); // byte-order magic
    put_integer(out, std::uint16_t{1});          // version 1.0
    put_integer(out, std::uint16_t{0});
    put_integer(out, ~std::uint64_t{0}); // section length: unknown
    put_option(out, shb_application, "tapio");
    end_block(out);
}

void put_interface(octets& out, const core::device_info& device)
{
    begin_block(out, interface_description);
    put_integer(out, device.link == core::link_type::ethernet ? linktype_ethernet : linktype_raw_ip);
    put_integer(out, std::uint16_t{0}); // reserved
    put_integer(out, std::uint32_t{0}); // snap length: none
    put_option(out, if_name, device.name);
    const std::byte resolution{nanoseconds};
    put_option(out, if_resolution, core::const_bytes(&resolution, 1));
    end_block(out);
}

void put_payload(octets& out, const core::packet& p)
{
    const auto size = static_cast<std::uint32_t>(p.size());
    put_integer(out, size); // captured
    put_integer(out, size); // original
    p.for_each_piece([&](core::const_bytes piece) { out.insert(out.end(), piece.begin(), piece.end()); });
    put_padding(out);
}

boost::system::error_code last_error() noexcept { return {errno, boost::system::system_category()}; }

} // namespace

pcapng_writer::pcapng_writer(const std::string& path) : file_(std::fopen(path.c_str(), "wbe"))
{
    if (!file_) throw boost::system::system_error(last_error(), "capture file " + path);
    put_section_header(scratch_);
    put(scratch_);
}

std::uint32_t pcapng_writer::add_interface(const core::device_info& device)
{
    const std::lock_guard lock(mutex_);
    put_interface(scratch_, device);
    put(scratch_);
    return interfaces_++;
}

void pcapng_writer::write(std::uint32_t interface, const core::packet& p, std::chrono::nanoseconds time, direction way,
                          std::string_view comment)
{
    const std::lock_guard lock(mutex_);
    if (error_) return;
    const auto stamp = static_cast<std::uint64_t>(time.count());
    begin_block(scratch_, enhanced_packet);
    put_integer(scratch_, interface);
    put_integer(scratch_, static_cast<std::uint32_t>(stamp >> 32));
    put_integer(scratch_, static_cast<std::uint32_t>(stamp));
    put_payload(scratch_, p);
    if (!comment.empty()) put_option(scratch_, opt_comment, comment);
    put_integer(scratch_, epb_flags);
    put_integer(scratch_, std::uint16_t{4});
    put_integer(scratch_, static_cast<std::uint32_t>(way));
    end_block(scratch_);
    put(scratch_);
}

void pcapng_writer::flush()
{
    const std::lock_guard lock(mutex_);
    if (!error_ && std::fflush(file_.get()) != 0) error_ = last_error();
}

boost::system::error_code pcapng_writer::error() const
{
    const std::lock_guard lock(mutex_);
    return error_;
}

void pcapng_writer::put(const std::vector<std::byte>& block)
{
    if (!error_ && std::fwrite(block.data(), 1, block.size(), file_.get()) != block.size()) error_ = last_error();
}

} // namespace tapio
