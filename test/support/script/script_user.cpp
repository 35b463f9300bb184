// The user's side of a script: socket calls, and the openings of packet_script.
#include "support/script/script.hpp"

namespace tapio::test {

script& script::peer(std::uint16_t port)
{
    peer_port_ = port;
    return *this;
}

script& script::new_incarnation(std::uint32_t peer_isn)
{
    current() = conversation{};
    current().peer_isn = peer_isn;
    return *this;
}

std::string script::octets(std::uint32_t seq, std::size_t size) const
{
    std::string out(size, 0);
    for (std::size_t i = 0; i < size; ++i) {
        const std::uint64_t x = (seq + i) * 0x9e3779b97f4a7c15U;
        out[i] = static_cast<char>('a' + (x >> 32) % 26);
    }
    return out;
}

std::uint32_t script::our_isn() const
{
    const auto at = conversations_.find(peer_port_);
    return at == conversations_.end() ? 0 : at->second.our_isn.value_or(0);
}

std::uint32_t script::peer_isn() const
{
    const auto at = conversations_.find(peer_port_);
    return at == conversations_.end() ? default_isn : at->second.peer_isn;
}

script_socket script::open() { return {*this, host().tcp().open(test_family()).value()}; }

script_socket script::listen(int backlog)
{
    const script_socket s = open();
    EXPECT_FALSE(host().tcp().bind(s.id(), local()));
    EXPECT_FALSE(host().tcp().listen(s.id(), backlog, now_));
    note(stamp(now_) + " * listen");
    return s;
}

script_socket script::connect()
{
    const script_socket s = open();
    EXPECT_FALSE(host().tcp().bind(s.id(), local()));
    note(stamp(now_) + " * connect");
    EXPECT_EQ(host().tcp().connect(s.id(), remote(), now_), errno_code(EINPROGRESS));
    drive();
    return s;
}

void script::sent_by_user(tcp_id id, const std::string& octets)
{
    note(stamp(now_) + " * send " + std::to_string(octets.size()));
    const auto to = host().tcp().remote_endpoint(id);
    conversations_[to ? to->port : peer_port_].written += octets;
}

std::size_t script_socket::send(const std::string& octets)
{
    const std::array<const_bytes, 1> from{std::as_bytes(std::span(octets))};
    const auto n = script_->host().tcp().send(id_, from, script_->now());
    if (n) script_->sent_by_user(id_, octets.substr(0, *n));
    script_->drive();
    return n ? *n : 0;
}

std::size_t script_socket::send(std::size_t size) { return send(script_->octets(7, size)); }

std::size_t script_socket::send_urgent(const std::string& octets)
{
    const std::array<const_bytes, 1> from{std::as_bytes(std::span(octets))};
    const auto n = script_->host().tcp().send(id_, from, script_->now(), {.urgent = true});
    if (n) script_->sent_by_user(id_, octets.substr(0, *n));
    script_->drive();
    return n ? *n : 0;
}

std::string script_socket::receive_urgent()
{
    char octet = 0;
    const std::array<mutable_bytes, 1> into{std::as_writable_bytes(std::span(&octet, 1))};
    const auto n = script_->host().tcp().receive(id_, into, {.out_of_band = true}, script_->now());
    script_->drive();
    return n && *n == 1 ? std::string(1, octet) : std::string();
}

bool script_socket::at_mark() const { return script_->host().tcp().at_mark(id_); }

std::string script_socket::receive(std::size_t size)
{
    std::string out(size, 0);
    const std::array<mutable_bytes, 1> into{std::as_writable_bytes(std::span(out))};
    const auto n = script_->host().tcp().receive(id_, into, {}, script_->now());
    out.resize(n ? *n : 0);
    script_->drive();
    return out;
}

error_code script_socket::receive_error()
{
    char octet = 0;
    const std::array<mutable_bytes, 1> into{std::as_writable_bytes(std::span(&octet, 1))};
    const auto n = script_->host().tcp().receive(id_, into, {}, script_->now());
    script_->drive();
    return n ? error_code{} : n.error();
}

bool script_socket::at_end()
{
    char octet = 0;
    const std::array<mutable_bytes, 1> into{std::as_writable_bytes(std::span(&octet, 1))};
    const auto n = script_->host().tcp().receive(id_, into, {}, script_->now());
    script_->drive();
    return n && *n == 0;
}

error_code script_socket::shutdown(shutdown_type how)
{
    const error_code e = script_->host().tcp().shutdown(id_, how, script_->now());
    script_->drive();
    return e;
}

void script_socket::close()
{
    script_->host().tcp().close(id_, script_->now());
    script_->drive();
}

void script_socket::abort()
{
    set(socket_option::linger, 0);
    close();
}

void script_socket::set(socket_option o, int value)
{
    EXPECT_FALSE(script_->host().tcp().set_option(id_, o, value, script_->now()));
    script_->drive();
}

tcp_info script_socket::info() const
{
    const auto i = script_->host().tcp().info(id_, script_->now());
    return i ? *i : tcp_info{};
}

error_code script_socket::error() { return script_->host().tcp().take_error(id_); }

readiness script_socket::poll() const { return script_->host().tcp().poll(id_); }

bool script_socket::gone() const
{
    const auto i = script_->host().tcp().info(id_, script_->now());
    return !i && i.error() == errno_code(EBADF);
}

script_socket script_socket::accept()
{
    endpoint peer;
    const auto id = script_->host().tcp().accept(id_, peer, script_->now());
    script_->drive();
    return id ? script_socket(*script_, *id) : script_socket();
}

script_socket packet_script::open_passive(const std::string& syn)
{
    script_socket listener = wire.listen();
    wire.in(syn).out("S. 0:0(0) ack 1");
    wire.in(". 1:1(0) ack 1").out_nothing();
    script_socket s = listener.accept();
    EXPECT_TRUE(s);
    return s;
}

script_socket packet_script::open_active(const std::string& syn_ack)
{
    script_socket s = wire.connect();
    wire.out("S 0:0(0)").in(syn_ack).out(". 1:1(0) ack 1");
    EXPECT_EQ(s.state(), tcp_state::established);
    return s;
}

} // namespace tapio::test
