/// @file
/// Reads the parts of a DNS message: numbers, names (RFC 1035 §4.1.4), the data of records. Used by wire/dns and wire/mdns, which
/// know what a message is made of.
#pragma once

#include "wire/dns.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>

namespace tapio::core::wire {

/// Reads a message front to back. After a fault it stays where it is, and every read gives nothing.
class dns_reader
{
public:
    explicit dns_reader(const_bytes message) noexcept : all_(message), end_(message.size()) {}

    const std::optional<dns_fault>& fault() const noexcept { return fault_; }
    std::size_t at() const noexcept { return at_; }
    std::size_t left() const noexcept { return end_ - at_; }
    void fail(dns_fault why) noexcept
    {
        if (!fault_) fault_ = why;
    }

    std::uint8_t get_8() noexcept { return has(1) ? std::to_integer<std::uint8_t>(all_[at_++]) : std::uint8_t{0}; }
    std::uint16_t get_16() noexcept
    {
        if (!has(2)) return 0;
        at_ += 2;
        return load_16(&all_[at_ - 2]);
    }
    std::uint32_t get_32() noexcept
    {
        if (!has(4)) return 0;
        at_ += 4;
        return load_32(&all_[at_ - 4]);
    }
    const_bytes get(std::size_t n) noexcept
    {
        if (!has(n)) return {};
        at_ += n;
        return all_.subspan(at_ - n, n);
    }
    dns::name get_name();

    /// The data of a record: reads end there until leave(), which requires that all of it was read.
    void enter(std::size_t size) noexcept
    {
        if (!has(size)) return;
        end_ = at_ + size;
        inside_ = true;
    }
    void leave() noexcept
    {
        if (at_ != end_) fail(dns_fault::bad_data);
        end_ = all_.size();
        inside_ = false;
    }
    dns_fault too_short() const noexcept { return inside_ ? dns_fault::bad_data : dns_fault::truncated; }

private:
    bool has(std::size_t n) noexcept
    {
        if (n > left()) fail(too_short());
        return !fault_;
    }

    const_bytes all_;
    std::size_t at_ = 0;
    std::size_t end_;
    bool inside_ = false; ///< the data of a record
    std::optional<dns_fault> fault_;
};

/// Precondition: enter() was called for the data of a record of class IN.
dns::record_data read_dns_data(dns_reader& in, dns::record_type type);

} // namespace tapio::core::wire
