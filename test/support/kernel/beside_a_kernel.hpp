/// @file
/// A base for fixtures: a stack of ours and a kernel in a network namespace of its own, connected by a TAP.
#pragma once

#include "support/kernel/kernel_host.hpp"

#include <tapio/stack.hpp>

#include <boost/asio/io_context.hpp>

#include <optional>
#include <stdexcept>
#include <string>
#include <thread>

namespace tapio::test {

class beside_a_kernel
{
protected:
    explicit beside_a_kernel(int concurrency_hint) : io(concurrency_hint) {}
    beside_a_kernel(const beside_a_kernel&) = delete;
    beside_a_kernel& operator=(const beside_a_kernel&) = delete;
    ~beside_a_kernel() { end(); }

    /// @param of_the_kernel arguments of kernel_host after the address
    /// @return empty, or why the kernel cannot be created here and the test must be skipped
    template <class... T>
    std::string start(const T&... of_the_kernel)
    {
        try {
            kernel.emplace(kernels_address.to_string(), of_the_kernel...);
        } catch (const std::runtime_error& e) {
            return std::string("SKIPPED: ") + e.what();
        }
        stack.emplace(io, std::move(kernel->tap));
        stack->add_address(our_address, 24);
        return {};
    }
    void end()
    {
        if (kernels.joinable()) kernels.join();
        if (stack) stack->shutdown();
    }

    const boost::asio::ip::address_v4 our_address = boost::asio::ip::make_address_v4("198.18.0.2");
    const boost::asio::ip::address_v4 kernels_address = boost::asio::ip::make_address_v4("198.18.0.1");
    boost::asio::io_context io;
    std::optional<kernel_host> kernel;
    std::optional<tapio::stack> stack;
    std::thread kernels; ///< runs the programs in the kernel's namespace
};

} // namespace tapio::test
