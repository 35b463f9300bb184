/// @file
/// dns::async_query. Internal.
#pragma once

#include <tapio/core/dns.hpp>
#include <tapio/detail/engine_operation.hpp>

#include <cstdint>
#include <memory>
#include <optional>

#pragma GCC visibility push(default)

namespace tapio::detail {

struct dns_query
{
    std::optional<core::dns::name> name; ///< none: the text was no name
    core::dns::record_type type = core::dns::record_type::a;
    std::shared_ptr<core::dns::answer> answer{}; ///< made by action()

    result_action<core::dns::answer> action()
    {
        answer = std::make_shared<core::dns::answer>();
        return {answer};
    }
    void start(const std::shared_ptr<engine>& e, operation* op) const;
    static void cancel(engine& e, std::uint64_t op_id);
};

} // namespace tapio::detail

#pragma GCC visibility pop
