/// @file
/// A timer of a stack, for the Asio service; implemented in lib/asio. Internal.
#pragma once

#include <tapio/core/time.hpp>
#include <tapio/detail/clocks.hpp>
#include <tapio/detail/engine_fwd.hpp>
#include <tapio/detail/operation.hpp>

#include <boost/asio/execution_context.hpp>

#include <cstdint>
#include <memory>

#pragma GCC visibility push(default)

namespace tapio::detail {

class timer : public std::enable_shared_from_this<timer>
{
public:
    static std::shared_ptr<timer> make(boost::asio::execution_context& context);
    ~timer();
    std::shared_ptr<timer> another() const; ///< of the same stack

    core::time_point now() const;
    /// Cancels pending waits. @return how many
    std::size_t expires_at(core::time_point expiry);
    std::size_t cancel();
    std::size_t cancel_one();
    void cancel(std::uint64_t id);
    void wait(core::time_point expiry);

    /// Completes when the expiry time has come, or when cancelled.
    void start(operation* op);
    /// Destroys pending handlers without calling them.
    void discard();

    /// Moves up to `most` pending waits to `done`, with operation_aborted. Under the lock. @return how many
    std::size_t abort(operation_queue& done, std::size_t most = SIZE_MAX);

private:
    friend class engine;
    struct state; ///< in the engine's timer wheel

    explicit timer(std::shared_ptr<engine> owner);

    std::shared_ptr<engine> engine_;
    std::unique_ptr<state> state_;
    std::size_t slot_ = 0; ///< in the engine's list
};

} // namespace tapio::detail

#pragma GCC visibility pop
