/// @file
/// Writes pcapng files (draft-ietf-opsawg-pcapng): packets of one or more interfaces, with direction and comments. capture() and
/// impaired() write through it; use it directly to share one file among devices, or to add packets of your own.
///
///     const auto file = std::make_shared<tapio::pcapng_writer>("test.pcapng");
///     tapio::stack a(io, tapio::capture(std::move(left), file));
///     tapio::stack b(io, tapio::capture(std::move(right), file));
#pragma once

#include <tapio/core/device_info.hpp>
#include <tapio/core/packet.hpp>

#include <boost/system/error_code.hpp>

#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#pragma GCC visibility push(default)

namespace tapio {

/// One capture file: one little-endian section with nanosecond timestamps. Whole blocks are written to the file: by flush(), when
/// 64 KiB wait, and by the destructor. A program that is killed therefore leaves a readable file with all packets up to the last
/// flush().
/// @par Errors  an error while writing (write(2), for example no_space_on_device) is kept in error(), and the packets after it
///   are lost. No member throws because of it
/// @par Thread safety  every member may be called from any thread
class pcapng_writer
{
public:
    /// Where a packet was going, as seen from its interface; the values of epb_flags.
    enum class direction : std::uint8_t
    {
        unknown = 0,
        inbound = 1,
        outbound = 2
    };

    /// Creates or empties the file. @throws boost::system::system_error if it cannot be opened (open(2))
    explicit pcapng_writer(const std::string& path);
    pcapng_writer(const pcapng_writer&) = delete;
    pcapng_writer& operator=(const pcapng_writer&) = delete;
    ~pcapng_writer(); ///< calls flush() and closes the file

    /// Adds an interface, with the device's name and link type (Ethernet, or bare IP). @return its number, for write(): 0, 1, ...
    std::uint32_t add_interface(const core::device_info& device);

    /// Appends one packet, with its octets as they are; core::complete_checksums() makes partial checksums right beforehand.
    /// @param interface  as returned by add_interface()
    /// @param time  since the UNIX epoch
    /// @param comment  UTF-8; at most 65535 octets are kept; empty: none
    void write(std::uint32_t interface, const core::packet& p, std::chrono::nanoseconds time, direction way,
               std::string_view comment = {});

    /// Writes everything that waits to the file.
    void flush();

    /// The first error of writing, or none. Nothing was written after it.
    boost::system::error_code error() const;

private:
    void put_out(); ///< writes `waiting_`; under the mutex

    mutable std::mutex mutex_;
    const int file_;                 ///< file descriptor
    std::vector<std::byte> waiting_; ///< whole blocks
    std::uint32_t interfaces_ = 0;   ///< how many there are
    boost::system::error_code error_;
};

} // namespace tapio

#pragma GCC visibility pop
