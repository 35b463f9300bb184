#include "observe.hpp"

/// `parity [NAME...]`: all behaviours, or those named.
int main(int count, char** names)
{
    std::cout << std::unitbuf; // what hangs has said where
#ifndef TAPIO_PARITY_KERNEL
    tapio::stack stack{std::unique_ptr<tapio::device>()}; // else some errors are tapio::errc::no_stack
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
