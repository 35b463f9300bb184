/// @file
/// The frame of a subcommand: its options with those of the host, `--help` with examples, `--json`, errors as one line and an
/// exit status.
#pragma once

#include "common/host_options.hpp"
#include "common/program.hpp"
#include "tapio/command.hpp"

#include <functional>
#include <stdexcept>
#include <string>

namespace apps::tools {

/// The exit status 130 of a program that SIGINT ended.
inline constexpr int interrupted_status = 130;

/// A failure with an exit status of its own, for tools whose users know many (curl).
struct tool_error : std::runtime_error
{
    tool_error(const std::string& what, int exit_status) : std::runtime_error(what), status(exit_status) {}
    int status;
};

/// The device cannot be opened: exit status 2 for every tool.
struct device_error : tool_error
{
    explicit device_error(const std::string& what) : tool_error(what, wrong_usage) {}
};

/// The frame. Add to `options`, then return `run()`.
class tool
{
public:
    explicit tool(const command& self) : options("Options"), self_(self) {}

    po::options_description options;
    po::positional_options_description positional;
    host_options host;
    bool memory = false;            ///< --memory: the network is in memory (network.hpp)
    bool json = false;              ///< --json: one JSON object on standard output, for machines
    bool has_network = true;        ///< set it to false before run(): no options of a host
    bool has_memory = true;         ///< likewise: no --memory
    int failure_status = failure;   ///< of an error that has none of its own
    int usage_status = wrong_usage; ///< of a mistake on the command line

    /// Parses the command line, serves --help and runs `body`, which returns the exit status.
    int run(int argc, const char* const* argv, const std::function<int()>& body);

private:
    po::options_description all_options();
    bool parse(int argc, const char* const* argv); ///< false: --help was served
    void print_help(const po::options_description& all) const;
    int complain(const std::string& what, int status) const;

    const command& self_;
};

/// An option with a duration: seconds, with a fraction ("0.2"), or with a unit ("200ms", "2s", "1m").
po::typed_value<std::string>* seconds_option(std::chrono::nanoseconds& target);
/// An option with a size: a number with an optional suffix K, M, G (1024 each).
po::typed_value<std::string>* size_option(std::uint64_t& target);
/// An option with a rate in bit/s: a number with an optional suffix K, M, G (1000 each).
po::typed_value<std::string>* rate_option(std::uint64_t& target);

} // namespace apps::tools
