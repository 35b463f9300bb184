/// @file
/// What every sample program does around its work: options, `--help`, `--version`, errors as one line and an exit status,
/// signals.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/program_options.hpp>

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

/// A mistake on the command line: one line on stderr, exit status 2.
struct usage_error : std::runtime_error
{
    using std::runtime_error::runtime_error;
};

/// A program's frame. Add to `options`, then return `run()` from main().
class program
{
public:
    program(std::string name, std::string purpose);

    po::options_description options;
    po::positional_options_description positional;

    /// Parses, answers `--help` and `--version`, runs `body`; errors become one line on stderr and an exit status.
    int run(int argc, const char* const* argv, const std::function<void()>& body);

private:
    bool parse(int argc, const char* const* argv);
    int complain(const std::string& what, exit_status status) const;

    std::string name_, purpose_;
};

/// A whole number in [low, high]. (Boost's own conversion would let "-1" wrap around.)
template <class T>
po::typed_value<std::string>* number(T& target, std::uint64_t low, std::uint64_t high);

/// The number that `text` is, all of it; usage_error when it is none or outside [low, high].
std::uint64_t parse_number(const std::string& text, std::uint64_t low, std::uint64_t high);

/// Prints one line and flushes it, so that who waits for it on a pipe sees it.
void say(const std::string& line);

/// Calls `stop` at the first SIGINT or SIGTERM and ends the process at the second.
class stop_signal
{
public:
    stop_signal(boost::asio::io_context& io, std::function<void()> stop);

    /// Waits no longer, so that `io.run()` may return.
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

/// A port, 1 to 65535.
inline po::typed_value<std::string>* port_number(std::uint16_t& target) { return number(target, 1, 65535); }

} // namespace apps
