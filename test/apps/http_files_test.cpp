// // File access of the HTTP server: nothing outside the served directory is reachable; uploads are atomic.
#include "http_server/files.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <sys/stat.h>
#include <unistd.h>

namespace apps::http_server {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::IsEmpty;

/// A temporary directory with `served/` in it, and a file `secret` outside of that.
class files : public testing::Test
{
protected:
    files()
    {
        std::string name = (fs::temp_directory_path() / "tapio-files-XXXXXX").string();
        base = ::mkdtemp(name.data());
        fs::create_directories(base / "served/sub");
        write(base / "secret", "secret");
        write(base / "served/a.txt", "hello");
        write(base / "served/sub/b.txt", "world!");
    }
    ~files() override { fs::remove_all(base); }

    static void write(const fs::path& path, const std::string& text) { std::ofstream(path) << text; }

    static std::string text_of(const fs::path& path)
    {
        std::ostringstream out;
        out << std::ifstream(path).rdbuf();
        return out.str();
    }

    static std::uint64_t size_of(const fs::path& path)
    {
        struct stat status;
        return ::stat(path.c_str(), &status) == 0 ? static_cast<std::uint64_t>(status.st_size) : 0;
    }

    static std::vector<std::string> names_in(const fs::path& path)
    {
        std::vector<std::string> out;
        for (const auto& found : fs::directory_iterator(path)) out.push_back(found.path().filename().string());
        return out;
    }

    directory served() const { return directory((base / "served").string()); }

    static std::string read_all(const readable_file& file)
    {
        std::string out(file.size() + 10, '\0');
        out.resize(file.read_at(0, out).value());
        return out;
    }

    static std::string open_and_read(const directory& from, const std::vector<std::string>& path)
    {
        const auto opened = from.open(path);
        return opened ? read_all(std::get<readable_file>(*opened)) : opened.error().message();
    }

    fs::path base;
};

TEST_F(files, are_opened_at_any_depth)
{
    EXPECT_EQ(open_and_read(served(), {"a.txt"}), "hello");
    EXPECT_EQ(open_and_read(served(), {"sub", "b.txt"}), "world!");
}

TEST_F(files, are_read_from_where_one_wants)
{
    const auto opened = served().open({"a.txt"});
    std::array<char, 3> part{};
    EXPECT_EQ(std::get<readable_file>(*opened).read_at(1, part).value(), 3U);
    EXPECT_EQ(std::string(part.begin(), part.end()), "ell");
}

TEST_F(files, below_a_directory_opened_itself)
{
    const auto sub = served().open({"sub"});
    ASSERT_TRUE(sub);
    EXPECT_EQ(open_and_read(std::get<directory>(*sub), {"b.txt"}), "world!");
}

TEST_F(files, that_are_not_there_are_errors)
{
    EXPECT_EQ(served().open({"nope"}).error().value(), ENOENT);
    EXPECT_EQ(served().open({"a.txt", "x"}).error().value(), ENOTDIR);
    EXPECT_THROW(directory((base / "nope").string()), boost::system::system_error);
}

TEST_F(files, outside_are_not_reached_through_a_link)
{
    fs::create_symlink(base / "secret", base / "served/link");
    fs::create_directory_symlink(base, base / "served/up");
    EXPECT_EQ(served().open({"link"}).error().value(), ELOOP);
    EXPECT_TRUE(served().open({"up", "secret"}).has_error());
    EXPECT_TRUE(served().open({"up"}).has_error());
}

TEST_F(files, may_stand_in_a_directory_that_is_itself_named_by_a_link)
{
    fs::create_directory_symlink(base / "served", base / "link");
    EXPECT_EQ(open_and_read(directory((base / "link").string()), {"a.txt"}), "hello");
}

TEST_F(files, do_not_include_pipes)
{
    ASSERT_EQ(::mkfifo((base / "served/pipe").c_str(), 0600), 0);
    EXPECT_EQ(served().open({"pipe"}).error().value(), ENOENT); // opening the pipe must not block
}

TEST_F(files, are_listed_in_order_without_the_hidden_and_the_links)
{
    write(base / "served/.hidden", "");
    write(base / "served/Z", "");
    fs::create_symlink(base / "secret", base / "served/link");
    EXPECT_THAT(served().list(100).value(),
                ElementsAre(entry{"Z", false, 0}, entry{"a.txt", false, 5}, entry{"sub", true, size_of(base / "served/sub")}));
}

TEST_F(files, are_listed_up_to_the_limit_and_more_than_once)
{
    const auto where = served();
    EXPECT_EQ(where.list(1).value().size(), 1U);
    EXPECT_EQ(where.list(100).value().size(), 2U);
    EXPECT_EQ(where.list(100).value().size(), 2U);
}

TEST_F(files, uploaded_appear_only_when_complete)
{
    auto coming = served().create({"new.txt"});
    ASSERT_TRUE(coming);
    ASSERT_FALSE(coming->write(std::string("part")));
    EXPECT_FALSE(fs::exists(base / "served/new.txt"));
    EXPECT_EQ(served().list(100).value().size(), 2U); // the temporary file is not listed either
    EXPECT_EQ(coming->commit().value(), committed::created);
    EXPECT_EQ(text_of(base / "served/new.txt"), "part");
}

TEST_F(files, uploaded_replace_the_old_in_one_step)
{
    auto coming = served().create({"sub", "b.txt"});
    ASSERT_FALSE(coming->write(std::string("new")));
    EXPECT_EQ(text_of(base / "served/sub/b.txt"), "world!");
    EXPECT_EQ(coming->commit().value(), committed::replaced);
    EXPECT_EQ(text_of(base / "served/sub/b.txt"), "new");
}

TEST_F(files, whose_upload_breaks_off_leave_nothing_behind)
{
    {
        auto coming = served().create({"sub", "new.txt"});
        ASSERT_FALSE(coming->write(std::string("part")));
        auto moved = std::move(*coming);
    }
    EXPECT_THAT(names_in(base / "served/sub"), ElementsAre("b.txt"));
}

TEST_F(files, are_not_uploaded_through_links_or_over_directories)
{
    fs::create_symlink(base / "secret", base / "served/link");
    fs::create_directory_symlink(base, base / "served/up");
    EXPECT_TRUE(served().create({"link"}).has_error());
    EXPECT_TRUE(served().create({"up", "secret"}).has_error());
    EXPECT_EQ(served().create({"sub"}).error().value(), EISDIR);
    EXPECT_EQ(served().create({}).error().value(), EISDIR);
    EXPECT_EQ(served().create({"nope", "x"}).error().value(), ENOENT);
    EXPECT_EQ(text_of(base / "secret"), "secret");
}

} // namespace
} // namespace apps::http_server
