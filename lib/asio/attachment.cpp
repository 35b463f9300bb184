// A device and its interface: input from the device, output to it, and deliveries of in-memory devices.
#include "asio/check_options.hpp"
#include "asio/engine.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <utility>

namespace tapio::detail {

namespace {

/// How many packets may be written before the device is read; 0: no bound. The peer answers each of our packets with at most one
/// packet, usually an ACK, which occupies the device's queue towards us. An eighth of that queue is granted to these answers; the
/// rest is for unsolicited packets.
std::size_t bound_on_unread(const device& medium)
{
    constexpr std::size_t share = 2, least = 8;
    const std::size_t queue_length = medium.poll_descriptor() >= 0 ? medium.info().queue_length : 0;
    return queue_length == 0 ? 0 : std::max(queue_length / share, least);
}

/// Engines of this thread whose in-memory devices have packets to deliver, each at most once. The outermost turn delivers them,
/// so that two stacks in one thread exchange packets in a loop, not by recursion. Nothing is delivered within a call from a
/// device, which may hold its locks.
thread_local std::vector<std::shared_ptr<engine>> waiting_engines;

/// The state of this thread's deliveries. By itself, since each batch reads it: it needs no constructor, so an access is no call.
struct deliveries
{
    std::uint64_t received = 0; ///< packets in this run of deliver_pending()
    bool running = false;
    unsigned inside_device = 0;
};
constinit thread_local deliveries pending_deliveries;

/// Marks a call from a device.
struct called_by_device
{
    called_by_device() noexcept { ++pending_deliveries.inside_device; }
    called_by_device(const called_by_device&) = delete;
    called_by_device& operator=(const called_by_device&) = delete;
    ~called_by_device() { --pending_deliveries.inside_device; }
};

} // namespace

// -- the device ---------------------------------------------------------------------------------------------------------

/// The device gets the io_context's executor. With the stack's own context, an Asio descriptor would create another scheduler,
/// with a thread.
stack::interface_id engine::attach(std::unique_ptr<device> medium)
{
    check(medium->info());
    const auto a = std::make_shared<attachment>(*this, std::move(medium));
    {
        turn t(*this);
        a->id = t.host().add_interface(a->medium->info());
        a->full = true; // send nothing before start(), which is called without the lock, since the device's handlers take it
        has_in_memory_ = has_in_memory_ || a->medium->in_memory();
        devices_.push_back(a);
    }
    a->medium->start(driver().get_executor(), *a);
    turn t(*this);
    a->full = false;
    note_link(*a, t);
    if (core::trace* const to = host_.net().tracer()) // a link that is down from the start never "changes" to down
        if (const auto status = host_.net().interface(a->id).status(); status.state != core::interface_state::up)
            to->interface_changed(a->id, status, t.now());
    return a->id;
}

engine::attachment::attachment(engine& e, std::unique_ptr<device> d)
    : owner(e), medium(std::move(d)), most_unread(bound_on_unread(*medium)), gathered(medium->info().link)
{
}

void engine::attachment::end_batch(bool goes_on)
{
    const called_by_device here;
    turn t(owner);
    if (replaced) return;
    t.handlers_first();
    const bool kept = owner.traced_ || !batch.empty();
    owner.came_ = kept ? batch.size() : gathered.packets();
    pending_deliveries.received += owner.came_;
    if (owner.time_ != nullptr && owner.world_has_stopped(*this, owner.came_)) {
        batch.clear();
        (void)gathered.finish();
        gathered.clear();
        return;
    }
    ++batches;
    unread = 0;
    if (!kept) return t.host().receive(id, gathered, t.now(), goes_on);
    t.host().receive(id, batch, t.now(), goes_on);
    batch.clear();
}

void engine::attachment::writable()
{
    const called_by_device here;
    const turn t(owner);
    full = false;
}

void engine::attachment::changed()
{
    const called_by_device here;
    turn t(owner);
    owner.note_link(*this, t);
}

void engine::attachment::failed(boost::system::error_code why)
{
    const called_by_device here;
    turn t(owner);
    full = true; // nothing is sent any more
    if (!replaced && t.host().lost(id, why, t.now())) owner.tell_waiters(id, t.done());
}

std::vector<std::shared_ptr<engine::attachment>> engine::devices() const
{
    const std::lock_guard lock(mutex_);
    return devices_; // shared: a device may be detached while the caller uses it
}

// -- output ---------------------------------------------------------------------------------------------------------------

bool engine::can_send(const attachment& a) const
{
    return !a.full && !(reads_between_ && a.owes_a_read()) && host_.has_next_packet(a.id);
}

bool engine::transmit(attachment& a, core::time_point now)
{
    bool any = false;
    while (can_send(a)) {
        const auto packets = host_.first_packets(a.id, now);
        if (packets.empty()) break;
        any = transmitted_ = a.unflushed = true;
        const std::size_t taken = a.medium->transmit_several(packets);
        a.full = taken < packets.size();
        a.unread += taken;
        host_.drop_first_packets(a.id, taken);
    }
    if (reads_between_ && a.owes_a_read() && host_.has_next_packet(a.id)) read_wanted_ = true;
    if (a.unflushed && !a.full) {
        a.unflushed = !a.medium->flush();
        a.full = a.unflushed;
    }
    return any;
}

/// Reads the devices with owes_a_read(), so that writing can continue. Posted as a handler of its own, so that other handlers run
/// in between.
void engine::read_devices()
{
    std::vector<std::pair<std::shared_ptr<attachment>, std::uint64_t>> owed; ///< with attachment::batches before the read
    {
        const std::lock_guard lock(mutex_);
        read_due_ = false;
        for (const auto& a : devices_) {
            if (!a->owes_a_read()) continue;
            a->unread = 0;
            owed.emplace_back(a, a->batches);
        }
    }
    for (const auto& [a, batches] : owed) {
        a->medium->poll();
        {
            const std::lock_guard lock(mutex_);
            if (a->batches != batches) continue; // the turn of the new batch has written already
        }
        const turn nothing_came(*this);
    }
}

// -- deliveries in memory -------------------------------------------------------------------------------------------------

bool engine::delivering() noexcept { return pending_deliveries.running; }

void engine::deliver_soon()
{
    auto& waiting = waiting_engines;
    const auto self = shared_from_this();
    if (std::find(waiting.rbegin(), waiting.rend(), self) == waiting.rend()) waiting.push_back(self);
}

void engine::deliver_pending()
{
    constexpr std::uint64_t most = 20'000; // packets per run; then other handlers get a turn
    deliveries& d = pending_deliveries;
    if (d.running) return;
    const auto post = [](const std::shared_ptr<engine>& e) {
        boost::asio::post(e->driver(), [e] {
            e->deliver_soon();
            deliver_pending();
        });
    };
    if (d.inside_device > 0) { // after the device's call has returned
        for (const auto& e : std::exchange(waiting_engines, {})) post(e);
        return;
    }
    d.running = true;
    d.received = 0;
    while (!waiting_engines.empty()) {
        const auto e = std::move(waiting_engines.back());
        waiting_engines.pop_back();
        // In virtual time a synchronous call runs no handlers, posted deliveries included; and no other handler has to wait.
        if (e->time_ == nullptr && d.received > most) {
            post(e);
        } else {
            e->deliver();
        }
    }
    d.running = false;
}

/// For a blocked caller that drives the stack, since a handler that deliver_pending() has posted cannot run.
void engine::deliver_in_memory()
{
    if (!has_in_memory_) return;
    deliver_soon();
    deliver_pending();
}

void engine::deliver()
{
    for (const auto& a : devices()) a->medium->deliver();
}

/// Counts the packets received at one instant of virtual time. @return true: too many, so the world has stopped
bool engine::world_has_stopped(const attachment& a, std::uint64_t packets)
{
    if (time_->is_stopped()) return true;
    if (std::exchange(instant_, time_->now()) != time_->now()) at_instant_ = 0;
    at_instant_ += packets;
    came_by_ = a.id;
    if (at_instant_ <= time_->most_at_one_instant_) return false;
    time_->stop_world();
    return true;
}

/// Needs no lock: virtual time has one thread.
std::pair<std::uint64_t, std::string> engine::received_at(core::time_point instant) const
{
    std::string name = host_.net().interface(came_by_).info().name;
    const auto& own = host_.net().interface(came_by_).addresses;
    if (!own.empty()) name += " (" + own.front().address.to_string() + ")";
    return {instant_ == instant ? at_instant_ : 0, std::move(name)};
}

} // namespace tapio::detail
