// All of the program that says so: its other translation units know nothing of virtual time's clock.
#include <tapio/virtual_std_clock.hpp>
