/// @file
/// Several system calls on one descriptor for the price of one: io_uring(7), used as a batch. What was queued has been done when
/// submit() returns. Not everywhere: the build, the kernel or its administrator may be without it.
#pragma once

#include <tapio/core/slice.hpp>

#include <cstddef>
#include <memory>
#include <span>
#include <sys/uio.h>

namespace tapio::detail {

class uring
{
public:
    /// @param fd stays open for as long  @param entries the largest batch  @return null where there is none
    static std::unique_ptr<uring> open(int fd, unsigned entries);
    static bool available();
    ~uring();
    uring(const uring&) = delete;
    uring& operator=(const uring&) = delete;

    /// Makes memory known to the kernel, which reads into it faster then. @return false: it will not have it (RLIMIT_MEMLOCK)
    /// Precondition: not called before; the memory stays for as long as this.
    bool know(core::mutable_bytes memory);

    // Precondition of these: less than `entries` are queued. Memory must stay until submit() has returned.
    void read(std::byte* into, std::size_t size);
    void write(std::span<const iovec> pieces);

    /// Does what is queued, in that order. @return for each what its system call would: octets, or -errno; until the next call
    std::span<const int> submit();

private:
    struct ring;
    explicit uring(std::unique_ptr<ring> r) noexcept;

    std::unique_ptr<ring> ring_;
};

} // namespace tapio::detail
