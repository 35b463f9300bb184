/// @file
/// A batch of reads or writes on one descriptor by a single system call: io_uring(7). All queued operations are complete when
/// submit() returns. The build or the kernel may lack io_uring, or the administrator may have disabled it.
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
    /// @param fd must stay open as long as this object  @param entries the largest batch  @return null: io_uring is not available
    static std::unique_ptr<uring> open(int fd, unsigned entries);
    static bool available();
    ~uring();
    uring(const uring&) = delete;
    uring& operator=(const uring&) = delete;

    /// Registers memory with the kernel, for faster reads into it. @return false: refused (RLIMIT_MEMLOCK)
    /// Precondition: not called before; the memory outlives this object.
    bool know(core::mutable_bytes memory);

    // Queue one operation. Precondition: fewer than `entries` are queued; the memory is valid until submit() returns.
    void read(std::byte* into, std::size_t size);
    void write(std::span<const iovec> pieces);

    /// Executes the queued operations, in order. @return the result of each: octets, or -errno; valid until the next call
    std::span<const int> submit();

private:
    struct ring;
    explicit uring(std::unique_ptr<ring> r) noexcept;

    std::unique_ptr<ring> ring_;
};

} // namespace tapio::detail
