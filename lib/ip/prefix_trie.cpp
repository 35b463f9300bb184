#include "ip/prefix_trie.hpp"

#include <boost/assert.hpp>

#include <algorithm>
#include <new>

namespace tapio::core::ip {

template <class Bits>
typename prefix_trie<Bits>::node* prefix_trie<Bits>::allocate(const node& head, unsigned child_count, unsigned value_count)
{
    void* const memory = ::operator new(sizeof(node) + child_count * sizeof(node*) + value_count * sizeof(value));
    node* const n = ::new (memory) node(head);
    n->child_count = static_cast<std::uint8_t>(child_count);
    n->value_count = static_cast<std::uint8_t>(value_count);
    return n;
}

template <class Bits>
void prefix_trie<Bits>::release(node* n) noexcept
{
    ::operator delete(n);
}

template <class Bits>
void prefix_trie<Bits>::destroy(node* n) noexcept // recurses at most `most_depths` deep
{
    for (unsigned i = 0; i < n->child_count; ++i) destroy(n->children()[i]);
    release(n);
}

template <class Bits>
typename prefix_trie<Bits>::node* prefix_trie<Bits>::new_node(const Bits& network, unsigned depth)
{
    node head;
    head.key = prefix_of(network, depth);
    head.depth = static_cast<std::uint8_t>(depth);
    return allocate(head, 0, 0);
}

template <class Bits>
void prefix_trie<Bits>::add_value(node*& n, unsigned at, value v)
{
    const unsigned place = n->rank(at);
    node* const fresh = allocate(*n, n->child_count, n->value_count + 1U);
    std::copy_n(n->children(), n->child_count, fresh->children());
    std::copy_n(n->values(), place, fresh->values());
    fresh->values()[place] = v;
    std::copy(n->values() + place, n->values() + n->value_count, fresh->values() + place + 1);
    fresh->prefixes[at / 64] |= bitmap{1} << (at % 64);
    release(std::exchange(n, fresh));
}

template <class Bits>
void prefix_trie<Bits>::remove_value(node*& n, unsigned at)
{
    const unsigned place = n->rank(at);
    node* const fresh = allocate(*n, n->child_count, n->value_count - 1U);
    std::copy_n(n->children(), n->child_count, fresh->children());
    std::copy_n(n->values(), place, fresh->values());
    std::copy(n->values() + place + 1, n->values() + n->value_count, fresh->values() + place);
    fresh->prefixes[at / 64] &= ~(bitmap{1} << (at % 64));
    release(std::exchange(n, fresh));
}

/// @return where `n` keeps the child
template <class Bits>
typename prefix_trie<Bits>::node*& prefix_trie<Bits>::add_child(node*& n, node* child)
{
    const unsigned next = bits_at(child->key, n->depth), place = ones_below(n->branches, next);
    node* const fresh = allocate(*n, n->child_count + 1U, n->value_count);
    std::copy_n(n->children(), place, fresh->children());
    fresh->children()[place] = child;
    std::copy(n->children() + place, n->children() + n->child_count, fresh->children() + place + 1);
    std::copy_n(n->values(), n->value_count, fresh->values());
    fresh->branches |= bitmap{1} << next;
    release(std::exchange(n, fresh));
    return n->children()[place];
}

template <class Bits>
void prefix_trie<Bits>::remove_child(node*& n, const Bits& towards)
{
    const unsigned next = bits_at(towards, n->depth), place = ones_below(n->branches, next);
    node* const fresh = allocate(*n, n->child_count - 1U, n->value_count);
    std::copy_n(n->children(), place, fresh->children());
    std::copy(n->children() + place + 1, n->children() + n->child_count, fresh->children() + place);
    std::copy_n(n->values(), n->value_count, fresh->values());
    fresh->branches &= ~(bitmap{1} << next);
    release(n->children()[place]);
    release(std::exchange(n, fresh));
}

template <class Bits>
typename prefix_trie<Bits>::value* prefix_trie<Bits>::find(const Bits& network, unsigned length) noexcept
{
    const unsigned depth = depth_of(length);
    const node* n = root_;
    while (n != nullptr && n->depth < depth) n = n->child_towards(network);
    if (n == nullptr || n->depth != depth) return nullptr;
    const unsigned at = n->position_of(network, length);
    return n->has(at) ? const_cast<node*>(n)->values() + n->rank(at) : nullptr;
}

template <class Bits>
void prefix_trie<Bits>::insert(const Bits& network, unsigned length, value v)
{
    node*& n = make_node(network, depth_of(length));
    const unsigned at = n->position_of(network, length);
    BOOST_ASSERT(!n->has(at));
    add_value(n, at, v);
}

/// The node of the prefixes that begin with the first `depth` bits of `network`.
template <class Bits>
typename prefix_trie<Bits>::node*& prefix_trie<Bits>::make_node(const Bits& network, unsigned depth)
{
    node** n = &root_;
    while ((*n)->depth != depth) {
        const unsigned next = bits_at(network, (*n)->depth);
        if (!(*n)->has_child(next)) return add_child(*n, new_node(network, depth));
        node*& child = (*n)->children()[ones_below((*n)->branches, next)];
        if (child->depth > depth || !begins_with(network, child->key, child->depth)) return split(child, network, depth);
        n = &child;
    }
    return *n;
}

/// Puts a node where `network` leaves the path to `child`, and makes `child` its child. @return the node at `depth`
template <class Bits>
typename prefix_trie<Bits>::node*& prefix_trie<Bits>::split(node*& child, const Bits& network, unsigned depth)
{
    node head;
    head.depth = static_cast<std::uint8_t>(std::min(depth, common_bits(child->key, network) / stride * stride));
    head.key = prefix_of(network, head.depth);
    head.branches = bitmap{1} << bits_at(child->key, head.depth);
    node* const fork = allocate(head, 1, 0);
    fork->children()[0] = std::exchange(child, fork);
    return fork->depth == depth ? child : add_child(child, new_node(network, depth));
}

template <class Bits>
void prefix_trie<Bits>::erase(const Bits& network, unsigned length)
{
    std::array<node**, most_depths> path{&root_};
    std::size_t last = 0;
    while ((*path[last])->depth != depth_of(length)) {
        node& n = **path[last];
        path[++last] = n.children() + ones_below(n.branches, bits_at(network, n.depth));
    }
    node*& n = *path[last];
    remove_value(n, n->position_of(network, length));
    if (n->value_count == 0 && n->child_count == 0 && last > 0) remove_child(*path[--last], network);
    if (last > 0) contract(*path[last]);
}

/// A node with nothing to decide is replaced by its only child.
template <class Bits>
void prefix_trie<Bits>::contract(node*& n) noexcept
{
    if (n->value_count == 0 && n->child_count == 1) release(std::exchange(n, n->children()[0]));
}

template class prefix_trie<std::uint32_t>;
template class prefix_trie<address_bits>;

} // namespace tapio::core::ip
