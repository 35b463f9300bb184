// Two lanes, one for each direction. A packet that is not delayed goes on at once; others wait in their lane until the stack
// says that their time has come.
#include "device/delivery.hpp"

#include <tapio/device/impaired.hpp>

#include <algorithm>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

namespace tapio {

namespace {

using core::impairment;
using core::packet;
using core::time_point;

constexpr std::size_t most_waiting = 100'000; // packets in one lane
constexpr std::size_t ethernet_header = 14;   // octets

/// One direction: the model and what it holds back.
class lane
{
public:
    lane(const core::impairment_options& options, std::uint64_t seed) : model_(options, seed) {}

    void send(packet&& p, std::size_t link_header, time_point t)
    {
        fates_.clear();
        model_.send(std::move(p), link_header, t, fates_);
        for (auto& fate : fates_)
            if (waiting_.size() < most_waiting) waiting_.emplace(fate.at, std::move(fate.packet));
    }

    bool has_due(time_point t) const { return !waiting_.empty() && waiting_.begin()->first <= t; }
    packet& first() { return waiting_.begin()->second; }
    void pop() { waiting_.erase(waiting_.begin()); }
    void clear() { waiting_.clear(); }
    time_point next() const { return waiting_.empty() ? core::never : waiting_.begin()->first; }

private:
    impairment model_;
    std::vector<impairment::arrival> fates_;
    std::multimap<time_point, packet> waiting_; // equal times stay in order
};

class bad_wire final : public device, private device_receiver
{
public:
    bad_wire(std::unique_ptr<device> inner, const impaired_options& options)
        : inner_(std::move(inner)),
          link_header_(inner_->info().link == core::link_type::ethernet ? ethernet_header : 0),
          outgoing_(options.outgoing, options.seed),
          incoming_(options.incoming, ~options.seed)
    {
    }
    ~bad_wire() override { bad_wire::stop(); }

    device_info info() const override { return inner_->info(); }

    void start(boost::asio::any_io_executor executor, device_receiver& receiver) override
    {
        receiver_ = &receiver;
        way_.open(receiver);
        inner_->start(std::move(executor), *this);
    }

    bool transmit(packet& p) override
    {
        const std::lock_guard lock(mutex_);
        outgoing_.send(std::move(p), link_header_, now());
        pass_outgoing();
        return true; // a wire refuses nothing; what the inner device refuses waits
    }

    void stop() override
    {
        inner_->stop();
        way_.close();
        const std::lock_guard lock(mutex_);
        outgoing_.clear();
        incoming_.clear();
    }

    std::uint64_t transmit_errors() const override { return inner_->transmit_errors(); }
    bool in_memory() const override { return inner_->in_memory(); }
    void deliver() override { inner_->deliver(); }

    time_point next_deadline() const override
    {
        const std::lock_guard lock(mutex_);
        return std::min({blocked_ ? core::never : outgoing_.next(), incoming_.next(), inner_->next_deadline()});
    }

    void advance() override
    {
        inner_->advance();
        {
            const std::lock_guard lock(mutex_);
            pass_outgoing();
        }
        pass_incoming();
        inner_->deliver();
    }

    int poll_descriptor() const override { return inner_->poll_descriptor(); }
    void poll() override { inner_->poll(); }

private:
    void pass_outgoing()
    {
        const time_point t = now();
        while (!blocked_ && outgoing_.has_due(t)) {
            blocked_ = !inner_->transmit(outgoing_.first());
            if (blocked_) return;
            outgoing_.pop();
            unflushed_ = true;
        }
        if (blocked_ || !unflushed_) return;
        unflushed_ = !inner_->flush();
        blocked_ = unflushed_;
    }

    void pass_incoming()
    {
        std::vector<packet> due;
        {
            const std::lock_guard lock(mutex_);
            for (const time_point t = now(); incoming_.has_due(t); incoming_.pop()) due.push_back(std::move(incoming_.first()));
        }
        way_.with_receiver([&](device_receiver& receiver) {
            for (packet& p : due)
                if (way_.is_open()) receiver.receive(std::move(p));
            if (way_.is_open()) receiver.end_batch(); // even an empty one: when the next are due may have changed
        });
    }

    // -- of the inner device ----------------------------------------------------------------------------------------------
    void receive(packet&& p) override
    {
        const std::lock_guard lock(mutex_);
        incoming_.send(std::move(p), link_header_, now());
    }
    void end_batch(bool) override { pass_incoming(); }
    time_point now() const override { return receiver_->now(); }
    void writable() override
    {
        {
            const std::lock_guard lock(mutex_);
            blocked_ = false;
            pass_outgoing();
        }
        way_.with_receiver([](device_receiver& receiver) { receiver.end_batch(); });
    }
    void changed() override
    {
        way_.with_receiver([](device_receiver& receiver) { receiver.changed(); });
    }
    void failed(boost::system::error_code why) override
    {
        way_.with_receiver([&](device_receiver& receiver) { receiver.failed(why); });
    }

    const std::unique_ptr<device> inner_;
    const std::size_t link_header_;
    device_receiver* receiver_ = nullptr; // set before inner_ starts, used until it has stopped
    detail::delivery way_;

    mutable std::mutex mutex_; // over what follows; the inner device's transmit() is called under it
    lane outgoing_, incoming_;
    bool unflushed_ = false;
    bool blocked_ = false; // the inner device has refused a packet
};

} // namespace

std::unique_ptr<device> impaired(std::unique_ptr<device> inner, const impaired_options& options)
{
    return std::make_unique<bad_wire>(std::move(inner), options);
}

} // namespace tapio
