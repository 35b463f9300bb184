/// @file
/// Emits the parts of a DNS message: numbers, names, the data of records. Used by wire/dns and wire/mdns.
#pragma once

#include "wire/dns.hpp"

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace tapio::core::wire {

class dns_writer
{
public:
    dns_writer() { out_.reserve(usual_size); }

    void put_8(unsigned v) { out_.push_back(static_cast<std::byte>(v)); }
    void put_16(unsigned v)
    {
        put_8(v >> 8 & 255);
        put_8(v & 255);
    }
    void put_32(std::uint32_t v)
    {
        put_16(v >> 16);
        put_16(v & 0xffff);
    }
    void put(const_bytes octets) { out_.insert(out_.end(), octets.begin(), octets.end()); }
    void put(const std::string& s) { put(std::as_bytes(std::span(s))); }
    void put_name(const dns::name& n, bool compress);
    void put_data(const dns::record& r); ///< with its length before it
    void set_16(std::size_t at, unsigned v) { store_16(&out_[at], static_cast<std::uint16_t>(v)); }
    unsigned get_16(std::size_t at) const { return load_16(&out_[at]); }
    std::size_t size() const noexcept { return out_.size(); }
    /// Removes what was written behind `size`.
    void cut(std::size_t size)
    {
        out_.resize(size);
        while (!names_.empty() && names_.back().at >= size) names_.pop_back();
    }
    std::vector<std::byte> take() && { return std::move(out_); }

private:
    static constexpr std::size_t usual_size = 256; ///< octets

    struct place
    {
        std::string labels; ///< of a name or of the end of one
        std::size_t at;
    };

    std::vector<std::byte> out_;
    std::vector<place> names_; ///< in the order of their places
};

} // namespace tapio::core::wire
