// core::nat44: checks the options, and forwards to the translator.
#include "ip/nat44_translator.hpp"

#include <tapio/core/nat44.hpp>

#include <boost/system/errc.hpp>
#include <boost/system/system_error.hpp>

#include <algorithm>

namespace tapio::core {

namespace {

void require(bool valid, const char* what)
{
    using namespace boost::system;
    if (!valid) throw system_error(errc::make_error_code(errc::invalid_argument), what);
}

void check_addresses(const std::vector<address_v4>& addresses)
{
    for (const address_v4& a : addresses) {
        require(!a.is_unspecified(), "outside_addresses: unspecified");
        require(std::count(addresses.begin(), addresses.end(), a) == 1, "outside_addresses: one is given twice");
    }
}

void check_forwards(const std::vector<nat44_forward>& forwards)
{
    for (const nat44_forward& f : forwards) {
        require(f.protocol == 6 || f.protocol == 17, "forwards: protocol is neither TCP nor UDP");
        require(f.outside_port != 0 && f.inside.port != 0, "forwards: port 0");
        require(f.inside.address.is_v4() && !f.inside.address.is_unspecified(), "forwards: inside is no IPv4 address");
        const auto shares = [&f](const nat44_forward& g) {
            const bool outside = g.outside == f.outside && g.outside_port == f.outside_port;
            return &g != &f && g.protocol == f.protocol && (outside || g.inside == f.inside);
        };
        require(std::none_of(forwards.begin(), forwards.end(), shares), "forwards: two share an endpoint");
    }
}

const nat44_options& checked(const nat44_options& o)
{
    require(o.first_port != 0 && o.first_port <= o.last_port, "first_port, last_port: no range");
    for (const std::size_t limit : {o.max_mappings, o.max_mappings_per_host, o.max_sessions, o.max_sessions_per_host})
        require(limit > 0, "a limit is 0");
    for (const duration t : {o.udp_timeout, o.tcp_established_timeout, o.tcp_transitory_timeout, o.icmp_timeout})
        require(t > duration::zero(), "a timeout is not positive");
    check_addresses(o.outside_addresses);
    check_forwards(o.forwards);
    return o;
}

} // namespace

nat44::nat44(const nat44_options& options, const seed_type& seed)
    : translator_(std::make_unique<ip::nat44_translator>(checked(options), seed))
{
}

nat44::~nat44() = default;

hook_verdict nat44::input(hooked_packet& p, time_point now) { return translator_->input(p, now); }
hook_verdict nat44::forward(hooked_packet& p, time_point) { return translator_->forward(p); }
hook_verdict nat44::output(hooked_packet& p, time_point now) { return translator_->output(p, now); }
time_point nat44::next_deadline() const noexcept { return translator_->next_deadline(); }
void nat44::advance(time_point now) { translator_->advance(now); }

void nat44::set_outside_addresses(const std::vector<address_v4>& addresses)
{
    check_addresses(addresses);
    if (addresses != translator_->outside_addresses()) translator_->set_outside_addresses(addresses);
}

nat44_counters nat44::counters() const noexcept { return translator_->counters(); }
std::vector<nat44_mapping> nat44::mappings() const { return translator_->mappings(); }

} // namespace tapio::core
