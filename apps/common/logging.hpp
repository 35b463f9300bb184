/// @file
/// The option `--log LEVEL`: writes the events of a stack to standard error, one line each.
#pragma once

#include <tapio/core/trace.hpp>

#include <memory>
#include <string>

namespace apps {

/// @throws usage_error unless `level` is empty, or is "info", "debug" or "trace" and the build has Boost.Log
void check_log_level(const std::string& level);

/// Owns the subscriber for `tapio::stack_options::trace`; must outlive the stack.
class stack_log
{
public:
    /// @param level  one that check_log_level() accepts; empty: nothing is logged
    explicit stack_log(const std::string& level);
    ~stack_log();

    tapio::core::trace* trace() const noexcept; ///< null if nothing is logged

private:
    struct state;
    std::unique_ptr<state> state_;
};

} // namespace apps
