/// @file
/// Checks at compile time that the compiler flags are those that tapio needs. Every public header includes this file.
#pragma once

#if __cplusplus < 202002L
#error "tapio needs C++20: compile with -std=c++20 or later."
#endif

// Asio looks a service of an execution context up by std::type_info if there is RTTI, and by an address otherwise. The library is
// compiled with RTTI, so a program without RTTI would not find the library's services.
#ifndef __cpp_rtti
#error "tapio needs run-time type information: compile without -fno-rtti."
#endif

#ifndef __cpp_exceptions
#error "tapio needs exceptions: compile without -fno-exceptions."
#endif

// The macro changes the layout of Asio's classes, so that they would not match those in the library, and a blocking call would
// wait for ever.
#ifdef BOOST_ASIO_DISABLE_THREADS
#error "tapio needs threads: compile without BOOST_ASIO_DISABLE_THREADS."
#endif
