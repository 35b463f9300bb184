/// @file
/// An operation, or a blocked caller, that waits for the stack's resolver. Guarded by the engine's lock.
#pragma once

#include "asio/engine.hpp"
#include "core/name_client.hpp"

#include <tapio/detail/operation.hpp>

#include <boost/system/error_code.hpp>

#include <cstdint>
#include <functional>
#include <memory>

namespace tapio::detail {

class name_wait final : public core::client::dns_sink
{
public:
    using error_code = boost::system::error_code;
    using result = core::client::dns_result;

    /// What a blocked caller looks at.
    struct caller
    {
        bool over = false;
        error_code ec;
    };
    /// Takes the result over, under the lock. @return the outcome
    using take = std::function<error_code(core::host&, result&&)>;

    name_wait(engine& e, take t, operation* op, const void* owner) : engine_(e), take_(std::move(t)), op_(op), owner_(owner) {}
    name_wait(engine& e, take t, std::shared_ptr<caller> c) : engine_(e), take_(std::move(t)), caller_(std::move(c)) {}

    name_wait_key key_of(core::client::lookup_id l) const noexcept
    {
        return {owner_, op_ == nullptr ? 0 : std::uint64_t{op_->id}, l};
    }
    void resolved(core::client::lookup_id l, result&& r, core::time_point now) override; ///< destroys this
    /// Ends the wait with operation_aborted.
    void abort(operation_queue& done);
    operation* op() const noexcept { return op_; }

private:
    void end(const error_code& ec, operation_queue& done);

    engine& engine_;
    take take_;
    operation* op_ = nullptr;
    const void* owner_ = nullptr; ///< the name_lookups
    std::shared_ptr<caller> caller_;
};

} // namespace tapio::detail
