#include "demo_host/memory_demo.hpp"

namespace apps {
void run_memory_demo() {}
} // namespace apps
