// The HTTP server as a client sees it: two hosts on a wire in memory, requests and answers as strings.
#include "http_server/fields.hpp"
#include "http_server/server.hpp"

#include <tapio/device/pipe.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <exception>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>

namespace apps::http_server {
namespace {

namespace asio = boost::asio;
namespace fs = std::filesystem;
using tapio::ip::tcp;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

/// An empty temporary directory, removed at the end.
struct scratch_directory
{
    scratch_directory()
    {
        std::string name = (fs::temp_directory_path() / "tapio-http-XXXXXX").string();
        path = ::mkdtemp(name.data());
    }
    ~scratch_directory() { fs::remove_all(path); }

    void write(const std::string& name, const std::string& text) const
    {
        fs::create_directories((path / name).parent_path());
        std::ofstream(path / name) << text;
    }
    std::string read(const std::string& name) const
    {
        std::ostringstream out;
        out << std::ifstream(path / name).rdbuf();
        return out.str();
    }

    fs::path path;
};

class http_server : public testing::Test
{
protected:
    http_server()
    {
        served.write("a.txt", "hello");
        served.write("sub/index.html", "<p>index</p>");
        served.write("list/b.txt", "b");
        content.root.emplace(served.path.string());
        content.upload_limit = 100'000;
        here.add_address(asio::ip::make_address("198.18.0.1"), 24);
        there.add_address(asio::ip::make_address("198.18.0.2"), 24);
        server.emplace(io, there, tcp::endpoint(tcp::v4(), 80), content);
    }

    void allow_uploads() { content.uploads.emplace(uploaded.path.string()); }

    /// Sends the request at once. @return everything received until the server closes
    std::string exchange(const std::string& request)
    {
        std::string answer;
        run(here, converse(request, answer));
        return answer;
    }

    /// Sends one GET request for `target` with further header lines `more`. @return the answer
    std::string get(const std::string& target, const std::string& more = "")
    {
        return exchange("GET " + target + " HTTP/1.1\r\nHost: h\r\nConnection: close\r\n" + more + "\r\n");
    }

    std::string put(const std::string& target, const std::string& text)
    {
        return exchange("PUT " + target + " HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: " +
                        std::to_string(text.size()) + "\r\n\r\n" + text);
    }

    void run(tapio::stack& stack, asio::awaitable<void> story)
    {
        bool done = false;
        asio::co_spawn(stack, std::move(story), [&](std::exception_ptr failed) {
            done = true;
            if (failed) std::rethrow_exception(failed);
        });
        const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(20);
        while (!done && io.run_one_until(give_up) != 0) {}
        ASSERT_TRUE(done) << "the exchange did not end within 20 s";
    }

    static asio::awaitable<void> converse(std::string request, std::string& answer)
    {
        tcp::socket socket(co_await asio::this_coro::executor);
        co_await socket.async_connect(tcp::endpoint(asio::ip::make_address("198.18.0.2"), 80), asio::use_awaitable);
        co_await asio::async_write(socket, asio::buffer(request), asio::use_awaitable);
        boost::system::error_code end;
        co_await asio::async_read(socket, asio::dynamic_buffer(answer), asio::redirect_error(asio::use_awaitable, end));
        EXPECT_EQ(end, asio::error::eof);
    }

    scratch_directory served, uploaded;
    site content;
    asio::io_context io;
    std::pair<std::unique_ptr<tapio::device>, std::unique_ptr<tapio::device>> wire = tapio::make_pipe();
    tapio::stack here{io, std::move(wire.first)}, there{io, std::move(wire.second)};
    std::optional<apps::http_server::server> server;
};

TEST_F(http_server, serves_a_file)
{
    const auto answer = get("/a.txt");
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_THAT(answer, HasSubstr("Content-Type: text/plain; charset=utf-8\r\n"));
    EXPECT_THAT(answer, HasSubstr("Content-Length: 5\r\n"));
    EXPECT_THAT(answer, EndsWith("\r\n\r\nhello"));
}

TEST_F(http_server, answers_head_without_content)
{
    const auto answer = exchange("HEAD /a.txt HTTP/1.1\r\nHost: h\r\nConnection: close\r\nRange: bytes=0-1\r\n\r\n");
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n")); // ranges apply to GET only
    EXPECT_THAT(answer, HasSubstr("Content-Length: 5\r\n"));
    EXPECT_THAT(answer, EndsWith("\r\n\r\n"));
}

TEST_F(http_server, serves_the_index_the_listing_and_the_way_to_both)
{
    EXPECT_THAT(get("/sub/"), EndsWith("<p>index</p>"));
    EXPECT_THAT(get("/sub"), HasSubstr("301 Moved Permanently\r\nLocation: /sub/\r\n"));
    EXPECT_THAT(get("/list/"), HasSubstr("<a href=\"b.txt\">"));
}

TEST_F(http_server, serves_a_part_of_a_file)
{
    const auto part = get("/a.txt", "Range: bytes=1-3\r\n");
    EXPECT_THAT(part, StartsWith("HTTP/1.1 206 "));
    EXPECT_THAT(part, HasSubstr("Content-Range: bytes 1-3/5\r\n"));
    EXPECT_THAT(part, EndsWith("\r\n\r\nell"));
    EXPECT_THAT(get("/a.txt", "Range: bytes=5-\r\n"), HasSubstr("Content-Range: bytes */5\r\n"));
    EXPECT_THAT(get("/a.txt", "Range: bytes=1-3\r\nIf-Range: \"x\"\r\n"), EndsWith("\r\n\r\nhello"));
}

TEST_F(http_server, does_not_repeat_what_the_client_has)
{
    EXPECT_THAT(get("/a.txt", "If-Modified-Since: " + format_date(std::time(nullptr) + 10) + "\r\n"),
                StartsWith("HTTP/1.1 304 "));
    EXPECT_THAT(get("/a.txt", "If-Modified-Since: " + format_date(0) + "\r\n"), StartsWith("HTTP/1.1 200 "));
}

TEST_F(http_server, finds_nothing_outside)
{
    fs::create_symlink("/etc/passwd", served.path / "link");
    for (const char* target : {"/../etc/passwd", "/%2e%2e/etc/passwd", "/link", "/nope", "/a.txt/"})
        EXPECT_THAT(get(target), StartsWith("HTTP/1.1 404 ")) << target;
}

TEST_F(http_server, answers_requests_sent_ahead_in_their_order)
{
    allow_uploads();
    const auto answers = exchange("GET /a.txt HTTP/1.1\r\nHost: h\r\n\r\n"
                                  "PUT /p HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc"
                                  "GET /sub/ HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    const auto first = answers.find("hello"), second = answers.find("201 Created"), third = answers.find("<p>index</p>");
    EXPECT_LT(first, second);
    EXPECT_LT(second, third);
    EXPECT_LT(third, answers.size());
    EXPECT_EQ(uploaded.read("p"), "abc");
}

TEST_F(http_server, takes_an_upload_and_replaces_it)
{
    allow_uploads();
    const std::string text(99'999, 'x');
    EXPECT_THAT(put("/new.bin", text), StartsWith("HTTP/1.1 201 "));
    EXPECT_EQ(uploaded.read("new.bin"), text);
    EXPECT_THAT(put("/new.bin", "other"), StartsWith("HTTP/1.1 200 "));
    EXPECT_EQ(uploaded.read("new.bin"), "other");
}

TEST_F(http_server, takes_an_upload_in_chunks)
{
    allow_uploads();
    const auto answer = exchange("PUT /c HTTP/1.1\r\nHost: h\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
                                 "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 201 "));
    EXPECT_EQ(uploaded.read("c"), "abcde");
}

TEST_F(http_server, says_go_on_to_a_client_that_waits_for_it)
{
    allow_uploads();
    const auto answer =
        exchange("PUT /e HTTP/1.1\r\nHost: h\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\nx");
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 "));
}

TEST_F(http_server, refuses_an_upload_over_the_limit_and_keeps_nothing_of_it)
{
    allow_uploads();
    EXPECT_THAT(put("/big", std::string(100'001, 'x')), StartsWith("HTTP/1.1 413 "));
    EXPECT_THAT(
        exchange("PUT /big HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n186a1\r\n" + std::string(100'001, 'x')),
        StartsWith("HTTP/1.1 413 "));
    EXPECT_TRUE(fs::is_empty(uploaded.path));
}

TEST_F(http_server, refuses_uploads_unless_told_where_to) { EXPECT_THAT(put("/x", "x"), StartsWith("HTTP/1.1 405 ")); }

struct bad_request
{
    const char* text;
    const char* answer;
};

class http_server_refuses : public http_server, public testing::WithParamInterface<bad_request>
{
};

TEST_P(http_server_refuses, and_closes)
{
    const auto answer = exchange(GetParam().text);
    EXPECT_THAT(answer, StartsWith(std::string("HTTP/1.1 ") + GetParam().answer));
    EXPECT_EQ(answer.find("HTTP/1.1", 1), answer.npos); // no further answer on this connection
}

INSTANTIATE_TEST_SUITE_P(
    requests, http_server_refuses,
    testing::Values(
        bad_request{"GET\r\n\r\n", "400"}, bad_request{"GET / HTTP/1.1\r\nConnection: close\r\n\r\n", "400"},
        bad_request{"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n", "400"},
        bad_request{"DELETE / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", "405"},
        bad_request{"BREW / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", "501"},
        bad_request{"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 36\r\n\r\nGET /a.txt HTTP/1.1\r\nHost: smuggled\r\n", "405"}));

TEST_F(http_server, refuses_an_endless_header)
{
    EXPECT_THAT(exchange("GET / HTTP/1.1\r\nX: " + std::string(20'000, 'x')), StartsWith("HTTP/1.1 431 "));
}

TEST_F(http_server, shows_its_status_as_text_and_as_json)
{
    EXPECT_THAT(get("/status"), HasSubstr("\nserver.requests 1\n"));
    EXPECT_THAT(get("/status", "Accept: application/json\r\n"), HasSubstr("\"server.requests\": 2,"));
}

TEST_F(http_server, stops_when_nobody_is_left)
{
    bool stopped = false;
    server->stop([&] { stopped = true; });
    EXPECT_TRUE(stopped);
}

} // namespace
} // namespace apps::http_server
