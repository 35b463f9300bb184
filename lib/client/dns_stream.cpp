#include "client/dns_stream.hpp"

#include "wire/header.hpp"

#include <cerrno>
#include <utility>

namespace tapio::core::client {

namespace {

constexpr std::size_t length_size = 2, id_size = 2; // octets

/// TCP alone.
class no_security final : public secure_stream
{
public:
    error_code receive(const_bytes octets, std::vector<std::byte>& plaintext) override
    {
        plaintext.insert(plaintext.end(), octets.begin(), octets.end());
        return {};
    }
    error_code send(const_bytes plaintext) override
    {
        out_.insert(out_.end(), plaintext.begin(), plaintext.end());
        return {};
    }
    void take_output(std::vector<std::byte>& octets) override
    {
        octets.insert(octets.end(), out_.begin(), out_.end());
        out_.clear();
    }
    void close() override {}
    bool has_ended() const override { return false; }
    std::string failure() const override { return {}; }

private:
    std::vector<std::byte> out_;
};

} // namespace

dns_stream::dns_stream(std::unique_ptr<secure_stream> security, duration idle_timeout, time_point now)
    : security_(security ? std::move(security) : std::make_unique<no_security>()),
      idle_timeout_(idle_timeout),
      quiet_since_(now),
      idle_since_(now)
{
    security_->take_output(unsent_);
}

bool dns_stream::is_usable(time_point now) const noexcept
{
    const bool silent = !unanswered_.empty() && now - quiet_since_ >= patience;
    return !broken_ && !silent;
}

/// In order, as there is nothing to guess: identifiers protect datagrams.
std::uint16_t dns_stream::unused_id() noexcept
{
    do ++last_id_;
    while (unanswered_.contains(last_id_)); // most_unanswered is far below their number
    return last_id_;
}

bool dns_stream::send(query_id q, const_bytes with_length, time_point now)
{
    if (broken_ || unanswered_.size() >= most_unanswered) return false;
    unanswered u{q, wire::load_16(with_length.data() + length_size), {with_length.begin(), with_length.end()}};
    const std::uint16_t id = unused_id();
    std::vector<std::byte> octets = u.octets;
    wire::store_16(octets.data() + length_size, id);
    if (unanswered_.empty()) quiet_since_ = now;
    unanswered_.emplace(id, std::move(u));
    by_query_[q] = id;
    broken_ = security_->send(octets).failed();
    security_->take_output(unsent_);
    return !broken_;
}

/// The identifier stays in use until the server has responded to it.
void dns_stream::leave(query_id q, time_point now)
{
    std::erase_if(responses_, [q](const message& m) { return m.query == q; });
    const auto at = by_query_.find(q);
    if (at == by_query_.end()) return;
    unanswered_[at->second] = {};
    by_query_.erase(at);
    idle_since_ = now;
}

error_code dns_stream::receive(const_bytes octets, time_point now)
{
    if (broken_) return errno_code(EPROTO);
    error_code failed = security_->receive(octets, received_);
    security_->take_output(unsent_);
    const error_code nonsense = take_messages(now); // an error may have come behind good messages
    if (!failed) failed = nonsense;
    if (!failed && security_->has_ended()) failed = errno_code(ECONNRESET);
    broken_ = failed.failed();
    return failed;
}

error_code dns_stream::take_messages(time_point now)
{
    std::size_t at = 0;
    error_code failed;
    while (!failed && received_.size() - at >= length_size) {
        const std::size_t size = wire::load_16(received_.data() + at);
        if (received_.size() - at - length_size < size) break;
        const const_bytes whole = const_bytes(received_).subspan(at, length_size + size);
        at += whole.size();
        const auto answers = size < id_size ? unanswered_.end() : unanswered_.find(wire::load_16(whole.data() + length_size));
        if (answers == unanswered_.end()) {
            failed = errno_code(EPROTO); // it answers nothing that was asked
            break;
        }
        const unanswered u = std::move(answers->second);
        unanswered_.erase(answers);
        quiet_since_ = now;
        answered_ = true;
        if (u.query == 0) continue;
        message m{u.query, {whole.begin(), whole.end()}};
        wire::store_16(m.octets.data() + length_size, u.id);
        by_query_.erase(u.query);
        idle_since_ = now;
        responses_.push_back(std::move(m));
    }
    received_.erase(received_.begin(), received_.begin() + static_cast<std::ptrdiff_t>(at));
    return failed;
}

std::optional<dns_stream::message> dns_stream::next_response()
{
    if (responses_.empty()) return std::nullopt;
    message m = std::move(responses_.front());
    responses_.pop_front();
    return m;
}

void dns_stream::close()
{
    if (broken_) return;
    security_->close();
    security_->take_output(unsent_);
    broken_ = true;
}

std::vector<dns_stream::message> dns_stream::take_unanswered()
{
    std::vector<message> out;
    for (auto& [id, u] : unanswered_)
        if (u.query != 0) out.push_back({u.query, std::move(u.octets)});
    unanswered_.clear();
    by_query_.clear();
    return out;
}

} // namespace tapio::core::client
