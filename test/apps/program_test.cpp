// // The frame of all sample programs: options, exit status, error messages.
#include "common/program.hpp"

#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace apps {
namespace {

struct outcome
{
    int status;
    std::string error;
};

/// Runs `p` with one argument. @return its status and what it wrote to standard error
outcome run(program& p, const char* argument, const std::function<void()>& body)
{
    const char* const arguments[] = {"test", argument};
    testing::internal::CaptureStderr();
    const int status = p.run(2, arguments, body);
    return {status, testing::internal::GetCapturedStderr()};
}

class numbers : public testing::TestWithParam<const char*>
{
};

TEST_P(numbers, that_are_none_are_refused) { EXPECT_THROW(parse_number(GetParam(), 1, 65535), usage_error); }

INSTANTIATE_TEST_SUITE_P(bad, numbers,
                         testing::Values("", "0", "65536", "-1", "+1", " 1", "1 ", "1x", "0x10", "99999999999999999999"));

TEST(program, reads_numbers_to_both_bounds)
{
    EXPECT_EQ(parse_number("1", 1, 65535), 1U);
    EXPECT_EQ(parse_number("65535", 1, 65535), 65535U);
}

TEST(program, sets_options_before_its_body_runs)
{
    program p("test", "a test");
    std::uint16_t port = 7;
    p.options.add_options()("port", port_number(port), "");
    std::uint16_t seen = 0;
    EXPECT_EQ(run(p, "--port=80", [&] { seen = port; }).status, success);
    EXPECT_EQ(seen, 80);
}

TEST(program, says_what_failed_in_one_line)
{
    program p("test", "a test");
    p.options.add_options()("x", "");
    const auto failed = run(p, "--x", [] {
        BOOST_STATIC_CONSTEXPR boost::source_location here = BOOST_CURRENT_LOCATION;
        const boost::system::error_code refused(ECONNREFUSED, boost::system::system_category(), &here);
        throw boost::system::system_error(refused, "connect");
    });
    EXPECT_EQ(failed.status, failure);
    EXPECT_EQ(failed.error, "test: connect: Connection refused\n"); // without the location in our source
    EXPECT_EQ(run(p, "--x", [] { throw usage_error("no"); }).status, wrong_usage);
}

TEST(program, does_not_run_its_body_when_an_option_is_wrong)
{
    program p("test", "a test");
    bool ran = false;
    EXPECT_EQ(run(p, "--nope", [&] { ran = true; }).status, wrong_usage);
    EXPECT_FALSE(ran);
}

} // namespace
} // namespace apps
