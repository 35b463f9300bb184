// The steady state allocates no memory: an operation takes it from its handler's associated allocator only. A program of its own,
// because it replaces operator new.
#include <tapio/tapio.hpp>

#include <boost/asio.hpp>

#include <cstdio>
#include <cstdlib>
#include <new>

namespace {

unsigned long taken = 0;

} // namespace

void* operator new(std::size_t size)
{
    ++taken;
    if (void* const p = std::malloc(size)) return p;
    throw std::bad_alloc();
}
void* operator new(std::size_t size, std::align_val_t alignment)
{
    ++taken;
    const std::size_t a = static_cast<std::size_t>(alignment);
    if (void* const p = std::aligned_alloc(a, (size + a - 1) / a * a)) return p;
    throw std::bad_alloc();
}
void operator delete(void* p) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }
void operator delete(void* p, std::align_val_t) noexcept { std::free(p); }
void operator delete(void* p, std::size_t, std::align_val_t) noexcept { std::free(p); }

namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using tapio::ip::tcp;

/// An allocator's memory for one operation at a time. Counts allocations.
struct arena
{
    alignas(std::max_align_t) std::array<std::byte, 1024> memory;
    bool used = false;
    unsigned long asked = 0, elsewhere = 0;
};

template <class T>
struct arena_allocator;

template <>
struct arena_allocator<void>
{
    using value_type = void;
    arena* from;
    explicit arena_allocator(arena& a) : from(&a) {}
    template <class U>
    arena_allocator(const arena_allocator<U>& o) : from(o.from)
    {
    }
    friend bool operator==(const arena_allocator& a, const arena_allocator& b) { return a.from == b.from; }
};

template <class T>
struct arena_allocator
{
    using value_type = T;
    arena* from;

    explicit arena_allocator(arena& a) : from(&a) {}
    template <class U>
    arena_allocator(const arena_allocator<U>& o) : from(o.from)
    {
    }
    T* allocate(std::size_t n)
    {
        ++from->asked;
        if (from->used || n * sizeof(T) > from->memory.size()) {
            ++from->elsewhere;
            return static_cast<T*>(::operator new(n * sizeof(T)));
        }
        from->used = true;
        return reinterpret_cast<T*>(from->memory.data());
    }
    void deallocate(T* p, std::size_t) noexcept
    {
        if (reinterpret_cast<std::byte*>(p) == from->memory.data())
            from->used = false;
        else
            ::operator delete(p);
    }
    template <class U>
    friend bool operator==(const arena_allocator& a, const arena_allocator<U>& b)
    {
        return a.from == b.from;
    }
};

struct counted_handler
{
    using allocator_type = arena_allocator<void>;
    arena* memory;
    bool* done;
    allocator_type get_allocator() const noexcept { return allocator_type(*memory); }
    void operator()(error_code, std::size_t) { *done = true; }
};

} // namespace

int main()
{
    asio::io_context io(1);
    tapio::stack stack(io);
    tcp::acceptor acceptor(stack, {asio::ip::address_v4::loopback(), 7});
    tcp::socket client(stack), server(stack);
    client.connect({asio::ip::address_v4::loopback(), 7});
    acceptor.accept(server);
    client.set_option(tcp::no_delay(true));
    const auto work = asio::make_work_guard(io);
    arena reading, writing;
    char there = 0, here = 'x';
    const auto round = [&] {
        bool read = false, wrote = false;
        server.async_read_some(asio::buffer(&there, 1), counted_handler{&reading, &read});
        client.async_write_some(asio::buffer(&here, 1), counted_handler{&writing, &wrote});
        while (!read || !wrote) io.run_one();
    };
    constexpr unsigned long rounds = 10'000;
    for (unsigned i = 0; i < rounds; ++i) round(); // until all pools have been filled
    taken = reading.asked = writing.asked = reading.elsewhere = writing.elsewhere = 0;
    for (unsigned i = 0; i < rounds; ++i) round();
    const unsigned long asked = reading.asked + writing.asked, elsewhere = reading.elsewhere + writing.elsewhere;
    std::printf("%lu operations: %lu times memory from their handlers' allocators, %lu times operator new\n", 2 * rounds, asked,
                taken);
    if (elsewhere != 0) return std::printf("%lu of them did not give it back in time\n", elsewhere), 1;
    return taken * 100 > 2 * rounds ? 1 : 0;
}
