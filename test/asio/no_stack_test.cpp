// A program without a stack gets errc::no_stack, whose message says what to do; ways of naming a stack for iostreams.
#include <tapio/device/pipe.hpp>
#include <tapio/tapio.hpp>

#include <boost/asio.hpp>

#include <gtest/gtest.h>

#include <string>
#include <thread>

namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using tapio::ip::tcp;
using tapio::ip::udp;

const asio::ip::address elsewhere = asio::ip::make_address("198.18.0.2");

TEST(no_stack, connecting_or_sending_elsewhere_says_so)
{
    asio::io_context io;
    error_code ec;
    tcp::socket t(io);
    t.connect({elsewhere, 7}, ec);
    EXPECT_EQ(ec, tapio::errc::no_stack);
    EXPECT_EQ(ec, boost::system::errc::network_unreachable) << "it still equals the generic condition";
    EXPECT_NE(ec.message().find("tapio::stack"), std::string::npos) << ec.message();
    EXPECT_NE(ec.message().find("use_stack()"), std::string::npos) << ec.message();
    EXPECT_STREQ(ec.category().name(), "tapio");
    udp::socket u(io, udp::v4());
    u.send_to(asio::buffer("x", 1), {elsewhere, 7}, 0, ec);
    EXPECT_EQ(ec, tapio::errc::no_stack);
    u.connect({elsewhere, 7}, ec);
    EXPECT_EQ(ec, tapio::errc::no_stack);
}

TEST(no_stack, an_asynchronous_connect_says_so)
{
    asio::io_context io;
    tcp::socket s(io);
    error_code got;
    s.async_connect({elsewhere, 7}, [&](error_code ec) { got = ec; });
    io.run();
    EXPECT_EQ(got, tapio::errc::no_stack);
}

TEST(no_stack, binding_to_an_address_says_so_in_an_exceptions_text)
{
    asio::io_context io;
    try {
        const tcp::acceptor a(io, {elsewhere, 80});
        FAIL();
    } catch (const boost::system::system_error& e) {
        EXPECT_EQ(e.code(), tapio::errc::no_stack);
        EXPECT_NE(std::string(e.what()).find("set_default_stack()"), std::string::npos) << e.what();
    }
}

TEST(no_stack, the_loopback_is_there)
{
    asio::io_context io;
    tcp::acceptor a(io, {asio::ip::address_v4::loopback(), 0});
    tcp::socket s(io);
    s.connect(a.local_endpoint());
    EXPECT_TRUE(a.accept().is_open());
    error_code ec;
    tcp::socket(io).connect({asio::ip::address_v4::loopback(), 9}, ec);
    EXPECT_EQ(ec, asio::error::connection_refused);
}

TEST(no_stack, a_stack_that_has_no_way_says_what_it_said)
{
    asio::io_context io;
    tapio::stack stack(io);
    error_code ec;
    tcp::socket(stack).connect({elsewhere, 7}, ec);
    EXPECT_EQ(ec, asio::error::network_unreachable);
    tcp::acceptor a(stack);
    a.open(tcp::v4());
    a.bind({elsewhere, 80}, ec);
    EXPECT_EQ(ec, boost::system::errc::address_not_available);
}

struct a_service : asio::execution_context::service
{
    using key_type = a_service;
    inline static asio::execution_context::id id;

    explicit a_service(asio::execution_context& context) : service(context) {}
    void shutdown() override {}
};

TEST(services, of_a_user_are_made_in_the_io_context_and_found_from_the_stack)
{
    asio::io_context io;
    tapio::stack stack(io);
    EXPECT_THROW(asio::make_service<a_service>(stack.context()), asio::invalid_service_owner);
    a_service& made = asio::make_service<a_service>(io);
    EXPECT_EQ(&asio::use_service<a_service>(stack.context()), &made);
}

/// A stack with 198.18.0.1, and a server at 198.18.0.2 that answers a line with "<line>".
struct streams : testing::Test
{
    streams()
    {
        ours.emplace(io, std::move(wire.first));
        theirs.emplace(std::move(wire.second));
        ours->add_address(asio::ip::make_address("198.18.0.1"), 24);
        theirs->add_address(elsewhere, 24);
        tapio::use_stack(far, *theirs);
        acceptor.emplace(far, tcp::endpoint(elsewhere, 7));
        server = std::thread([this] {
            tcp::iostream s{acceptor->accept()};
            std::string line;
            while (std::getline(s, line)) s << '<' << line << ">\n" << std::flush;
        });
    }
    ~streams() override { server.join(); }

    static std::string ask(tcp::iostream& s)
    {
        std::string answer;
        s << "hello" << std::endl;
        std::getline(s, answer);
        return answer;
    }

    std::pair<std::unique_ptr<tapio::device>, std::unique_ptr<tapio::device>> wire = tapio::make_pipe();
    asio::io_context io, far;
    std::optional<tapio::stack> ours, theirs;
    std::optional<tcp::acceptor> acceptor;
    std::thread server;
};

TEST_F(streams, with_a_context_of_their_own_are_reached_by_use_stack)
{
    tcp::iostream s;
    s.connect(tcp::endpoint(elsewhere, 7));
    EXPECT_EQ(s.error(), tapio::errc::no_stack);
    s.clear();
    use_stack(s, *ours);
    s.connect("198.18.0.2", "7");
    ASSERT_TRUE(s) << s.error().message();
    EXPECT_EQ(ask(s), "<hello>");
}

TEST_F(streams, made_from_a_socket_have_its_stack)
{
    tcp::iostream s{tcp::socket(*ours)};
    EXPECT_THROW(use_stack(s, *ours), boost::system::system_error);
    s.connect("198.18.0.2", "7");
    ASSERT_TRUE(s) << s.error().message();
    EXPECT_EQ(ask(s), "<hello>");
}

TEST_F(streams, made_with_names_have_the_default_stack)
{
    tapio::set_default_stack(*ours);
    tcp::iostream s("198.18.0.2", "7");
    ASSERT_TRUE(s) << s.error().message();
    EXPECT_EQ(ask(s), "<hello>");
}

} // namespace
