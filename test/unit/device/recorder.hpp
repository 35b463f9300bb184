/// @file
/// A receiver that writes down what it is told, and packets to tell it. No mock: of hundreds of packets in batches, one string
/// shows at a glance what came in which order, where a mock would want an expectation for each. For calls that have to come, or
/// must not, there is mock_device_receiver (support/mocks.hpp).
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

/// "a b | c |": packets a and b, the end of a batch, packet c, the end of a batch; "writable", "changed", "failed".
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
    std::vector<bool> went_on;                    ///< what it was told at the end of each batch
    core::time_point time{std::chrono::hours(1)}; ///< what it says the time is
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
