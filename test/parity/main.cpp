#include "observe.hpp"

/// `parity [NAME...]`: all behaviours, or those named.
int main(int count, char** names)
{
    std::cout << std::unitbuf; // what hangs has said where
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
