#include "tapio/tool.hpp"

#include "tapio/format.hpp"

#include <iostream>

namespace apps::tools {

int tool::run(int argc, const char* const* argv, const std::function<int()>& body)
{
    try {
        return parse(argc, argv) ? body() : success;
    } catch (const tool_error& e) {
        return complain(e.what(), e.status);
    } catch (const usage_error& e) {
        return complain(e.what(), usage_status);
    } catch (const po::error& e) {
        return complain(std::string(e.what()) + " (--help lists the options)", usage_status);
    } catch (const boost::system::system_error& e) {
        return complain(describe(e), failure_status);
    } catch (const std::exception& e) {
        return complain(e.what(), failure_status);
    }
}

po::options_description tool::all_options()
{
    options.add_options()("json", po::bool_switch(&json), "write JSON to standard output, for machines") //
        ("help,h", "print this and exit");
    po::options_description all;
    all.add(options);
    if (!has_network) return all;
    auto network = host.description();
    if (has_memory) {
        network.add_options()(
            "memory", po::bool_switch(&memory),
            "no device: this host is 198.18.0.1 and 2001:db8::1, and in the memory of the program there are two "
            "more: 198.18.0.2 (2001:db8::2), a router, and 198.18.1.2 (2001:db8:1::2) behind it; both serve "
            "echo (port 7) and HTTP (port 80)");
    }
    all.add(network).add(host.capture_description()).add(host.control_description());
    return all;
}

bool tool::parse(int argc, const char* const* argv)
{
    const auto all = all_options();
    po::variables_map values;
    // Guessing abbreviated long options would make the meaning of scripts depend on options that are added later.
    namespace style = po::command_line_style;
    const int wanted = style::unix_style & ~style::allow_guessing;
    po::store(po::command_line_parser(argc, argv).options(all).positional(positional).style(wanted).run(), values);
    if (values.contains("help")) return print_help(all), false;
    po::notify(values);
    return true;
}

void tool::print_help(const po::options_description& all) const
{
    std::cout << "tapio " << self_.name << ": " << self_.summary << "\n\nUsage: tapio " << self_.name << ' ' << self_.usage
              << "\n\n"
              << "Examples:\n"
              << self_.examples << all << std::flush;
}

int tool::complain(const std::string& what, int status) const
{
    std::cout << std::flush;
    std::cerr << "tapio " << self_.name << ": " << what << std::endl;
    return status;
}

po::typed_value<std::string>* seconds_option(std::chrono::nanoseconds& target)
{
    return po::value<std::string>()->notifier([&target](const std::string& text) { target = parse_duration(text); });
}

po::typed_value<std::string>* size_option(std::uint64_t& target)
{
    return po::value<std::string>()->notifier([&target](const std::string& text) { target = parse_scaled(text, 1024); });
}

po::typed_value<std::string>* rate_option(std::uint64_t& target)
{
    return po::value<std::string>()->notifier([&target](const std::string& text) { target = parse_scaled(text, 1000); });
}

} // namespace apps::tools
