// Two lanes, one per direction. A packet that is not delayed is passed on at once; others wait in their lane until the stack
// calls advance() at their time.
#include "device/delivery.hpp"

#include <tapio/core/checksum.hpp>
#include <tapio/core/error.hpp>
#include <tapio/device/decorator.hpp>
#include <tapio/device/impaired.hpp>

#include <boost/system/system_error.hpp>

#include <algorithm>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace tapio {

namespace {

using core::impairment;
using core::packet;
using core::time_point;
using direction = pcapng_writer::direction;

constexpr std::size_t most_waiting = 100'000; // packets in one lane
constexpr std::size_t ethernet_header = 14;   // octets

void add_words(std::string& comment, const std::string& words)
{
    if (!comment.empty()) comment += ", ";
    comment += words;
}

std::string in_milliseconds(core::duration d)
{
    std::string digits = std::to_string(d / std::chrono::microseconds(1)); // whole microseconds
    if (digits.size() < 4) digits.insert(0, 4 - digits.size(), '0');
    digits.insert(digits.size() - 3, 1, '.');
    while (digits.back() == '0') digits.pop_back();
    if (digits.back() == '.') digits.pop_back();
    return digits + " ms";
}

/// The packet's fate, as a comment for the capture file. @param before, after the model's counters  @param t when it was sent
std::string fate_of(const core::impairment_counters& before, const core::impairment_counters& after,
                    const std::vector<impairment::arrival>& arrivals, time_point t)
{
    std::string comment;
    if (after.queue_dropped != before.queue_dropped) add_words(comment, "dropped: the queue is full");
    if (after.dropped != before.dropped) add_words(comment, "dropped");
    if (after.marked != before.marked) add_words(comment, "marked: congestion experienced");
    if (after.corrupted != before.corrupted) add_words(comment, "1 bit flipped");
    if (after.duplicated != before.duplicated) add_words(comment, "2 copies");
    if (!arrivals.empty() && arrivals.front().at > t)
        add_words(comment, "delayed by " + in_milliseconds(arrivals.front().at - t));
    if (after.reordered != before.reordered) add_words(comment, "so that later ones overtake it");
    return comment;
}

/// The capture file of the packets put on the wire, if there is one.
class wire_log
{
public:
    wire_log(std::shared_ptr<pcapng_writer> writer, core::device_info device) : writer_(std::move(writer))
    {
        device.name += " wire";
        if (writer_) interface_ = writer_->add_interface(device);
    }
    explicit operator bool() const noexcept { return writer_ != nullptr; }
    void write(packet&& p, std::chrono::nanoseconds time, direction way, const std::string& comment) const
    {
        core::complete_checksums(p);
        writer_->write(interface_, p, time, way, comment);
    }
    void flush() const
    {
        if (writer_) writer_->flush();
    }

private:
    std::shared_ptr<pcapng_writer> writer_;
    std::uint32_t interface_ = 0;
};

/// One direction: the model, and the packets that it delays.
class lane
{
public:
    lane(const core::impairment_options& options, std::uint64_t seed) : model_(options, seed) {}

    /// The arrivals of the packet sent last: none, one or two.
    const std::vector<impairment::arrival>& fates() const noexcept { return fates_; }
    core::impairment_counters counters() const noexcept
    {
        core::impairment_counters c = model_.counters();
        c.queue_dropped += refused_;
        return c;
    }

    void send(packet&& p, std::size_t link_header, time_point t)
    {
        fates_.clear();
        model_.send(std::move(p), link_header, t, fates_);
    }
    /// Queues these arrivals; beyond `most_waiting` they are dropped, as at a full queue.
    void keep()
    {
        for (auto& fate : fates_) {
            if (waiting_.size() < most_waiting) {
                waiting_.emplace(fate.at, std::move(fate.packet));
            } else {
                ++refused_;
            }
        }
    }

    bool has_due(time_point t) const { return !waiting_.empty() && waiting_.begin()->first <= t; }
    packet& first() { return waiting_.begin()->second; }
    void pop() { waiting_.erase(waiting_.begin()); }
    void clear() { waiting_.clear(); }
    time_point next() const { return waiting_.empty() ? core::never : waiting_.begin()->first; }

private:
    impairment model_;
    std::vector<impairment::arrival> fates_;
    std::uint64_t refused_ = 0;                 ///< packets, because most_waiting waited
    std::multimap<time_point, packet> waiting_; // equal times stay in order
};

class bad_wire final : public device_decorator
{
public:
    bad_wire(std::unique_ptr<device> inner, const impaired_options& options)
        : device_decorator(std::move(inner)),
          link_header_(info().link == core::link_type::ethernet ? ethernet_header : 0),
          log_(options.capture, info()),
          outgoing_(options.outgoing, options.seed),
          incoming_(options.incoming, ~options.seed)
    {
    }
    ~bad_wire() override { bad_wire::stop(); }

    void start(boost::asio::any_io_executor executor, device_receiver& receiver) override
    {
        way_.open(receiver);
        device_decorator::start(std::move(executor), receiver);
    }

    bool transmit(packet& p) override
    {
        const std::lock_guard lock(mutex_);
        put_on(outgoing_, std::move(p), direction::outbound);
        pass_outgoing();
        return true; // a wire accepts every packet; those that the inner device refuses wait here
    }

    // The inner device is flushed by pass_outgoing().
    bool flush() override
    {
        log_.flush();
        return true;
    }

    void stop() override
    {
        inner().stop();
        way_.close();
        log_.flush();
        const std::lock_guard lock(mutex_);
        outgoing_.clear();
        incoming_.clear();
    }

    time_point next_deadline() const override
    {
        const std::lock_guard lock(mutex_);
        return std::min({blocked_ ? core::never : outgoing_.next(), incoming_.next(), inner().next_deadline()});
    }

    void advance() override
    {
        inner().advance();
        {
            const std::lock_guard lock(mutex_);
            pass_outgoing();
        }
        pass_incoming();
        inner().deliver();
    }

private:
    void put_on(lane& l, packet&& p, direction way)
    {
        const time_point t = now();
        if (!log_) {
            l.send(std::move(p), link_header_, t);
        } else {
            packet as_sent = p;
            const core::impairment_counters before = l.counters();
            l.send(std::move(p), link_header_, t);
            log_.write(std::move(as_sent), time_of_day(), way, fate_of(before, l.counters(), l.fates(), t));
        }
        l.keep();
    }

    void pass_outgoing()
    {
        const time_point t = now();
        while (!blocked_ && outgoing_.has_due(t)) {
            blocked_ = !inner().transmit(outgoing_.first());
            if (blocked_) return;
            outgoing_.pop();
            unflushed_ = true;
        }
        if (blocked_ || !unflushed_) return;
        unflushed_ = !inner().flush();
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
            if (way_.is_open()) receiver.end_batch(); // even without packets: next_deadline() may have changed
        });
    }

    // -- called by the inner device ---------------------------------------------------------------------------------------
    void receive(packet&& p) override
    {
        const std::lock_guard lock(mutex_);
        put_on(incoming_, std::move(p), direction::inbound);
    }
    void end_batch(bool) override
    {
        log_.flush();
        pass_incoming();
    }
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

    const std::size_t link_header_;
    const wire_log log_;
    detail::delivery way_;

    mutable std::mutex mutex_; // protects the members below; held while the inner device's transmit() is called
    lane outgoing_, incoming_;
    bool unflushed_ = false;
    bool blocked_ = false; // the inner device has refused a packet
};

} // namespace

namespace {

[[noreturn]] void refuse(const std::string& option, const std::string& why)
{
    throw boost::system::system_error(core::errno_code(EINVAL), "impaired_options::" + option + ": " + why);
}

void check_probability(const std::string& option, double p)
{
    if (!(p >= 0 && p <= 1)) refuse(option, std::to_string(p) + ", from 0 to 1");
}

void check_time(const std::string& option, core::duration d)
{
    if (d < core::duration::zero()) refuse(option, std::to_string(d.count()) + " ns, at least 0");
}

void check(const std::string& lane, const core::impairment_options& o)
{
    check_probability(lane + ".drop", o.drop);
    check_probability(lane + ".duplicate", o.duplicate);
    check_probability(lane + ".reorder", o.reorder);
    check_probability(lane + ".corrupt", o.corrupt);
    check_time(lane + ".delay", o.delay);
    check_time(lane + ".jitter", o.jitter);
    check_time(lane + ".reorder_delay", o.reorder_delay);
    check_time(lane + ".stall", o.stall);
    check_time(lane + ".stall_every", o.stall_every);
    if (o.reorder_steps == 0) refuse(lane + ".reorder_steps", "0, at least 1");
    if (o.stall_every > core::duration::zero() && o.stall > o.stall_every)
        refuse(lane + ".stall_every", "shorter than the stall");
}

} // namespace

std::unique_ptr<device> impaired(std::unique_ptr<device> inner, const impaired_options& options)
{
    check("outgoing", options.outgoing);
    check("incoming", options.incoming);
    return std::make_unique<bad_wire>(std::move(inner), options);
}

} // namespace tapio
