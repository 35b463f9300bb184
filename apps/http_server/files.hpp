/// @file
/// Files below one directory: opening for reading, listing, uploading. Links below it are never followed, so nothing outside can
/// be reached through it, whatever is created there meanwhile.
#pragma once

#include <boost/system/error_code.hpp>
#include <boost/system/result.hpp>

#include <cstddef>
#include <cstdint>
#include <ctime>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace apps::http_server {

template <class T>
using result = boost::system::result<T>;

/// A file descriptor, owned.
class descriptor
{
public:
    descriptor() = default;
    explicit descriptor(int fd) : fd_(fd) {}
    descriptor(descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    descriptor& operator=(descriptor&& other) noexcept
    {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~descriptor();

    int get() const { return fd_; }
    int release() { return std::exchange(fd_, -1); } ///< the caller closes it
    explicit operator bool() const { return fd_ >= 0; }

private:
    int fd_ = -1;
};

/// A regular file, open for reading.
class readable_file
{
public:
    readable_file(descriptor fd, std::uint64_t size, std::time_t modified);

    std::uint64_t size() const { return size_; } ///< octets, at the time of opening
    std::time_t modified() const { return modified_; }

    /// Reads from `offset` on. @return octets read: fewer than asked for only at the end
    result<std::size_t> read_at(std::uint64_t offset, std::span<char> out) const;

private:
    descriptor fd_;
    std::uint64_t size_;
    std::time_t modified_;
};

/// One line of a listing.
struct entry
{
    std::string name;
    bool is_directory;
    std::uint64_t size;

    friend bool operator==(const entry&, const entry&) = default;
};

/// The result of an upload.
enum class committed
{
    created,
    replaced
};

/// A file being uploaded. Until `commit()` it has a hidden temporary name in its directory; without `commit()` it is deleted.
class upload
{
public:
    upload(descriptor directory, std::string name, descriptor file, std::string temporary_name);
    upload(upload&&) = default;
    ~upload();

    boost::system::error_code write(std::span<const char> octets);

    /// Gives the file its final name, atomically.
    result<committed> commit();

private:
    descriptor directory_;
    std::string name_;
    descriptor file_;
    std::string temporary_name_; ///< empty after commit() or deletion
};

/// A directory and its contents.
class directory
{
public:
    /// @throws boost::system::system_error if there is no such directory
    explicit directory(const std::string& path);

    using opened = std::variant<readable_file, directory>;

    /// Opens the file or directory at `path` below this directory; no_such_file_or_directory for anything else.
    result<opened> open(const std::vector<std::string>& path) const;

    /// At most `limit` entries, sorted by name, without hidden ones.
    result<std::vector<entry>> list(std::size_t limit) const;

    /// Begins an upload to `path`, whose directory must exist.
    result<upload> create(const std::vector<std::string>& path) const;

private:
    explicit directory(descriptor fd) : fd_(std::move(fd)) {}
    result<descriptor> open_parent(const std::vector<std::string>& path) const;

    descriptor fd_;
};

} // namespace apps::http_server
