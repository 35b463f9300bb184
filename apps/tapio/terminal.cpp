#include "tapio/terminal.hpp"

#include <cstdlib>
#include <unistd.h>

namespace apps::tools {

namespace {

bool is_set(const char* name)
{
    const char* const value = std::getenv(name);
    return value != nullptr && *value != '\0';
}

// The parameter of SGR (ECMA-48 §8.3.117).
const char* code(colour c)
{
    switch (c) {
    case colour::bold: return "1";
    case colour::dim: return "2";
    case colour::red: return "31";
    case colour::green: return "32";
    case colour::yellow: return "33";
    case colour::blue: return "34";
    case colour::cyan: return "36";
    case colour::plain: break;
    }
    return "0";
}

} // namespace

bool shows_colours()
{
    static const bool yes =
        ::isatty(STDOUT_FILENO) != 0 && !is_set("NO_COLOR") && is_set("TERM") && std::string_view(std::getenv("TERM")) != "dumb";
    return yes;
}

std::string in(colour c, std::string_view text)
{
    if (!shows_colours() || c == colour::plain) return std::string(text);
    return std::string("\033[") + code(c) + 'm' + std::string(text) + "\033[0m";
}

} // namespace apps::tools
