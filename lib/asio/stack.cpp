// The stack as an execution context, and the association of execution contexts with stacks.
#include "asio/engine.hpp"
#include "core/name_client.hpp"

#include <tapio/detail/asio_hook.hpp>
#include <tapio/detail/socket.hpp>
#include <tapio/stack.hpp>

#include <boost/system/system_error.hpp>

#include <vector>

namespace tapio {

namespace detail {

namespace {

/// The stack to which the sockets of a context belong. A service of every context that has made a socket or timer.
class stack_link : public boost::asio::execution_context::service
{
public:
    using key_type = stack_link;
    inline static boost::asio::execution_context::id id;

    explicit stack_link(boost::asio::execution_context& context) : service(context) {}
    void shutdown() override {}

    std::mutex mutex;
    std::shared_ptr<engine> owner; ///< null: the default stack
    virtual_time* world = nullptr; ///< the virtual time of an io_context, or null
};

struct default_stack
{
    std::mutex mutex;
    std::shared_ptr<engine> chosen;  ///< by set_default_stack
    std::shared_ptr<engine> builtin; ///< loopback only, driven by its own thread
};

/// Never destroyed: the thread of the built-in stack may run until the process exits.
default_stack& the_default()
{
    static auto* const d = new default_stack;
    return *d;
}

std::shared_ptr<engine> default_engine()
{
    default_stack& d = the_default();
    const std::lock_guard lock(d.mutex);
    if (d.chosen && !d.chosen->is_shut_down()) return d.chosen;
    if (!d.builtin) {
        d.builtin = std::make_shared<engine>(nullptr, stack_options{});
        d.builtin->stand_in();
    }
    return d.builtin;
}

void link(boost::asio::execution_context& context, std::shared_ptr<engine> owner)
{
    auto& l = use_stack_service<stack_link>(context);
    const std::lock_guard lock(l.mutex);
    l.owner = std::move(owner);
}

} // namespace

std::shared_ptr<engine> engine_of(boost::asio::execution_context& context)
{
    auto& l = use_stack_service<stack_link>(context);
    const std::lock_guard lock(l.mutex);
    return l.owner ? l.owner : default_engine();
}

/// Timers need no network: on a context without a stack they follow the io_context's virtual time, if any.
std::shared_ptr<engine> engine_of_timers(boost::asio::execution_context& context)
{
    auto& l = use_stack_service<stack_link>(context);
    const std::lock_guard lock(l.mutex);
    if (l.owner) return l.owner;
    return l.world != nullptr ? l.world->engine_of_timers() : default_engine();
}

void set_world(boost::asio::io_context& io, virtual_time* world)
{
    auto& l = use_stack_service<stack_link>(io);
    const std::lock_guard lock(l.mutex);
    l.world = world;
}

bool promises_one_thread(boost::asio::execution_context& context)
{
    auto& l = use_stack_service<stack_link>(context);
    const std::lock_guard lock(l.mutex);
    return l.owner && l.owner->has_one_thread();
}

} // namespace detail

namespace {

/// The registry of a context's services; it may belong to another context.
boost::asio::detail::service_registry*& registry_of(boost::asio::execution_context& context)
{
    return boost::asio::use_service<boost::asio::detail::service_registry*>(context);
}

/// Its context() is the context that the registry belongs to.
class registry_owner : public boost::asio::execution_context::service
{
public:
    using key_type = registry_owner;
    inline static boost::asio::execution_context::id id;

    explicit registry_owner(boost::asio::execution_context& context) : service(context) {}
    void shutdown() override {}
};

} // namespace

/// The execution context of one stack. Owned by the io_context, because handlers waiting there may own sockets of the stack. All
/// services that are not tapio's are those of the io_context: otherwise Asio's timers, kernel sockets and the like would create
/// another scheduler here, with a thread and a reactor.
class stack::own_context : public boost::asio::execution_context
{
public:
    own_context(boost::asio::io_context& i, std::shared_ptr<detail::engine> e) : io(i), owner(std::move(e))
    {
        detail::link(services, owner);
        registry_ = std::exchange(registry_of(*this), registry_of(io));
    }
    ~own_context()
    {
        end();
        registry_of(*this) = registry_;
    }

    /// The first phase of destruction, while the io_context is still intact.
    void end()
    {
        owner->shutdown();
        services.shutdown();
    }

    struct own_services : boost::asio::execution_context
    {
        using execution_context::shutdown;
    };

    boost::asio::io_context& io;
    std::shared_ptr<detail::engine> owner;
    own_services services; ///< tapio's services

private:
    boost::asio::detail::service_registry* registry_; ///< the empty one that this context was made with; restored at destruction
};

namespace detail {

/// The context that holds tapio's services for `context`. Only a stack's context has a registry that belongs to another context.
boost::asio::execution_context& home_of_services(boost::asio::execution_context& context)
{
    if (&boost::asio::use_service<registry_owner>(context).context() == &context) return context;
    return static_cast<stack::own_context&>(context).services;
}

} // namespace detail

namespace {

/// Engines of stacks with their own thread.
class kept_engines
{
public:
    void add(std::shared_ptr<detail::engine> e)
    {
        const std::lock_guard lock(mutex_);
        all_.push_back(std::move(e));
    }

private:
    std::mutex mutex_;
    std::vector<std::shared_ptr<detail::engine>> all_;
};

/// The contexts of the stacks that an io_context drives.
class contexts : public boost::asio::execution_context::service
{
public:
    using key_type = contexts;
    inline static boost::asio::execution_context::id id;

    explicit contexts(boost::asio::execution_context& context) : service(context) {}
    void shutdown() override
    {
        for (const auto& end : ends) end();
    }

    std::mutex mutex;
    std::vector<std::shared_ptr<boost::asio::execution_context>> all;
    std::vector<std::function<void()>> ends;
};

} // namespace

stack::stack(boost::asio::io_context& io, std::unique_ptr<device> medium, const stack_options& options)
    : engine_(std::make_shared<detail::engine>(&io, options))
{
    if (options.time != nullptr) options.time->join(engine_);
    engine_->join_neighbours();
    begin(io, std::move(medium));
}

stack::stack(std::unique_ptr<device> medium, const stack_options& options)
    : engine_(std::make_shared<detail::engine>(nullptr, options))
{
    // Never destroyed: the engine's io_context owns the stack's context, and sockets that outlive the stack still use that.
    static auto* const kept = new kept_engines;
    kept->add(engine_);
    begin(engine_->driver(), std::move(medium));
}

void stack::begin(boost::asio::io_context& io, std::unique_ptr<device> medium)
{
    auto context = std::make_shared<own_context>(io, engine_);
    context_ = context.get();
    auto& owned = boost::asio::use_service<contexts>(io);
    {
        const std::lock_guard lock(owned.mutex);
        owned.ends.push_back([raw = context.get()] { raw->end(); });
        owned.all.push_back(std::move(context));
    }
    if (medium) add_device(std::move(medium));
}

stack::~stack() { shutdown(); }

stack::executor_type stack::get_executor() const noexcept { return {context_->io.get_executor(), *context_}; }

boost::asio::execution_context& stack::context() const noexcept { return *context_; }

stack::interface_id stack::add_device(std::unique_ptr<device> medium)
{
    if (!medium) throw boost::system::system_error(core::errno_code(EINVAL), "add_device: null");
    return engine_->attach(std::move(medium));
}

void stack::add_address(const boost::asio::ip::address& address, unsigned prefix_length, interface_id interface)
{
    detail::engine::turn t(*engine_);
    if (const auto failed = t.host().add_address(interface, address, prefix_length, t.now()))
        throw boost::system::system_error(failed, "add_address");
}

void stack::autoconfigure(interface_id interface, const core::autoconfigure_options& options)
{
    detail::engine::turn t(*engine_);
    if (const auto failed = t.host().autoconfigure(interface, options, t.now()))
        throw boost::system::system_error(failed, "autoconfigure");
}

void stack::add_route(const boost::asio::ip::address& network, unsigned prefix_length, const boost::asio::ip::address& gateway,
                      interface_id interface)
{
    detail::engine::turn t(*engine_);
    if (const auto failed = t.host().add_route(network, prefix_length, gateway, interface))
        throw boost::system::system_error(failed, "add_route");
}

void stack::set_default_gateway(const boost::asio::ip::address& gateway, interface_id interface)
{
    using namespace boost::asio::ip;
    add_route(gateway.is_v4() ? address(address_v4::any()) : address(address_v6::any()), 0, gateway, interface);
}

void stack::add_host_name(const std::string& name, const boost::asio::ip::address& address)
{
    engine_->hosts().add(name, address);
}

void stack::set_dns(const core::dns_options& options)
{
    detail::engine::turn t(*engine_);
    t.host().set_dns(options, t.now());
}

void stack::publish(const core::mdns_options& options)
{
    detail::engine::turn t(*engine_);
    if (const auto failed = t.host().publish(options, t.now())) throw boost::system::system_error(failed, "publish");
}

core::mdns_status stack::published() const
{
    return engine_->look([](const core::host& h) { return h.published(); });
}

core::dns_status stack::dns() const
{
    detail::engine::turn t(*engine_);
    return t.host().names().status();
}

void stack::add_congestion_control(const std::string& name, core::congestion_control_factory make)
{
    detail::engine::turn t(*engine_);
    t.host().tcp().congestion().add(name, std::move(make));
}

host_counters stack::counters() const
{
    return engine_->look([](const core::host& h) { return h.counters(); });
}

core::mac_address stack::mac(interface_id interface) const
{
    return engine_->look([interface](const core::host& h) {
        return interface < h.net().interfaces().size() ? h.net().interface(interface).info().mac : core::mac_address();
    });
}

std::vector<connection_info> stack::connections() const
{
    return engine_->look([now = engine_->now()](const core::host& h) { return h.tcp().list(now); });
}

std::vector<detailed_connection> stack::detailed_connections() const
{
    return engine_->look([now = engine_->now()](const core::host& h) { return h.tcp().list_in_detail(now); });
}

std::vector<datagram_socket_info> stack::datagram_sockets() const
{
    return engine_->look([](const core::host& h) {
        std::vector<datagram_socket_info> out;
        for (const core::datagram_sockets* const some : {&h.udp(), &h.ping(), &h.raw()}) some->list(out);
        return out;
    });
}

std::vector<interface_info> stack::interfaces() const { return engine_->interfaces(); }

std::vector<neighbor_info> stack::neighbors() const
{
    return engine_->look([](const core::host& h) { return h.net().list_neighbors(); });
}

std::vector<route_info> stack::routes() const
{
    return engine_->look([](const core::host& h) { return h.net().list_routes(); });
}

void stack::shutdown() { engine_->shutdown(); }

const std::shared_ptr<detail::engine>& detail::engine_of_stack(const stack& s) noexcept { return s.engine_; }

void detail::throw_made_from_socket()
{
    throw boost::system::system_error(core::errno_code(EINVAL),
                                      "use_stack: the stream was made from a socket, and has its stack");
}

void use_stack(boost::asio::io_context& io, stack& s) { detail::link(io, s.engine_); }

void set_default_stack(stack& s)
{
    detail::default_stack& d = detail::the_default();
    const std::lock_guard lock(d.mutex);
    d.chosen = s.engine_;
}

} // namespace tapio
