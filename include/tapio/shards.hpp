/// @file
/// tapio::shards: one host on several processors. Each queue of a multi-queue device has a stack and a thread of its own (a
/// shard). Shards share nothing while data flows. A packet that the kernel puts into another shard's queue (ARP, ICMP errors, a
/// flow whose queue it has forgotten) is passed on as a message.
///
///     std::vector<std::unique_ptr<tapio::device>> queues;   // IFF_MULTI_QUEUE: one device, opened once for each queue
///     for (int i = 0; i < 4; ++i) queues.push_back(tapio::open_tap({.name = "tap0", .multi_queue = true, .mac = ours}));
///     tapio::shards host(std::move(queues));
///     host.add_address(make_address("198.18.0.2"), 24);
///     host.listen({tcp::v4(), 80}, [](tcp::socket s) { std::make_shared<session>(std::move(s))->start(); });
///     host.run();
///
/// All shards have the same addresses. A connection belongs to the shard that accepted or opened it: its handlers run on that
/// shard's thread, and its socket may be used on that thread only. The local ports that connect() chooses are divided among the
/// shards, so that no two choose the same one.
///
/// @par Thread safety  stop(), drain(), collect(), counters() and listener::close(): any thread. Everything else: before run(),
///   on one thread; while run() runs, a shard's stack and sockets are for the thread of that shard only (each io_context has
///   concurrency_hint 1)
/// @par Lifetime  run() must have returned before the object is destroyed
/// @par Source  Linux's IFF_MULTI_QUEUE (linux/Documentation/networking/tuntap.rst)
#pragma once

#include <tapio/ip/tcp.hpp>
#include <tapio/stack.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/socket_base.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#pragma GCC visibility push(default)

namespace tapio {

class shards
{
public:
    /// The handle that listen() returns. It may be copied; destroying it does not end the listening.
    /// @par Thread safety  every member may be called from any thread
    /// @par Lifetime  may outlive the shards; then close() does nothing
    class listener
    {
    public:
        listener() noexcept = default;

        /// Ends the listening: connections that were not handed over yet are reset, those that were stay open. Returns at once;
        /// each shard closes its acceptor on its own thread soon afterwards, and may call `on_connection` until then. Idempotent.
        void close();

    private:
        friend class shards;
        struct state;
        std::shared_ptr<state> state_;
    };

    /// Makes one stack for each queue.
    /// @param queues  one device, opened once for each queue (tuntap_options::multi_queue)
    /// @param options  for every stack; `shards`, `shard` and `time` are overwritten (shards run in real time). A `trace`
    ///   is called on all threads, at the same time
    /// @throws boost::system::system_error invalid_argument: no queue, queues with different link-layer addresses, or several on
    ///   Ethernet without one (set tuntap_options::mac); what the constructor of stack refuses
    explicit shards(std::vector<std::unique_ptr<device>> queues, const stack_options& options = {});
    shards(const shards&) = delete;
    shards& operator=(const shards&) = delete;
    ~shards(); ///< calls stop()

    std::size_t size() const noexcept { return all_.size(); } ///< how many shards there are

    /// Stack and io_context of shard `n`, 0 to size() - 1. While run() runs, the stack is for the shard's own thread: post work
    /// for it to the context.
    stack& operator[](std::size_t n) noexcept { return *all_[n].host; }
    boost::asio::io_context& context(std::size_t n) noexcept { return *all_[n].io; }

    // -- before run() only
    /// stack::add_address() and stack::set_default_gateway() on every shard, for interface 1. @throws as these
    void add_address(const boost::asio::ip::address& address, unsigned prefix_length);
    void set_default_gateway(const boost::asio::ip::address& gateway);

    /// Listens on every shard until listener::close(), drain() or stop().
    /// @param on_connection  called with each connection on the thread of its shard, so possibly on several threads at once; must
    ///   not throw. It moves the socket out of its argument; a socket that it leaves there is closed
    /// @param backlog  connections of each shard that may wait to be accepted
    /// @throws boost::system::system_error address_in_use · address_not_available
    listener listen(const ip::tcp::endpoint& at, std::function<void(ip::tcp::socket&&)> on_connection,
                    int backlog = boost::asio::socket_base::max_listen_connections);

    /// Runs shard 0 on the calling thread and each of the others on a thread of its own. Returns after stop() or drain(); it
    /// cannot be called a second time.
    /// @param on_start  called with the number of each shard on its thread, before any handler: to pin the thread to a processor,
    ///   or to start what is to run there
    void run(const std::function<void(std::size_t)>& on_start = {});

    /// Makes run() return soon, without waiting for it. Connections are reset when the object is destroyed.
    /// @par Thread safety  any thread
    void stop();

    /// Ends all shards gracefully: stack::async_drain() on each. run() returns when they have ended and `done` has been called.
    /// @param done  `done(error_code)`, called on the thread of shard 0; timed_out if a shard has not had everything acknowledged
    /// @par Thread safety  any thread, while run() runs
    void drain(core::duration timeout, std::function<void(boost::system::error_code)> done);

    /// Calls `f(stack&)` on the thread of each shard, then `done(results)` on the thread of shard 0; results are in the order of
    /// the shards. Returns at once. `T` needs a default constructor, and must not be bool: shards write results at the same time.
    /// @par Thread safety  any thread, while run() runs
    ///
    ///     host.collect<tapio::host_counters>([](tapio::stack& s) { return s.counters(); }, [](const auto& each) {
    ///         tapio::host_counters sum;
    ///         for (const auto& c : each) sum += c;
    ///     });
    template <class T>
    void collect(std::function<T(stack&)> f, std::function<void(std::vector<T>&&)> done)
    {
        const auto results = std::make_shared<std::vector<T>>(all_.size());
        for_all([results, f = std::move(f)](std::size_t n, stack& s) { (*results)[n] = f(s); },
                [results, done = std::move(done)] { done(std::move(*results)); });
    }

    /// collect() of stack::counters(): `done(sum, each)` on the thread of shard 0.
    void counters(std::function<void(const host_counters& sum, const std::vector<host_counters>& each)> done);

private:
    void for_all(std::function<void(std::size_t, stack&)> f, std::function<void()> done);

    struct shard
    {
        std::unique_ptr<boost::asio::io_context> io;
        std::unique_ptr<stack> host;
    };

    std::vector<shard> all_;
    std::vector<std::thread> threads_;
};

} // namespace tapio

#pragma GCC visibility pop
