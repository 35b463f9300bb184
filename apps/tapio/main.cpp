/// @file
/// tapio: the tools that every network engineer knows, each as a subcommand, over tapio's stack instead of the kernel's.
#include "tapio/command.hpp"

#include <tapio/version.hpp>

#include <array>
#include <cstdio>
#include <iostream>
#include <string>
#include <string_view>

namespace {

namespace tools = apps::tools;
using tools::command;

// In the order of the list that --help prints.
constexpr std::array all{&tools::demo,      &tools::ping, &tools::arping, &tools::ndisc, &tools::traceroute,
                         &tools::tracepath, &tools::nc,   &tools::http,   &tools::perf,  &tools::dump,
                         &tools::ss,        &tools::dhcp, &tools::dig};

constexpr int wrong_usage = 2;

const command* find(std::string_view name)
{
    for (const command* c : all)
        if (c->name == name) return c;
    return nullptr;
}

void print_list(std::ostream& out)
{
    out << "tapio: network tools on a TCP/IP stack in user space\n\nUsage: tapio COMMAND [options]\n\nCommands:\n";
    for (const command* c : all) out << "  " << c->name << std::string(12 - c->name.size(), ' ') << c->summary << '\n';
    out << "\n`tapio COMMAND --help` and `tapio help COMMAND` list the options of a command, with examples. A command that "
           "needs\n"
           "a network takes a TAP or TUN device (--tap NAME --address ADDRESS/LENGTH), or --memory: hosts within the program, "
           "for\n"
           "which no privileges are needed. `tapio demo` shows what that looks like.\n"
        << std::flush;
}

int unknown(const std::string& name)
{
    std::cerr << "tapio: there is no command '" << name << "' (tapio --help lists them)" << std::endl;
    return wrong_usage;
}

int help(int argc, char** argv)
{
    if (argc < 3) return print_list(std::cout), 0;
    const command* const c = find(argv[2]);
    if (c == nullptr) return unknown(argv[2]);
    const std::array<const char*, 2> arguments{argv[2], "--help"};
    return c->run(*c, 2, arguments.data());
}

} // namespace

int main(int argc, char** argv)
{
    if (argc < 2) return print_list(std::cerr), wrong_usage;
    const std::string name = argv[1];
    if (name == "help" || name == "--help" || name == "-h") return help(argc, argv);
    if (name == "--version" || name == "version") return std::puts("tapio " TAPIO_VERSION_STRING), 0;
    const command* const c = find(name);
    return c == nullptr ? unknown(name) : c->run(*c, argc - 1, argv + 1);
}
