// Stacks that share one device with several queues, and its addresses.
#include "asio/engine.hpp"

#include <tapio/shards.hpp>

#include <boost/asio/error.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/system/system_error.hpp>

#include <atomic>
#include <memory>

namespace tapio {

namespace detail {

/// Accepts connections on one shard until it is closed.
class shard_listener : public std::enable_shared_from_this<shard_listener>
{
public:
    shard_listener(stack& s, const ip::tcp::endpoint& at, std::function<void(ip::tcp::socket&&)> on_connection, int backlog)
        : acceptor_(s, at), on_connection_(std::move(on_connection))
    {
        acceptor_.listen(backlog);
        acceptor_.non_blocking(true);
    }

    /// Posts the closing to the shard's thread.
    void close()
    {
        boost::asio::post(acceptor_.get_executor(), [self = shared_from_this()] {
            boost::system::error_code ignored;
            self->acceptor_.close(ignored);
        });
    }

    void accept()
    {
        acceptor_.async_accept([self = shared_from_this()](boost::system::error_code ec, ip::tcp::socket socket) {
            if (ec == boost::asio::error::operation_aborted || ec == boost::asio::error::bad_descriptor) return;
            if (!ec) self->hand_over(std::move(socket));
            self->accept();
        });
    }

private:
    /// Hands over the connection and those that wait behind it, at most 64 per wake-up.
    void hand_over(ip::tcp::socket socket)
    {
        on_connection_(std::move(socket));
        for (int i = 0; i < 64; ++i) {
            boost::system::error_code ec;
            auto more = acceptor_.accept(ec);
            if (ec) return;
            on_connection_(std::move(more));
        }
    }

    ip::tcp::acceptor acceptor_;
    std::function<void(ip::tcp::socket&&)> on_connection_;
};

} // namespace detail

namespace {

void check(const std::vector<std::unique_ptr<device>>& queues)
{
    bool usable = !queues.empty();
    for (const auto& q : queues) {
        const device_info info = q->info();
        const bool nameless = info.link == core::link_type::ethernet && info.mac.is_unspecified();
        usable = usable && (queues.size() == 1 || !nameless) && info.mac == queues.front()->info().mac;
    }
    if (!usable)
        throw boost::system::system_error(core::errno_code(EINVAL), "shards: queues with one link-layer address are needed");
}

} // namespace

shards::shards(std::vector<std::unique_ptr<device>> queues, const stack_options& options)
{
    check(queues);
    std::vector<std::weak_ptr<detail::engine>> engines;
    for (auto& queue : queues) {
        stack_options own = options;
        own.shards = static_cast<unsigned>(queues.size());
        own.shard = static_cast<unsigned>(all_.size());
        own.time = nullptr;
        auto io = std::make_unique<boost::asio::io_context>(1);
        auto host = std::make_unique<stack>(*io, std::move(queue), own);
        engines.push_back(host->engine_);
        all_.push_back({std::move(io), std::move(host)});
    }
    for (const shard& s : all_) s.host->engine_->set_siblings(engines);
}

shards::~shards()
{
    stop();
    for (std::thread& t : threads_) t.join();
    for (shard& s : all_) s.host->shutdown(); // before any io_context is destroyed: shards may have posted packets to each other
}

void shards::add_address(const boost::asio::ip::address& address, unsigned prefix_length)
{
    for (const shard& s : all_) s.host->add_address(address, prefix_length);
}

void shards::set_default_gateway(const boost::asio::ip::address& gateway)
{
    for (const shard& s : all_) s.host->set_default_gateway(gateway);
}

struct shards::listener::state
{
    std::vector<std::weak_ptr<detail::shard_listener>> all; ///< each is owned by the handlers of its shard
};

void shards::listener::close()
{
    if (!state_) return;
    for (const auto& one : state_->all)
        if (const auto l = one.lock()) l->close();
}

shards::listener shards::listen(const ip::tcp::endpoint& at, std::function<void(ip::tcp::socket&&)> on_connection, int backlog)
{
    listener out;
    out.state_ = std::make_shared<listener::state>();
    for (const shard& s : all_) {
        const auto one = std::make_shared<detail::shard_listener>(*s.host, at, on_connection, backlog);
        one->accept();
        out.state_->all.push_back(one);
    }
    return out;
}

void shards::run(const std::function<void(std::size_t)>& on_start)
{
    const auto run_one = [this, on_start](std::size_t n) {
        if (on_start) on_start(n);
        all_[n].io->run();
    };
    for (std::size_t n = 1; n < all_.size(); ++n) threads_.emplace_back(run_one, n);
    run_one(0);
    for (std::thread& t : threads_) t.join();
    threads_.clear();
}

namespace {

/// State of shards::drain(): the number of shards not drained yet, and the function to call then.
struct drain_of_all
{
    drain_of_all(std::size_t size, std::function<void(boost::system::error_code)> f, boost::asio::io_context& io)
        : left(size), done(std::move(f)), first(io.get_executor())
    {
    }

    std::atomic<std::size_t> left;
    std::atomic<bool> failed = false;
    std::function<void(boost::system::error_code)> done;
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> first; ///< keeps it running until `done` is posted

    void one_ended(boost::system::error_code ec)
    {
        if (ec) failed = true;
        if (--left > 0) return;
        const boost::system::error_code all =
            failed ? boost::system::error_code(boost::asio::error::timed_out) : boost::system::error_code();
        boost::asio::post(first.get_executor(), [all, f = std::move(done)] { f(all); });
        first.reset();
    }
};

} // namespace

void shards::drain(core::duration timeout, std::function<void(boost::system::error_code)> done)
{
    const auto all = std::make_shared<drain_of_all>(all_.size(), std::move(done), *all_.front().io);
    for (shard& s : all_)
        boost::asio::post(*s.io, [all, timeout, host = s.host.get()] {
            host->async_drain(timeout, [all](boost::system::error_code ec) { all->one_ended(ec); });
        });
}

/// Calls `f` for each shard on its thread. The last one to finish posts `done` to the first shard.
void shards::for_all(std::function<void(std::size_t, stack&)> f, std::function<void()> done)
{
    struct round
    {
        std::function<void(std::size_t, stack&)> f;
        std::function<void()> done;
        std::atomic<std::size_t> left = 0;
    };
    const auto all = std::make_shared<round>();
    all->f = std::move(f);
    all->done = std::move(done);
    all->left = all_.size();
    for (std::size_t n = 0; n < all_.size(); ++n)
        boost::asio::post(*all_[n].io, [all, n, host = all_[n].host.get(), first = all_.front().io.get()] {
            all->f(n, *host);
            if (--all->left == 0) boost::asio::post(*first, [all] { all->done(); });
        });
}

void shards::counters(std::function<void(const host_counters&, const std::vector<host_counters>&)> done)
{
    collect<host_counters>([](stack& s) { return s.counters(); },
                           [done = std::move(done)](std::vector<host_counters>&& each) {
                               host_counters sum;
                               for (const host_counters& c : each) sum += c;
                               done(sum, each);
                           });
}

void shards::stop()
{
    for (const shard& s : all_) s.io->stop();
}

} // namespace tapio
