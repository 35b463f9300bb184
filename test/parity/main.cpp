// The parity program: runs the behaviours and prints what they observe. TAPIO_TEST_FAMILY=v6: over IPv6.
#include "observe.hpp"

/// `parity [NAME...]`: runs all behaviours, or those named.
int main(int count, char** names)
{
    std::cout << std::unitbuf; // unbuffered, so that the output shows where a behaviour hangs
#ifndef TAPIO_PARITY_KERNEL
    tapio::stack stack{std::unique_ptr<tapio::device>()}; // otherwise some errors are tapio::errc::no_stack
    tapio::set_default_stack(stack);
#endif
    for (const parity::behaviour& b : parity::behaviours()) {
        bool wanted = count == 1;
        for (int i = 1; i < count; ++i) wanted = wanted || std::string(names[i]) == b.name;
        if (!wanted) continue;
        parity::report out(b.name);
        try {
            b.run(out);
        } catch (const boost::system::system_error& e) {
            out.say("threw", e.code());
        }
    }
}
