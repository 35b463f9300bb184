// Blocks and options: draft-ietf-opsawg-pcapng §3.1, §4.1 (SHB), §4.2 (IDB), §4.3 (EPB), §3.5 (options).
#include <tapio/device/pcapng.hpp>

#include <boost/system/system_error.hpp>

#include <cerrno>
#include <fcntl.h>
#include <span>
#include <sys/types.h>
#include <unistd.h>

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

/// @return offset of the block
std::size_t begin_block(octets& out, std::uint32_t type)
{
    const std::size_t begin = out.size();
    put_integer(out, type);
    put_integer(out, std::uint32_t{0}); // the block length: end_block() fills it in
    return begin;
}

void end_block(octets& out, std::size_t begin)
{
    put_integer(out, opt_end);
    put_integer(out, std::uint16_t{0});
    const auto length = static_cast<std::uint32_t>(out.size() - begin + 4);
    put_integer(out, length);
    for (std::size_t i = 0; i < 4; ++i) out[begin + 4 + i] = out[out.size() - 4 + i];
}

void put_section_header(octets& out)
{
    const std::size_t begin = begin_block(out, section_header);
    put_integer(out, std::uint32_t{0x1a2b3c4d}); // byte-order magic
    put_integer(out, std::uint16_t{1});          // version 1.0
    put_integer(out, std::uint16_t{0});
    put_integer(out, ~std::uint64_t{0}); // section length: unknown
    put_option(out, shb_application, "tapio");
    end_block(out, begin);
}

void put_interface(octets& out, const core::device_info& device)
{
    const std::size_t begin = begin_block(out, interface_description);
    put_integer(out, device.link == core::link_type::ethernet ? linktype_ethernet : linktype_raw_ip);
    put_integer(out, std::uint16_t{0}); // reserved
    put_integer(out, std::uint32_t{0}); // snap length: no limit
    put_option(out, if_name, device.name);
    const std::byte resolution{nanoseconds};
    put_option(out, if_resolution, core::const_bytes(&resolution, 1));
    end_block(out, begin);
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

pcapng_writer::pcapng_writer(const std::string& path)
    : file_(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666))
{
    if (file_ < 0) throw boost::system::system_error(last_error(), "capture file " + path);
    put_section_header(waiting_);
}

pcapng_writer::~pcapng_writer()
{
    flush();
    ::close(file_);
}

std::uint32_t pcapng_writer::add_interface(const core::device_info& device)
{
    const std::lock_guard lock(mutex_);
    put_interface(waiting_, device);
    return interfaces_++;
}

void pcapng_writer::write(std::uint32_t interface, const core::packet& p, std::chrono::nanoseconds time, direction way,
                          std::string_view comment)
{
    constexpr std::size_t many = 64 * 1024; // octets
    const std::lock_guard lock(mutex_);
    if (error_) return;
    const auto stamp = static_cast<std::uint64_t>(time.count());
    const std::size_t begin = begin_block(waiting_, enhanced_packet);
    put_integer(waiting_, interface);
    put_integer(waiting_, static_cast<std::uint32_t>(stamp >> 32));
    put_integer(waiting_, static_cast<std::uint32_t>(stamp));
    put_payload(waiting_, p);
    if (!comment.empty()) put_option(waiting_, opt_comment, comment);
    put_integer(waiting_, epb_flags);
    put_integer(waiting_, std::uint16_t{4});
    put_integer(waiting_, static_cast<std::uint32_t>(way));
    end_block(waiting_, begin);
    if (waiting_.size() >= many) put_out();
}

void pcapng_writer::flush()
{
    const std::lock_guard lock(mutex_);
    put_out();
}

boost::system::error_code pcapng_writer::error() const
{
    const std::lock_guard lock(mutex_);
    return error_;
}

void pcapng_writer::put_out()
{
    for (std::span<const std::byte> left = waiting_; !left.empty() && !error_;) {
        const ssize_t n = ::write(file_, left.data(), left.size());
        if (n >= 0) left = left.subspan(static_cast<std::size_t>(n));
        if (n < 0 && errno != EINTR) error_ = last_error();
    }
    waiting_.clear();
}

} // namespace tapio
