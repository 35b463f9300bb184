/// @file
/// A device_receiver that records its calls in a string, and helpers that make packets. Not a mock: for hundreds of packets in
/// batches a string shows their order at a glance. For expected and forbidden calls there is mock_device_receiver
/// (support/mocks.hpp).
#pragma once

#include <tapio/device/device.hpp>

#include <functional>
#include <string>
#include <vector>

namespace tapio::test {

inline core::packet packet_of(const std::string& text)
{
    return core::packet(core::slice::copy_of(std::as_bytes(std::span(text))));
}

inline std::string text_of(const core::packet& p)
{
    std::string text;
    p.for_each_piece([&](core::const_bytes piece) { text.append(reinterpret_cast<const char*>(piece.data()), piece.size()); });
    return text;
}

/// Records "a b | c |" for packets a and b, the end of a batch, packet c, the end of a batch; and "writable", "changed",
/// "failed".
class recorder : public device_receiver
{
public:
    void receive(core::packet&& p) override
    {
        add(text_of(p));
        if (on_receive) on_receive(text_of(p));
    }
    void end_batch(bool goes_on) override
    {
        add("|");
        went_on.push_back(goes_on);
        if (on_batch) on_batch();
    }
    core::time_point now() const override { return time; }
    void writable() override { add("writable"); }
    void changed() override { add("changed"); }
    void failed(boost::system::error_code why) override
    {
        add("failed");
        error = why;
    }

    std::string heard;
    std::vector<bool> went_on;                    ///< the argument of each end_batch()
    core::time_point time{std::chrono::hours(1)}; ///< the time it returns to the device
    boost::system::error_code error;
    std::function<void(const std::string&)> on_receive;
    std::function<void()> on_batch;

private:
    void add(const std::string& word) { heard += heard.empty() ? word : " " + word; }
};

inline bool transmit(device& d, const std::string& text)
{
    auto p = packet_of(text);
    return d.transmit(p);
}

} // namespace tapio::test
