// Classic BPF: what programs mean, which ones are refused, and, where libpcap is, the same decisions as its interpreter.
#include "base/bpf.hpp"
#include "support/repetitions.hpp"

#include <gtest/gtest.h>

#ifdef TAPIO_TESTS_HAVE_PCAP
#include <pcap/pcap.h>
#endif

#include <array>
#include <cstring>
#include <random>
#include <string>
#include <sys/mman.h>
#include <unistd.h>
#include <vector>

namespace tapio::core::bpf_test {
namespace {

using program = std::vector<bpf_instruction>;
using octets = std::vector<std::byte>;

octets made_of(std::initializer_list<unsigned> of)
{
    octets out;
    for (const unsigned o : of) out.push_back(static_cast<std::byte>(o));
    return out;
}

std::size_t result_of(const program& p, const octets& packet)
{
    const auto checked = bpf_program::make(p);
    EXPECT_TRUE(checked.has_value());
    return checked ? checked->run(packet, packet.size()) : 12345;
}
bool is_refused(const program& p) { return bpf_program::make(p).error() == errno_code(EINVAL); }

// Codes, as <linux/bpf_common.h> composes them.
constexpr std::uint16_t ld_w_abs = 0x20, ld_h_abs = 0x28, ld_b_abs = 0x30, ld_w_ind = 0x40, ld_h_ind = 0x48, ld_b_ind = 0x50;
constexpr std::uint16_t ld_imm = 0x00, ld_mem = 0x60, ld_len = 0x80, ldx_imm = 0x01, ldx_mem = 0x61, ldx_len = 0x81,
                        ldx_msh = 0xb1;
constexpr std::uint16_t st = 0x02, stx = 0x03, ja = 0x05, jeq_k = 0x15, jgt_k = 0x25, jge_k = 0x35, jset_k = 0x45, jeq_x = 0x1d;
constexpr std::uint16_t add_k = 0x04, sub_k = 0x14, mul_k = 0x24, div_k = 0x34, or_k = 0x44, and_k = 0x54, lsh_k = 0x64,
                        rsh_k = 0x74;
constexpr std::uint16_t neg = 0x84, mod_k = 0x94, xor_k = 0xa4, by_x = 0x08, ret_k = 0x06, ret_a = 0x16, tax = 0x07, txa = 0x87;

const octets some = made_of({0x45, 0x02, 0x03, 0x04, 0x05, 0x06});

TEST(bpf, loads_are_in_network_byte_order)
{
    EXPECT_EQ(result_of({{ld_w_abs, 0, 0, 1}, {ret_a}}, some), 0x02030405U);
    EXPECT_EQ(result_of({{ld_h_abs, 0, 0, 4}, {ret_a}}, some), 0x0506U);
    EXPECT_EQ(result_of({{ld_b_abs, 0, 0, 5}, {ret_a}}, some), 0x06U);
    EXPECT_EQ(result_of({{ldx_imm, 0, 0, 2}, {ld_w_ind}, {ret_a}}, some), 0x03040506U);
    EXPECT_EQ(result_of({{ldx_imm, 0, 0, 2}, {ld_h_ind, 0, 0, 1}, {ret_a}}, some), 0x0405U);
    EXPECT_EQ(result_of({{ldx_imm, 0, 0, 2}, {ld_b_ind, 0, 0, 1}, {ret_a}}, some), 0x04U);
    EXPECT_EQ(result_of({{ldx_msh}, {txa}, {ret_a}}, some), 20U);
    EXPECT_EQ(result_of({{ld_len}, {ret_a}}, some), 6U);
    EXPECT_EQ(result_of({{ldx_len}, {txa}, {ret_a}}, some), 6U);
}

TEST(bpf, a_load_behind_the_end_refuses_the_packet)
{
    for (const std::uint32_t at : {3U, 6U, 0x7fffffffU, 0xffffefffU})
        EXPECT_EQ(result_of({{ld_w_abs, 0, 0, at}, {ret_k, 0, 0, 1}}, some), 0U) << at;
    EXPECT_EQ(result_of({{ld_h_abs, 0, 0, 5}, {ret_k, 0, 0, 1}}, some), 0U);
    EXPECT_EQ(result_of({{ld_b_abs, 0, 0, 6}, {ret_k, 0, 0, 1}}, some), 0U);
    EXPECT_EQ(result_of({{ldx_msh, 0, 0, 6}, {ret_k, 0, 0, 1}}, some), 0U);
    EXPECT_EQ(result_of({{ldx_imm, 0, 0, 0xffffffff}, {ld_b_ind, 0, 0, 1}, {ret_k, 0, 0, 1}}, some), 0U)
        << "the sum does not wrap";
    EXPECT_EQ(result_of({{ld_b_abs}, {ret_k, 0, 0, 1}}, {}), 0U);
}

TEST(bpf, arithmetic_is_of_32_bits)
{
    const auto of = [](std::uint32_t a, std::uint16_t op, std::uint32_t k) {
        const auto by_constant = result_of({{ld_imm, 0, 0, a}, {op, 0, 0, k}, {ret_a}}, {});
        EXPECT_EQ(result_of({{ldx_imm, 0, 0, k}, {ld_imm, 0, 0, a}, {static_cast<std::uint16_t>(op | by_x)}, {ret_a}}, {}),
                  by_constant);
        return by_constant;
    };
    EXPECT_EQ(of(0xffffffff, add_k, 2), 1U);
    EXPECT_EQ(of(1, sub_k, 2), 0xffffffffU);
    EXPECT_EQ(of(0x10000, mul_k, 0x10001), 0x10000U);
    EXPECT_EQ(of(7, div_k, 2), 3U);
    EXPECT_EQ(of(7, mod_k, 4), 3U);
    EXPECT_EQ(of(6, or_k, 1), 7U);
    EXPECT_EQ(of(6, and_k, 3), 2U);
    EXPECT_EQ(of(6, xor_k, 3), 5U);
    EXPECT_EQ(of(1, lsh_k, 31), 0x80000000U);
    EXPECT_EQ(of(0x80000000, rsh_k, 31), 1U);
    EXPECT_EQ(result_of({{ld_imm, 0, 0, 1}, {neg}, {ret_a}}, {}), 0xffffffffU);
}

TEST(bpf, by_x_a_division_by_zero_refuses_and_a_long_shift_gives_zero)
{
    for (const std::uint16_t op : {div_k, mod_k})
        EXPECT_EQ(result_of({{ld_imm, 0, 0, 7}, {static_cast<std::uint16_t>(op | by_x)}, {ret_k, 0, 0, 9}}, {}), 0U);
    for (const std::uint16_t op : {lsh_k, rsh_k})
        EXPECT_EQ(result_of({{ldx_imm, 0, 0, 32}, {ld_imm, 0, 0, 7}, {static_cast<std::uint16_t>(op | by_x)}, {ret_a}}, {}), 0U);
}

TEST(bpf, jumps_skip_instructions)
{
    const auto of = [](std::uint16_t jump, std::uint32_t k) {
        return result_of({{ld_imm, 0, 0, 5}, {jump, 1, 0, k}, {ret_k, 0, 0, 2}, {ret_k, 0, 0, 1}}, {}) == 1;
    };
    EXPECT_TRUE(of(jeq_k, 5));
    EXPECT_FALSE(of(jeq_k, 4));
    EXPECT_TRUE(of(jgt_k, 4));
    EXPECT_FALSE(of(jgt_k, 5));
    EXPECT_TRUE(of(jge_k, 5));
    EXPECT_FALSE(of(jge_k, 6));
    EXPECT_TRUE(of(jset_k, 4));
    EXPECT_FALSE(of(jset_k, 2));
    EXPECT_EQ(result_of({{ja, 0, 0, 1}, {ret_k, 0, 0, 2}, {ret_k, 0, 0, 1}}, {}), 1U);
    EXPECT_EQ(result_of({{ldx_imm, 0, 0, 5}, {ld_imm, 0, 0, 5}, {jeq_x, 0, 1}, {ret_k, 0, 0, 1}, {ret_k, 0, 0, 2}}, {}), 1U);
}

TEST(bpf, memory_keeps_words)
{
    EXPECT_EQ(result_of({{ld_imm, 0, 0, 7}, {st, 0, 0, 15}, {ld_imm}, {ldx_mem, 0, 0, 15}, {txa}, {ret_a}}, {}), 7U);
    EXPECT_EQ(result_of({{ld_imm, 0, 0, 7}, {tax}, {stx}, {ld_imm}, {ld_mem}, {ret_a}}, {}), 7U);
}

TEST(bpf, programs_that_linux_refuses_are_refused)
{
    EXPECT_TRUE(is_refused({}));
    EXPECT_TRUE(is_refused(program(4097, {ret_k})));
    EXPECT_FALSE(is_refused(program(4096, {ret_k})));
    EXPECT_TRUE(is_refused({{ld_imm}})) << "no return";
    EXPECT_TRUE(is_refused({{ret_k}, {ld_imm}})) << "no return at the end";
    EXPECT_TRUE(is_refused({{ja, 0, 0, 1}, {ret_k}})) << "behind the end";
    EXPECT_TRUE(is_refused({{ja, 0, 0, 0xffffffff}, {ret_k}})) << "backwards";
    EXPECT_TRUE(is_refused({{jeq_k, 1, 0}, {ret_k}}));
    EXPECT_TRUE(is_refused({{jeq_k, 0, 1}, {ret_k}}));
    EXPECT_TRUE(is_refused({{div_k}, {ret_k}}));
    EXPECT_TRUE(is_refused({{mod_k}, {ret_k}}));
    EXPECT_TRUE(is_refused({{lsh_k, 0, 0, 32}, {ret_k}}));
    EXPECT_TRUE(is_refused({{rsh_k, 0, 0, 32}, {ret_k}}));
    EXPECT_TRUE(is_refused({{st, 0, 0, 16}, {ret_k}}));
    EXPECT_TRUE(is_refused({{stx, 0, 0, 16}, {ret_k}}));
    EXPECT_TRUE(is_refused({{ld_mem}, {ret_k}})) << "never written";
    EXPECT_TRUE(is_refused({{jeq_k, 1, 0}, {st}, {ld_mem}, {ret_k}})) << "not written on every way";
    EXPECT_FALSE(is_refused({{jeq_k, 1, 0}, {st}, {st}, {ld_mem}, {ret_k}}));
    EXPECT_TRUE(is_refused({{ld_w_abs, 0, 0, 0xfffff000}, {ret_k}})) << "ancillary data";
    EXPECT_FALSE(is_refused({{ld_w_abs, 0, 0, 0xffffefff}, {ret_k}}));
    for (const unsigned unknown :
         {0x08, 0x38, 0x09, 0x21, 0x12, 0x0b, 0xb4, 0x8c, 0x55, 0x0d, 0x0e, 0x26, 0x17, 0x8f, 0x100, 0x120, 0x8000})
        EXPECT_TRUE(is_refused({{static_cast<std::uint16_t>(unknown), 0, 0, 1}, {ret_k}, {ret_k}, {ret_k}})) << unknown;
}

// -- random programs ------------------------------------------------------------------------------------------------------

/// Memory before and behind which a touch ends the process.
class guarded
{
public:
    guarded()
        : page_(static_cast<std::size_t>(::sysconf(_SC_PAGESIZE))),
          all_(static_cast<std::byte*>(::mmap(nullptr, 3 * page_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)))
    {
        EXPECT_EQ(::mprotect(all_, page_, PROT_NONE), 0);
        EXPECT_EQ(::mprotect(all_ + 2 * page_, page_, PROT_NONE), 0);
    }
    guarded(const guarded&) = delete;
    guarded& operator=(const guarded&) = delete;
    ~guarded() { ::munmap(all_, 3 * page_); }

    /// @param ends directly before the guard, else begins directly behind it
    const_bytes place(const octets& packet, bool ends)
    {
        std::byte* const at = ends ? all_ + 2 * page_ - packet.size() : all_ + page_;
        if (!packet.empty()) std::memcpy(at, packet.data(), packet.size());
        return {at, packet.size()};
    }

private:
    const std::size_t page_;
    std::byte* const all_;
};

class random_programs
{
public:
    explicit random_programs(unsigned seed) : random_(seed) {}

    program next()
    {
        program p;
        for (std::size_t n = 1 + random_() % 24; n > 0; --n) p.push_back(instruction(n));
        p.push_back({random_() % 2 == 0 ? ret_a : ret_k, 0, 0, number()});
        return p;
    }
    octets packet()
    {
        octets out(random_() % 64);
        for (std::byte& o : out) o = static_cast<std::byte>(random_());
        return out;
    }
    bool coin() { return random_() % 2 == 0; }

private:
    std::uint32_t number()
    {
        constexpr std::array<std::uint32_t, 8> odd{0, 1, 31, 32, 0x7fffffff, 0x80000000, 0xfffff000, 0xffffffff};
        return random_() % 8 == 0 ? odd[random_() % odd.size()] : static_cast<std::uint32_t>(random_() % 70);
    }
    /// @param left instructions behind this one
    bpf_instruction instruction(std::size_t left)
    {
        static constexpr std::array<std::uint16_t, 42> codes{
            ld_w_abs,     ld_h_abs,     ld_b_abs,     ld_w_ind,     ld_h_ind,     ld_b_ind,    ld_imm, ld_mem, ld_len,
            ldx_imm,      ldx_mem,      ldx_len,      ldx_msh,      st,           stx,         ja,     jeq_k,  jgt_k,
            jge_k,        jset_k,       jeq_x,        add_k,        sub_k,        mul_k,       div_k,  or_k,   and_k,
            lsh_k,        rsh_k,        neg,          mod_k,        xor_k,        ret_k,       ret_a,  tax,    txa,
            add_k | by_x, sub_k | by_x, div_k | by_x, lsh_k | by_x, rsh_k | by_x, mod_k | by_x};
        bpf_instruction i{codes[random_() % codes.size()], skip(left), skip(left), number()};
        if (i.code == st || i.code == stx || i.code == ld_mem || i.code == ldx_mem) i.k %= 3;
        if (i.code == ja) i.k = skip(left);
        if (random_() % 500 == 0) i.code = static_cast<std::uint16_t>(random_());
        return i;
    }
    std::uint8_t skip(std::size_t left) { return static_cast<std::uint8_t>(random_() % 50 == 0 ? left : random_() % left); }

    std::mt19937 random_;
};

TEST(bpf, a_million_random_programs_end_and_read_nothing_outside_the_packet)
{
    guarded memory;
    std::size_t accepted = 0, kept = 0;
    for (const unsigned seed : {1U, 2U, 3U, 4U}) {
        random_programs random(seed);
        for (std::size_t n = 0; n < test::repetitions(250'000); ++n) {
            const program p = random.next();
            const octets packet = random.packet();
            const auto checked = bpf_program::make(p);
            if (!checked) continue;
            ++accepted;
            const std::size_t keep = checked->run(memory.place(packet, random.coin()), packet.size());
            kept += keep != 0 ? 1 : 0;
#ifdef TAPIO_TESTS_HAVE_PCAP
            const auto size = static_cast<u_int>(packet.size());
            const auto* const theirs = reinterpret_cast<const bpf_insn*>(p.data());
            ASSERT_EQ(keep, ::bpf_filter(theirs, reinterpret_cast<const u_char*>(packet.data()), size, size)) << seed << ' ' << n;
#endif
        }
    }
    EXPECT_GT(accepted, test::repetitions(1'000'000) / 4) << "the others are refused by make()";
    EXPECT_GT(kept, accepted / 10);
}

#ifdef TAPIO_TESTS_HAVE_PCAP

/// An expression, compiled by libpcap.
class compiled
{
public:
    compiled(const std::string& expression, bool optimised)
    {
        pcap_t* const dead = pcap_open_dead(DLT_EN10MB, 262'144);
        EXPECT_EQ(pcap_compile(dead, &theirs, expression.c_str(), optimised ? 1 : 0, PCAP_NETMASK_UNKNOWN), 0) << expression;
        pcap_close(dead);
    }
    compiled(const compiled&) = delete;
    compiled& operator=(const compiled&) = delete;
    ~compiled() { pcap_freecode(&theirs); }

    std::span<const bpf_instruction> code() const
    {
        return {reinterpret_cast<const bpf_instruction*>(theirs.bf_insns), theirs.bf_len};
    }
    bool matches(const octets& frame) const
    {
        pcap_pkthdr header{};
        header.caplen = header.len = static_cast<bpf_u_int32>(frame.size());
        return pcap_offline_filter(&theirs, &header, reinterpret_cast<const u_char*>(frame.data())) != 0;
    }

    ::bpf_program theirs{};
};

/// Frames with the headers that the expressions ask for, and with mistakes.
class random_frames
{
public:
    octets next()
    {
        octets f = made_of({2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2});
        if (one_of(8)) f = made_of({0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 2});
        if (one_of(4)) add(f, {0x81, 0x00, 0x00, 5});
        switch (below(4)) {
        case 0:
            add(f, {0x08, 0x06, 0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 2, 192, 0, 2, 2, 0, 0, 0, 0, 0, 0, 192, 0, 2, 1});
            break;
        case 1:
            add(f,
                {0x86, 0xdd, 0x60, 0, 0, 0, 0, 40, protocol(58), 64, 0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1});
            add(f, {0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2});
            break;
        default: {
            const unsigned options = below(3);
            add(f, {0x08, 0x00, 0x45 + options, 0, 0, 60, 0, 1, one_of(4) ? 0x20U : 0x40U, one_of(6) ? 7U : 0U, 64, protocol(1),
                    0, 0});
            add(f, {192, 0, 2, 1 + below(2), one_of(6) ? 224U : 198U, 51, 100, below(3)});
            for (unsigned n = 0; n < options; ++n) add(f, {1, 1, 1, 1});
        }
        }
        add(f, {one_of(4) ? 8U : 0U,
                one_of(2) ? 53U : 80U,
                0,
                one_of(2) ? 80U : 7U,
                0,
                0,
                0,
                1,
                0,
                0,
                0,
                0,
                0x50,
                below(64),
                1,
                0,
                0,
                0,
                0,
                0});
        if (one_of(5)) f.resize(below(f.size()));
        if (!f.empty() && one_of(5)) f[below(f.size())] = static_cast<std::byte>(random_());
        return f;
    }

private:
    unsigned below(std::size_t n) { return static_cast<unsigned>(random_() % n); }
    bool one_of(unsigned n) { return below(n) == 0; }
    unsigned protocol(unsigned icmp) { return std::array<unsigned, 4>{6, 17, icmp, 0x2c}[below(4)]; }
    static void add(octets& f, std::initializer_list<unsigned> more)
    {
        for (const unsigned o : more) f.push_back(static_cast<std::byte>(o));
    }

    std::mt19937 random_{7};
};

TEST(bpf, programs_of_libpcap_decide_as_libpcap_does)
{
    for (const char* const expression : {"",
                                         "arp",
                                         "ip",
                                         "ip6",
                                         "icmp",
                                         "icmp6",
                                         "tcp",
                                         "udp port 53",
                                         "tcp port 80",
                                         "port 7 or port 53",
                                         "host 192.0.2.1",
                                         "src host 192.0.2.2 and dst net 198.51.100.0/24",
                                         "ether host 02:00:00:00:00:01",
                                         "ether broadcast",
                                         "vlan 5",
                                         "vlan and tcp",
                                         "not arp and not icmp",
                                         "tcp[tcpflags] & (tcp-syn|tcp-fin) != 0",
                                         "icmp[icmptype] == icmp-echo",
                                         "greater 60",
                                         "less 50",
                                         "ip[6:2] & 0x1fff = 0 and udp",
                                         "ip6 host 2001:db8::1",
                                         "portrange 50-90",
                                         "ether[0] & 1 != 0",
                                         "ip multicast",
                                         "tcp[((tcp[12] & 0xf0) >> 2):4] = 0x47455420",
                                         "len % 3 = 1",
                                         "ip proto 6 and ip[8] > 10",
                                         "ip6 protochain 6"})
        for (const bool optimised : {false, true}) {
            const compiled filter(expression, optimised);
            const auto ours = bpf_program::make(filter.code());
            if (!ours && std::string(expression).find("protochain") != std::string::npos) continue; // it jumps backwards
            ASSERT_TRUE(ours.has_value()) << expression;
            random_frames frames;
            std::size_t matched = 0;
            for (unsigned n = 0; n < 3000; ++n) {
                const octets f = frames.next();
                const bool wanted = filter.matches(f);
                matched += wanted ? 1 : 0;
                ASSERT_EQ(ours->run(f, f.size()) != 0, wanted) << expression << ", frame " << n;
            }
            if (std::string(expression).find("0x4745") == std::string::npos) {
                EXPECT_GT(matched, 0U) << expression;
            }
        }
}

#endif

} // namespace
} // namespace tapio::core::bpf_test
