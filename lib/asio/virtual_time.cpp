// Time that jumps: from event to event of the stacks that go by it, in the order of the events, stacks in the order they were
// made.
#include "asio/engine.hpp"

#include <tapio/detail/timer.hpp>
#include <tapio/virtual_time.hpp>

#include <boost/system/system_error.hpp>

#include <algorithm>
#include <utility>

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
    if (is_stopped()) return false;
    const core::time_point next = next_event();
    if (next == core::never || next > limit) return false;
    now_ = std::max(now_, next);
    for (std::size_t i = 0; i < engines_.size(); ++i) {
        const auto e = engines_[i].lock();
        if (e && e->next_event() <= now_) e->advance();
    }
    return true;
}

/// Some stack has received too many packets at this instant: those that have received nearly as many take part in it.
void virtual_time::stop_world()
{
    std::vector<std::pair<std::uint64_t, std::string>> ends;
    for (const auto& weak : engines_)
        if (const auto e = weak.lock()) ends.push_back(e->received_at(now_));
    std::stable_sort(ends.begin(), ends.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
    const bool two = ends.size() > 1 && ends[1].first >= ends[0].first / 2;
    stopped_by_ = ends[0].second + " and " + (two ? ends[1].second : "the other end of its wire");
}

void virtual_time::throw_if_stopped()
{
    if (!is_stopped()) return;
    const std::string ends = std::exchange(stopped_by_, {});
    throw boost::system::system_error(make_error_code(boost::system::errc::resource_deadlock_would_occur),
                                      "packets without end at one instant of virtual time between " + ends);
}

/// Runs handlers until none is left, or it is done.
std::size_t virtual_time::poll(const std::function<bool()>* done)
{
    const on_this_thread here(*this);
    std::size_t n = 0;
    if (io_.stopped()) io_.restart();
    throw_if_stopped();
    while (io_.poll_one() != 0) {
        throw_if_stopped();
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
    throw_if_stopped();
    return n;
}

std::size_t virtual_time::run_for(core::duration length)
{
    const core::time_point end = now_ + length;
    std::size_t n = 0;
    do n += poll(nullptr);
    while (step(end));
    throw_if_stopped();
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
    throw_if_stopped();
    now_ = end;
    return done();
}

} // namespace tapio
