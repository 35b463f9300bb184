// A wire has two ends, each with a queue of packets on their way to it. One thread at a time, the "carrier", delivers packets;
// calls on other threads, or from within a delivery, leave their packets to the carrier, so that answers to answers do not
// recurse.
#include "device/delivery.hpp"

#include <tapio/core/error.hpp>
#include <tapio/device/pipe.hpp>

#include <boost/asio/post.hpp>
#include <boost/system/system_error.hpp>

#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

namespace tapio {

namespace {

using core::packet;

constexpr std::size_t ethernet_overhead = 18;  // octets: header and one VLAN tag
constexpr std::size_t most_in_one_go = 20'000; // packets: bounds a call if two hosts never stop answering each other

class wire : public std::enable_shared_from_this<wire>
{
public:
    explicit wire(const pipe_options& options) : options_(options) {}

    const pipe_options& options() const noexcept { return options_; }

    void start(int e, const boost::asio::any_io_executor& executor, device_receiver& receiver)
    {
        ends_[e].way.open(receiver);
        const std::lock_guard lock(mutex_);
        ends_[e].executor = executor;
        ends_[e].state = attached;
        if (wants_visit(e)) carry_later(e);
    }

    void stop(int e)
    {
        ends_[e].way.close();
        const std::lock_guard lock(mutex_);
        ends_[e].state = gone;
        ends_[e].executor = {};
        ends_[e].coming.clear();
        ends_[1 - e].alone = true;
        if (wants_visit(1 - e)) carry_later(1 - e);
    }

    bool has_other_end(int e) const
    {
        const std::lock_guard lock(mutex_);
        return ends_[1 - e].state != gone;
    }

    std::uint64_t errors(int e) const
    {
        const std::lock_guard lock(mutex_);
        return ends_[e].errors;
    }

    bool send(int from, packet& p)
    {
        const std::lock_guard lock(mutex_);
        auto& to = ends_[1 - from];
        const std::size_t overhead = options_.link == core::link_type::ethernet ? ethernet_overhead : 0;
        if (p.size() > options_.mtu + overhead) ++ends_[from].errors;
        if (broken_ || to.state == gone || p.size() > options_.mtu + overhead) return true; // dropped, as on a medium
        if (to.coming.size() >= options_.queue_length) {
            ends_[from].refused = true;
            return false;
        }
        to.coming.push_back(std::move(p));
        return true;
    }

    void carry()
    {
        {
            const std::lock_guard lock(mutex_);
            if (carrying_) return;
            carrying_ = true;
        }
        std::size_t carried = 0;
        while (const auto to = next_end(carried)) carried += hand_over(*to);
    }

private:
    enum end_state
    {
        waiting,
        attached,
        gone
    };

    struct end
    {
        std::deque<packet> coming; // packets towards this end
        bool refused = false;      // send() from this end returned false: call writable() once there is room
        std::uint64_t errors = 0;  // packets from this end that exceeded the MTU
        bool alone = false;        // the other end has stopped, and this end has not been told yet
        end_state state = waiting;
        boost::asio::any_io_executor executor;
        detail::delivery way;
    };

    bool wants_visit(int e) const noexcept
    {
        if (ends_[e].state != attached) return false;
        const bool has_room = ends_[1 - e].coming.size() < options_.queue_length;
        return !ends_[e].coming.empty() || (ends_[e].refused && has_room) || ends_[e].alone;
    }

    // The end to serve next. None: the carrier is done.
    std::optional<int> next_end(std::size_t carried)
    {
        const std::lock_guard lock(mutex_);
        last_ = 1 - last_;
        const int candidates[] = {last_, 1 - last_};
        for (const int e : candidates) {
            if (!wants_visit(e)) continue;
            if (carried < most_in_one_go) return e;
            carry_later(e);
            break;
        }
        carrying_ = false;
        return std::nullopt;
    }

    // Delivers all packets queued for `e` as one batch. Returns their number plus one.
    std::size_t hand_over(int e)
    {
        std::deque<packet> batch;
        bool has_room = false, alone = false;
        {
            const std::lock_guard lock(mutex_);
            batch.swap(ends_[e].coming);
            has_room = std::exchange(ends_[e].refused, false);
            alone = std::exchange(ends_[e].alone, false);
        }
        bool endless = false;
        ends_[e].way.with_receiver([&](device_receiver& receiver) {
            endless = never_ends(receiver.now(), batch.size());
            if (endless) return;
            for (packet& p : batch)
                if (ends_[e].way.is_open()) receiver.receive(std::move(p));
            if (!batch.empty() && ends_[e].way.is_open()) receiver.end_batch();
            if (has_room && ends_[e].way.is_open()) receiver.writable();
            if (alone && ends_[e].way.is_open()) receiver.changed();
        });
        if (endless) tear();
        return batch.size() + 1;
    }

    // Called by the carrier only. True if so many packets were delivered at the same instant that virtual time would never
    // advance.
    bool never_ends(core::time_point now, std::size_t packets) noexcept
    {
        if (std::exchange(instant_, now) != now) at_instant_ = 0;
        at_instant_ += packets;
        return at_instant_ > options_.packets_at_one_instant;
    }

    void tear()
    {
        {
            const std::lock_guard lock(mutex_);
            if (std::exchange(broken_, true)) return;
            for (end& e : ends_) e.coming.clear();
        }
        const auto why = make_error_code(boost::system::errc::resource_deadlock_would_occur);
        for (end& e : ends_) e.way.with_receiver([&](device_receiver& receiver) { receiver.failed(why); });
    }

    void carry_later(int e)
    {
        boost::asio::post(ends_[e].executor, [self = shared_from_this()] { self->carry(); });
    }

    const pipe_options options_;
    mutable std::mutex mutex_; // a leaf lock: protects ends_ (except `way`), carrying_, broken_, last_
    std::array<end, 2> ends_;
    bool carrying_ = false;
    bool broken_ = false;
    int last_ = 0;
    core::time_point instant_{};   // carrier only: time of the last batch
    std::uint64_t at_instant_ = 0; // carrier only: packets delivered at that time
};

class pipe_end final : public device
{
public:
    pipe_end(std::shared_ptr<wire> w, int which) : wire_(std::move(w)), which_(which) {}
    ~pipe_end() override { wire_->stop(which_); }

    device_info info() const override
    {
        device_info info;
        info.name = "pipe" + std::to_string(which_);
        info.link = wire_->options().link;
        info.mtu = wire_->options().mtu;
        info.mac = wire_->options().mac[static_cast<std::size_t>(which_)];
        info.queue_length = wire_->options().queue_length;
        info.link_up = wire_->has_other_end(which_);
        return info;
    }

    void start(boost::asio::any_io_executor executor, device_receiver& receiver) override
    {
        wire_->start(which_, executor, receiver);
    }
    bool transmit(packet& p) override { return wire_->send(which_, p); }
    void stop() override { wire_->stop(which_); }
    std::uint64_t transmit_errors() const override { return wire_->errors(which_); }
    bool in_memory() const override { return true; }
    void deliver() override { wire_->carry(); }

private:
    const std::shared_ptr<wire> wire_;
    const int which_;
};

} // namespace

std::pair<std::unique_ptr<device>, std::unique_ptr<device>> make_pipe(const pipe_options& options)
{
    constexpr std::size_t least_mtu = 68, most_mtu = 65535; // octets; RFC 791
    if (options.mtu < least_mtu || options.mtu > most_mtu)
        throw boost::system::system_error(core::errno_code(EINVAL),
                                          "pipe_options::mtu: " + std::to_string(options.mtu) + ", between 68 and 65535");
    if (options.queue_length == 0)
        throw boost::system::system_error(core::errno_code(EINVAL), "pipe_options::queue_length: 0, at least 1");
    const auto w = std::make_shared<wire>(options);
    return {std::make_unique<pipe_end>(w, 0), std::make_unique<pipe_end>(w, 1)};
}

} // namespace tapio
