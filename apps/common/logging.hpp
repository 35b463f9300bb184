/// @file
/// What `--log LEVEL` does: what happens inside a stack, line by line on standard error.
#pragma once

#include <tapio/core/trace.hpp>

#include <memory>
#include <string>

namespace apps {

/// usage_error unless `level` is empty, "info", "debug" or "trace", and if it is not empty the build has Boost.Log.
void check_log_level(const std::string& level);

/// For `tapio::stack_options::trace`; must outlive the stack.
class stack_log
{
public:
    /// @param level as check_log_level() lets it through; empty: nothing is logged
    explicit stack_log(const std::string& level);
    ~stack_log();

    tapio::core::trace* trace() const noexcept; ///< null if nothing is logged

private:
    struct state;
    std::unique_ptr<state> state_;
};

} // namespace apps
