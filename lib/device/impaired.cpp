// Two lanes, one for each direction. A packet that is not delayed goes on at once; others wait in their lane for the
// timer.
#include "device/delivery.hpp"

#include <tapio/device/impaired.hpp>

#include <boost/asio/basic_waitable_timer.hpp>

#include <algorithm>
#include <chrono>
#include <map>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

namespace tapio {

namespace {

namespace asio = boost::asio;
using core::impairment;
using core::packet;
using core::time_point;
using timer =
    asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>, asio::any_io_executor>;

constexpr std::size_t most_waiting = 100'000; // packets in one lane
constexpr std::size_t ethernet_header = 14;   // octets

time_point now() { return time_point(std::chrono::steady_clock::now().time_since_epoch()); }

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
        : state_(std::make_shared<state>(std::move(inner), options))
    {
    }
    ~bad_wire() override { bad_wire::stop(); }

    device_info info() const override { return state_->inner->info(); }

    void start(asio::any_io_executor executor, device_receiver& receiver) override
    {
        state_->way.open(receiver);
        {
            const std::lock_guard lock(state_->mutex);
            state_->alarm.emplace(executor);
        }
        state_->inner->start(std::move(executor), *this);
    }

    bool transmit(packet& p) override
    {
        const std::lock_guard lock(state_->mutex);
        state_->outgoing.send(std::move(p), state_->link_header, now());
        state_->pass_outgoing();
        state_->arm();
        return true; // a wire refuses nothing; what the inner device refuses waits
    }

    void stop() override
    {
        state_->inner->stop();
        state_->way.close();
        const std::lock_guard lock(state_->mutex);
        state_->alarm.reset();
    }

    void deliver() override { state_->inner->deliver(); }

private:
    /// Shared with the timer's handlers.
    struct state : std::enable_shared_from_this<state>
    {
        state(std::unique_ptr<device> device, const impaired_options& options)
            : inner(std::move(device)),
              link_header(inner->info().link == core::link_type::ethernet ? ethernet_header : 0),
              outgoing(options.outgoing, options.seed),
              incoming(options.incoming, ~options.seed)
        {
        }

        void pass_outgoing()
        {
            const time_point t = now();
            while (!blocked && outgoing.has_due(t)) {
                blocked = !inner->transmit(outgoing.first());
                if (!blocked) outgoing.pop();
            }
        }

        void pass_incoming()
        {
            std::vector<packet> due;
            {
                const std::lock_guard lock(mutex);
                for (const time_point t = now(); incoming.has_due(t); incoming.pop()) due.push_back(std::move(incoming.first()));
            }
            if (due.empty()) return;
            way.with_receiver([&](device_receiver& receiver) {
                for (packet& p : due)
                    if (way.is_open()) receiver.receive(std::move(p));
                if (way.is_open()) receiver.end_batch();
            });
        }

        void arm()
        {
            const time_point next = std::min(blocked ? core::never : outgoing.next(), incoming.next());
            if (!alarm || next == core::never || next == armed_for) return;
            armed_for = next;
            alarm->expires_at(std::chrono::steady_clock::time_point(next.time_since_epoch()));
            alarm->async_wait([self = shared_from_this()](boost::system::error_code error) {
                if (!error) self->ring();
            });
        }

        void ring()
        {
            {
                const std::lock_guard lock(mutex);
                if (!alarm) return;
                armed_for = core::never;
                pass_outgoing();
            }
            pass_incoming();
            inner->deliver();
            const std::lock_guard lock(mutex);
            arm();
        }

        const std::unique_ptr<device> inner;
        const std::size_t link_header;
        detail::delivery way;

        std::mutex mutex; // over what follows; the inner device's transmit() is called under it
        lane outgoing, incoming;
        bool blocked = false; // the inner device has refused a packet
        std::optional<timer> alarm;
        time_point armed_for = core::never;
    };

    void receive(packet&& p) override
    {
        const std::lock_guard lock(state_->mutex);
        state_->incoming.send(std::move(p), state_->link_header, now());
    }

    void end_batch() override
    {
        state_->pass_incoming();
        const std::lock_guard lock(state_->mutex);
        state_->arm();
    }

    void writable() override
    {
        const std::lock_guard lock(state_->mutex);
        state_->blocked = false;
        state_->pass_outgoing();
        state_->arm();
    }

    void failed(boost::system::error_code why) override
    {
        state_->way.with_receiver([&](device_receiver& receiver) { receiver.failed(why); });
    }

    const std::shared_ptr<state> state_;
};

} // namespace

std::unique_ptr<device> impaired(std::unique_ptr<device> inner, const impaired_options& options)
{
    return std::make_unique<bad_wire>(std::move(inner), options);
}

} // namespace tapio
