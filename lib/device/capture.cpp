#include <tapio/device/capture.hpp>

#include <chrono>
#include <utility>

namespace tapio {

namespace {

using core::packet;
using direction = pcapng_writer::direction;

class captured final : public device, private device_receiver
{
public:
    captured(std::unique_ptr<device> inner, std::shared_ptr<pcapng_writer> writer)
        : inner_(std::move(inner)), writer_(std::move(writer)), interface_(writer_->add_interface(inner_->info()))
    {
    }
    ~captured() override { captured::stop(); }

    device_info info() const override { return inner_->info(); }

    void start(boost::asio::any_io_executor executor, device_receiver& receiver) override
    {
        receiver_ = &receiver;
        inner_->start(std::move(executor), *this);
    }

    // The packet is gone when we know whether it was taken, so a copy (which shares the payload) waits for that.
    bool transmit(packet& p) override
    {
        const packet sent = p;
        const auto time = wall_time(); // before its answer's
        if (!inner_->transmit(p)) return false;
        writer_->write(interface_, sent, time, direction::outbound);
        return true;
    }

    bool flush() override { return inner_->flush(); }

    void stop() override
    {
        inner_->stop();
        writer_->flush();
    }

    std::uint64_t transmit_errors() const override { return inner_->transmit_errors(); }
    bool in_memory() const override { return inner_->in_memory(); }
    void deliver() override { inner_->deliver(); }
    core::time_point next_deadline() const override { return inner_->next_deadline(); }
    void advance() override { inner_->advance(); }
    int poll_descriptor() const override { return inner_->poll_descriptor(); }
    void poll() override { inner_->poll(); }

private:
    void receive(packet&& p) override
    {
        writer_->write(interface_, p, wall_time(), direction::inbound);
        receiver_->receive(std::move(p));
    }
    void end_batch(bool goes_on) override { receiver_->end_batch(goes_on); }
    void writable() override { receiver_->writable(); }
    void changed() override { receiver_->changed(); }
    void failed(boost::system::error_code why) override
    {
        writer_->flush();
        receiver_->failed(why);
    }

    core::time_point now() const override { return receiver_->now(); }

    static std::chrono::nanoseconds wall_time() { return std::chrono::system_clock::now().time_since_epoch(); }

    const std::unique_ptr<device> inner_;
    const std::shared_ptr<pcapng_writer> writer_;
    const std::uint32_t interface_;
    device_receiver* receiver_ = nullptr; // set before inner_ starts, used until it has stopped
};

} // namespace

std::unique_ptr<device> capture(std::unique_ptr<device> inner, const std::string& path)
{
    return capture(std::move(inner), std::make_shared<pcapng_writer>(path));
}

std::unique_ptr<device> capture(std::unique_ptr<device> inner, std::shared_ptr<pcapng_writer> writer)
{
    return std::make_unique<captured>(std::move(inner), std::move(writer));
}

} // namespace tapio
