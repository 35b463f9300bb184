// Reassembly of random fragments, compared with a model that marks octets.
#include "reassembling.hpp"

#include <algorithm>
#include <bitset>
#include <map>
#include <random>
#include <set>
#include <tuple>
#include <vector>

namespace tapio::core::ip {
namespace {

/// Marks the octets of a datagram.
class model
{
public:
    enum outcome
    {
        kept,
        whole,
        bad,
        discarded,
        duplicate,
        overlap
    };
    outcome add(std::uint32_t begin, std::uint32_t size, bool more)
    {
        const std::uint32_t end = begin + size;
        if (size == 0 || (more && size % 8 != 0)) return bad;
        if (gone_) return discarded;
        if (!seen_.insert({begin, end, more}).second) return duplicate;
        const marks own = (~marks() >> (most - size)) << begin, behind = ~marks() << end;
        const bool too_far = end_ != 0 && (!more || end > end_);
        if ((marked_ & own).any() || (!more && (marked_ & behind).any()) || too_far) return gone_ = true, overlap;
        marked_ |= own;
        if (!more) end_ = end;
        if (end_ == 0 || marked_.count() != end_) return kept;
        *this = {};
        return whole;
    }

private:
    static constexpr std::size_t most = 256; // octets
    using marks = std::bitset<most>;

    marks marked_;
    std::set<std::tuple<std::uint32_t, std::uint32_t, bool>> seen_;
    std::uint32_t end_ = 0;
    bool gone_ = false;
};

model::outcome outcome_of(const reassembly::result& r)
{
    if (r.whole) return model::whole;
    if (!r.dropped) return model::kept;
    switch (*r.dropped) {
    case reason::ip_bad_fragment: return model::bad;
    case reason::ip_fragment_discarded: return model::discarded;
    case reason::ip_fragment_duplicate: return model::duplicate;
    default: EXPECT_EQ(*r.dropped, reason::ip_fragment_overlap); return model::overlap;
    }
}

struct part
{
    std::uint32_t offset, size;
    bool more;
};

/// A datagram cut at random, with fragments duplicated, lost, truncated, moved and with other flags.
std::vector<part> random_parts(std::mt19937& random)
{
    std::vector<part> out;
    const auto total = static_cast<std::uint32_t>(1 + random() % 120);
    for (std::uint32_t at = 0; at < total;) {
        const std::uint32_t size = std::min(total - at, static_cast<std::uint32_t>(8 * (1 + random() % 4)));
        out.push_back({at, size, at + size < total});
        at += size;
    }
    for (auto changes = random() % 4; changes > 0; --changes) {
        part& p = out[random() % out.size()];
        switch (random() % 6) {
        case 0: out.push_back(p); break;
        case 1: p.size = static_cast<std::uint32_t>(random() % (p.size + 1)); break;
        case 2: p.size += 8; break;
        case 3: p.offset = static_cast<std::uint32_t>(8 * (random() % 16)); break;
        case 4: p.more = !p.more; break;
        default: out.erase(out.begin() + random() % static_cast<long>(out.size()));
        }
        if (out.empty()) break;
    }
    std::shuffle(out.begin(), out.end(), random);
    return out;
}

TEST_P(reassembling, random_fragments_fare_as_in_a_model_of_single_octets)
{
    std::mt19937 random(1858); // NOLINT: the same fragments each time
    std::map<model::outcome, unsigned> seen;
    for (std::uint32_t set = 0; set < 100'000; ++set, now += 1ms) {
        model expected;
        for (const part& p : random_parts(random)) {
            fragment_of f = fragment(p.offset, p.size, p.more);
            f.id = set;
            if (p.offset == 0 && !p.more) continue; // no fragment
            rx_packet in = make(f);
            const auto r = in.flaw ? reassembly::result{{}, in.flaw, {}} : add(std::move(in));
            const model::outcome outcome = outcome_of(r);
            ASSERT_EQ(outcome, expected.add(p.offset, p.size, p.more)) << set << ' ' << p.offset << ' ' << p.size;
            ++seen[outcome];
            if (r.whole) {
                const octets content = flat(r.whole->transport_part());
                ASSERT_EQ(content, payload(0, content.size()));
            }
        }
        all.advance(now, [](auto&&) {});
    }
    for (const auto o : {model::kept, model::whole, model::bad, model::discarded, model::duplicate, model::overlap})
        EXPECT_GE(seen[o], 5'000U) << o;
    all.advance(now + 60s, [](auto&&) {});
    EXPECT_EQ(all.memory(), 0U);
    EXPECT_EQ(all.size(), 0U);
}

} // namespace
} // namespace tapio::core::ip
