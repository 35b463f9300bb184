#include "base/timer_wheel.hpp"

#include <algorithm>
#include <bit>
#include <utility>

namespace tapio::core {

timer_node::~timer_node()
{
    if (wheel_ != nullptr) wheel_->cancel(*this);
}

timer_wheel::~timer_wheel()
{
    for (level& l : levels_)
        for (timer_node* n : l)
            for (; n != nullptr; n = n->next_) n->wheel_ = nullptr;
}

void timer_wheel::arm(timer_node& node, time_point deadline) noexcept
{
    cancel(node);
    if (deadline == never) return;
    node.deadline_ = deadline;
    node.order_ = order_++;
    node.wheel_ = this;
    ++count_;
    insert(node);
}

void timer_wheel::cancel(timer_node& node) noexcept
{
    if (node.wheel_ == nullptr) return;
    unlink(node);
    node.wheel_ = nullptr;
    --count_;
}

/// The node goes to the highest level in which its tick's digit differs from the current tick's. There its slot lies ahead and is
/// reached exactly once.
void timer_wheel::insert(timer_node& node) noexcept
{
    const std::uint64_t tick = std::max(tick_of(node.deadline_), now_tick_);
    const std::uint64_t differs = tick ^ now_tick_;
    const unsigned highest = differs == 0 ? 0 : static_cast<unsigned>(std::bit_width(differs) - 1) / slot_bits;
    const unsigned l = std::min(highest, levels - 1);
    const auto slot = static_cast<unsigned>(tick >> (l * slot_bits)) & (slots - 1);
    idle_until_ = std::min(idle_until_, tick >> (l * slot_bits) << (l * slot_bits));
    link(node, l, slot);
}

void timer_wheel::link(timer_node& node, unsigned level_index, unsigned slot) noexcept
{
    node.level_ = static_cast<std::uint8_t>(level_index);
    node.slot_ = static_cast<std::uint8_t>(slot);
    timer_node*& head = levels_[level_index][slot];
    node.previous_ = nullptr;
    node.next_ = head;
    if (head != nullptr) head->previous_ = &node;
    head = &node;
    occupied_[level_index] |= std::uint64_t{1} << slot;
}

void timer_wheel::unlink(timer_node& node) noexcept
{
    timer_node*& head = levels_[node.level_][node.slot_];
    (node.previous_ != nullptr ? node.previous_->next_ : head) = node.next_;
    if (node.next_ != nullptr) node.next_->previous_ = node.previous_;
    node.next_ = node.previous_ = nullptr;
    if (head == nullptr) occupied_[node.level_] &= ~(std::uint64_t{1} << node.slot_);
}

/// The first tick at which a slot needs work, and that slot. Finer levels hold earlier ticks, so the search begins there.
std::uint64_t timer_wheel::next_tick(unsigned& level_index, unsigned& slot) const noexcept
{
    for (unsigned l = 0; l < levels; ++l) {
        if (occupied_[l] == 0) continue;
        const auto digit = static_cast<unsigned>(now_tick_ >> (l * slot_bits)) & (slots - 1);
        const std::uint64_t ahead = occupied_[l] >> digit << digit;
        if (ahead == 0) continue;
        level_index = l;
        slot = static_cast<unsigned>(std::countr_zero(ahead));
        const std::uint64_t above = l + 1 == levels ? 0 : now_tick_ >> ((l + 1) * slot_bits) << ((l + 1) * slot_bits);
        return std::max(above | (std::uint64_t{slot} << (l * slot_bits)), now_tick_);
    }
    return UINT64_MAX;
}

time_point timer_wheel::next_deadline() const noexcept
{
    unsigned l = 0;
    unsigned slot = 0;
    const std::uint64_t tick = next_tick(l, slot);
    if (tick == UINT64_MAX) return never;
    if (l > 0) return time_point(duration(static_cast<std::int64_t>(tick << tick_bits)));
    time_point earliest = never;
    for (const timer_node* n = levels_[0][slot]; n != nullptr; n = n->next_) earliest = std::min(earliest, n->deadline_);
    return earliest;
}

void timer_wheel::cascade(unsigned level_index, unsigned slot) noexcept
{
    timer_node* n = std::exchange(levels_[level_index][slot], nullptr);
    occupied_[level_index] &= ~(std::uint64_t{1} << slot);
    while (n != nullptr) {
        timer_node* const next = n->next_;
        insert(*n);
        n = next;
    }
}

/// Fires the due nodes in a slot of the finest level. Due nodes are first linked into the extra level, so that the callback of an
/// earlier one may cancel or destroy a later one. @return true: some were due
bool timer_wheel::expire_slot(unsigned slot, time_point now)
{
    due_.clear();
    for (timer_node* n = levels_[0][slot]; n != nullptr; n = n->next_)
        if (n->deadline_ <= now) due_.push_back(n);
    if (due_.empty()) return false;
    std::sort(due_.begin(), due_.end(), [](const timer_node* a, const timer_node* b) {
        return a->deadline_ != b->deadline_ ? a->deadline_ > b->deadline_ : a->order_ > b->order_;
    });
    for (timer_node* n : due_) { // sorted in reverse: link() puts each node at the head
        unlink(*n);
        link(*n, levels, 0);
    }
    while (timer_node* const n = levels_[levels][0]) {
        cancel(*n);
        n->fire(*n, n->context, now);
    }
    return true;
}

void timer_wheel::fire(time_point now, std::uint64_t until)
{
    while (until >= idle_until_) {
        unsigned l = 0;
        unsigned slot = 0;
        const std::uint64_t tick = next_tick(l, slot);
        idle_until_ = tick;
        if (tick > until) break;
        now_tick_ = tick;
        if (l > 0) {
            cascade(l, slot);
        } else if (!expire_slot(slot, now) && tick == until) {
            return; // the nodes left in this slot are due later within the tick
        }
    }
    now_tick_ = std::max(now_tick_, until);
}

} // namespace tapio::core
