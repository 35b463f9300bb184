// A segment overlaps data received before: the SACK option of the ACK has the duplicate range first (D-SACK), then the block that
// contains it (RFC 2883 §4), then the other blocks, most recently reported first (RFC 2018 §4).
#include "support/script/script.hpp"

#include <ostream>

namespace tapio::test {
namespace {

struct range
{
    std::uint32_t begin, end;
};

struct overlap
{
    const char* name;
    std::vector<range> held; ///< in order of arrival; data before 100 is acknowledged
    range arriving;
    const char* answer; ///< ACK number and options of the answer
};

std::ostream& operator<<(std::ostream& o, const overlap& x) { return o << x.name; }

class duplicate_sack : public packet_script, public testing::WithParamInterface<overlap>
{
protected:
    script& come(range r)
    {
        return wire.in(". " + std::to_string(r.begin) + ':' + std::to_string(r.end) + '(' + std::to_string(r.end - r.begin) +
                       ") ack 1");
    }
};

TEST_P(duplicate_sack, is_told_first)
{
    script_socket s = open_passive("S 0:0(0) win 65535 <mss 1000,sackOK>");
    come({1, 100}).after(40ms).ignore_output();
    for (const range r : GetParam().held) come(r).ignore_output();
    come(GetParam().arriving);
    if (wire.packets_waiting() == 0) wire.after(40ms);
    wire.out(std::string(". 1:1(0) ") + GetParam().answer).out_nothing();
    const std::string got = s.receive();
    EXPECT_EQ(got, wire.octets(1, got.size())) << "data received first is kept, nothing is lost or duplicated";
}

const std::vector<range> one{{200, 300}}, two{{200, 300}, {400, 500}};

INSTANTIATE_TEST_SUITE_P(
    one_held, duplicate_sack,
    testing::Values(overlap{"before_it", one, {150, 180}, "ack 100 <sack 150:180 200:300>"},
                    overlap{"up_to_it", one, {150, 200}, "ack 100 <sack 150:300>"},
                    overlap{"into_it", one, {150, 250}, "ack 100 <sack 200:250 150:300>"},
                    overlap{"up_to_its_end", one, {150, 300}, "ack 100 <sack 200:300 150:300>"},
                    overlap{"over_it", one, {150, 350}, "ack 100 <sack 200:300 150:350>"},
                    overlap{"its_beginning", one, {200, 250}, "ack 100 <sack 200:250 200:300>"},
                    overlap{"the_same", one, {200, 300}, "ack 100 <sack 200:300 200:300>"},
                    overlap{"from_its_beginning_over_its_end", one, {200, 350}, "ack 100 <sack 200:300 200:350>"},
                    overlap{"inside", one, {220, 280}, "ack 100 <sack 220:280 200:300>"},
                    overlap{"its_end", one, {250, 300}, "ack 100 <sack 250:300 200:300>"},
                    overlap{"over_its_end", one, {250, 350}, "ack 100 <sack 250:300 200:350>"},
                    overlap{"from_its_end", one, {300, 350}, "ack 100 <sack 200:350>"},
                    overlap{"behind_it", one, {350, 400}, "ack 100 <sack 350:400 200:300>"},
                    overlap{"one_octet_of_it", one, {299, 300}, "ack 100 <sack 299:300 200:300>"},
                    overlap{"in_order_before_it", one, {100, 150}, "ack 150 <sack 200:300>"},
                    overlap{"in_order_up_to_it", one, {100, 200}, "ack 300 <no_sack>"},
                    overlap{"in_order_into_it", one, {100, 250}, "ack 300 <sack 200:250>"},
                    overlap{"in_order_up_to_its_end", one, {100, 300}, "ack 300 <sack 200:300>"},
                    overlap{"in_order_over_it", one, {100, 350}, "ack 350 <sack 200:300>"},
                    overlap{"old", one, {50, 100}, "ack 100 <sack 50:100 200:300>"},
                    overlap{"old_and_new", one, {50, 150}, "ack 150 <sack 50:100 200:300>"},
                    overlap{"old_and_into_it", one, {50, 250}, "ack 300 <sack 50:100>"},
                    overlap{"old_and_over_it", one, {50, 350}, "ack 350 <sack 50:100>"}),
    [](const auto& i) { return std::string(i.param.name); });

INSTANTIATE_TEST_SUITE_P(
    two_held, duplicate_sack,
    testing::Values(overlap{"between", two, {320, 380}, "ack 100 <sack 320:380 400:500 200:300>"},
                    overlap{"fills_the_gap", two, {300, 400}, "ack 100 <sack 200:500>"},
                    overlap{"over_the_end_of_the_first", two, {250, 350}, "ack 100 <sack 250:300 200:350 400:500>"},
                    overlap{"into_the_second", two, {350, 450}, "ack 100 <sack 400:450 350:500 200:300>"},
                    overlap{"over_the_end_of_the_first_up_to_the_second", two, {250, 400}, "ack 100 <sack 250:300 200:500>"},
                    overlap{"from_the_end_of_the_first_into_the_second", two, {300, 450}, "ack 100 <sack 400:450 200:500>"},
                    overlap{"of_both", two, {250, 450}, "ack 100 <sack 250:300 200:500>"},
                    overlap{"exactly_both", two, {200, 500}, "ack 100 <sack 200:300 200:500>"},
                    overlap{"into_the_second_over_the_first", two, {150, 450}, "ack 100 <sack 200:300 150:500>"},
                    overlap{"over_both", two, {150, 550}, "ack 100 <sack 200:300 150:550>"},
                    overlap{"inside_the_first", two, {220, 240}, "ack 100 <sack 220:240 200:300 400:500>"},
                    overlap{"inside_the_second", two, {420, 440}, "ack 100 <sack 420:440 400:500 200:300>"},
                    overlap{"over_the_end_of_the_second", two, {450, 550}, "ack 100 <sack 450:500 400:550 200:300>"},
                    overlap{"in_order_into_the_first", two, {100, 250}, "ack 300 <sack 200:250 400:500>"},
                    overlap{"in_order_over_the_first", two, {100, 350}, "ack 350 <sack 200:300 400:500>"},
                    overlap{"in_order_up_to_the_second", two, {100, 400}, "ack 500 <sack 200:300>"},
                    overlap{"in_order_into_the_second", two, {100, 450}, "ack 500 <sack 200:300>"},
                    overlap{"in_order_over_both", two, {100, 600}, "ack 600 <sack 200:300>"},
                    overlap{"old_and_into_the_second", two, {50, 450}, "ack 500 <sack 50:100>"}),
    [](const auto& i) { return std::string(i.param.name); });

INSTANTIATE_TEST_SUITE_P(
    more_held, duplicate_sack,
    testing::Values(overlap{"the_end_of_one", {{600, 700}, {200, 300}}, {250, 500}, "ack 100 <sack 250:300 200:500 600:700>"},
                    overlap{
                        "all_of_three", {{200, 300}, {400, 500}, {600, 700}}, {200, 32200}, "ack 100 <sack 200:300 200:32200>"}),
    [](const auto& i) { return std::string(i.param.name); });

} // namespace
} // namespace tapio::test
