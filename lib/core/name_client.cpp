#include "core/name_client.hpp"

#include "client/mdns_names.hpp"

#include <tapio/core/secure_stream.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace tapio::core {

namespace {

constexpr std::size_t most_received = 65535; ///< octets

bool would_block(const error_code& ec) { return ec == errno_code(EAGAIN) || ec == errno_code(EWOULDBLOCK); }

/// A socket that is connected to `server`, or about to be. Its port is random.
std::optional<socket_id> connected_socket(socket_protocol& of, const endpoint& server, time_point now)
{
    const auto id = of.open(family_of(server.address));
    if (!id) return std::nullopt;
    const auto failed = of.connect(*id, server, now);
    if (!failed || failed == errno_code(EINPROGRESS)) return *id;
    of.close(*id, now);
    return std::nullopt;
}

} // namespace

/// The UDP socket of a query.
class name_client::channel final : public event_sink
{
public:
    channel(name_client& owner, client::query_id q, socket_protocol& of, socket_id id)
        : owner_(owner), query_(q), of_(of), id_(id)
    {
        of_.set_owner(id_, this);
    }

    /// What finds no room is sent when there is some.
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
        if (sent) unsent_.clear();
        return sent || would_block(sent.error());
    }
    void receive(time_point now)
    {
        const std::array<mutable_bytes, 1> into{mutable_bytes(owner_.memory_)};
        while (open_) {
            const auto got = of_.receive(id_, into, {}, nullptr, now);
            if (!got) return void(check(got.error(), now));
            owner_.client_.receive_datagram(query_, const_bytes(owner_.memory_).first(*got), now);
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

void name_client::configure(const dns_options& options, mdns_node* multicast)
{
    wanted_ = options;
    for (const auto& c : connections_) c->stream().retire();
    asks_multicast_ = multicast != nullptr;
    if (asks_multicast_) multicast_ = multicast;
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

/// RFC 6762 §3 and §4. Special names (RFC 6761) are never asked for.
bool name_client::is_for_multicast(const dns::name& n) const
{
    if (!asks_multicast_ || client::special_answer(n, dns::record_type::a)) return false;
    return wanted_.mdns == mdns_use::all_names || client::is_link_local_name(n);
}

client::lookup_id name_client::look_up(std::string_view text, std::vector<dns::record_type> types, client::dns_sink& sink,
                                       time_point now)
{
    const auto given = dns::name::parse(text);
    if (given && is_for_multicast(*given)) return multicast_->look_up(*given, types, wanted_.timeout, sink, now);
    refresh();
    auto names = client_.candidates(text);
    std::erase_if(names, [this](const dns::name& n) { return is_for_multicast(n); }); // no server is asked for these
    return client_.start({std::move(names), std::move(types)}, sink, now);
}

client::lookup_id name_client::query(const dns::name& n, dns::record_type type, client::dns_sink& sink, time_point now)
{
    if (is_for_multicast(n)) return multicast_->look_up(n, {type}, wanted_.timeout, sink, now);
    refresh();
    return client_.start({{n}, {type}}, sink, now);
}

void name_client::cancel(client::lookup_id l, time_point now)
{
    if (!mdns_node::is_lookup(l))
        client_.cancel(l, now);
    else if (multicast_ != nullptr)
        multicast_->cancel(l);
}

void name_client::advance(time_point now)
{
    closed_.clear();
    ended_.clear();
    client_.advance(now);
    for (std::size_t i = connections_.size(); i-- > 0;)
        if (connections_[i]->stream().idle_at() <= now) (void)take_down(*connections_[i], now);
}

time_point name_client::next_deadline() const noexcept
{
    time_point at = client_.next_deadline();
    for (const auto& c : connections_) at = std::min(at, c->stream().idle_at());
    return at;
}

bool name_client::deliver(time_point now)
{
    closed_.clear();
    ended_.clear();
    return client_.deliver(now);
}

bool name_client::send_datagram(client::query_id q, const endpoint& server, const_bytes message, time_point now)
{
    close(q, now);
    memory_.resize(most_received);
    const auto id = connected_socket(udp_, server, now);
    if (!id) return false;
    return channels_.emplace(q, std::make_unique<channel>(*this, q, udp_, *id)).first->second->send(message, now);
}

bool name_client::open_stream(client::query_id q, const endpoint& server, const_bytes message, time_point now)
{
    return send(q, {server, false}, message, now);
}

bool name_client::open_secure(client::query_id q, const endpoint& server, const_bytes message, time_point now)
{
    return send(q, {{server.address, wanted_.tls_port}, true}, message, now);
}

void name_client::close(client::query_id q, time_point now)
{
    if (const auto at = connection_of_.find(q); at != connection_of_.end()) {
        at->second->stream().leave(q, now);
        connection_of_.erase(at);
    }
    if (const auto at = channels_.find(q); at != channels_.end()) {
        at->second->close(now);
        closed_.push_back(std::move(at->second));
        channels_.erase(at);
    }
}

// -- connections ------------------------------------------------------------------------------------------------------------

bool name_client::send(client::query_id q, const name_connection::place& to, const_bytes message, time_point now)
{
    close(q, now);
    name_connection* const c = connection_to(to, now);
    return c != nullptr && give(*c, q, message, now);
}

bool name_client::give(name_connection& c, client::query_id q, const_bytes message, time_point now)
{
    connection_of_[q] = &c;
    if (c.send(q, message, now)) return true;
    close(q, now);
    return false;
}

/// The queries of a connection that responds no more go on by a new one. Those for which that fails time out.
name_connection* name_client::connection_to(const name_connection::place& to, time_point now)
{
    const auto at = std::find_if(connections_.begin(), connections_.end(),
                                 [&](const auto& c) { return c->to() == to && !c->stream().is_retired(); });
    if (at == connections_.end()) return connect(to, now);
    if ((*at)->stream().is_usable(now)) return at->get();
    const auto unanswered = take_down(**at, now);
    name_connection* const other = connect(to, now);
    for (const auto& m : unanswered)
        if (other != nullptr) (void)give(*other, m.query, m.octets, now);
    return other;
}

name_connection* name_client::connect(const name_connection::place& to, time_point now)
{
    std::unique_ptr<secure_stream> security;
    if (to.secure && !(wanted_.tls && (security = wanted_.tls->connect(to.server)))) {
        tls_failure_ = "neither a name nor a pin of the server is known, by which it could prove its identity";
        return nullptr;
    }
    const auto id = connected_socket(tcp_, to.server, now);
    if (!id) return nullptr;
    (void)tcp_.set_option(*id, socket_option::no_delay, 1, now);  // else a query would wait for the ACK of the one before
    (void)tcp_.set_option(*id, socket_option::quick_ack, 1, now); // else a response would: servers have Nagle's algorithm, too
    client::dns_stream stream(std::move(security), wanted_.idle_timeout, now);
    name_connection::owner& self = *this;
    connections_.push_back(std::make_unique<name_connection>(self, tcp_, *id, to, std::move(stream)));
    return connections_.back().get();
}

/// Closes the connection. @return the queries that still wait for a response
std::vector<client::dns_stream::message> name_client::take_down(name_connection& c, time_point now)
{
    auto unanswered = c.stream().take_unanswered();
    for (const auto& m : unanswered) connection_of_.erase(m.query);
    c.close(now);
    const auto at = std::find_if(connections_.begin(), connections_.end(), [&](const auto& x) { return x.get() == &c; });
    ended_.push_back(std::move(*at));
    connections_.erase(at);
    return unanswered;
}

void name_client::responded(client::query_id q, const_bytes octets, time_point now) { client_.receive_stream(q, octets, now); }

/// The server may close a connection at any time. If it has answered there, its other queries are sent once more (RFC 7766
/// §6.2.4): as each new connection answers at least one, that ends.
void name_client::ended(name_connection& c, time_point now)
{
    const bool useful = c.stream().has_answered();
    if (c.to().secure && !useful)
        tls_failure_ =
            c.stream().failure().empty() ? "the server refuses the connection, or has closed it" : c.stream().failure();
    const auto unanswered = take_down(c, now);
    name_connection* const other = useful && !unanswered.empty() ? connect(c.to(), now) : nullptr;
    std::vector<client::query_id> lost;
    for (const auto& m : unanswered)
        if (other == nullptr || !give(*other, m.query, m.octets, now)) lost.push_back(m.query);
    for (const client::query_id q : lost) client_.unreachable(q, now);
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
    s.connections = connections_.size();
    s.tls_failure = tls_failure_;
    return s;
}

} // namespace tapio::core
