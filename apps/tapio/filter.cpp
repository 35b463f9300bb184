#include "tapio/filter.hpp"

#include "common/program.hpp"
#include "tapio/capture_file.hpp"

#include <map>

#ifdef TAPIO_TOOLS_HAVE_PCAP
#include <pcap/pcap.h>
#endif

namespace apps::tools {

#ifdef TAPIO_TOOLS_HAVE_PCAP

namespace {

/// An expression compiled for one link type.
class compiled
{
public:
    compiled(const std::string& expression, unsigned link)
    {
        pcap_t* const handle = pcap_open_dead(link == link_raw_ip ? DLT_RAW : static_cast<int>(link), 262'144);
        if (handle == nullptr) throw std::bad_alloc();
        const bool failed = pcap_compile(handle, &program_, expression.c_str(), 1, PCAP_NETMASK_UNKNOWN) != 0;
        const std::string why = failed ? pcap_geterr(handle) : "";
        pcap_close(handle);
        if (failed) throw usage_error("filter '" + expression + "': " + why);
    }
    ~compiled() { pcap_freecode(&program_); }
    compiled(const compiled&) = delete;
    compiled& operator=(const compiled&) = delete;

    bool matches(std::span<const std::byte> octets, std::size_t original) const
    {
        pcap_pkthdr header{};
        header.caplen = static_cast<bpf_u_int32>(octets.size());
        header.len = static_cast<bpf_u_int32>(original);
        return pcap_offline_filter(&program_, &header, reinterpret_cast<const u_char*>(octets.data())) != 0;
    }

private:
    bpf_program program_{};
};

} // namespace

struct packet_filter::state
{
    const compiled& for_link(unsigned link)
    {
        auto found = programs.find(link);
        if (found == programs.end()) found = programs.try_emplace(link, expression, link).first;
        return found->second;
    }

    std::string expression;
    std::map<unsigned, compiled> programs;
};

packet_filter::packet_filter(std::string expression)
{
    if (!expression.empty()) state_ = std::make_unique<state>(state{std::move(expression), {}});
}

void packet_filter::check(unsigned link)
{
    if (state_) state_->for_link(link);
}

bool packet_filter::matches(unsigned link, std::span<const std::byte> octets, std::size_t original)
{
    return !state_ || state_->for_link(link).matches(octets, original);
}

#else

struct packet_filter::state
{
};

packet_filter::packet_filter(std::string expression)
{
    if (!expression.empty())
        throw usage_error("filter '" + expression + "': this build is without libpcap (Debian: libpcap-dev)");
}

void packet_filter::check(unsigned) {}

bool packet_filter::matches(unsigned, std::span<const std::byte>, std::size_t) { return true; }

#endif

packet_filter::~packet_filter() = default;

} // namespace apps::tools
