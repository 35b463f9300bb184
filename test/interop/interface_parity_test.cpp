// The effect on sockets of an interface that is taken down or loses its address: the same program on kernel sockets (a veth pair
// in a network namespace) and on ours. (Comparisons that need no privileges are in test/parity.)
#include "support/bind_to_device.hpp"
#include "support/kernel/network_namespace.hpp"

#include <tapio/device/pipe.hpp>
#include <tapio/tapio.hpp>

#include <boost/asio.hpp>

#include <gmock/gmock.h>

#include <memory>
#include <optional>
#include <string>
#include <sys/socket.h>
#include <vector>

namespace tapio::test::interface_parity_cases {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

const auto own = asio::ip::make_address_v4("192.0.2.1"), other = asio::ip::make_address_v4("192.0.2.2");

struct kernels
{
    using tcp = asio::ip::tcp;
    using udp = asio::ip::udp;

    kernels()
    {
        run("ip link add d0 type veth peer name d1 && ip link set d1 up && ip link set d0 up && ip address add 192.0.2.1/24 dev "
            "d0");
    }
    static void run(const std::string& command) { EXPECT_EQ(std::system(command.c_str()), 0) << command; }

    asio::io_context& context() { return io; }
    std::string device() const { return "d0"; }
    void set_up(bool up) { run(up ? "ip link set d0 up" : "ip link set d0 down"); }
    void remove_address() { run("ip address del 192.0.2.1/24 dev d0"); }
    void add_address() { run("ip address add 192.0.2.1/24 dev d0"); }

    asio::io_context io;
};

struct ours
{
    using tcp = tapio::ip::tcp;
    using udp = tapio::ip::udp;

    ours() : ours(make_pipe()) {}
    explicit ours(std::pair<std::unique_ptr<tapio::device>, std::unique_ptr<tapio::device>> wire)
        : far(std::move(wire.second)), stack(io, std::move(wire.first))
    {
        add_address();
    }

    tapio::stack& context() { return stack; }
    std::string device() const { return stack.interface_status().name; }
    void set_up(bool up) { stack.set_interface_up(1, up); }
    void remove_address() { stack.remove_address(own); }
    void add_address() { stack.add_address(own, 24); }

    asio::io_context io;
    std::unique_ptr<tapio::device> far;
    tapio::stack stack;
};

/// The observations of the program, one per line.
template <class Side>
class program
{
public:
    std::vector<std::string> run()
    {
        open();
        use("at first");
        side.set_up(false);
        use("down");
        side.set_up(true);
        use("up again");
        side.remove_address();
        use("without the address");
        side.add_address();
        use("with it again");
        return std::move(lines);
    }

private:
    using tcp = typename Side::tcp;
    using udp = typename Side::udp;

    void say(const std::string& what, const error_code& ec)
    {
        lines.push_back(when + ": " + what + ": " + (ec ? ec.message() : "ok"));
    }

    void open()
    {
        when = "before";
        error_code ec;
        by_device.set_option(bind_to_device(side.device()), ec), say("bind to the device", ec);
        by_address.bind({own, 0}, ec), say("bind to the address", ec);
        acceptor.bind({own, 8080}, ec), acceptor.listen(10, ec), say("listen", ec);
        begin_connect(pending, other);
        client.connect({own, 8080}, ec), say("connect to ourselves", ec);
        acceptor.accept(server, ec), say("accept", ec);
    }
    void sends(const std::string& how, typename udp::socket& s)
    {
        error_code ec;
        s.send_to(asio::buffer("x", 1), {other, 9}, 0, ec), say("send " + how, ec);
        s.send_to(asio::buffer("x", 1), {own, 9}, 0, ec), say("send to ourselves " + how, ec);
    }
    void use(const std::string& now)
    {
        when = now;
        error_code ec;
        sends("by the device", by_device);
        sends("by the address", by_address);
        sends("by neither", by_neither);
        typename udp::socket late(side.context(), udp::v4()), bound(side.context(), udp::v4());
        late.set_option(bind_to_device(side.device()), ec), say("bind another to the device", ec);
        late.send_to(asio::buffer("x", 1), {other, 9}, 0, ec), say("send by it", ec);
        bound.bind({own, 0}, ec), say("bind another to the address", ec);
        typename tcp::socket away(side.context()), home(side.context());
        begin_connect(away, other);
        home.connect({own, 8080}, ec), say("connect to ourselves", ec);
        client.write_some(asio::buffer("x", 1), ec), say("write", ec);
    }
    /// Starts a connect, and records its result if it completes at once.
    void begin_connect(typename tcp::socket& s, const asio::ip::address& to)
    {
        auto result = std::make_shared<std::optional<error_code>>();
        s.async_connect({to, 80}, [result](error_code ec) { *result = ec; });
        side.io.poll();
        side.io.restart();
        say("connect", *result ? **result : asio::error::in_progress);
    }

    Side side;
    std::string when;
    std::vector<std::string> lines;
    typename udp::socket by_device{side.context(), udp::v4()}, by_address{side.context(), udp::v4()},
        by_neither{side.context(), udp::v4()};
    typename tcp::acceptor acceptor{side.context(), tcp::v4()};
    typename tcp::socket pending{side.context(), tcp::v4()}, client{side.context(), tcp::v4()}, server{side.context()};
};

TEST(an_interface, that_goes_down_or_loses_its_address_is_seen_as_on_the_kernel)
{
    std::vector<std::string> theirs, differences;
    try {
        const network_namespace ns;
        ns.inside([&] { theirs = program<kernels>().run(); }).join();
    } catch (const std::runtime_error& e) {
        GTEST_SKIP() << "SKIPPED: " << e.what();
    }
    const auto mine = program<ours>().run();
    ASSERT_EQ(mine.size(), theirs.size());
    ASSERT_GT(mine.size(), 60U);
    for (std::size_t i = 0; i < mine.size(); ++i)
        if (mine[i] != theirs[i]) differences.push_back(theirs[i] + " | " + mine[i].substr(mine[i].rfind(": ") + 2));
    EXPECT_THAT(differences, testing::ElementsAre(
                                 // tapio reports the reason: the interface is down, a route is not missing.
                                 "down: send by the device: Network is unreachable | Network is down",
                                 // Linux checks the state of the bound device, although packets to ourselves do not use it.
                                 "down: send to ourselves by the device: Network is unreachable | ok",
                                 "down: send by the address: Network is unreachable | Network is down",
                                 "down: send by neither: Network is unreachable | Network is down",
                                 "down: send by it: Network is unreachable | Network is down",
                                 "down: connect: Network is unreachable | Network is down",
                                 // Linux treats a destination without a route on the bound device as on-link, and sends from
                                 // 0.0.0.0.
                                 "without the address: send by the device: ok | Network is unreachable",
                                 "without the address: send to ourselves by the device: ok | Network is unreachable",
                                 "without the address: send by it: ok | Network is unreachable"));
}

} // namespace
} // namespace tapio::test::interface_parity_cases
