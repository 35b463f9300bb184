// Interface states as the user sees them: async_wait_interface, devices that fail or are replaced, MTU, addresses and routes, in
// virtual and in real time.
#include <tapio/device/capture.hpp>
#include <tapio/device/impaired.hpp>
#include <tapio/device/pipe.hpp>
#include <tapio/tapio.hpp>

#include <boost/asio.hpp>

#include <gtest/gtest.h>

#include <cstdio>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using tapio::interface_state;
using tapio::ip::tcp;
using tapio::ip::udp;
using namespace std::chrono_literals;

const auto left_address = asio::ip::make_address("192.0.2.1"), right_address = asio::ip::make_address("192.0.2.2");

/// A device whose state is set by the test. Not a mock: the tests check states, not calls.
class puppet final : public tapio::device
{
public:
    tapio::device_info info() const override
    {
        tapio::device_info i;
        i.name = "puppet0";
        i.mtu = mtu;
        i.link_up = link_up;
        return i;
    }
    void start(asio::any_io_executor, tapio::device_receiver& r) override { receiver = &r; }
    bool transmit(tapio::packet& p) override
    {
        p = {};
        ++errors;
        return true;
    }
    void stop() override { receiver = nullptr; }
    std::uint64_t transmit_errors() const override { return errors; }

    tapio::device_receiver* receiver = nullptr;
    bool link_up = true;
    std::size_t mtu = 1500;
    std::uint64_t errors = 0;
};

struct heard
{
    std::vector<std::string> all;
    auto handler(const std::string& name)
    {
        return [this, name](error_code ec, interface_state s) {
            all.push_back(name + ' ' + (ec ? ec.message() : tapio::core::name(s)));
        };
    }
};

struct waiting : testing::Test
{
    waiting()
    {
        auto d = std::make_unique<puppet>();
        device = d.get();
        stack.emplace(io, std::move(d));
        stack->add_address(left_address, 24);
    }
    void link(bool up)
    {
        device->link_up = up;
        asio::post(io, [this] { device->receiver->changed(); });
        io.restart();
        io.poll();
    }
    void fail()
    {
        asio::post(io, [this] { device->receiver->failed(asio::error::no_such_device); });
        io.restart();
        io.poll();
    }

    heard says;
    asio::io_context io;
    puppet* device = nullptr;
    std::optional<tapio::stack> stack;
};

TEST_F(waiting, every_waiter_hears_the_next_change_in_the_order_of_the_calls)
{
    stack->async_wait_interface(1, says.handler("a"));
    stack->async_wait_interface(1, interface_state::up, says.handler("b"));
    stack->async_wait_interface(0, says.handler("loopback"));
    io.poll();
    EXPECT_EQ(says.all, (std::vector<std::string>{}));
    link(false);
    EXPECT_EQ(says.all, (std::vector<std::string>{"a down", "b down"}));
    stack->async_wait_interface(1, says.handler("c"));
    link(false); // no change
    EXPECT_EQ(says.all.size(), 2U);
    link(true);
    EXPECT_EQ(says.all.back(), "c up");
    stack->set_interface_up(0, false);
    io.restart();
    io.poll();
    EXPECT_EQ(says.all.back(), "loopback down");
}

TEST_F(waiting, who_knows_an_older_state_hears_at_once_but_not_within_the_call)
{
    stack->async_wait_interface(1, interface_state::not_present, says.handler("late"));
    EXPECT_EQ(says.all.size(), 0U);
    io.poll();
    EXPECT_EQ(says.all, (std::vector<std::string>{"late up"}));
}

TEST_F(waiting, a_device_that_fails_is_not_present)
{
    stack->async_wait_interface(1, says.handler("a"));
    fail();
    EXPECT_EQ(says.all, (std::vector<std::string>{"a notPresent"}));
    const auto s = stack->interface_status(1);
    EXPECT_EQ(s.state, interface_state::not_present);
    EXPECT_EQ(s.why, asio::error::no_such_device);
    EXPECT_EQ(s.name, "puppet0");
    error_code ec;
    tcp::socket t(*stack);
    t.connect({right_address, 80}, ec);
    EXPECT_EQ(ec, asio::error::network_down);
    udp::socket u(*stack, udp::v4());
    u.send_to(asio::buffer("x", 1), {right_address, 80}, 0, ec);
    EXPECT_EQ(ec, asio::error::network_down);
    EXPECT_EQ(stack->counters(1).state_changes, 1U);
}

TEST_F(waiting, every_completion_token)
{
    auto future = stack->async_wait_interface(1, asio::use_future);
    std::string by_coroutine;
    asio::co_spawn(
        *stack,
        [&]() -> asio::awaitable<void> {
            auto state = stack->interface_status().state;
            while (state != interface_state::not_present) {
                state = co_await stack->async_wait_interface(1, state, asio::use_awaitable);
                by_coroutine += std::string(tapio::core::name(state)) + ' ';
            }
        },
        asio::detached);
    auto deferred = stack->async_wait_interface(1, asio::deferred);
    io.poll();
    std::move(deferred)(says.handler("deferred"));
    link(false);
    EXPECT_EQ(future.get(), interface_state::down);
    EXPECT_EQ(says.all, (std::vector<std::string>{"deferred down"}));
    link(true);
    fail();
    EXPECT_EQ(by_coroutine, "down up notPresent ");
}

TEST_F(waiting, cancelled_by_its_slot)
{
    asio::cancellation_signal one;
    for (const auto type :
         {asio::cancellation_type::total, asio::cancellation_type::partial, asio::cancellation_type::terminal}) {
        stack->async_wait_interface(1, asio::bind_cancellation_slot(one.slot(), says.handler("a")));
        one.emit(type);
        io.restart();
        io.poll();
    }
    EXPECT_EQ(says.all, (std::vector<std::string>(3, "a Operation canceled")));
    one.emit(asio::cancellation_type::terminal); // no operation is pending any more
    stack->async_wait_interface(1, says.handler("b"));
    link(false);
    EXPECT_EQ(says.all.back(), "b down");
}

TEST_F(waiting, aborted_by_shutdown_and_refused_afterwards)
{
    stack->async_wait_interface(1, says.handler("a"));
    stack->shutdown();
    stack->async_wait_interface(1, says.handler("b"));
    io.poll();
    EXPECT_EQ(says.all, (std::vector<std::string>{"a Operation canceled", "b Operation canceled"}));
}

TEST_F(waiting, an_unknown_interface)
{
    stack->async_wait_interface(7, says.handler("a"));
    io.poll();
    EXPECT_EQ(says.all, (std::vector<std::string>{"a No such device"}));
    EXPECT_THROW((void)stack->interface_status(7), boost::system::system_error);
    EXPECT_THROW(stack->set_interface_up(7, true), boost::system::system_error);
    EXPECT_THROW(stack->replace_device(7, std::make_unique<puppet>()), boost::system::system_error);
    EXPECT_THROW(stack->replace_device(0, std::make_unique<puppet>()), boost::system::system_error)
        << "the loopback interface has no device";
    EXPECT_THROW(stack->replace_device(1, nullptr), boost::system::system_error);
}

TEST_F(waiting, counts_as_work_and_runs_where_its_handler_belongs)
{
    asio::io_context elsewhere;
    bool there = false;
    stack->async_wait_interface(1, asio::bind_executor(elsewhere.get_executor(), [&](error_code, interface_state) {
                                    there = elsewhere.get_executor().running_in_this_thread();
                                }));
    EXPECT_EQ(io.poll(), 0U);
    EXPECT_FALSE(io.stopped()) << "a pending wait is outstanding work";
    elsewhere.poll();
    EXPECT_FALSE(elsewhere.stopped());
    link(false);
    EXPECT_FALSE(there);
    elsewhere.run();
    EXPECT_TRUE(there);
}

TEST(interface_waits, are_destroyed_uncalled_with_the_io_context)
{
    const auto kept = std::make_shared<int>();
    bool called = false;
    {
        asio::io_context io;
        auto* const s = new tapio::stack(io, std::make_unique<puppet>());
        s->async_wait_interface(1, [kept, &called](error_code, interface_state) { called = true; });
        EXPECT_EQ(kept.use_count(), 2);
        (void)s;
        asio::post(io, [] {});
        delete s; // cancels the wait, but io does not run its handler any more
    }
    EXPECT_EQ(kept.use_count(), 1);
    EXPECT_FALSE(called);
}

/// Records interface states reported to the trace.
struct states_heard : tapio::core::trace
{
    void interface_changed(std::uint32_t n, const tapio::interface_status& s, tapio::core::time_point) override
    {
        all.push_back(s.name + ' ' + std::to_string(n) + ' ' + name(s.state));
    }
    std::vector<std::string> all;
};

TEST(attaching, a_device_that_is_down_is_told_to_the_trace_and_one_that_is_up_is_not)
{
    asio::io_context io;
    states_heard trace;
    tapio::stack stack(io, nullptr, {.trace = &trace});
    stack.add_device(std::make_unique<puppet>());
    EXPECT_TRUE(trace.all.empty());
    auto down = std::make_unique<puppet>();
    down->link_up = false;
    stack.add_device(std::move(down));
    EXPECT_EQ(trace.all, std::vector<std::string>{"puppet0 2 down"});
}

template <class T>
struct counting_allocator
{
    using value_type = T;
    int* live;
    explicit counting_allocator(int* n) : live(n) {}
    template <class U>
    counting_allocator(const counting_allocator<U>& o) : live(o.live)
    {
    }
    T* allocate(std::size_t n) { return ++*live, std::allocator<T>().allocate(n); }
    void deallocate(T* p, std::size_t n) { --*live, std::allocator<T>().deallocate(p, n); }
    template <class U>
    bool operator==(const counting_allocator<U>& o) const
    {
        return live == o.live;
    }
};

TEST_F(waiting, memory_of_the_handlers_allocator_is_back_before_the_upcall)
{
    int live = 0, within = -1;
    stack->async_wait_interface(
        1, asio::bind_allocator(counting_allocator<int>(&live), [&](error_code, interface_state) { within = live; }));
    EXPECT_EQ(live, 1);
    link(false);
    EXPECT_EQ(within, 0);
}

TEST_F(waiting, a_changed_mtu_is_no_change_of_state)
{
    stack->async_wait_interface(1, says.handler("a"));
    device->mtu = 1000;
    link(true);
    EXPECT_EQ(stack->interface_status().mtu, 1000U);
    EXPECT_EQ(says.all.size(), 0U);
}

TEST_F(waiting, what_devices_refuse_is_counted_over_all_of_an_interface)
{
    error_code ec;
    udp::socket u(*stack, udp::v4());
    const auto before = stack->counters(1).out_errors;
    u.send_to(asio::buffer("x", 1), {right_address, 80}, 0, ec); // sends an ARP request
    io.poll();
    EXPECT_EQ(stack->counters(1).out_errors, before + 1);
    const auto n = stack->counters(1).out_errors;
    stack->replace_device(1, std::make_unique<puppet>());
    EXPECT_GE(stack->counters(1).out_errors, n);
}

TEST_F(waiting, taken_down_and_up_by_the_user)
{
    stack->async_wait_interface(1, says.handler("a"));
    stack->set_interface_up(1, false);
    stack->set_interface_up(1, false);
    io.restart();
    io.poll();
    EXPECT_EQ(says.all, (std::vector<std::string>{"a down"}));
    EXPECT_FALSE(stack->interface_status().enabled);
    error_code ec;
    tcp::socket t(*stack);
    t.connect({right_address, 80}, ec);
    EXPECT_EQ(ec, asio::error::network_down);
    stack->set_interface_up(1, true);
    EXPECT_EQ(stack->interface_status().state, interface_state::up);
}

TEST_F(waiting, addresses_and_routes_can_be_taken_away)
{
    const auto net = asio::ip::make_address("203.0.113.0");
    error_code ec;
    stack->add_route(net, 24, right_address);
    stack->remove_route(net, 24, right_address);
    EXPECT_THROW(stack->remove_route(net, 24, right_address), boost::system::system_error);
    udp::socket u(*stack, {left_address, 0});
    u.send_to(asio::buffer("x", 1), {asio::ip::make_address("203.0.113.1"), 80}, 0, ec);
    EXPECT_EQ(ec, asio::error::network_unreachable);
    stack->remove_address(left_address);
    EXPECT_THROW(stack->remove_address(left_address), boost::system::system_error);
    u.send_to(asio::buffer("x", 1), {right_address, 80}, 0, ec);
    EXPECT_EQ(ec, asio::error::network_unreachable);
}

// -- wires in memory ----------------------------------------------------------------------------------------------------------

enum class around
{
    nothing,
    impaired,
    capture
};

struct wire_in_memory : testing::TestWithParam<around>
{
    std::unique_ptr<tapio::device> wrapped(std::unique_ptr<tapio::device> d)
    {
        switch (GetParam()) {
        case around::impaired: return tapio::impaired(std::move(d), {.outgoing = {.delay = 10ms}, .incoming = {.delay = 10ms}});
        case around::capture: return tapio::capture(std::move(d), file = testing::TempDir() + "tapio_interface_test.pcapng");
        default: return d;
        }
    }
    wire_in_memory()
    {
        auto [l, r] = tapio::make_pipe();
        left.emplace(io, wrapped(std::move(l)), tapio::stack_options{.time = &time});
        right.emplace(io, std::move(r), tapio::stack_options{.time = &time});
        left->add_address(left_address, 24);
        right->add_address(right_address, 24);
    }
    ~wire_in_memory() override
    {
        if (!file.empty()) std::remove(file.c_str());
    }
    std::string file;
    asio::io_context io{1};
    tapio::virtual_time time{io};
    std::optional<tapio::stack> left, right;
};

TEST_P(wire_in_memory, whose_other_end_goes_is_down)
{
    std::optional<interface_state> told;
    left->async_wait_interface(1, [&](error_code, interface_state s) { told = s; });
    right.reset();
    EXPECT_TRUE(time.run_until([&] { return told.has_value(); }, 1s));
    EXPECT_EQ(told, interface_state::down);
    EXPECT_EQ(left->interface_status().state, interface_state::down);
    error_code ec;
    tcp::socket s(*left);
    s.connect({right_address, 80}, ec);
    EXPECT_EQ(ec, asio::error::network_down);
}

/// A connection survives when the wire is cut and then replaced at both ends.
TEST_P(wire_in_memory, replaced_at_both_ends_carries_the_connections_on)
{
    tcp::acceptor a(*right, {tcp::v4(), 80});
    tcp::socket s(*left);
    s.connect({right_address, 80});
    tcp::socket peer = a.accept();
    const std::string text(3'000'000, 'x');
    std::string got(text.size(), ' ');
    std::size_t sent = 0, received = 0;
    asio::async_write(s, asio::buffer(text), [&](error_code, std::size_t n) { sent = n; });
    asio::async_read(peer, asio::buffer(got), [&](error_code, std::size_t n) { received = n; });
    time.run_for(1us);
    {
        auto [l, r] = tapio::make_pipe({.mtu = 1000});
        right->replace_device(1, std::move(r));
        EXPECT_EQ(right->interface_status().mtu, 1000U);
        time.run_for(100ms);
        EXPECT_EQ(left->interface_status().state, interface_state::down) << "the other end of its wire is gone";
        left->replace_device(1, wrapped(std::move(l)));
        EXPECT_EQ(left->interface_status().state, interface_state::up);
    }
    EXPECT_TRUE(time.run_until([&] { return received != 0; }, 1min));
    EXPECT_EQ(sent, text.size());
    EXPECT_TRUE(got == text);
}

std::string name_of(const testing::TestParamInfo<around>& p)
{
    return p.param == around::nothing ? "bare" : p.param == around::impaired ? "impaired" : "capture";
}
INSTANTIATE_TEST_SUITE_P(wires, wire_in_memory, testing::Values(around::nothing, around::impaired, around::capture), name_of);

// -- a stack on a thread of its own
// ----------------------------------------------------------------------------------------------

TEST(own_thread, hears_of_its_interfaces_too)
{
    auto [l, r] = tapio::make_pipe();
    tapio::stack left(std::move(l));
    left.add_address(left_address, 24);
    std::optional<tapio::stack> right(std::in_place, std::move(r));
    auto told = left.async_wait_interface(1, interface_state::up, asio::use_future);
    right.reset();
    ASSERT_EQ(told.wait_for(10s), std::future_status::ready);
    EXPECT_EQ(told.get(), interface_state::down);
    auto again = left.async_wait_interface(1, interface_state::down, asio::use_future);
    auto [l2, r2] = tapio::make_pipe();
    left.replace_device(1, std::move(l2));
    ASSERT_EQ(again.wait_for(10s), std::future_status::ready);
    EXPECT_EQ(again.get(), interface_state::up);
}

/// Devices are replaced while another thread runs the stacks under load.
TEST(own_thread, replaces_a_device_that_is_at_work)
{
    auto [l, r] = tapio::make_pipe();
    tapio::stack left(std::move(l)), right(std::move(r));
    left.add_address(left_address, 24);
    right.add_address(right_address, 24);
    tcp::acceptor a(right, {tcp::v4(), 80});
    tcp::socket s(left), peer(right);
    auto accepted = std::async(std::launch::async, [&] { a.accept(peer); });
    s.connect({right_address, 80});
    accepted.get();
    const std::string text(20'000'000, 'x');
    std::string got(text.size(), ' ');
    auto written = std::async(std::launch::async, [&] { return asio::write(s, asio::buffer(text)); });
    auto read = std::async(std::launch::async, [&] { return asio::read(peer, asio::buffer(got)); });
    for (int i = 0; i < 20; ++i) {
        auto [l2, r2] = tapio::make_pipe();
        left.replace_device(1, std::move(l2));
        right.replace_device(1, std::move(r2));
    }
    EXPECT_EQ(written.get(), text.size());
    EXPECT_EQ(read.get(), text.size());
    EXPECT_TRUE(got == text);
}

} // namespace
