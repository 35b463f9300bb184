#include "base/bpf.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

namespace tapio::core {

namespace {
namespace bpf {

// The fields of an instruction's code.
constexpr unsigned class_mask = 0x07, source_x = 0x08, operation_mask = 0xf0, size_mask = 0x18, mode_mask = 0xe0;
// Classes.
constexpr unsigned ld = 0, ldx = 1, st = 2, stx = 3, alu = 4, jmp = 5, ret = 6, misc = 7;
// Sizes of loads, and their modes. header_length: 4 * the lower half of an octet, IPv4's header length.
constexpr unsigned word = 0x00, half = 0x08, octet = 0x10;
constexpr unsigned immediate = 0x00, absolute = 0x20, indexed = 0x40, memory = 0x60, length = 0x80, header_length = 0xa0;
// Operations of alu.
constexpr unsigned op_add = 0x00, op_subtract = 0x10, op_multiply = 0x20, op_divide = 0x30, op_or = 0x40, op_and = 0x50;
constexpr unsigned op_shift_left = 0x60, op_shift_right = 0x70, op_negate = 0x80, op_modulo = 0x90, op_xor = 0xa0;
// Operations of jmp.
constexpr unsigned jump_always = 0x00, jump_equal = 0x10, jump_greater = 0x20, jump_greater_equal = 0x30, jump_any_bit = 0x40;
constexpr unsigned return_accumulator = 0x10, x_to_a = 0x80;

constexpr std::uint32_t first_ancillary = 0xffff'f000; // Linux's SKF_AD_OFF

bool is_load(unsigned code) noexcept
{
    switch (code) {
    case ld | immediate:
    case ld | memory:
    case ld | length:
    case ldx | immediate:
    case ldx | memory:
    case ldx | length:
    case ldx | octet | header_length: return true;
    default: break;
    }
    const unsigned mode = code & mode_mask;
    return code <= 0xff && (code & class_mask) == ld && (mode == absolute || mode == indexed) && (code & size_mask) <= octet;
}

bool is_arithmetic(const bpf_instruction& i) noexcept
{
    const unsigned op = i.code & operation_mask;
    const bool by_x = (i.code & source_x) != 0;
    if ((i.code & ~(class_mask | source_x | operation_mask)) != 0 || op > op_xor) return false;
    switch (op) {
    case op_negate: return !by_x;
    case op_divide:
    case op_modulo: return by_x || i.k != 0;
    case op_shift_left:
    case op_shift_right: return by_x || i.k < 32;
    default: return true;
    }
}

/// @param left instructions behind this one
bool is_jump(const bpf_instruction& i, std::size_t left) noexcept
{
    const unsigned op = i.code & operation_mask;
    if ((i.code & ~(class_mask | source_x | operation_mask)) != 0 || op > jump_any_bit) return false;
    if (op == jump_always) return (i.code & source_x) == 0 && i.k < left;
    return i.if_true < left && i.if_false < left;
}

bool uses_memory(unsigned code) noexcept { return code == (ld | memory) || code == (ldx | memory) || code == st || code == stx; }

/// @param left instructions behind this one
bool is_valid(const bpf_instruction& i, std::size_t left) noexcept
{
    if (uses_memory(i.code) && i.k >= bpf_program::memory_words) return false;
    switch (i.code & class_mask) {
    case ld:
    case ldx: return is_load(i.code) && !((i.code & mode_mask) == absolute && i.k >= first_ancillary);
    case st: return i.code == st;
    case stx: return i.code == stx;
    case alu: return is_arithmetic(i);
    case jmp: return is_jump(i, left);
    case ret: return i.code == ret || i.code == (ret | return_accumulator);
    default: return i.code == misc || i.code == (misc | x_to_a);
    }
}

/// Each word of memory is written before it is read, on every way through the program. Precondition: all instructions are valid
bool writes_before_reading(std::span<const bpf_instruction> code)
{
    constexpr std::uint16_t all = 0xffff;
    std::vector<std::uint16_t> written(code.size(), all); // words, when the instruction begins; of all ways to it
    written[0] = 0;
    for (std::size_t at = 0; at < code.size(); ++at) {
        const bpf_instruction& i = code[at];
        std::uint16_t now = written[at];
        const auto go_to = [&](std::size_t next) { written[next] = static_cast<std::uint16_t>(written[next] & now); };
        if (i.code == st || i.code == stx) now = static_cast<std::uint16_t>(now | 1U << i.k);
        if ((i.code == (ld | memory) || i.code == (ldx | memory)) && (now >> i.k & 1) == 0) return false;
        switch (i.code & class_mask) {
        case ret: break;
        case jmp:
            if ((i.code & operation_mask) == jump_always) {
                go_to(at + 1 + i.k);
            } else {
                go_to(at + 1 + i.if_true);
                go_to(at + 1 + i.if_false);
            }
            break;
        default: go_to(at + 1);
        }
    }
    return true;
}

/// The number at an offset, most significant octet first; none if the packet ends before.
template <std::size_t Size>
std::optional<std::uint32_t> load(const_bytes packet, std::uint64_t at) noexcept
{
    if (at + Size > packet.size()) return std::nullopt;
    std::uint32_t value = 0;
    for (std::size_t n = 0; n < Size; ++n) value = value << 8 | std::to_integer<std::uint32_t>(packet[at + n]);
    return value;
}

/// @param at an offset of up to 33 bits: a sum that exceeds 32 bits is behind the end of any packet
std::optional<std::uint32_t> load(unsigned size, const_bytes packet, std::uint64_t at) noexcept
{
    switch (size) {
    case word: return load<4>(packet, at);
    case half: return load<2>(packet, at);
    default: return load<1>(packet, at);
    }
}

/// @return none: a division by 0
std::optional<std::uint32_t> compute(unsigned op, std::uint32_t a, std::uint32_t b) noexcept
{
    switch (op) {
    case op_add: return a + b;
    case op_subtract: return a - b;
    case op_multiply: return a * b;
    case op_divide: return b == 0 ? std::nullopt : std::optional(a / b);
    case op_modulo: return b == 0 ? std::nullopt : std::optional(a % b);
    case op_or: return a | b;
    case op_and: return a & b;
    case op_xor: return a ^ b;
    case op_shift_left: return b < 32 ? a << b : 0;
    case op_shift_right: return b < 32 ? a >> b : 0;
    default: return 0 - a; // negate
    }
}

bool holds(unsigned op, std::uint32_t a, std::uint32_t b) noexcept
{
    switch (op) {
    case jump_equal: return a == b;
    case jump_greater: return a > b;
    case jump_greater_equal: return a >= b;
    default: return (a & b) != 0;
    }
}

struct registers
{
    std::uint32_t a = 0, x = 0;
    std::array<std::uint32_t, bpf_program::memory_words> words{};
};

/// @return none: a load behind the end of the packet
std::optional<std::uint32_t> loaded(const bpf_instruction& i, const registers& r, const_bytes packet, std::size_t whole) noexcept
{
    switch (i.code & mode_mask) {
    case immediate: return i.k;
    case memory: return r.words[i.k];
    case length: return static_cast<std::uint32_t>(whole);
    case absolute: return load(i.code & size_mask, packet, i.k);
    case indexed: return load(i.code & size_mask, packet, std::uint64_t{r.x} + i.k);
    default: break;
    }
    const auto first = load<1>(packet, i.k);
    return first ? std::optional((*first & 0xf) * 4) : std::nullopt;
}

} // namespace bpf
} // namespace

result<bpf_program> bpf_program::make(std::span<const bpf_instruction> code)
{
    using namespace bpf;
    if (code.empty() || code.size() > longest) return errno_code(EINVAL);
    for (std::size_t at = 0; at < code.size(); ++at)
        if (!is_valid(code[at], code.size() - 1 - at)) return errno_code(EINVAL);
    if ((code.back().code & class_mask) != ret || !writes_before_reading(code)) return errno_code(EINVAL);
    return bpf_program(code);
}

std::size_t bpf_program::run(const_bytes packet, std::size_t whole_size) const noexcept
{
    using namespace bpf;
    registers r;
    for (std::size_t at = 0;; ++at) {
        const bpf_instruction& i = code_[at];
        const std::uint32_t operand = (i.code & source_x) != 0 ? r.x : i.k;
        switch (i.code & class_mask) {
        case ld:
        case ldx: {
            const auto value = loaded(i, r, packet, whole_size);
            if (!value) return 0;
            ((i.code & class_mask) == ld ? r.a : r.x) = *value;
            break;
        }
        case st: r.words[i.k] = r.a; break;
        case stx: r.words[i.k] = r.x; break;
        case alu: {
            const auto value = compute(i.code & operation_mask, r.a, operand);
            if (!value) return 0;
            r.a = *value;
            break;
        }
        case jmp:
            if ((i.code & operation_mask) == jump_always) {
                at += i.k;
            } else {
                at += holds(i.code & operation_mask, r.a, operand) ? i.if_true : i.if_false;
            }
            break;
        case ret: return i.code == ret ? i.k : r.a;
        default: i.code == misc ? void(r.x = r.a) : void(r.a = r.x);
        }
    }
}

} // namespace tapio::core
