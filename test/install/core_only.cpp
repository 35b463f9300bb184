// A program that links with the core library only.
#include <tapio/core/drop_reason.hpp>

#include <cstring>

int main() { return std::strlen(tapio::core::describe(tapio::core::drop_reason::no_route)) > 0 ? 0 : 1; }
