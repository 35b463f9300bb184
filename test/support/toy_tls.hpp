/// @file
/// A secure_stream for tests that need no cryptography.
#pragma once

#include <tapio/core/secure_stream.hpp>

#include <cerrno>
#include <string>
#include <utility>
#include <vector>

namespace tapio::test {

/// "Encrypts" by an XOR of each octet. The handshake is one '!' each way; another octet is an impostor's. '#' is a record that
/// cannot be decrypted, '.' the end.
class toy_tls final : public core::secure_stream
{
public:
    /// @param closed set when close() is called; may be null
    explicit toy_tls(bool* closed = nullptr) : closed_(closed) { out_.push_back(std::byte{'!'}); }

    core::error_code receive(core::const_bytes in, std::vector<std::byte>& plaintext) override
    {
        for (const std::byte b : in) {
            if (b == std::byte{'#'}) return failure_ = "a bad record", core::errno_code(EPROTO);
            if (b == std::byte{'.'}) {
                ended_ = true;
            } else if (!std::exchange(established_, true)) {
                if (b != std::byte{'!'}) return failure_ = "an impostor", core::errno_code(EPROTO);
                (void)send(std::exchange(early_, {}));
            } else {
                plaintext.push_back(b ^ std::byte{0x80});
            }
        }
        return {};
    }
    core::error_code send(core::const_bytes plaintext) override
    {
        for (const std::byte b : plaintext) (established_ ? out_ : early_).push_back(established_ ? b ^ std::byte{0x80} : b);
        return {};
    }
    void take_output(std::vector<std::byte>& o) override
    {
        o.insert(o.end(), out_.begin(), out_.end());
        out_.clear();
    }
    void close() override
    {
        if (closed_ != nullptr) *closed_ = true;
        out_.push_back(std::byte{'.'});
    }
    bool has_ended() const override { return ended_; }
    std::string failure() const override { return failure_; }

private:
    bool* const closed_;
    std::vector<std::byte> out_, early_;
    bool established_ = false, ended_ = false;
    std::string failure_;
};

inline std::vector<std::byte> hidden(std::vector<std::byte> o)
{
    for (std::byte& b : o) b ^= std::byte{0x80};
    return o;
}

} // namespace tapio::test
