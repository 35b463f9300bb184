#include "core/name_client.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace tapio::core {

namespace {

constexpr std::size_t most_received = 65535; ///< octets

bool would_block(const error_code& ec) { return ec == errno_code(EAGAIN) || ec == errno_code(EWOULDBLOCK); }

} // namespace

/// The socket of a query.
class name_client::channel final : public event_sink
{
public:
    channel(name_client& owner, client::query_id q, socket_protocol& of, socket_id id)
        : owner_(owner), query_(q), of_(of), id_(id)
    {
        of_.set_owner(id_, this);
    }

    /// What is left of a stream's message is sent when there is room.
    bool send(const_bytes message, time_point now)
    {
        unsent_.assign(message.begin(), message.end());
        return send_more(now);
    }
    void close(time_point now)
    {
        open_ = false;
        of_.set_owner(id_, nullptr);
        of_.close(id_, now);
    }

    void ready(readiness what, time_point now) override
    {
        if (open_ && any(what & readiness::readable)) receive(now); // first: an answer may have come before a reset
        if (open_ && any(what & readiness::error)) (void)check(of_.take_error(id_), now);
        if (open_ && any(what & readiness::writable) && !unsent_.empty() && !send_more(now)) give_up(now);
    }

private:
    bool is_stream() const noexcept { return of_.type() == socket_type::stream; }
    void give_up(time_point now)
    {
        if (open_) owner_.client_.unreachable(query_, now);
    }
    bool check(const error_code& ec, time_point now)
    {
        if (!ec || would_block(ec)) return true;
        give_up(now);
        return false;
    }
    /// @return false: the socket has failed
    bool send_more(time_point now)
    {
        const std::array<const_bytes, 1> list{const_bytes(unsent_)};
        const auto sent = of_.send(id_, list, nullptr, now);
        if (sent) unsent_.erase(unsent_.begin(), unsent_.begin() + static_cast<std::ptrdiff_t>(*sent));
        return sent || would_block(sent.error());
    }
    void receive(time_point now)
    {
        const std::array<mutable_bytes, 1> into{mutable_bytes(owner_.memory_)};
        while (open_) {
            received_message about;
            const auto got = of_.receive(id_, into, {}, &about, now);
            if (!got) return void(check(got.error(), now));
            const const_bytes octets = const_bytes(owner_.memory_).first(*got);
            if (!is_stream()) {
                owner_.client_.receive_datagram(query_, octets, now);
            } else if (octets.empty()) {
                return give_up(now); // the end of the stream
            } else {
                owner_.client_.receive_stream(query_, octets, now);
            }
        }
    }

    name_client& owner_;
    const client::query_id query_;
    socket_protocol& of_;
    const socket_id id_;
    std::vector<std::byte> unsent_;
    bool open_ = true;
};

name_client::name_client(network& net, const dhcp_clients& configured, socket_protocol& udp, socket_protocol& tcp,
                         random_source& random)
    : net_(net), configured_(configured), udp_(udp), tcp_(tcp), client_(wanted_, *this, random)
{
}

name_client::~name_client() = default;

void name_client::configure(const dns_options& options)
{
    wanted_ = options;
    learned_at_.reset();
    client_.configure(wanted_);
    refresh();
}

/// Learned servers change without notice; they are looked at when they are needed.
void name_client::refresh()
{
    if (!wanted_.servers.empty() || learned_at_ == net_.configurations()) return;
    learned_at_ = net_.configurations();
    dns_options o = wanted_;
    const auto add = [](auto& to, const auto& one) {
        if (std::find(to.begin(), to.end(), one) == to.end()) to.push_back(one);
    };
    for (const auto& i : net_.interfaces().all()) {
        const interface_configuration c = configured_.configuration(i->id());
        for (const address& a : c.dns_servers) add(o.servers, endpoint{a, 0});
        if (wanted_.search.empty())
            for (const std::string& domain : c.search_domains) add(o.search, domain);
    }
    client_.configure(o);
}

client::lookup_id name_client::look_up(std::string_view text, std::vector<dns::record_type> types, client::dns_sink& sink,
                                       time_point now)
{
    refresh();
    return client_.start({client_.candidates(text), std::move(types)}, sink, now);
}

client::lookup_id name_client::query(const dns::name& n, dns::record_type type, client::dns_sink& sink, time_point now)
{
    refresh();
    return client_.start({{n}, {type}}, sink, now);
}

void name_client::cancel(client::lookup_id l, time_point now) { client_.cancel(l, now); }

void name_client::advance(time_point now)
{
    closed_.clear();
    client_.advance(now);
}

bool name_client::deliver(time_point now)
{
    closed_.clear();
    return client_.deliver(now);
}

bool name_client::open(client::query_id q, socket_protocol& of, const endpoint& server, time_point now)
{
    close(q, now);
    memory_.resize(most_received);
    const auto id = of.open(family_of(server.address));
    if (!id) return false;
    const auto failed = of.connect(*id, server, now); // chooses a random port
    if (failed && failed != errno_code(EINPROGRESS)) return of.close(*id, now), false;
    channels_.emplace(q, std::make_unique<channel>(*this, q, of, *id));
    return true;
}

bool name_client::send_datagram(client::query_id q, const endpoint& server, const_bytes message, time_point now)
{
    return open(q, udp_, server, now) && channels_.at(q)->send(message, now);
}

bool name_client::open_stream(client::query_id q, const endpoint& server, const_bytes message, time_point now)
{
    return open(q, tcp_, server, now) && channels_.at(q)->send(message, now);
}

void name_client::close(client::query_id q, time_point now)
{
    const auto at = channels_.find(q);
    if (at == channels_.end()) return;
    at->second->close(now);
    closed_.push_back(std::move(at->second));
    channels_.erase(at);
}

dns_status name_client::status()
{
    refresh();
    dns_status s;
    s.servers = client_.options().servers;
    s.search = client_.options().search;
    s.counters = client_.counters();
    s.cache_entries = client_.cache().size();
    s.cache_octets = client_.cache().octets();
    s.queries = client_.queries();
    return s;
}

} // namespace tapio::core
