#include "common/program.hpp"

#include <tapio/version.hpp>

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <utility>

namespace apps {

std::string describe(const boost::system::system_error& e)
{
    std::string text = e.what();
    const std::string tail = e.code().what();
    return text.ends_with(tail) ? text.substr(0, text.size() - tail.size()) + e.code().message() : text;
}

program::program(std::string name, std::string purpose) : options("Options"), name_(std::move(name)), purpose_(std::move(purpose))
{
    options.add_options()("help,h", "print this and exit")("version", "print the version and exit");
}

int program::run(int argc, const char* const* argv, const std::function<void()>& body)
{
    try {
        if (parse(argc, argv)) body();
        return success;
    } catch (const usage_error& e) {
        return complain(e.what(), wrong_usage);
    } catch (const po::error& e) {
        return complain(std::string(e.what()) + " (--help lists the options)", wrong_usage);
    } catch (const boost::system::system_error& e) {
        return complain(describe(e), failure);
    } catch (const std::exception& e) {
        return complain(e.what(), failure);
    }
}

bool program::parse(int argc, const char* const* argv)
{
    po::variables_map values;
    po::store(po::command_line_parser(argc, argv).options(options).positional(positional).run(), values);
    if (values.contains("help")) {
        std::cout << name_ << ": " << purpose_ << "\n\n" << options << std::flush;
        return false;
    }
    if (values.contains("version")) {
        std::cout << name_ << " (tapio) " TAPIO_VERSION_STRING << std::endl;
        return false;
    }
    po::notify(values);
    return true;
}

int program::complain(const std::string& what, exit_status status) const
{
    std::cerr << name_ << ": " << what << std::endl;
    return status;
}

std::uint64_t parse_number(const std::string& text, std::uint64_t low, std::uint64_t high)
{
    std::uint64_t value = 0;
    const char* const end = text.data() + text.size();
    const auto [stopped_at, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc() || stopped_at != end || value < low || value > high)
        throw usage_error("'" + text + "' is not a number from " + std::to_string(low) + " to " + std::to_string(high));
    return value;
}

void say(const std::string& line)
{
    std::puts(line.c_str());
    std::fflush(stdout);
}

stop_signal::stop_signal(boost::asio::io_context& io, std::function<void()> stop)
    : signals_(io, SIGINT, SIGTERM), stop_(std::move(stop))
{
    wait();
}

void stop_signal::wait()
{
    signals_.async_wait([this](boost::system::error_code error, int) {
        if (error) return;
        if (std::exchange(stopping_, true)) std::_Exit(failure);
        wait();
        stop_();
    });
}

} // namespace apps
