#include "common/logging.hpp"

#include "common/program.hpp"

#ifdef TAPIO_APPS_HAVE_LOG
#include <tapio/log.hpp>

#include <boost/log/core.hpp>
#include <boost/log/expressions.hpp>
#include <boost/log/trivial.hpp>
#include <boost/log/utility/setup/console.hpp>
#endif

namespace apps {

void check_log_level(const std::string& level)
{
    if (level.empty()) return;
    if (level != "info" && level != "debug" && level != "trace")
        throw usage_error("--log " + level + ": there is info, debug and trace");
#ifndef TAPIO_APPS_HAVE_LOG
    throw usage_error("--log: this build is without Boost.Log");
#endif
}

#ifdef TAPIO_APPS_HAVE_LOG

namespace logging = boost::log;
using logging::trivial::severity_level;

struct stack_log::state
{
    explicit state(severity_level least)
        : trace(tapio::make_log_trace({.packets = least == severity_level::trace})),
          sink(logging::add_console_log(std::clog, logging::keywords::auto_flush = true,
                                        logging::keywords::format = logging::expressions::stream
                                                                    << logging::trivial::severity << ": "
                                                                    << logging::expressions::smessage))
    {
        sink->set_filter(logging::trivial::severity >= least);
    }
    ~state() { logging::core::get()->remove_sink(sink); }
    state(const state&) = delete;
    state& operator=(const state&) = delete;

    std::unique_ptr<tapio::core::trace> trace;
    boost::shared_ptr<logging::sinks::synchronous_sink<logging::sinks::text_ostream_backend>> sink;
};

stack_log::stack_log(const std::string& level)
{
    severity_level least{};
    if (logging::trivial::from_string(level.data(), level.size(), least)) state_ = std::make_unique<state>(least);
}

tapio::core::trace* stack_log::trace() const noexcept { return state_ ? state_->trace.get() : nullptr; }

#else

struct stack_log::state
{
};

stack_log::stack_log(const std::string&) {}

tapio::core::trace* stack_log::trace() const noexcept { return nullptr; }

#endif

stack_log::~stack_log() = default;

} // namespace apps
