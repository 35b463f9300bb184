// Time that jumps: from event to event of the stacks that go by it, in the order of the events, stacks in the order they were
// made.
#include "asio/engine.hpp"

#include <tapio/detail/timer.hpp>
#include <tapio/virtual_time.hpp>

#include <algorithm>

namespace tapio {

namespace detail {
const virtual_time* set_thread_time(const virtual_time* t) noexcept;
}

namespace {

/// While handlers run, tapio::steady_clock::now() on this thread is that of the virtual time.
class on_this_thread
{
public:
    explicit on_this_thread(const virtual_time& t) noexcept : before_(detail::set_thread_time(&t)) {}
    on_this_thread(const on_this_thread&) = delete;
    on_this_thread& operator=(const on_this_thread&) = delete;
    ~on_this_thread() { detail::set_thread_time(before_); }

private:
    const virtual_time* before_;
};

} // namespace

virtual_time::virtual_time(boost::asio::io_context& io, std::uint64_t seed) : io_(io), seed_(seed) {}
virtual_time::~virtual_time() = default;

void virtual_time::join(std::weak_ptr<detail::engine> e) { engines_.push_back(std::move(e)); }

std::uint64_t virtual_time::next_seed() noexcept { return seed_++; }

core::time_point virtual_time::next_event() const
{
    core::time_point next = core::never;
    for (const auto& weak : engines_)
        if (const auto e = weak.lock()) next = std::min(next, e->next_event());
    return next;
}

/// Goes to the next event, if there is one up to `limit`, and lets it happen.
bool virtual_time::step(core::time_point limit)
{
    const core::time_point next = next_event();
    if (next == core::never || next > limit) return false;
    now_ = std::max(now_, next);
    for (std::size_t i = 0; i < engines_.size(); ++i) {
        const auto e = engines_[i].lock();
        if (e && e->next_event() <= now_) e->advance();
    }
    return true;
}

/// Runs handlers until none is left, or it is done.
std::size_t virtual_time::poll(const std::function<bool()>* done)
{
    const on_this_thread here(*this);
    std::size_t n = 0;
    if (io_.stopped()) io_.restart();
    while (io_.poll_one() != 0) {
        ++n;
        if (done != nullptr && (*done)()) break;
    }
    return n;
}

std::size_t virtual_time::run()
{
    std::size_t n = 0;
    do n += poll(nullptr);
    while (step(core::never));
    return n;
}

std::size_t virtual_time::run_for(core::duration length)
{
    const core::time_point end = now_ + length;
    std::size_t n = 0;
    do n += poll(nullptr);
    while (step(end));
    now_ = end;
    return n;
}

void virtual_time::run_to(core::time_point t)
{
    while (step(t)) {}
    now_ = std::max(now_, t);
}

bool virtual_time::run_until(const std::function<bool()>& done, core::duration limit)
{
    const core::time_point end = now_ + limit;
    for (;;) {
        poll(&done);
        if (done()) return true;
        if (!step(end)) break;
    }
    now_ = end;
    return done();
}

} // namespace tapio
