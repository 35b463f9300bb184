/// @file
/// Connections on which nothing happens, the one that has been idle for the longest first.
#pragma once

#include "core/socket_types.hpp"

#include <cstddef>

namespace tapio::core {

class idle_list
{
public:
    /// Part of a connection's socket; leaves the list when it is destroyed.
    class link
    {
    public:
        link() noexcept = default;
        link(const link&) = delete;
        link& operator=(const link&) = delete;
        ~link() { leave(); }

        void leave() noexcept
        {
            if (list_ == nullptr) return;
            (previous_ != nullptr ? previous_->next_ : list_->first_) = next_;
            (next_ != nullptr ? next_->previous_ : list_->last_) = previous_;
            --list_->size_;
            list_ = nullptr;
            next_ = previous_ = nullptr;
        }

    private:
        friend class idle_list;

        idle_list* list_ = nullptr; ///< while in it
        link* next_ = nullptr;
        link* previous_ = nullptr;
        tcp_id id_;
    };

    idle_list() noexcept = default;
    idle_list(const idle_list&) = delete;
    idle_list& operator=(const idle_list&) = delete;
    ~idle_list()
    {
        while (first_ != nullptr) first_->leave();
    }

    /// To the end, wherever it was.
    void push(link& l, tcp_id id) noexcept
    {
        if (last_ == &l) return;
        l.leave();
        l.list_ = this;
        l.id_ = id;
        l.previous_ = last_;
        (last_ != nullptr ? last_->next_ : first_) = &l;
        last_ = &l;
        ++size_;
    }

    tcp_id front() const noexcept { return first_ == nullptr ? tcp_id() : first_->id_; }
    std::size_t size() const noexcept { return size_; }

private:
    link* first_ = nullptr;
    link* last_ = nullptr;
    std::size_t size_ = 0;
};

} // namespace tapio::core
