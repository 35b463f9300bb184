// A connection that queries share: identifiers, order, octets in any portions, nonsense, silence, what is sent again.
#include "client/dns_stream.hpp"
#include "support/toy_tls.hpp"
#include "unit/client/dns_world.hpp"

#include <cerrno>

namespace tapio::core::client {
namespace {

using test::hidden;
using test::toy_tls;
using text = std::string;

octets framed(std::uint16_t id, const text& content)
{
    octets o(4 + content.size());
    wire::store_16(o.data(), static_cast<std::uint16_t>(2 + content.size()));
    wire::store_16(o.data() + 2, id);
    std::memcpy(o.data() + 4, content.data(), content.size());
    return o;
}

/// Messages in `all`, as "id:content".
struct frame
{
    std::uint16_t id = 0;
    text content;

    friend bool operator==(const frame&, const frame&) = default;
};
std::vector<frame> frames_in(const_bytes all)
{
    std::vector<frame> out;
    while (all.size() >= 4) {
        const std::size_t size = wire::load_16(all.data());
        out.push_back({wire::load_16(all.data() + 2), text(reinterpret_cast<const char*>(all.data()) + 4, size - 2)});
        all = all.subspan(2 + size);
    }
    EXPECT_TRUE(all.empty());
    return out;
}

struct dns_stream_test : testing::Test
{
    std::vector<frame> sent()
    {
        const auto all = frames_in(stream.unsent());
        stream.sent(stream.unsent().size());
        return all;
    }
    void ask(query_id q, std::uint16_t id, const text& content) { EXPECT_TRUE(stream.send(q, framed(id, content), now)); }
    error_code receive(const octets& o) { return stream.receive(o, now); }
    /// The next response as the query's number and a frame.
    std::optional<std::pair<query_id, frame>> response()
    {
        const auto m = stream.next_response();
        if (!m) return std::nullopt;
        return std::pair(m->query, frames_in(m->octets).at(0));
    }

    time_point now{1h};
    dns_stream stream{nullptr, 10s, now};
};

TEST_F(dns_stream_test, queries_with_one_identifier_are_told_apart)
{
    ask(1, 77, "one");
    ask(2, 77, "two");
    ask(3, 77, "three");
    const auto all = sent();
    ASSERT_EQ(all.size(), 3U);
    EXPECT_NE(all[0].id, all[1].id);
    EXPECT_FALSE(receive(framed(all[2].id, "THREE")));
    EXPECT_FALSE(receive(framed(all[0].id, "ONE")));
    EXPECT_EQ(response(), std::pair(query_id{3}, (frame{77, "THREE"})));
    EXPECT_EQ(response(), std::pair(query_id{1}, (frame{77, "ONE"})));
    EXPECT_EQ(response(), std::nullopt);
    EXPECT_EQ(stream.take_unanswered().at(0).query, 2U);
}

TEST_F(dns_stream_test, octets_may_come_one_by_one_or_all_at_once)
{
    for (int i = 0; i < 50; ++i) ask(1 + i, 7, "q");
    octets all;
    for (const frame& f : sent()) {
        const octets one = framed(f.id, text(f.id, 'x'));
        all.insert(all.end(), one.begin(), one.end());
    }
    const std::size_t half = all.size() / 2;
    for (std::size_t i = 0; i < half; ++i) EXPECT_FALSE(receive({all[i]}));
    EXPECT_FALSE(receive({all.begin() + static_cast<std::ptrdiff_t>(half), all.end()}));
    for (query_id q = 1; q <= 50; ++q) EXPECT_EQ(response()->first, q);
    EXPECT_EQ(stream.idle_at(), now + 10s);
}

TEST_F(dns_stream_test, what_was_not_asked_breaks_the_connection)
{
    ask(1, 7, "q");
    const std::uint16_t id = sent().at(0).id;
    EXPECT_TRUE(receive(framed(static_cast<std::uint16_t>(id + 1), "answer")));
    EXPECT_FALSE(stream.is_usable(now));
    EXPECT_FALSE(stream.send(2, framed(8, "q"), now));
    EXPECT_TRUE(receive(framed(id, "answer"))) << "nothing is believed any more";
    EXPECT_EQ(response(), std::nullopt);
}

TEST_F(dns_stream_test, an_answer_twice_breaks_the_connection_and_counts_once)
{
    ask(1, 7, "q");
    const octets answer = framed(sent().at(0).id, "answer");
    octets twice = answer;
    twice.insert(twice.end(), answer.begin(), answer.end());
    EXPECT_TRUE(receive(twice));
    EXPECT_EQ(response()->first, 1U);
    EXPECT_EQ(response(), std::nullopt);
}

TEST_F(dns_stream_test, a_message_without_an_identifier_breaks_the_connection)
{
    ask(1, 7, "q");
    EXPECT_TRUE(receive({std::byte{0}, std::byte{1}, std::byte{0}}));
    EXPECT_TRUE(dns_stream(nullptr, 10s, now).receive(octets{std::byte{0}, std::byte{0}}, now));
}

TEST_F(dns_stream_test, the_answer_to_an_abandoned_query_is_discarded)
{
    ask(1, 7, "q");
    const std::uint16_t id = sent().at(0).id;
    stream.leave(1, now);
    EXPECT_EQ(stream.idle_at(), now + 10s);
    EXPECT_FALSE(receive(framed(id, "answer")));
    EXPECT_EQ(response(), std::nullopt);
    EXPECT_TRUE(stream.is_usable(now));
    EXPECT_TRUE(stream.take_unanswered().empty());
}

TEST_F(dns_stream_test, a_query_that_leaves_after_its_answer_has_come_gets_none)
{
    ask(1, 7, "q");
    EXPECT_FALSE(receive(framed(sent().at(0).id, "answer")));
    stream.leave(1, now);
    EXPECT_EQ(response(), std::nullopt);
}

TEST_F(dns_stream_test, identifiers_of_abandoned_queries_are_not_used_again)
{
    ask(1, 7, "first");
    const std::uint16_t kept = sent().at(0).id;
    stream.leave(1, now);
    std::size_t answered = 0;
    for (query_id q = 2; q < 70'000; ++q) {
        ask(q, 7, "q");
        const auto f = sent().at(0);
        ASSERT_NE(f.id, kept);
        ASSERT_FALSE(receive(framed(f.id, "a")));
        answered += response() ? 1 : 0;
    }
    EXPECT_EQ(answered, 69'998U);
}

TEST_F(dns_stream_test, the_number_of_unanswered_queries_is_bounded)
{
    std::size_t n = 0;
    while (n < 100'000 && stream.send(1 + n, framed(1, "q"), now)) ++n;
    EXPECT_EQ(n, dns_stream::most_unanswered);
}

TEST_F(dns_stream_test, silence_makes_it_unusable)
{
    now += 1h;
    EXPECT_TRUE(stream.is_usable(now)) << "nothing is due";
    ask(1, 7, "q");
    now += 2999ms;
    ask(2, 7, "q");
    EXPECT_TRUE(stream.is_usable(now));
    now += 1ms;
    EXPECT_FALSE(stream.is_usable(now));
    EXPECT_FALSE(receive(framed(sent().at(0).id, "a")));
    EXPECT_TRUE(stream.is_usable(now)) << "it is slow, not dead";
    now += 3s;
    EXPECT_FALSE(stream.is_usable(now));
}

TEST_F(dns_stream_test, unanswered_queries_are_returned_as_they_were_given)
{
    ask(1, 77, "one");
    ask(2, 78, "two");
    const auto left = stream.take_unanswered();
    ASSERT_EQ(left.size(), 2U);
    EXPECT_EQ(left[0].octets, framed(77, "one"));
    EXPECT_EQ(left[1].octets, framed(78, "two"));
    EXPECT_FALSE(stream.has_answered());
}

TEST_F(dns_stream_test, a_retired_one_ends_with_its_last_query)
{
    ask(1, 7, "q");
    stream.retire();
    EXPECT_EQ(stream.idle_at(), never);
    EXPECT_FALSE(receive(framed(sent().at(0).id, "a")));
    EXPECT_EQ(stream.idle_at(), now);
}

struct secure_dns_stream : dns_stream_test
{
    secure_dns_stream() { stream = dns_stream(std::make_unique<toy_tls>(&closed), 10s, now); }

    text take()
    {
        const const_bytes all = stream.unsent();
        const text out(reinterpret_cast<const char*>(all.data()), all.size());
        stream.sent(all.size());
        return out;
    }

    bool closed = false;
};

TEST_F(secure_dns_stream, queries_wait_for_the_handshake)
{
    ask(1, 7, "q");
    EXPECT_EQ(take(), "!") << "no query before the server is known";
    EXPECT_FALSE(receive({std::byte{'!'}}));
    const octets o = hidden({stream.unsent().begin(), stream.unsent().end()});
    EXPECT_EQ(frames_in(o).at(0).content, "q");
    EXPECT_FALSE(receive(hidden(framed(frames_in(o).at(0).id, "a"))));
    EXPECT_EQ(response(), std::pair(query_id{1}, (frame{7, "a"})));
}

TEST_F(secure_dns_stream, an_impostor_gets_nothing)
{
    ask(1, 7, "q");
    EXPECT_EQ(take(), "!");
    EXPECT_TRUE(receive({std::byte{'?'}}));
    EXPECT_EQ(take(), "");
    EXPECT_EQ(stream.failure(), "an impostor");
    EXPECT_FALSE(stream.has_answered());
    EXPECT_EQ(stream.take_unanswered().size(), 1U);
}

TEST_F(secure_dns_stream, an_answer_before_an_error_counts)
{
    ask(1, 7, "q");
    EXPECT_FALSE(receive({std::byte{'!'}}));
    (void)take();
    octets o = hidden(framed(1, "a"));
    o.push_back(std::byte{'#'});
    EXPECT_TRUE(receive(o));
    EXPECT_EQ(response(), std::pair(query_id{1}, (frame{7, "a"})));
}

TEST_F(secure_dns_stream, the_end_of_tls_ends_the_connection)
{
    EXPECT_FALSE(receive({std::byte{'!'}}));
    EXPECT_TRUE(receive({std::byte{'.'}}));
    EXPECT_FALSE(stream.is_usable(now));
}

TEST_F(secure_dns_stream, is_closed_in_order)
{
    EXPECT_FALSE(receive({std::byte{'!'}}));
    (void)take();
    stream.close();
    EXPECT_TRUE(closed);
    EXPECT_EQ(take(), ".");
    EXPECT_FALSE(stream.send(1, framed(7, "q"), now));
}

} // namespace
} // namespace tapio::core::client
