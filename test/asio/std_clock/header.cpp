// Includes the header that switches the clocks of the whole program; the other translation units do not include it.
#include <tapio/virtual_std_clock.hpp>
