/// @file
/// A pending asynchronous operation: what is to be tried, and whom to tell. Internal.
#pragma once

#include <boost/asio/associated_allocator.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/system/error_code.hpp>

#include <cstdint>
#include <memory>
#include <utility>

namespace tapio::detail {

class socket;

/// In a queue of its socket, or finished and on its way to its handler.
class operation
{
public:
    /// Tries once; called under the stack's lock, never runs user code. True: done, `result` is set.
    virtual bool perform(socket& s) = 0;
    /// Frees itself, then posts the handler. Called without the lock.
    virtual void complete() = 0;
    /// Frees itself; the handler is not invoked. Called without the lock.
    virtual void destroy() = 0;

    boost::system::error_code result;
    operation* next = nullptr;
    std::uint64_t id = 0; ///< cancellation finds it by this, never by its address: memory comes back

protected:
    ~operation() = default;
};

/// First in, first out; owns nothing.
class operation_queue
{
public:
    bool empty() const noexcept { return front_ == nullptr; }
    operation* front() const noexcept { return front_; }

    void push(operation* op) noexcept
    {
        op->next = nullptr;
        (front_ == nullptr ? front_ : back_->next) = op;
        back_ = op;
    }
    operation* pop() noexcept
    {
        operation* const op = front_;
        if (op != nullptr) front_ = op->next;
        return op;
    }
    void append(operation_queue& other) noexcept
    {
        while (operation* const op = other.pop()) push(op);
    }
    /// Takes the operation with that id out; null if it is not there.
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
    operation* front_ = nullptr;
    operation* back_ = nullptr;
};

/// What runs on the I/O executor: makes the handler's arguments there, then goes on to the handler's own executor.
template <class Action, class Handler, class HandlerWork>
struct completion
{
    Action action;
    Handler handler;
    HandlerWork work; ///< on the handler's executor
    boost::system::error_code result;

    using allocator_type = boost::asio::associated_allocator_t<Handler>;
    allocator_type get_allocator() const noexcept { return boost::asio::get_associated_allocator(handler); }

    void operator()()
    {
        auto bound = std::move(action).bind(std::move(handler), result);
        boost::asio::dispatch(work.get_executor(), std::move(bound));
    }
};

/// `Action`: `bool perform(socket&, error_code&)`, and `bind(handler, error_code)` which gives the nullary call of the handler.
template <class Action, class Handler, class IoExecutor>
class handler_operation final : public operation
{
public:
    /// Memory comes from the handler's associated allocator.
    static handler_operation* create(Action action, Handler& handler, const IoExecutor& io)
    {
        allocator a(boost::asio::get_associated_allocator(handler));
        handler_operation* const p = traits::allocate(a, 1);
        return new (p) handler_operation(std::move(action), handler, io);
    }

    bool perform(socket& s) override { return action_.perform(s, result); }

    void complete() override
    {
        io_work io = std::move(io_);
        completion<Action, Handler, handler_work> done{std::move(action_), std::move(handler_), std::move(executor_), result};
        allocator a(boost::asio::get_associated_allocator(done.handler));
        free(a);
        boost::asio::post(io.get_executor(), std::move(done));
    }

    void destroy() override
    {
        const Handler kept(std::move(handler_)); // its destruction may come back to us: after the memory is free
        const io_work io = std::move(io_);
        allocator a(boost::asio::get_associated_allocator(kept));
        free(a);
    }

private:
    using allocator =
        typename std::allocator_traits<boost::asio::associated_allocator_t<Handler>>::template rebind_alloc<handler_operation>;
    using traits = std::allocator_traits<allocator>;
    // Executors of either kind, those of the Networking TS too, are kept busy by a guard.
    using io_work = boost::asio::executor_work_guard<IoExecutor>;
    using handler_executor = boost::asio::associated_executor_t<Handler, IoExecutor>;
    using handler_work = boost::asio::executor_work_guard<handler_executor>;

    handler_operation(Action action, Handler& handler, const IoExecutor& io)
        : action_(std::move(action)),
          handler_(std::move(handler)),
          io_(io),
          executor_(boost::asio::get_associated_executor(handler_, io))
    {
    }
    ~handler_operation() = default;

    void free(allocator& a)
    {
        this->~handler_operation();
        traits::deallocate(a, this, 1);
    }

    Action action_;
    Handler handler_;
    io_work io_;
    handler_work executor_;
};

} // namespace tapio::detail
