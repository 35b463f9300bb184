// Maps a file into memory, as slices (ip::send_file).
#include <tapio/ip/zero_copy.hpp>

#include <boost/asio/error.hpp>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace tapio::detail {

namespace {

/// Octets per slice: bounded, because the memory budget charges a slice as a whole until all of it is acknowledged.
constexpr std::size_t piece_size = 256 * 1024;

boost::system::error_code last_error() { return {errno, boost::system::system_category()}; }

/// Octets of the file in [offset, offset + size).
std::size_t there(int file, std::uint64_t offset, std::size_t size, boost::system::error_code& ec)
{
    struct ::stat about = {};
    if (::fstat(file, &about) != 0) return ec = last_error(), std::size_t{0};
    if (!S_ISREG(about.st_mode)) return ec = boost::asio::error::invalid_argument, std::size_t{0};
    const auto end = static_cast<std::uint64_t>(about.st_size);
    return offset >= end ? 0 : static_cast<std::size_t>(std::min<std::uint64_t>(size, end - offset));
}

} // namespace

std::vector<slice> map_file(int file, std::uint64_t offset, std::size_t size, boost::system::error_code& ec)
{
    ec = {};
    const std::size_t wanted = there(file, offset, size, ec);
    if (wanted == 0) return {};
    const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    const auto lead = static_cast<std::size_t>(offset % page); // a mapping begins at a page boundary
    const std::size_t length = lead + wanted;
    void* const at = ::mmap(nullptr, length, PROT_READ, MAP_SHARED, file, static_cast<off_t>(offset - lead));
    if (at == MAP_FAILED) return ec = last_error(), std::vector<slice>();
    const std::shared_ptr<const void> owner(at, [length](const void* p) { ::munmap(const_cast<void*>(p), length); });
    (void)::madvise(at, length, MADV_SEQUENTIAL);
    const core::const_bytes all(static_cast<const std::byte*>(at) + lead, wanted);
    std::vector<slice> out;
    for (std::size_t begin = 0; begin < wanted; begin += piece_size)
        out.push_back(slice::of(owner, all.subspan(begin, std::min(piece_size, wanted - begin))));
    return out;
}

} // namespace tapio::detail
