/// @file
/// Writes pcapng files (draft-ietf-opsawg-pcapng): packets of one or more interfaces, with direction and comments.
#pragma once

#include <tapio/core/device_info.hpp>
#include <tapio/core/packet.hpp>

#include <boost/system/error_code.hpp>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#pragma GCC visibility push(default)

namespace tapio {

/// One capture file. Little-endian, one section, nanosecond timestamps. Buffered; flushed by `flush()` and at the end.
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

    /// Announces an interface; packets refer to it by the number answered.
    std::uint32_t add_interface(const core::device_info& device);

    /// Appends one packet. @param time since the UNIX epoch  @param comment UTF-8, for people; at most 65535 octets are
    /// kept
    void write(std::uint32_t interface, const core::packet& p, std::chrono::nanoseconds time, direction way,
               std::string_view comment = {});

    void flush();

    /// The first error met while writing; after it nothing more is written.
    boost::system::error_code error() const;

private:
    struct closer
    {
        void operator()(std::FILE* file) const noexcept { std::fclose(file); }
    };
    void put(const std::vector<std::byte>& block);

    mutable std::mutex mutex_;
    std::unique_ptr<std::FILE, closer> file_;
    std::vector<std::byte> scratch_; // one block, reused
    std::uint32_t interfaces_ = 0;
    boost::system::error_code error_;
};

} // namespace tapio

#pragma GCC visibility pop
