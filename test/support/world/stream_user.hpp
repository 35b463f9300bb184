/// @file
/// Users of TCP in a world: one that sends a given number of octets and reads to the end of the stream, and one that accepts
/// connections for such users.
#pragma once

#include "support/world/world.hpp"

#include <functional>
#include <memory>
#include <vector>

namespace tapio::test {

/// The octet at a position of a stream; `salt` distinguishes streams. Its period is not a multiple of 2^8 or of any MSS.
inline std::byte octet_at(std::uint64_t position, std::uint64_t salt) noexcept
{
    const std::uint64_t x = (position + salt * 0x51ed2701) * 0x9e3779b97f4a7c15U;
    return static_cast<std::byte>(x >> 56);
}

/// Sends `to_send` octets, half-closes, reads to the end, closes.
class stream_user : public agent
{
public:
    struct plan
    {
        std::uint64_t to_send = 0;     ///< octets
        std::uint64_t salt = 0;        ///< of the octets sent
        std::uint64_t peer_salt = 1;   ///< of the octets expected
        std::size_t read_size = 65536; ///< octets per call
        std::size_t write_size = 65536;
        bool close_after_sending = true; ///< half-closes after all octets are written
        bool reading = true;             ///< if set later, ready() must be called
    };

    stream_user(host& h, tcp_id id, const plan& p) : plan_(p), host_(h), id_(id) { host_.tcp().set_owner(id_, this); }

    void ready(readiness what, time_point now) override;

    tcp_id id() const noexcept { return id_; }
    bool finished() const noexcept { return closed_; }    ///< has sent all, read to the end, and closed
    error_code error() const noexcept { return error_; }  ///< error of the first call that failed
    std::uint64_t sent() const noexcept { return sent_; } ///< octets accepted by send()
    std::uint64_t received() const noexcept { return received_; }
    bool end_of_stream() const noexcept { return end_; }
    bool wrong_octets() const noexcept { return wrong_; } ///< an octet received was not the expected one
    tcp_info info(time_point now) const
    {
        const auto i = host_.tcp().info(id_, now);
        return i ? *i : tcp_info{};
    }

    plan plan_;

private:
    void write(time_point now);
    void read(time_point now);
    void failed(error_code why, time_point now);

    host& host_;
    tcp_id id_;
    std::uint64_t sent_ = 0, received_ = 0;
    bool shut_ = false, end_ = false, wrong_ = false, closed_ = false;
    error_code error_;
};

/// Accepts all connections, with the same plan for each.
class acceptor_user : public agent
{
public:
    acceptor_user(host& h, const endpoint& at, int backlog, const stream_user::plan& p, time_point now);

    void ready(readiness what, time_point now) override;
    const std::vector<std::unique_ptr<stream_user>>& users() const noexcept { return users_; }

private:
    host& host_;
    tcp_id id_;
    stream_user::plan plan_;
    std::vector<std::unique_ptr<stream_user>> users_;
};

/// Opens a socket and starts to connect it.
tcp_id start_connect(host& h, const endpoint& to, time_point now);

endpoint make_endpoint(const std::string& address, std::uint16_t port);

} // namespace tapio::test
