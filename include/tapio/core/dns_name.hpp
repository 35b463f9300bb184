/// @file
/// Domain names (RFC 1034 §3.1, RFC 1035 §2.3.4 and §3.1): labels of 1 to 63 octets, together at most 255 octets on the wire. Any
/// octet may occur in a label (RFC 2181 §11). Case is kept, and ignored by comparisons (RFC 4343).
#pragma once

#include <tapio/core/config.hpp>
#include <tapio/core/slice.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#pragma GCC visibility push(default)

namespace tapio::core::dns {

/// A complete domain name: there is no relative one. Plain functions of values: no lock, no exception but std::bad_alloc.
class name
{
public:
    static constexpr std::size_t longest = 255;      ///< octets on the wire, the root's length octet included
    static constexpr std::size_t longest_label = 63; ///< octets

    name() noexcept = default; ///< the root

    /// From the presentation format (RFC 1035 §5.1): "www.example.com", with or without a final dot; "." is the root; `\.`, `\\`
    /// and `\DDD` (decimal) stand for octets that would mean something else.
    /// @return none: an empty label or text, a label or name that is too long, a `\` without what must follow
    static std::optional<name> parse(std::string_view text);
    /// The presentation format, without a final dot; the root is ".".
    std::string to_string() const;

    /// Labels with their length octets, without the root's; what the wire has, but never compressed.
    const std::string& labels() const noexcept { return labels_; }
    /// @return none: `labels` is not such a sequence, or too long
    static std::optional<name> of_labels(std::string labels);
    std::size_t wire_size() const noexcept { return labels_.size() + 1; } ///< octets, uncompressed
    std::size_t count() const noexcept;                                   ///< labels; of the root: 0
    bool is_root() const noexcept { return labels_.empty(); }

    std::string_view first_label() const noexcept;           ///< without its length octet; empty for the root
    name parent() const;                                     ///< without the first label; of the root: the root
    bool is_below(const name& ancestor) const noexcept;      ///< or equal to it
    std::optional<name> operator+(const name& suffix) const; ///< none: too long
    name lower_case() const;
    bool same_case(const name& other) const noexcept { return labels_ == other.labels_; } ///< equal, case included

    friend bool operator==(const name& a, const name& b) noexcept;
    /// An order for maps; not the canonical one of RFC 4034.
    friend bool operator<(const name& a, const name& b) noexcept;

private:
    explicit name(std::string labels) noexcept : labels_(std::move(labels)) {}

    std::string labels_;
};

} // namespace tapio::core::dns

#pragma GCC visibility pop
