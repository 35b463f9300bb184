/// @file
/// What tapio needs of its user's compiler flags, said at compile time. Every public header includes this file.
#pragma once

#if __cplusplus < 202002L
#error "tapio needs C++20: compile with -std=c++20 or later."
#endif

// Asio finds a service of an execution context by std::type_info where there is RTTI, and else by an address. The library is
// compiled with RTTI, so a program without it would not find the library's services.
#ifndef __cpp_rtti
#error "tapio needs run-time type information: compile without -fno-rtti."
#endif

#ifndef __cpp_exceptions
#error "tapio needs exceptions: compile without -fno-exceptions."
#endif

// The macro gives Asio's classes another layout than they have in the library, and a blocking call would wait for ever.
#ifdef BOOST_ASIO_DISABLE_THREADS
#error "tapio needs threads: compile without BOOST_ASIO_DISABLE_THREADS."
#endif
