// The state that the asynchronous handlers need is in `pump`, whose ownership they share: handlers may outlive the device.
#include "device/descriptor_device.hpp"

#include "device/busy_poll.hpp"
#include "device/delivery.hpp"
#include "device/packet_io.hpp"

#include <tapio/core/error.hpp>
#include <tapio/detail/clocks.hpp>

#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <boost/asio/post.hpp>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <memory>
#include <mutex>
#include <numeric>
#include <optional>
#include <span>
#include <utility>

namespace tapio::detail {

namespace {

namespace asio = boost::asio;
using core::error_code;
using descriptor = asio::posix::basic_stream_descriptor<asio::any_io_executor>;

// Bounds of a read batch, after which timers and other handlers get their turn. Octets: no more than stay in the cache until the
// user reads them. Packets: enough that ACKs do not wait in the device while their connections share the sending. With one system
// call per packet the batch is larger, so that more segments can be joined; otherwise it is smaller, so that the cache has room
// for the memory that the kernel copies from, too.
constexpr int batch = 1024;
constexpr std::size_t batch_octets = 256 * 1024;
constexpr std::size_t batch_octets_of_calls = 1024 * 1024;
constexpr std::size_t ethernet_overhead = 18; // octets: header and one VLAN tag
constexpr std::size_t largest_gso = 65535;    // octets of a GSO packet, without the link header

bool unfinished_segments(const core::offload_features& f) noexcept { return f.tso_v4 || f.tso_v6 || f.uso; }

std::size_t largest_read(const device_info& info, frame_header header) noexcept
{
    const std::size_t ip = unfinished_segments(info.offload) ? std::max(largest_gso, info.mtu) : info.mtu;
    return ip + (info.link == core::link_type::ethernet ? ethernet_overhead : 0) + size_of(header);
}

class pump : public std::enable_shared_from_this<pump>
{
public:
    pump(int fd, const device_info& info, driving d)
        : fd_(fd),
          header_(d.header),
          watch_(std::move(d.watch)),
          info_(info),
          batch_octets_(unfinished_segments(info.offload) || d.by.reading ? batch_octets : batch_octets_of_calls),
          reader_(largest_read(info, d.header), d.header, std::move(d.by.reading)),
          busy_poll_(d.busy_poll),
          writer_(d.header, std::move(d.by.writing))
    {
    }

    void start(const asio::any_io_executor& executor, device_receiver& receiver)
    {
        info_ = info();
        reader_.raise_largest(largest_read(info_, header_));
        delivery_.open(receiver);
        {
            const std::lock_guard lock(descriptor_mutex_);
            descriptor_.emplace(executor, fd_);
            if (watch_) watch_descriptor_.emplace(executor, watch_->descriptor());
        }
        wait_readable();
        wait_for_news();
    }

    /// With the present link state and MTU.
    device_info info() const
    {
        const auto link = watch_ ? watch_->ask() : std::nullopt;
        const std::lock_guard lock(descriptor_mutex_);
        device_info now = info_;
        if (link) now.link_up = link->up, now.mtu = link->mtu;
        return now;
    }

    std::uint64_t refusals() const { return writer_.refusals(); }
    int poll_descriptor() const { return failed_ ? -1 : fd_; } // a dead descriptor would always be ready

    void stop()
    {
        delivery_.close();
        const std::lock_guard lock(descriptor_mutex_);
        if (!descriptor_) return;
        descriptor_->release(); // handlers complete with operation_aborted; the descriptor stays open: transmit() may be using it
        descriptor_.reset();
        if (watch_descriptor_) watch_descriptor_->release();
        watch_descriptor_.reset();
    }

    std::size_t transmit(std::span<packet* const> packets)
    {
        const auto size_of = [](std::span<packet* const> all) {
            return std::accumulate(all.begin(), all.end(), std::size_t{0},
                                   [](std::size_t n, const packet* p) { return n + p->size(); });
        };
        const std::size_t octets = size_of(packets);
        const std::size_t taken = writer_.write(fd_, packets);
        const std::size_t left = size_of(packets.subspan(taken));
        sent_.store(sent_.load(std::memory_order_relaxed) + octets - left, std::memory_order_relaxed);
        if (taken < packets.size()) wait_writable();
        if (const int why = writer_.take_refusal()) refused(why);
        return taken;
    }

    bool flush()
    {
        const bool done = writer_.flush() == write_outcome::done;
        if (const int why = writer_.take_refusal()) refused(why);
        if (!done) wait_writable();
        return done;
    }

    void poll()
    {
        bool news = false;
        delivery_.with_receiver([&](device_receiver& r) {
            const std::size_t before = found_;
            read_into(r);
            news = found_ == before && has_news();
        });
        if (news) look_at_link();
    }

private:
    void wait_readable()
    {
        const std::lock_guard lock(descriptor_mutex_);
        if (!descriptor_) return;
        descriptor_->async_wait(descriptor::wait_read, [self = shared_from_this()](error_code error) {
            if (!error) self->read_batch();
        });
    }

    void wait_writable()
    {
        const std::lock_guard lock(descriptor_mutex_);
        if (!descriptor_ || std::exchange(awaiting_room_, true)) return;
        descriptor_->async_wait(descriptor::wait_write, [self = shared_from_this()](error_code error) {
            if (!error) self->has_room();
        });
    }

    void has_room()
    {
        bool down = false;
        {
            const std::lock_guard lock(descriptor_mutex_);
            awaiting_room_ = false;
            down = std::exchange(refused_down_, false);
        }
        delivery_.with_receiver([](device_receiver& r) { r.writable(); });
        if (down) look_at_link();
    }

    // -- the link: up or down, its MTU ------------------------------------------------------------------------------------
    void wait_for_news()
    {
        const std::lock_guard lock(descriptor_mutex_);
        if (!watch_descriptor_) return;
        watch_descriptor_->async_wait(descriptor::wait_read, [self = shared_from_this()](error_code error) {
            if (error) return;
            self->watch_->drain();
            self->look_at_link();
            self->wait_for_news();
        });
    }

    // For poll(), which is used while no thread runs the executor. Checked every 100 ms: a system call per poll() costs too much.
    bool has_news()
    {
        const core::time_point now = detail::real_time();
        if (!watch_ || now < next_look_) return false;
        next_look_ = now + std::chrono::milliseconds(100);
        return watch_->drain();
    }

    // The device has refused a packet for good. If for its link state or MTU, these differ from what the stack assumes: check
    // them.
    void refused(int why)
    {
        if (why != EIO && why != ENETDOWN && why != EMSGSIZE) return;
        const std::lock_guard lock(descriptor_mutex_);
        refused_down_ = refused_down_ || why != EMSGSIZE;
        if (!descriptor_ || std::exchange(look_due_, true)) return;
        asio::post(descriptor_->get_executor(), [self = shared_from_this()] { self->look_at_link(); });
    }

    void look_at_link()
    {
        bool unheard = false; // nothing reports when the link comes up again: wait for the descriptor to become writable
        delivery_.with_receiver([&](device_receiver& r) {
            const auto link = watch_ ? watch_->ask() : std::nullopt;
            bool changed = false;
            {
                const std::lock_guard lock(descriptor_mutex_);
                look_due_ = false;
                const bool gone_elsewhere = watch_ && !link && !failed_; // if it was deleted, the descriptor reports that
                if (link) refused_down_ = false;
                if (gone_elsewhere && info_.link_up && !awaiting_room_) refused_down_ = true;
                unheard = refused_down_;
                const link_state now = link.value_or(link_state{!refused_down_, info_.mtu});
                changed = now.up != info_.link_up || now.mtu != info_.mtu;
                info_.link_up = now.up;
                info_.mtu = now.mtu;
            }
            reader_.raise_largest(largest_read(info_, header_));
            if (changed) r.changed();
        });
        if (unheard) wait_writable();
    }

    // Reads again later: more packets are waiting or expected soon, but other handlers get their turn first.
    void read_on()
    {
        const std::lock_guard lock(descriptor_mutex_);
        if (descriptor_) asio::post(descriptor_->get_executor(), [self = shared_from_this()] { self->read_batch(); });
    }

    void read_batch()
    {
        constexpr int most_in_vain = 8; // polling again costs less than a round through the io_context
        auto ended_by = packet_reader::outcome::drained;
        bool again = false;
        const bool open = delivery_.with_receiver([&](device_receiver& r) {
            for (int i = 0; i < most_in_vain && delivery_.is_open(); ++i) {
                ended_by = read_into(r);
                const bool in_vain = found_ == 0;
                again = ended_by != packet_reader::outcome::drained || looks_again();
                if (!in_vain || !again) break;
            }
        });
        if (!open || failed_) return;
        again ? read_on() : wait_readable();
    }

    bool looks_again()
    {
        const std::size_t found = std::exchange(found_, 0);
        if (!busy_poll_.enabled()) return false;
        const core::time_point now = detail::real_time(); // real time: the stack's may be virtual
        return busy_poll_.looks_again(found, sent_.load(std::memory_order_relaxed), now);
    }

    packet_reader::outcome read_into(device_receiver& receiver)
    {
        using outcome = packet_reader::outcome;
        if (failed_) return outcome::failed;
        packet p;
        error_code error;
        outcome last = outcome::drained;
        bool received = false;
        std::size_t octets = 0;
        for (int i = 0; ((i < batch && octets < batch_octets_) || reader_.holds_some()) && delivery_.is_open(); ++i) {
            last = reader_.read(fd_, p, error);
            if (last == outcome::drained || last == outcome::failed) break;
            if (last == outcome::nothing_usable) continue;
            octets += p.size();
            receiver.receive(std::move(p));
            received = true;
        }
        const bool goes_on = last == outcome::packet || last == outcome::nothing_usable;
        if ((received || goes_on_) && delivery_.is_open()) receiver.end_batch(goes_on);
        goes_on_ = goes_on;
        found_ += octets;
        failed_ = last == outcome::failed;
        if (failed_ && delivery_.is_open()) receiver.failed(error);
        return last;
    }

    const int fd_; // the device's
    const frame_header header_;
    const std::unique_ptr<link_watch> watch_; // null: the kernel does not report link state and MTU
    device_info info_;                        // as known to the receiver; written with both mutexes held
    const std::size_t batch_octets_;
    delivery delivery_;
    packet_reader reader_;            // protected by delivery_'s mutex
    bool goes_on_ = false;            // likewise: the last end_batch() announced more packets
    std::size_t found_ = 0;           // likewise: octets read since the last looks_again()
    busy_poll busy_poll_;             // likewise
    core::time_point next_look_{};    // likewise
    std::atomic<bool> failed_{false}; // the descriptor is dead: no more reads

    packet_writer writer_;             // not locked: the stack makes one transmit() or flush() call at a time
    std::atomic<std::size_t> sent_{0}; // octets

    mutable std::mutex descriptor_mutex_; // a leaf: none of our locks is taken with it held
    std::optional<descriptor> descriptor_, watch_descriptor_;
    bool awaiting_room_ = false;
    bool look_due_ = false;     // look_at_link() has been posted
    bool refused_down_ = false; // a write failed because the link is down, and the descriptor has not become writable since
};

class descriptor_device final : public device
{
public:
    descriptor_device(unique_fd fd, const device_info& info, driving d)
        : fd_(std::move(fd)), pump_(std::make_shared<pump>(fd_.get(), info, std::move(d)))
    {
    }
    ~descriptor_device() override { stop(); }

    device_info info() const override { return pump_->info(); }
    std::uint64_t transmit_errors() const override { return pump_->refusals(); }

    void start(asio::any_io_executor executor, device_receiver& receiver) override { pump_->start(executor, receiver); }

    bool transmit(packet& p) override
    {
        packet* const one = &p;
        return pump_->transmit({&one, 1}) == 1;
    }
    std::size_t transmit_several(std::span<packet* const> packets) override { return pump_->transmit(packets); }
    bool flush() override { return pump_->flush(); }

    void stop() override { pump_->stop(); }

    int poll_descriptor() const override { return pump_->poll_descriptor(); }
    void poll() override { pump_->poll(); }

private:
    unique_fd fd_;
    const std::shared_ptr<pump> pump_;
};

} // namespace

std::unique_ptr<device> make_descriptor_device(unique_fd fd, const device_info& info, driving d)
{
    return std::make_unique<descriptor_device>(std::move(fd), info, std::move(d));
}

std::optional<rings> open_rings(int fd)
{
    rings r{uring::open(fd, packet_reader::most_at_once), uring::open(fd, packet_writer::most_at_once)};
    if (!r.reading || !r.writing) return std::nullopt;
    return r;
}

} // namespace tapio::detail

namespace tapio {

bool io_uring_available() { return detail::uring::available(); }

} // namespace tapio
