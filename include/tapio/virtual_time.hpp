/// @file
/// tapio::virtual_time: a clock that jumps from event to event, to test whole programs against slow and bad networks. A test of
/// hours takes moments, and every run is the same.
///
///     boost::asio::io_context io;
///     tapio::virtual_time time(io);
///     auto [left, right] = tapio::make_pipe();
///     tapio::stack a(io, tapio::impaired(std::move(left), {.outgoing = {.drop = 0.1, .delay = 50ms}}), {.time = &time});
///     tapio::stack b(io, std::move(right), {.time = &time});
///     ... start operations on both ...
///     time.run();     // runs handlers; whenever none is left, the clock jumps to the next event
///
/// Virtual time applies to the stacks made with it, their devices and captures, `tapio::steady_timer` made from these stacks or
/// from `io`, and `tapio::steady_clock::now()` on the thread that made it. It applies to std::chrono's clocks, and with them to
/// Asio's timers and Beast's timeouts, only if the program includes <tapio/virtual_std_clock.hpp>; never to kernel sockets and
/// TAP devices. The table "Which clock is which" in lib/asio/README.md is complete.
///
/// It is also the time of day, and begins with the year 2070: far from CLOCK_MONOTONIC on any machine, so that code which mixes
/// the two clocks fails at once.
///
/// A synchronous call on such a stack lets time pass until it is done. If nothing more can happen, it fails with
/// resource_deadlock_would_occur instead of hanging.
///
/// Two hosts that answer each other for ever over a wire without delay would stop the clock. When a stack has received a million
/// packets at one instant, the simulation stops and packets are dropped: run(), run_for() or run_until() throws
/// boost::system::system_error (resource_deadlock_would_occur) that names the two ends. If a synchronous call let these packets
/// flow, it fails with that error, and the next run throws. On a wire with any delay this cannot happen.
///
/// @par Thread safety  none: one thread runs the handlers and makes all calls
/// @par Lifetime  must outlive its stacks; `io` must outlive it
/// @par Determinism  the same program and `seed` give the same packets at the same times; the host's secrets are made from `seed`
#pragma once

#include <tapio/core/time.hpp>
#include <tapio/detail/engine_fwd.hpp>

#include <boost/asio/execution_context.hpp>
#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace tapio::detail {
std::shared_ptr<engine> engine_of_timers(boost::asio::execution_context& context); // not exported
}

#pragma GCC visibility push(default)

namespace tapio {

namespace detail {

/// The state that a virtual_time shares with its stacks, whose sockets and timers may outlive it.
struct world
{
    core::time_point now;
    bool ended = false; ///< the virtual_time is gone
};

} // namespace detail

/// A clock for the stacks of one io_context.
class virtual_time
{
public:
    /// @param io  the io_context of the stacks; its handlers run in run(), run_for() and run_until()
    /// @throws std::logic_error: virtual_std_clock.hpp is included, but the program was linked with the standard library's clocks
    explicit virtual_time(boost::asio::io_context& io, std::uint64_t seed = 1);
    virtual_time(const virtual_time&) = delete;
    virtual_time& operator=(const virtual_time&) = delete;
    ~virtual_time();

    /// The virtual time now. A handler takes no virtual time: the clock stands still while handlers run.
    core::time_point now() const noexcept { return world_->now; }

    /// The time at which every virtual_time begins: 2070-01-01 00:00 UTC, since the UNIX epoch.
    static constexpr core::time_point beginning{std::chrono::sys_days(std::chrono::year(2070) / 1 / 1).time_since_epoch()};

    // -- each of these throws what a handler throws, and system_error as above
    /// Runs until no handler is ready and no event will follow. @return how many handlers ran
    std::size_t run();
    /// Runs for `length` of virtual time; the clock is then at `now() + length`, even if the last event was earlier.
    /// @return how many handlers ran
    std::size_t run_for(core::duration length);
    /// Runs until `done()` returns true, for at most `limit` of virtual time. `done` is called after each handler and each event.
    /// @return its last result
    bool run_until(const std::function<bool()>& done, core::duration limit);

    /// Raises the limit of packets at one instant, for simulations that exceed it on purpose. @param packets  of each stack;
    /// 1'000'000 by default
    void limit_packets_at_one_instant(std::uint64_t packets) noexcept { most_at_one_instant_ = packets; }

private:
    friend class detail::engine;
    friend class stack;
    friend std::shared_ptr<detail::engine> detail::engine_of_timers(boost::asio::execution_context& context);

    bool is_stopped() const noexcept { return !stopped_by_.empty(); }
    void stop_world();
    void throw_if_stopped();

    void join(std::weak_ptr<detail::engine> e);
    void run_to(core::time_point t); ///< lets events happen, but runs no handlers
    std::size_t poll(const std::function<bool()>* done);
    core::time_point next_event() const;
    core::time_point after(core::duration length) const noexcept; ///< now() + length, or `never`
    std::shared_ptr<detail::engine> engine_of_timers();
    bool step(core::time_point limit);
    std::uint64_t next_seed() noexcept;

    boost::asio::io_context& io_;
    std::vector<std::weak_ptr<detail::engine>> engines_;
    std::shared_ptr<detail::engine> timers_; ///< of timers made from the io_context itself; created when needed
    const std::shared_ptr<detail::world> world_;
    const bool moves_asio_timers_; ///< std::chrono's clocks show virtual time
    std::uint64_t most_at_one_instant_ = 1'000'000;
    std::string stopped_by_; ///< the two ends of an endless exchange
    std::uint64_t seed_;
};

} // namespace tapio

#pragma GCC visibility pop
