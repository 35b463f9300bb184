// The trace interface's subscriber that writes to Boost.Log.
#include <tapio/log.hpp>

#include <boost/log/sources/record_ostream.hpp>
#include <boost/log/sources/severity_channel_logger.hpp>
#include <boost/log/trivial.hpp>

namespace tapio {

namespace {

using boost::log::trivial::severity_level;

std::string text(const core::endpoint& e)
{
    const std::string a = e.address.to_string();
    return (e.address.is_v6() ? '[' + a + ']' : a) + ':' + std::to_string(e.port);
}

class log_trace final : public core::trace
{
public:
    explicit log_trace(const log_options& options) : options_(options), logger_(boost::log::keywords::channel = options.channel)
    {
    }

    void received(std::uint32_t interface, const core::packet& p, core::time_point) override
    {
        packet(interface, " received ", p);
    }
    void sent(std::uint32_t interface, const core::packet& p, core::time_point) override { packet(interface, " sent ", p); }

    void dropped(std::uint32_t interface, core::drop_reason why, const core::packet& p, core::time_point) override
    {
        if (!options_.drops) return;
        BOOST_LOG_SEV(logger_, severity_level::debug)
            << "interface " << interface << ": dropped " << p.size() << " octets: " << name(why) << " (" << describe(why) << ')';
    }

    void tcp_state_changed(const core::endpoint& local, const core::endpoint& remote, core::tcp_state from, core::tcp_state to,
                           core::time_point) override
    {
        if (!options_.tcp) return;
        BOOST_LOG_SEV(logger_, severity_level::info)
            << "tcp " << text(local) << ' ' << text(remote) << ": " << name(from) << " -> " << name(to);
    }

    void tcp_retransmitted(const core::endpoint& local, const core::endpoint& remote, std::uint32_t sequence,
                           std::uint32_t octets, core::time_point) override
    {
        if (!options_.tcp) return;
        BOOST_LOG_SEV(logger_, severity_level::debug)
            << "tcp " << text(local) << ' ' << text(remote) << ": retransmits " << octets << " octets at " << sequence;
    }

    void interface_changed(std::uint32_t interface, const core::interface_status& now, core::time_point) override
    {
        if (!options_.interfaces) return;
        const auto severity = now.state == core::interface_state::up ? severity_level::info : severity_level::warning;
        BOOST_LOG_SEV(logger_, severity) << "interface " << interface << ' ' << now.name << ": " << name(now.state) << ", MTU "
                                         << now.mtu << (now.enabled ? "" : ", disabled")
                                         << (now.why ? " (" + now.why.message() + ')' : std::string());
    }

private:
    void packet(std::uint32_t interface, const char* what, const core::packet& p)
    {
        if (!options_.packets) return;
        BOOST_LOG_SEV(logger_, severity_level::trace) << "interface " << interface << ':' << what << p.size() << " octets";
    }

    log_options options_;
    boost::log::sources::severity_channel_logger_mt<severity_level> logger_;
};

} // namespace

std::unique_ptr<core::trace> make_log_trace(const log_options& options) { return std::make_unique<log_trace>(options); }

} // namespace tapio
