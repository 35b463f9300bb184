#include "http_server/session.hpp"

#include "http_server/pages.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

#include <array>
#include <cerrno>
#include <ctime>
#include <utility>
#include <variant>
#include <vector>

namespace apps::http_server {

namespace asio = boost::asio;
using asio::redirect_error;
using asio::use_awaitable;

namespace {

constexpr std::uint32_t header_limit = 16 * 1024;      // octets of a request's header
constexpr std::size_t transfer_size = 64 * 1024;       // octets of content in memory at once, per connection
constexpr std::size_t listing_limit = 10'000;          // entries
constexpr std::size_t goodbye_limit = 4 * 1024 * 1024; // octets read and dropped after the last answer

// The HTTP status for a system call that failed while serving a GET.
http::status status_of_read(const beast::error_code& error)
{
    switch (error.value()) {
    case EACCES:
    case EPERM: return http::status::forbidden;
    case ENOENT:
    case ENOTDIR:
    case ELOOP: // a link
    case ENXIO:
    case ENAMETOOLONG: return http::status::not_found;
    default: return http::status::internal_server_error;
    }
}

// The same while serving a PUT.
http::status status_of_write(const beast::error_code& error)
{
    switch (error.value()) {
    case ENOENT:
    case ENOTDIR:
    case ELOOP:
    case EISDIR: return http::status::conflict;
    case ENOSPC:
    case EDQUOT:
    case EFBIG: return http::status::insufficient_storage;
    default: return status_of_read(error);
    }
}

bool wants_json(std::string_view query, std::string_view accept)
{
    return query == "json" || accept.find("application/json") != accept.npos;
}

bool is_http_error(const beast::error_code& error)
{
    return error.category() == http::make_error_code(http::error::end_of_stream).category();
}

} // namespace

session::session(tapio::ip::tcp::socket socket, site& site, std::shared_ptr<connections> all)
    : socket_(std::move(socket)), buffer_(transfer_size), site_(site), all_(std::move(all)), entry_(all_, socket_)
{
    beast::error_code ignored;
    socket_.set_option(tapio::ip::tcp::no_delay(true), ignored); // we write whole messages
}

asio::awaitable<void> session::run()
{
    try {
        while (co_await serve_one()) {}
        co_await say_goodbye();
    } catch (const std::exception&) {
        // The client left or was too slow, or memory ran out: no answer can be sent.
    }
}

// Serves one request. Returns false if it was the last one.
session::awaitable<bool> session::serve_one()
{
    if (all_->stopping()) co_return false;
    head_parser head;
    head.header_limit(header_limit);
    head.body_limit(boost::none); // receive() counts
    entry_.set_idle(buffer_.size() == 0);
    progress();
    beast::error_code error;
    co_await http::async_read_header(socket_, buffer_, head, redirect_error(use_awaitable, error));
    entry_.set_idle(false);
    if (error) co_return co_await refuse(error);
    ++site_.counters.requests;
    keep_alive_ = head.get().keep_alive() && !all_->stopping();
    co_await dispatch(head);
    co_return keep_alive_;
}

// Answers a request that could not be parsed. Throws if the connection itself failed.
session::awaitable<bool> session::refuse(beast::error_code why)
{
    if (why == http::error::end_of_stream) co_return false;
    if (!is_http_error(why) || why == http::error::partial_message) throw beast::system_error(why);
    const bool too_long = why == http::error::header_limit || why == http::error::buffer_overflow;
    keep_alive_ = false;
    request asked;
    co_await send_error(asked, too_long                          ? http::status::request_header_fields_too_large
                               : why == http::error::bad_version ? http::status::http_version_not_supported
                                                                 : http::status::bad_request);
    co_return false;
}

session::awaitable<> session::dispatch(head_parser& head)
{
    const request& asked = head.get();
    if (asked.method() == http::verb::put) co_return co_await put(head);
    if (!head.is_done()) keep_alive_ = false;                         // unexpected content: the next request cannot be found
    if (asked.version() >= 11 && asked.count(http::field::host) != 1) // RFC 9112 §3.2
        co_return co_await send_error(asked, http::status::bad_request);
    if (asked.method() == http::verb::get || asked.method() == http::verb::head) co_return co_await get(asked);
    co_await send_error(asked,
                        asked.method() == http::verb::unknown ? http::status::not_implemented : http::status::method_not_allowed);
}

session::awaitable<> session::get(const request& asked)
{
    const auto where = parse_target(asked.target());
    if (!where) co_return co_await send_error(asked, http::status::not_found);
    const auto path = where->path();
    if (path == "/status") co_return co_await send_status(asked, *where);
    if (site_.root) co_return co_await get_from_root(asked, *where);
    if (path != "/") co_return co_await send_error(asked, http::status::not_found);
    co_await send_text(asked, http::status::ok, welcome_page(), "text/html; charset=utf-8");
}

session::awaitable<> session::get_from_root(const request& asked, const target& where)
{
    const auto found = site_.root->open(where.segments);
    if (!found) co_return co_await send_error(asked, status_of_read(found.error()));
    if (const auto* which = std::get_if<directory>(&*found)) co_return co_await send_directory(asked, *which, where);
    if (where.is_directory) co_return co_await send_error(asked, http::status::not_found);
    co_await send_file(asked, std::get<readable_file>(*found), where.segments.back());
}

session::awaitable<> session::send_directory(const request& asked, const directory& which, const target& where)
{
    if (!where.is_directory) { // links in the page are relative to the directory
        std::string to;
        for (const auto& segment : where.segments) to += '/' + percent_encode(segment);
        co_return co_await send_redirect(asked, to + '/');
    }
    const auto index = which.open({"index.html"});
    if (index && std::holds_alternative<readable_file>(*index))
        co_return co_await send_file(asked, std::get<readable_file>(*index), "index.html");
    const auto entries = which.list(listing_limit);
    if (!entries) co_return co_await send_error(asked, status_of_read(entries.error()));
    co_await send_text(asked, http::status::ok, listing_page(where.path(), *entries), "text/html; charset=utf-8");
}

session::awaitable<> session::send_file(const request& asked, const readable_file& file, std::string_view name)
{
    http::response<http::empty_body> answer{http::status::ok, asked.version()};
    answer.set(http::field::last_modified, format_date(file.modified()));
    answer.set(http::field::accept_ranges, "bytes");
    if (!asked.count(http::field::if_none_match) && is_not_modified(asked[http::field::if_modified_since], file.modified())) {
        answer.result(http::status::not_modified);
        co_return co_await send(answer, asked);
    }

    byte_range range{0, file.size()};
    range_request wanted = whole_content{};
    if (asked.method() == http::verb::get && is_range_current(asked[http::field::if_range], file.modified()))
        wanted = parse_range(asked[http::field::range], file.size());
    if (std::holds_alternative<unsatisfiable_range>(wanted)) {
        answer.result(http::status::range_not_satisfiable);
        answer.set(http::field::content_range, unsatisfied_content_range(file.size()));
        answer.content_length(0);
        co_return co_await send(answer, asked);
    }
    if (const auto* part = std::get_if<byte_range>(&wanted)) {
        range = *part;
        answer.result(http::status::partial_content);
        answer.set(http::field::content_range, content_range(range, file.size()));
    }
    answer.set(http::field::content_type, media_type(name));
    answer.content_length(range.length);
    co_await send(answer, asked);
    if (asked.method() == http::verb::get) co_await send_content(file, range);
}

// Reading the file may block the thread for as long as the disk takes. Every octet that the client accepts counts as progress.
session::awaitable<> session::send_content(const readable_file& file, byte_range range)
{
    std::vector<char> chunk(static_cast<std::size_t>(std::min<std::uint64_t>(range.length, transfer_size)));
    while (range.length > 0) {
        const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(range.length, chunk.size()));
        const auto got = file.read_at(range.first, {chunk.data(), wanted});
        if (!got || *got != wanted) throw beast::system_error(asio::error::eof); // the file became shorter than Content-Length
        for (std::size_t sent = 0; sent < wanted;) {
            progress();
            sent += co_await socket_.async_write_some(asio::buffer(chunk.data() + sent, wanted - sent), use_awaitable);
        }
        range.first += wanted;
        range.length -= wanted;
        site_.counters.octets_served += wanted;
    }
}

session::awaitable<> session::send_status(const request& asked, const target& where)
{
    site_.counters.connections = all_->size();
    site_.counters.timed_out = all_->timed_out();
    const auto uptime = std::chrono::steady_clock::now() - site_.since;
    const auto lines = status_lines(static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(uptime).count()),
                                    site_.counters, site_.host_counters ? site_.host_counters() : tapio::core::host_counters{});
    const host_lists lists = site_.lists ? site_.lists() : host_lists();
    if (wants_json(where.query, asked[http::field::accept]))
        co_return co_await send_text(asked, http::status::ok, render_json(lines, render_json(lists)), "application/json");
    co_await send_text(asked, http::status::ok, render_text(lines) + render_text(lists));
}

session::awaitable<> session::put(head_parser& head)
{
    const request& asked = head.get();
    keep_alive_ = false; // until its content has been read, the next request cannot be found
    if (asked.version() >= 11 && asked.count(http::field::host) != 1)
        co_return co_await send_error(asked, http::status::bad_request);
    if (!site_.uploads) co_return co_await send_error(asked, http::status::method_not_allowed);
    const auto where = parse_target(asked.target());
    if (!where || where->is_directory || asked.count(http::field::content_range)) // RFC 9110 §14.5
        co_return co_await send_error(asked, http::status::bad_request);
    const auto length = head.content_length();
    if (length && *length > site_.upload_limit) co_return co_await send_error(asked, http::status::payload_too_large);
    auto file = site_.uploads->create(where->segments);
    if (!file) co_return co_await send_error(asked, status_of_write(file.error()));
    if (beast::iequals(asked[http::field::expect], "100-continue")) { // RFC 9110 §10.1.1
        static constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
        co_await asio::async_write(socket_, asio::buffer(go_on), use_awaitable);
    }
    co_await receive(head, std::move(*file));
}

// Writes content to the file as it arrives, so that no more than `transfer_size` of it is in memory.
session::awaitable<> session::receive(head_parser& head, upload file)
{
    const request asked = head.get();
    http::request_parser<http::buffer_body> content(std::move(head));
    std::vector<char> chunk(transfer_size);
    buffer_.reserve(transfer_size); // otherwise Beast would read only as much at once as for a header
    std::uint64_t total = 0;
    while (!content.is_done()) {
        auto& into = content.get().body();
        into.data = chunk.data();
        into.size = chunk.size();
        progress();
        beast::error_code error;
        co_await http::async_read_some(socket_, buffer_, content, redirect_error(use_awaitable, error));
        if (error && error != http::error::need_buffer) throw beast::system_error(error);
        const auto got = chunk.size() - into.size;
        total += got;
        if (total > site_.upload_limit) co_return co_await send_error(asked, http::status::payload_too_large);
        if (const auto failed = file.write({chunk.data(), got})) co_return co_await send_error(asked, status_of_write(failed));
    }
    site_.counters.octets_uploaded += total;
    keep_alive_ = asked.keep_alive() && !all_->stopping();
    buffer_.shrink_to_fit();
    co_await finish(asked, file);
}

session::awaitable<> session::finish(const request& asked, upload& file)
{
    const auto done = file.commit();
    if (!done) co_return co_await send_error(asked, status_of_write(done.error()));
    if (*done == committed::replaced) co_return co_await send_text(asked, http::status::ok, "replaced\n");
    co_await send_text(asked, http::status::created, "created\n");
}

session::awaitable<> session::send_text(const request& asked, http::status status, std::string text, std::string_view type)
{
    http::response<http::string_body> answer{status, asked.version()};
    answer.set(http::field::content_type, type);
    if (status == http::status::method_not_allowed)
        answer.set(http::field::allow, site_.uploads ? "GET, HEAD, PUT" : "GET, HEAD");
    answer.body() = std::move(text);
    answer.prepare_payload();
    site_.counters.octets_served += asked.method() == http::verb::head ? 0 : answer.body().size();
    co_await send(answer, asked);
}

session::awaitable<> session::send_error(const request& asked, http::status status)
{
    std::string text(http::obsolete_reason(status));
    text += '\n';
    co_await send_text(asked, status, std::move(text));
}

session::awaitable<> session::send_redirect(const request& asked, const std::string& to)
{
    http::response<http::empty_body> answer{http::status::moved_permanently, asked.version()};
    answer.set(http::field::location, to);
    answer.content_length(0);
    co_await send(answer, asked);
}

// Sends the header and, unless the request was a HEAD, the content.
template <class Body>
session::awaitable<> session::send(http::response<Body>& answer, const request& asked)
{
    answer.set(http::field::server, "tapio");
    answer.set(http::field::date, format_date(std::time(nullptr)));
    answer.keep_alive(keep_alive_);
    count(answer.result());
    progress();
    http::response_serializer<Body> writer(answer);
    if (asked.method() == http::verb::head)
        co_await http::async_write_header(socket_, writer, use_awaitable);
    else
        co_await http::async_write(socket_, writer, use_awaitable);
}

void session::count(http::status status)
{
    const auto kind = http::to_status_class(status);
    if (kind == http::status_class::client_error) ++site_.counters.client_errors;
    if (kind == http::status_class::server_error) ++site_.counters.server_errors;
}

// RFC 9112 §9.6: closing while the client still sends would reset the connection, and the client might lose our answer by it.
session::awaitable<> session::say_goodbye()
{
    beast::error_code error;
    socket_.shutdown(tapio::ip::tcp::socket::shutdown_send, error);
    entry_.set_idle(true);
    entry_.expires_after(std::chrono::seconds(2));
    std::vector<char> unwanted(transfer_size);
    for (std::size_t total = 0; !error && total < goodbye_limit;)
        total += co_await socket_.async_read_some(asio::buffer(unwanted), redirect_error(use_awaitable, error));
}

void session::progress() { entry_.expires_after(site_.patience); }

} // namespace apps::http_server
