// An implementation of the trace interface that writes to Boost.Log.
#include "log/packet_text.hpp"

#include <tapio/log.hpp>

#include <boost/log/sources/record_ostream.hpp>
#include <boost/log/sources/severity_channel_logger.hpp>
#include <boost/log/trivial.hpp>
#include <boost/log/utility/manipulators/add_value.hpp>

#include <chrono>
#include <cstdio>

namespace tapio {

namespace {

using boost::log::trivial::severity_level;

/// Seconds with microseconds, as in the kernel's log.
std::string seconds(core::time_point t)
{
    using namespace std::chrono;
    const auto all = duration_cast<microseconds>(t.time_since_epoch()).count();
    char text[32];
    std::snprintf(text, sizeof text, "%lld.%06lld", static_cast<long long>(all / 1'000'000),
                  static_cast<long long>(all % 1'000'000));
    return text;
}

using boost::log::add_value; // keeps a reference to the value: use it only in the statement that writes the record
constexpr const char* stack_time = "StackTime";

std::string text(const core::endpoint& e)
{
    const std::string a = e.address.to_string();
    return (e.address.is_v6() ? '[' + a + ']' : a) + ':' + std::to_string(e.port);
}

std::string preceded(const std::string& text) { return text.empty() ? text : ": " + text; }

/// A hint for an interface that is down without a known reason, such as a device that was never brought up.
const char* hint(const core::interface_status& s)
{
    if (s.state != core::interface_state::down || !s.enabled || s.why) return "";
    return " (the device is down or has no link: was it brought up?)";
}

class log_trace final : public core::trace
{
public:
    explicit log_trace(const log_options& options) : options_(options), logger_(boost::log::keywords::channel = options.channel)
    {
    }

    void received(std::uint32_t interface, const core::packet& p, core::time_point now) override
    {
        packet(interface, " received ", p, now);
    }
    void sent(std::uint32_t interface, const core::packet& p, core::time_point now) override
    {
        packet(interface, " sent ", p, now);
    }

    void dropped(std::uint32_t interface, core::drop_reason why, const core::packet& p, core::time_point now) override
    {
        if (!options_.drops) return;
        BOOST_LOG_SEV(logger_, severity_level::debug)
            << add_value(stack_time, seconds(now)) << "interface " << interface << ": dropped " << p.size()
            << " octets: " << name(why) << " (" << describe(why) << ')' << preceded(packet_text(p));
    }

    void tcp_state_changed(const core::endpoint& local, const core::endpoint& remote, core::tcp_state from, core::tcp_state to,
                           core::time_point now) override
    {
        if (!options_.tcp) return;
        BOOST_LOG_SEV(logger_, severity_level::info) << add_value(stack_time, seconds(now)) << "tcp " << text(local) << ' '
                                                     << text(remote) << ": " << name(from) << " -> " << name(to);
    }

    void tcp_retransmitted(const core::endpoint& local, const core::endpoint& remote, std::uint32_t sequence,
                           std::uint32_t octets, core::time_point now) override
    {
        if (!options_.tcp) return;
        BOOST_LOG_SEV(logger_, severity_level::debug) << add_value(stack_time, seconds(now)) << "tcp " << text(local) << ' '
                                                      << text(remote) << ": retransmits " << octets << " octets at " << sequence;
    }

    void interface_changed(std::uint32_t interface, const core::interface_status& now, core::time_point time) override
    {
        if (!options_.interfaces) return;
        const auto severity = now.state == core::interface_state::up ? severity_level::info : severity_level::warning;
        BOOST_LOG_SEV(logger_, severity) << add_value(stack_time, seconds(time)) << "interface " << interface << ' ' << now.name
                                         << ": " << name(now.state) << ", MTU " << now.mtu << (now.enabled ? "" : ", disabled")
                                         << (now.why ? " (" + now.why.message() + ')' : hint(now));
    }

private:
    void packet(std::uint32_t interface, const char* what, const core::packet& p, core::time_point now)
    {
        if (!options_.packets) return;
        BOOST_LOG_SEV(logger_, severity_level::trace) << add_value(stack_time, seconds(now)) << "interface " << interface << ':'
                                                      << what << p.size() << " octets" << preceded(packet_text(p));
    }

    log_options options_;
    boost::log::sources::severity_channel_logger_mt<severity_level> logger_;
};

} // namespace

std::unique_ptr<core::trace> make_log_trace(const log_options& options) { return std::make_unique<log_trace>(options); }

} // namespace tapio
