// --log: the levels, and that a program's log ends with its stack_log. Built where Boost.Log is.
#include "common/logging.hpp"
#include "common/program.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace apps {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

/// The log output at this level of one event of each kind.
std::string logged_at(const std::string& level)
{
    testing::internal::CaptureStderr();
    {
        const stack_log log(level);
        if (log.trace() != nullptr) {
            const tapio::core::endpoint local{boost::asio::ip::make_address("192.0.2.1"), 80}, remote{local.address, 4000};
            log.trace()->tcp_state_changed(local, remote, tapio::core::tcp_state::listen, tapio::core::tcp_state::established,
                                           {});
            log.trace()->dropped(1, tapio::core::drop_reason::udp_no_socket, {}, {});
            log.trace()->received(1, {}, {});
        }
    }
    return testing::internal::GetCapturedStderr();
}

TEST(log_level, says_what_is_logged)
{
    EXPECT_EQ(logged_at("info"), "info: tcp 192.0.2.1:80 192.0.2.1:4000: LISTEN -> ESTABLISHED\n");
    EXPECT_THAT(logged_at("debug"), HasSubstr("debug: interface 1: dropped 0 octets: udp_no_socket"));
    EXPECT_THAT(logged_at("debug"), Not(HasSubstr("received")));
    EXPECT_THAT(logged_at("trace"), HasSubstr("trace: interface 1: received 0 octets"));
}

TEST(log_level, none_logs_nothing)
{
    EXPECT_THAT(logged_at(""), IsEmpty());
    EXPECT_EQ(stack_log("").trace(), nullptr);
}

TEST(log_level, that_there_is_not_is_refused)
{
    EXPECT_NO_THROW(check_log_level(""));
    for (const char* level : {"info", "debug", "trace"}) EXPECT_NO_THROW(check_log_level(level)) << level;
    for (const char* level : {"loud", "INFO", "4", " "}) EXPECT_THROW(check_log_level(level), usage_error) << level;
}

} // namespace
} // namespace apps
