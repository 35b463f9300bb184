/// @file
/// Connects an operation with the cancellation slot of its handler. Internal.
#pragma once

#include <boost/asio/cancellation_type.hpp>

#include <memory>
#include <utility>

#pragma GCC visibility push(default)

namespace tapio::detail {

/// From now on `cancel(Object&)` is called when any kind of cancellation is asked for and the object is still there. To be called
/// before the operation begins: afterwards its handler may use the slot again.
template <class Slot, class Object, class Cancel>
void watch_cancellation(Slot slot, const std::shared_ptr<Object>& of, Cancel cancel)
{
    if (!slot.is_connected()) return;
    slot.assign([weak = std::weak_ptr(of), cancel = std::move(cancel)](boost::asio::cancellation_type type) {
        using boost::asio::cancellation_type;
        const auto any = cancellation_type::terminal | cancellation_type::partial | cancellation_type::total;
        if ((type & any) == cancellation_type::none) return;
        if (const auto alive = weak.lock()) cancel(*alive);
    });
}

} // namespace tapio::detail

#pragma GCC visibility pop
