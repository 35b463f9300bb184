#include "device/uring.hpp"

#include <utility>

#ifdef TAPIO_HAS_IO_URING
#include <cerrno>
#include <functional>
#include <liburing.h>
#include <vector>

namespace tapio::detail {

struct uring::ring
{
    ~ring() { io_uring_queue_exit(&rings); }

    io_uring_sqe* next()
    {
        if (std::exchange(submitted, false)) results.clear();
        io_uring_sqe* const e = broken ? nullptr : io_uring_get_sqe(&rings);
        results.push_back(-EIO);
        return e;
    }
    /// Submits `n` operations. @return how many were submitted; if fewer, the ring is broken and submits nothing any more
    std::size_t begin(std::size_t n)
    {
        std::size_t begun = 0;
        while (begun < n && !broken) {
            const int r = io_uring_submit(&rings);
            if (r > 0) {
                begun += static_cast<std::size_t>(r);
            } else if (r != -EINTR && r != -EAGAIN && r != -EBUSY) {
                broken = true;
            }
        }
        return begun;
    }
    void name(io_uring_sqe* e)
    {
        e->flags |= IOSQE_FIXED_FILE;
        e->rw_flags = RWF_NOWAIT; // fail with EAGAIN: io_uring would wait for the device even on a non-blocking descriptor
        e->user_data = results.size() - 1;
    }

    bool knows(const std::byte* p) const noexcept
    {
        return std::less_equal<>()(known.data(), p) && std::less<>()(p, known.data() + known.size());
    }

    io_uring rings{};
    core::mutable_bytes known;
    std::vector<int> results; ///< of the operations queued, or of the last batch
    bool submitted = false;
    bool broken = false;
};

namespace {

constexpr int registered = 0; // index of the only registered descriptor, and of the only registered memory

} // namespace

std::unique_ptr<uring> uring::open(int fd, unsigned entries)
{
    io_uring rings{};
    if (io_uring_queue_init(entries, &rings, IORING_SETUP_COOP_TASKRUN) != 0 && io_uring_queue_init(entries, &rings, 0) != 0)
        return nullptr;
    auto r = std::make_unique<ring>();
    r->rings = rings;
    r->results.reserve(entries);
    if (io_uring_register_files(&r->rings, &fd, 1) != 0) return nullptr;
    return std::unique_ptr<uring>(new uring(std::move(r)));
}

bool uring::know(core::mutable_bytes memory)
{
    const iovec all{memory.data(), memory.size()};
    if (io_uring_register_buffers(&ring_->rings, &all, 1) != 0) return false;
    ring_->known = memory;
    return true;
}

bool uring::available()
{
    io_uring rings{};
    if (io_uring_queue_init(1, &rings, 0) != 0) return false;
    io_uring_queue_exit(&rings);
    return true;
}

void uring::read(std::byte* into, std::size_t size)
{
    io_uring_sqe* const e = ring_->next();
    if (e == nullptr) return;
    if (ring_->knows(into)) {
        io_uring_prep_read_fixed(e, registered, into, static_cast<unsigned>(size), 0, registered);
    } else {
        io_uring_prep_read(e, registered, into, static_cast<unsigned>(size), 0);
    }
    ring_->name(e);
}

void uring::write(std::span<const iovec> pieces)
{
    io_uring_sqe* const e = ring_->next();
    if (e == nullptr) return;
    if (pieces.size() == 1) {
        io_uring_prep_write(e, registered, pieces[0].iov_base, static_cast<unsigned>(pieces[0].iov_len), 0);
    } else {
        io_uring_prep_writev(e, registered, pieces.data(), static_cast<unsigned>(pieces.size()), 0);
    }
    ring_->name(e);
}

std::span<const int> uring::submit()
{
    std::vector<int>& results = ring_->results;
    if (std::exchange(ring_->submitted, true)) return {};
    const std::size_t begun = ring_->begin(results.size());
    for (std::size_t done = 0; done < begun;) {
        io_uring_cqe* e = nullptr;
        if (io_uring_wait_cqe(&ring_->rings, &e) != 0) continue; // interrupted
        unsigned head = 0;
        unsigned seen = 0;
        io_uring_for_each_cqe(&ring_->rings, head, e)
        {
            results[e->user_data] = e->res;
            ++seen;
        }
        io_uring_cq_advance(&ring_->rings, seen);
        done += seen;
    }
    return results;
}

uring::uring(std::unique_ptr<ring> r) noexcept : ring_(std::move(r)) {}
uring::~uring() = default;

} // namespace tapio::detail

#else // without liburing

namespace tapio::detail {

struct uring::ring
{
};
std::unique_ptr<uring> uring::open(int, unsigned) { return nullptr; }
bool uring::available() { return false; }
bool uring::know(core::mutable_bytes) { return false; }
void uring::read(std::byte*, std::size_t) {}
void uring::write(std::span<const iovec>) {}
std::span<const int> uring::submit() { return {}; }
uring::uring(std::unique_ptr<ring> r) noexcept : ring_(std::move(r)) {}
uring::~uring() = default;

} // namespace tapio::detail

#endif
