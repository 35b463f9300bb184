/// @file
/// The frame of every sample program: options, `--help`, `--version`, signals, and errors as one line and an exit status.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/program_options.hpp>
#include <boost/system/system_error.hpp>

#include <cstdint>
#include <functional>
#include <stdexcept>
#include <string>

namespace apps {

namespace po = boost::program_options;

enum exit_status : int
{
    success = 0,
    failure = 1,
    wrong_usage = 2
};

/// A mistake on the command line; program::run() turns it into one line on stderr and exit status 2.
struct usage_error : std::runtime_error
{
    using std::runtime_error::runtime_error;
};

/// The text of an exception without the source location that Boost adds in brackets.
std::string describe(const boost::system::system_error& e);

/// The frame of a program. Add to `options`, then return `run()` from main().
class program
{
public:
    program(std::string name, std::string purpose);

    po::options_description options;
    po::positional_options_description positional;

    /// Parses the command line, serves `--help` and `--version`, and runs `body`. An exception becomes one line on stderr.
    /// @return the exit status
    int run(int argc, const char* const* argv, const std::function<void()>& body);

private:
    bool parse(int argc, const char* const* argv);
    int complain(const std::string& what, exit_status status) const;

    std::string name_, purpose_;
};

/// An option with an integer from `low` to `high`. (Boost's own conversion would let "-1" wrap around.)
template <class T>
po::typed_value<std::string>* number(T& target, std::uint64_t low, std::uint64_t high);

/// Parses all of `text` as a number. @throws usage_error if it is none, or outside of [low, high]
std::uint64_t parse_number(const std::string& text, std::uint64_t low, std::uint64_t high);

/// Prints one line and flushes it, so that a reader at the other end of a pipe sees it at once.
void say(const std::string& line);

/// Calls `stop` at the first SIGINT or SIGTERM and ends the process at the second.
class stop_signal
{
public:
    stop_signal(boost::asio::io_context& io, std::function<void()> stop);

    /// Stops waiting for signals, so that `io.run()` can return.
    void cancel() { signals_.cancel(); }

private:
    void wait();

    boost::asio::signal_set signals_;
    std::function<void()> stop_;
    bool stopping_ = false;
};

template <class T>
po::typed_value<std::string>* number(T& target, std::uint64_t low, std::uint64_t high)
{
    return po::value<std::string>()->default_value(std::to_string(target))->notifier([=, &target](const std::string& text) {
        target = static_cast<T>(parse_number(text, low, high));
    });
}

/// An option with a port, 1 to 65535.
inline po::typed_value<std::string>* port_number(std::uint16_t& target) { return number(target, 1, 65535); }

} // namespace apps
