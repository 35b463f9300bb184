/// @file
/// A pending asynchronous operation: the action to try, and the handler to call. Internal.
#pragma once

#include <tapio/core/config.hpp>

#include <boost/asio/associated_allocator.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/execution.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/system/error_code.hpp>

#if __has_include(<boost/asio/associated_immediate_executor.hpp>) // Boost 1.82
#include <boost/asio/associated_immediate_executor.hpp>
#define TAPIO_HAS_IMMEDIATE_EXECUTOR
#endif

#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>

#pragma GCC visibility push(default)

namespace tapio::detail {

class socket;

/// An operation in a queue of its socket, or finished and about to call its handler.
class operation
{
public:
    /// Tries the action once; called under the stack's lock, never runs user code. @return true: done, `result` is set
    virtual bool perform(socket& s) = 0;
    /// Sets the handler's second argument, besides `result`; called under the stack's lock.
    virtual void tell(unsigned) {}
    /// Frees itself, then posts the handler. Called without the lock.
    virtual void complete() = 0;
    /// The same, but the handler may run within this call. Called without the lock, and never within a call of the user.
    virtual void run() = 0;
    /// Frees itself, then submits the handler to its immediate executor, which may run it within the user's call that started the
    /// operation. Called without the lock. @pre `has_immediate_executor`
    virtual void complete_at_once() = 0;
    /// Frees itself; the handler is not invoked. Called without the lock.
    virtual void destroy() = 0;

    boost::system::error_code result;
    operation* next = nullptr;
    std::uint64_t has_immediate_executor : 1 = 0; ///< the handler is bound to one (Boost 1.82 and later)
    std::uint64_t id : 63 = 0;                    ///< cancellation finds the operation by this, because its address may be reused
    void identify(std::uint64_t n) noexcept { id = n & (UINT64_MAX >> 1); }

protected:
    ~operation() = default;
};

/// A FIFO queue that owns nothing: a ring with a pointer to its last member.
class operation_queue
{
public:
    bool empty() const noexcept { return back_ == nullptr; }
    operation* front() const noexcept { return back_ == nullptr ? nullptr : back_->next; }

    void push(operation* op) noexcept
    {
        op->next = back_ == nullptr ? op : back_->next;
        if (back_ != nullptr) back_->next = op;
        back_ = op;
    }
    operation* pop() noexcept
    {
        operation* const op = front();
        if (op == nullptr) return nullptr;
        if (back_ == op) {
            back_ = nullptr;
        } else {
            back_->next = op->next;
        }
        return op;
    }
    void append(operation_queue& other) noexcept
    {
        while (operation* const op = other.pop()) push(op);
    }
    /// Removes and returns the operation with this id; null if it is not in the queue.
    operation* remove(std::uint64_t id) noexcept
    {
        operation_queue kept;
        operation* found = nullptr;
        while (operation* const op = pop()) {
            if (op->id == id) {
                found = op;
            } else {
                kept.push(op);
            }
        }
        *this = kept;
        return found;
    }

private:
    operation* back_ = nullptr;
};

/// An executor with outstanding work for the lifetime of this object.
template <class Executor, bool = boost::asio::execution::is_executor<Executor>::value>
class kept_busy
{
public:
    explicit kept_busy(const Executor& e) : executor_(boost::asio::prefer(e, boost::asio::execution::outstanding_work.tracked)) {}
    const auto& executor() const noexcept { return executor_; }

private:
    std::decay_t<
        typename boost::asio::prefer_result<const Executor&, boost::asio::execution::outstanding_work_t::tracked_t>::type>
        executor_;
};
template <class Executor> // an executor of the Networking TS
class kept_busy<Executor, false>
{
public:
    explicit kept_busy(const Executor& e) : guard_(e) {}
    auto executor() const noexcept { return guard_.get_executor(); }

private:
    boost::asio::executor_work_guard<Executor> guard_;
};

/// Calls the handler through its own executor, which differs from the I/O executor.
template <class Executor>
class elsewhere
{
public:
    explicit elsewhere(const Executor& e) : on_(e) {}
    template <class Bound>
    void call(Bound&& bound) const
    {
        boost::asio::dispatch(on_.executor(), std::forward<Bound>(bound));
    }

private:
    kept_busy<Executor> on_;
};
/// Calls the handler directly: its executor is the I/O executor, which runs us already.
class right_there
{
public:
    template <class Executor>
    explicit right_there(const Executor&) noexcept
    {
    }
    template <class Bound>
    void call(Bound&& bound) const
    {
        std::forward<Bound>(bound)();
    }
};

/// The function submitted to the I/O executor: it makes the handler's arguments and passes both on to the handler's own executor.
template <class Action, class Handler, class Where>
struct completion
{
    Action action;
    Handler handler;
    [[no_unique_address]] Where where;
    boost::system::error_code result;

    using allocator_type = boost::asio::associated_allocator_t<Handler>;
    allocator_type get_allocator() const noexcept { return boost::asio::get_associated_allocator(handler); }

    void operator()() { where.call(std::move(action).bind(std::move(handler), result)); }
};

#ifdef TAPIO_HAS_IMMEDIATE_EXECUTOR
/// Whether the handler has an immediate executor of its own (bind_immediate_executor). The default one, of the I/O executor,
/// never runs a handler within the call that started the operation.
template <class Handler, class IoExecutor>
bool has_immediate_executor(const Handler& handler, const IoExecutor& io)
{
    struct plain_handler
    {
    };
    using boost::asio::get_associated_immediate_executor;
    using bound = boost::asio::associated_immediate_executor_t<Handler, IoExecutor>;
    if constexpr (std::is_same_v<bound, boost::asio::associated_immediate_executor_t<plain_handler, IoExecutor>>)
        return get_associated_immediate_executor(handler, io) != get_associated_immediate_executor(plain_handler(), io);
    else
        return true;
}
#else
template <class Handler, class IoExecutor>
bool has_immediate_executor(const Handler&, const IoExecutor&) noexcept
{
    return false;
}
#endif

/// `Action` has `bool perform(socket&, error_code&)`, and `bind(handler, error_code)`, which returns a bound_handler.
template <class Action, class Handler, class IoExecutor, class Where>
class handler_operation final : public operation
{
public:
    template <class HandlerExecutor>
    static operation* create(Action&& action, Handler& handler, const IoExecutor& io, const HandlerExecutor& on)
    {
        allocator a(boost::asio::get_associated_allocator(handler));
        handler_operation* const p = traits::allocate(a, 1);
        return new (p) handler_operation(std::move(action), handler, io, on);
    }

    bool perform(socket& s) override { return action_.perform(s, result); }
    void tell([[maybe_unused]] unsigned what) override
    {
        if constexpr (requires { action_.tell(what); }) action_.tell(what);
    }

    void complete() override
    {
        finish([](const auto& io, auto&& done) { boost::asio::post(io, std::move(done)); });
    }
    void run() override
    {
        finish([](const auto& io, auto&& done) { boost::asio::dispatch(io, std::move(done)); });
    }

    void complete_at_once() override
    {
#ifdef TAPIO_HAS_IMMEDIATE_EXECUTOR
        const auto immediate = boost::asio::get_associated_immediate_executor(handler_, io_.executor());
        const auto own =
            boost::asio::get_associated_executor(handler_, immediate); // the executor that the handler runs on finally
        using there = elsewhere<std::decay_t<decltype(own)>>;
        const kept_busy<IoExecutor> io = std::move(io_);
        completion<Action, Handler, there> done{std::move(action_), std::move(handler_), there(own), result};
        allocator a(boost::asio::get_associated_allocator(done.handler));
        free(a);
        boost::asio::dispatch(immediate, std::move(done));
#endif
    }

    void destroy() override
    {
        const Handler kept(std::move(handler_)); // destroyed after the memory is freed: its destructor may start operations
        const kept_busy<IoExecutor> io = std::move(io_);
        allocator a(boost::asio::get_associated_allocator(kept));
        free(a);
    }

private:
    using allocator =
        typename std::allocator_traits<boost::asio::associated_allocator_t<Handler>>::template rebind_alloc<handler_operation>;
    using traits = std::allocator_traits<allocator>;

    template <class HandlerExecutor>
    handler_operation(Action&& action, Handler& handler, const IoExecutor& io, const HandlerExecutor& on)
        : action_(std::move(action)), handler_(std::move(handler)), io_(io), where_(on)
    {
    }
    ~handler_operation() = default;

    template <class Submit>
    void finish(Submit&& submit)
    {
        const kept_busy<IoExecutor> io = std::move(io_);
        completion<Action, Handler, Where> done{std::move(action_), std::move(handler_), std::move(where_), result};
        allocator a(boost::asio::get_associated_allocator(done.handler));
        free(a);
        submit(io.executor(), std::move(done));
    }

    void free(allocator& a)
    {
        this->~handler_operation();
        traits::deallocate(a, this, 1);
    }

    Action action_;
    Handler handler_;
    kept_busy<IoExecutor> io_; ///< both executors have outstanding work until the operation is done
    [[no_unique_address]] Where where_;
};

/// Allocates an operation with the handler's associated allocator.
template <class Action, class Handler, class IoExecutor>
operation* make_operation(Action action, Handler& handler, const IoExecutor& io)
{
    using handler_executor = boost::asio::associated_executor_t<Handler, IoExecutor>;
    const handler_executor on = boost::asio::get_associated_executor(handler, io);
    if constexpr (std::is_same_v<handler_executor, IoExecutor>)
        if (on == io)
            return handler_operation<Action, Handler, IoExecutor, right_there>::create(std::move(action), handler, io, on);
    return handler_operation<Action, Handler, IoExecutor, elsewhere<handler_executor>>::create(std::move(action), handler, io,
                                                                                               on);
}

} // namespace tapio::detail

#pragma GCC visibility pop
