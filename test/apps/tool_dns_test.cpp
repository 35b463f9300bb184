// Records of DNS and leases of DHCP as the tools write them.
#include "tapio/dhcp_text.hpp"
#include "tapio/dns_text.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace apps::tools {
namespace {

namespace dns = tapio::dns;
using boost::asio::ip::make_address;
using boost::asio::ip::make_address_v4;
using boost::asio::ip::make_address_v6;
using testing::HasSubstr;
using namespace std::chrono_literals;

dns::name name(const char* text) { return *dns::name::parse(text); }

dns::record record(dns::record_type type, dns::record_data data) { return {name("www.example"), type, 300, std::move(data)}; }

TEST(dns_text, writes_types_as_a_zone_file_does)
{
    EXPECT_EQ(record_text(record(dns::record_type::a, make_address_v4("192.0.2.1"))), "www.example.\t\t300\tIN\tA\t192.0.2.1");
    EXPECT_EQ(record_data_text(record(dns::record_type::cname, name("a.example"))), "a.example.");
    EXPECT_EQ(record_data_text(record(dns::record_type::mx, dns::mail_exchange{10, name("mail.example")})), "10 mail.example.");
    EXPECT_EQ(record_data_text(record(dns::record_type::srv, dns::service_location{1, 2, 5060, dns::name()})), "1 2 5060 .");
    EXPECT_EQ(record_data_text(record(dns::record_type::txt, dns::text_strings{"one", "a \"b\"\\\x01"})),
              "\"one\" \"a \\\"b\\\"\\\\\\001\"");
    EXPECT_EQ(record_data_text(record(static_cast<dns::record_type>(257), dns::unknown_data{std::byte{0}, std::byte{0xab}})),
              "\\# 2 00AB");
}

TEST(dns_text, reads_types)
{
    EXPECT_EQ(record_type_of("aaaa"), dns::record_type::aaaa);
    EXPECT_EQ(record_type_of("TYPE257"), static_cast<dns::record_type>(257));
    for (const char* bad : {"", "NOSUCH", "TYPE", "TYPE0", "TYPE65536", "TYPE1x", "TYPE-1"})
        EXPECT_FALSE(record_type_of(bad)) << bad;
    EXPECT_EQ(record_type_text(static_cast<dns::record_type>(257)), "TYPE257");
}

TEST(dns_text, turns_addresses_around)
{
    EXPECT_EQ(reverse_name(make_address("192.0.2.1")), "1.2.0.192.in-addr.arpa");
    EXPECT_EQ(reverse_name(make_address("2001:db8::1")),
              "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa");
}

TEST(dhcp_text, says_what_a_lease_has)
{
    tapio::dhcpv6_lease l;
    l.server = {std::byte{0}, std::byte{0xab}};
    l.obtained = tapio::core::time_point(100s);
    l.renewal = l.obtained + 10s;
    l.addresses = {{make_address_v6("2001:db8::7"), 128, l.obtained + 50s, l.obtained + 60s, false}};
    l.prefixes = {{make_address_v6("2001:db8:7700::"), 56, tapio::core::never, tapio::core::never, false}};
    l.dns_servers = {make_address_v6("2001:db8::53"), make_address_v6("2001:db8::54")};
    EXPECT_EQ(lease_text(l, "  "), "  address 2001:db8::7/128, preferred 50 s, valid 60 s\n"
                                   "  prefix 2001:db8:7700::/56, preferred for ever, valid for ever\n"
                                   "  server 00:ab\n"
                                   "  T1 10 s, T2 for ever\n"
                                   "  DNS 2001:db8::53, 2001:db8::54\n");
    tapio::interface_configuration c;
    c.lease_v6 = l;
    EXPECT_THAT(leases_json(c, 1.5), HasSubstr(R"("dhcpv6":{"state":"off","lease":{"server":"00:ab")"));
}

} // namespace
} // namespace apps::tools
