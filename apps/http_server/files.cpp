#include "http_server/files.hpp"

#include "http_server/target.hpp"

#include <boost/system/system_error.hpp>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <sys/stat.h>
#include <unistd.h>

namespace apps::http_server {

namespace {

using boost::system::error_code;

error_code error_from(int number) { return {number, boost::system::system_category()}; }

error_code last_error() { return error_from(errno); }

result<descriptor> open_at(const descriptor& directory, const std::string& name, int flags, mode_t mode = 0)
{
    // O_NONBLOCK: opening a pipe must not wait for its other end.
    descriptor fd(::openat(directory.get(), name.c_str(), flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, mode));
    if (!fd) return last_error();
    return fd;
}

bool is_readable_kind(mode_t mode) { return S_ISREG(mode) || S_ISDIR(mode); }

std::string temporary_name()
{
    static std::atomic<unsigned> serial{0};
    return ".upload-" + std::to_string(::getpid()) + '-' + std::to_string(serial++);
}

} // namespace

descriptor::~descriptor()
{
    if (fd_ >= 0) ::close(fd_);
}

readable_file::readable_file(descriptor fd, std::uint64_t size, std::time_t modified)
    : fd_(std::move(fd)), size_(size), modified_(modified)
{
}

result<std::size_t> readable_file::read_at(std::uint64_t offset, std::span<char> out) const
{
    std::size_t done = 0;
    while (done < out.size()) {
        const auto n = ::pread(fd_.get(), out.data() + done, out.size() - done, static_cast<off_t>(offset + done));
        if (n < 0) return last_error();
        if (n == 0) break;
        done += static_cast<std::size_t>(n);
    }
    return done;
}

upload::upload(descriptor directory, std::string name, descriptor file, std::string temporary_name)
    : directory_(std::move(directory)), name_(std::move(name)), file_(std::move(file)), temporary_name_(std::move(temporary_name))
{
}

upload::~upload()
{
    if (directory_ && !temporary_name_.empty()) ::unlinkat(directory_.get(), temporary_name_.c_str(), 0);
}

error_code upload::write(std::span<const char> octets)
{
    while (!octets.empty()) {
        const auto n = ::write(file_.get(), octets.data(), octets.size());
        if (n < 0) return last_error();
        octets = octets.subspan(static_cast<std::size_t>(n));
    }
    return {};
}

result<committed> upload::commit()
{
    struct stat status;
    const bool replaces = ::fstatat(directory_.get(), name_.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0;
    if (::renameat(directory_.get(), temporary_name_.c_str(), directory_.get(), name_.c_str()) != 0) return last_error();
    temporary_name_.clear();
    return replaces ? committed::replaced : committed::created;
}

directory::directory(const std::string& path) : fd_(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC))
{
    if (!fd_) throw boost::system::system_error(last_error(), path);
}

// The directory that contains the last segment of `path`.
result<descriptor> directory::open_parent(const std::vector<std::string>& path) const
{
    auto at = open_at(fd_, ".", O_RDONLY | O_DIRECTORY);
    for (std::size_t i = 0; at && i + 1 < path.size(); ++i) at = open_at(*at, path[i], O_RDONLY | O_DIRECTORY);
    return at;
}

result<directory::opened> directory::open(const std::vector<std::string>& path) const
{
    const auto parent = open_parent(path);
    if (!parent) return parent.error();
    auto fd = open_at(*parent, path.empty() ? "." : path.back(), O_RDONLY);
    if (!fd) return fd.error();
    struct stat status;
    if (::fstat(fd->get(), &status) != 0) return last_error();
    if (!is_readable_kind(status.st_mode)) return error_from(ENOENT);
    if (S_ISDIR(status.st_mode)) return opened(directory(std::move(*fd)));
    return opened(readable_file(std::move(*fd), static_cast<std::uint64_t>(status.st_size), status.st_mtime));
}

result<std::vector<entry>> directory::list(std::size_t limit) const
{
    auto again = open_at(fd_, ".", O_RDONLY | O_DIRECTORY); // with a read position of its own
    if (!again) return again.error();
    const std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(again->get()), &::closedir);
    if (!stream) return last_error();
    again->release();
    std::vector<entry> out;
    while (const dirent* found = ::readdir(stream.get())) {
        struct stat status;
        if (out.size() == limit) break;
        if (!is_public_name(found->d_name)) continue;
        if (::fstatat(fd_.get(), found->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0) continue;
        if (is_readable_kind(status.st_mode))
            out.push_back({found->d_name, S_ISDIR(status.st_mode), static_cast<std::uint64_t>(status.st_size)});
    }
    std::ranges::sort(out, {}, &entry::name);
    return out;
}

result<upload> directory::create(const std::vector<std::string>& path) const
{
    if (path.empty()) return error_from(EISDIR);
    auto parent = open_parent(path);
    if (!parent) return parent.error();
    struct stat status;
    if (::fstatat(parent->get(), path.back().c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISREG(status.st_mode))
        return error_from(S_ISDIR(status.st_mode) ? EISDIR : EPERM);
    auto name = temporary_name();
    auto file = open_at(*parent, name, O_WRONLY | O_CREAT | O_EXCL, 0644);
    if (!file) return file.error();
    return upload(std::move(*parent), path.back(), std::move(*file), std::move(name));
}

} // namespace apps::http_server
