// Boost.JSON, compiled once for all programs: its headers are enough, and no library has to be installed.
#include <boost/json/src.hpp>
