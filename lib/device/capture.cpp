#include <tapio/core/checksum.hpp>
#include <tapio/device/capture.hpp>
#include <tapio/device/decorator.hpp>

#include <utility>
#include <vector>

namespace tapio {

namespace {

using core::packet;
using direction = pcapng_writer::direction;

class captured final : public device_decorator
{
public:
    captured(std::unique_ptr<device> inner, std::shared_ptr<pcapng_writer> writer)
        : device_decorator(std::move(inner)), writer_(std::move(writer)), interface_(writer_->add_interface(info()))
    {
    }
    ~captured() override { captured::stop(); }

    // Only packets that the device takes are captured, and a taken packet is gone: hence a copy, which shares the payload.
    bool transmit(packet& p) override
    {
        const packet sent = p;
        const auto time = time_of_day(); // taken before transmit(), so that the answer's is not earlier
        if (!inner().transmit(p)) return false;
        write(sent, time, direction::outbound);
        return true;
    }
    std::size_t transmit_several(std::span<packet* const> packets) override
    {
        std::vector<packet> sent;
        sent.reserve(packets.size());
        for (const packet* p : packets) sent.push_back(*p);
        const auto time = time_of_day();
        const std::size_t taken = inner().transmit_several(packets);
        for (std::size_t i = 0; i < taken; ++i) write(sent[i], time, direction::outbound);
        return taken;
    }

    // Written to the file at once, because the program may be killed.
    bool flush() override
    {
        writer_->flush();
        return inner().flush();
    }

    void stop() override
    {
        inner().stop();
        writer_->flush();
    }

private:
    void receive(packet&& p) override
    {
        write(p, time_of_day(), direction::inbound);
        outer().receive(std::move(p));
    }
    void end_batch(bool goes_on) override
    {
        writer_->flush();
        outer().end_batch(goes_on);
    }
    void failed(boost::system::error_code why) override
    {
        writer_->flush();
        outer().failed(why);
    }

    void write(const packet& p, std::chrono::nanoseconds time, direction way)
    {
        if (p.offload.checksum != core::offload_info::checksum_state::partial) return writer_->write(interface_, p, time, way);
        packet complete = p;
        core::complete_checksums(complete);
        writer_->write(interface_, complete, time, way);
    }

    const std::shared_ptr<pcapng_writer> writer_;
    const std::uint32_t interface_;
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
