/// @file
/// Writes pcapng files (draft-ietf-opsawg-pcapng): packets of one or more interfaces, with direction and comments.
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

/// One capture file. Little-endian, one section, nanosecond timestamps. Whole blocks go to the file, together: by `flush()`, when
/// 64 KiB wait, and at the end. So a file is readable whenever its program is killed, and what was flushed before is in it.
/// Thread safety: all of it.
class pcapng_writer
{
public:
    enum class direction : std::uint8_t
    {
        unknown = 0,
        inbound = 1,
        outbound = 2
    }; ///< as in epb_flags

    /// @throws boost::system::system_error when the file cannot be opened
    explicit pcapng_writer(const std::string& path);
    pcapng_writer(const pcapng_writer&) = delete;
    pcapng_writer& operator=(const pcapng_writer&) = delete;
    ~pcapng_writer();

    /// Announces an interface; packets refer to it by the number answered.
    std::uint32_t add_interface(const core::device_info& device);

    /// Appends one packet, its octets as they are: see complete_checksums(). @param time since the UNIX epoch
    /// @param comment UTF-8, for people; at most 65535 octets are kept
    void write(std::uint32_t interface, const core::packet& p, std::chrono::nanoseconds time, direction way,
               std::string_view comment = {});

    void flush();

    /// The first error met while writing; after it nothing more is written.
    boost::system::error_code error() const;

private:
    void put_out(); ///< under the mutex

    mutable std::mutex mutex_;
    const int file_;                 ///< a descriptor
    std::vector<std::byte> waiting_; ///< whole blocks
    std::uint32_t interfaces_ = 0;
    boost::system::error_code error_;
};

} // namespace tapio

#pragma GCC visibility pop
