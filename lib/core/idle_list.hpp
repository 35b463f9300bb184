/// @file
/// Idle TCP connections, the one idle for longest first.
#pragma once

#include "core/socket_types.hpp"

#include <boost/intrusive/list.hpp>

#include <cstddef>
#include <utility>

namespace tapio::core {

class idle_list
{
public:
    /// Part of a connection's socket. Leaves the list when it is destroyed.
    class link : public boost::intrusive::list_base_hook<>
    {
    public:
        link() noexcept = default;
        link(const link&) = delete;
        link& operator=(const link&) = delete;
        ~link() { leave(); }

        void leave() noexcept
        {
            if (idle_list* const list = std::exchange(list_, nullptr)) list->links_.erase(list->links_.iterator_to(*this));
        }

    private:
        friend class idle_list;

        idle_list* list_ = nullptr; ///< while it is linked
        tcp_id id_;
    };

    idle_list() noexcept = default;
    idle_list(const idle_list&) = delete;
    idle_list& operator=(const idle_list&) = delete;
    ~idle_list()
    {
        while (!links_.empty()) links_.front().leave();
    }

    /// Moves the link to the end of the list.
    void push(link& l, tcp_id id) noexcept
    {
        if (!links_.empty() && &links_.back() == &l) return;
        l.leave();
        l.list_ = this;
        l.id_ = id;
        links_.push_back(l);
    }

    tcp_id front() const noexcept { return links_.empty() ? tcp_id() : links_.front().id_; }
    std::size_t size() const noexcept { return links_.size(); }

private:
    boost::intrusive::list<link> links_;
};

} // namespace tapio::core
