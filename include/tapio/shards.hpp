/// @file
/// Several cores for one address: a stack for each queue of a device, each on a thread of its own. Nothing is shared while data
/// flows; what the kernel gives to the wrong queue (ARP, ICMP errors, a flow that it has forgotten) finds its owner by a message.
///
///     std::vector<std::unique_ptr<tapio::device>> queues;   // IFF_MULTI_QUEUE: one device, opened once for each queue
///     for (int i = 0; i < 4; ++i) queues.push_back(tapio::open_tap({.name = "tap0", .multi_queue = true, .mac = ours}));
///     tapio::shards host(std::move(queues));
///     host.add_address(make_address("198.18.0.2"), 24);
///     host.listen({tcp::v4(), 80}, [](tcp::socket s) { std::make_shared<session>(std::move(s))->start(); });
///     host.run();
///
/// Each shard has the addresses of all. A connection belongs to the shard that it came to, or was made on, and so do its
/// handlers: its sockets are for that shard's thread alone. Ports that connect() chooses are of each shard's own share.
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
    /// What listen() answers: a handle to copy and keep, or not. Listening does not end with it.
    /// @par Thread safety  every member may be called from any thread
    /// @par Lifetime  may outlive the shards
    class listener
    {
    public:
        listener() noexcept = default;

        /// No more connections are taken: those that wait for it are reset, those that were handed over stay. Each shard does so
        /// on its own thread, soon; `on_connection` may be called meanwhile. Idempotent.
        void close();

    private:
        friend class shards;
        struct state;
        std::shared_ptr<state> state_;
    };

    /// One stack for each queue. @param options of every one; `shards`, `shard` and `time` are set here
    /// @throws boost::system::system_error invalid_argument: no queue, or on Ethernet without a link-layer address (they must
    /// have the same one)
    explicit shards(std::vector<std::unique_ptr<device>> queues, const stack_options& options = {});
    shards(const shards&) = delete;
    shards& operator=(const shards&) = delete;
    ~shards(); ///< stop()

    std::size_t size() const noexcept { return all_.size(); }

    /// While run() does, a shard is for its own thread: post what is to be done there to its context.
    stack& operator[](std::size_t n) noexcept { return *all_[n].host; }
    boost::asio::io_context& context(std::size_t n) noexcept { return *all_[n].io; }

    // -- before run(): for every shard. @throws as the stack's
    void add_address(const boost::asio::ip::address& address, unsigned prefix_length);
    void set_default_gateway(const boost::asio::ip::address& gateway);

    /// One acceptor fed by all: `on_connection(tcp::socket&&)` is called for each connection, on the thread of the shard that it
    /// belongs to, so it must be callable on several at once; what it leaves in the socket is closed. Until the listener is
    /// closed, drain() or stop().
    /// @throws boost::system::system_error address_in_use · address_not_available
    listener listen(const ip::tcp::endpoint& at, std::function<void(ip::tcp::socket&&)> on_connection,
                    int backlog = boost::asio::socket_base::max_listen_connections);

    /// Runs the first shard here and each of the others on a thread of its own, until stop().
    /// @param on_start called with the shard's number on its thread, before anything else: to pin it to a
    /// processor, or start what is to run there
    void run(const std::function<void(std::size_t)>& on_start = {});

    /// From any thread: run() returns soon.
    void stop();

    /// From any thread, while run() runs: no more connections are taken, what has been written is delivered, and then the stacks
    /// end (stack::async_drain on every shard). `done` is called on the first shard's thread when
    /// the last has ended, with timed_out if not everything was acknowledged; run() returns then, too.
    void drain(core::duration timeout, std::function<void(boost::system::error_code)> done);

    /// From any thread, while run() runs: `f(stack&)` is called for each shard on its own thread, and then `done(results)`, in
    /// the order of the shards, on the first shard's.
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

    /// collect() of stack::counters, and their sum.
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
