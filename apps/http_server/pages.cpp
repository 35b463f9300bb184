#include "http_server/pages.hpp"

namespace apps::http_server {

namespace {

std::string page(const std::string& title, const std::string& content)
{
    return "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>" + title + "</title></head>\n<body>\n<h1>" +
           title + "</h1>\n" + content + "</body></html>\n";
}

std::string listing_row(const entry& e)
{
    const std::string slash = e.is_directory ? "/" : "";
    return "<tr><td><a href=\"" + percent_encode(e.name) + slash + "\">" + html_escape(e.name) + slash + "</a></td><td>" +
           (e.is_directory ? std::string() : std::to_string(e.size)) + "</td></tr>\n";
}

} // namespace

std::string listing_page(const std::string& path, const std::vector<entry>& entries)
{
    std::string rows;
    if (path != "/") rows += "<tr><td><a href=\"../\">../</a></td><td></td></tr>\n";
    for (const auto& e : entries) rows += listing_row(e);
    return page(html_escape(path), "<table>\n" + rows + "</table>\n");
}

std::string welcome_page()
{
    return page("tapio", "<p>This page comes from a TCP/IP stack inside a program. <a href=\"/status\">Its status</a></p>\n");
}

} // namespace apps::http_server
