#include "http_server/site.hpp"

namespace apps::http_server {

void show_host(site& s, const tapio::stack& host)
{
    s.host_counters = [&host] { return host.counters(); };
    s.lists = [&host] { return host_lists{host.connections(), host.interfaces(), host.neighbors(), host.routes()}; };
}

} // namespace apps::http_server
