#include <tapio/error.hpp>

#include <string>

namespace tapio {

namespace {

class category final : public boost::system::error_category
{
public:
    const char* name() const noexcept override { return "tapio"; }
    std::string message(int value) const override
    {
        if (value != static_cast<int>(errc::no_stack)) return "Unknown error of tapio";
        return "No stack: the io_context of this has none, and so only the loopback; make sockets from a tapio::stack, or call "
               "use_stack() or set_default_stack()";
    }
    boost::system::error_condition default_error_condition(int value) const noexcept override
    {
        if (value != static_cast<int>(errc::no_stack)) return {value, *this};
        return make_error_condition(boost::system::errc::network_unreachable);
    }
};

} // namespace

const boost::system::error_category& error_category() noexcept
{
    static const category the;
    return the;
}

} // namespace tapio
