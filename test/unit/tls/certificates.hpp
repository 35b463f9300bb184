/// @file
/// Keys and certificates for tests of TLS, made on the spot.
#pragma once

#include <array>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <string>
#include <unistd.h>

namespace tapio::test {

/// What is special about a certificate.
struct certificate_wish
{
    std::string names = "DNS:dns.example"; ///< subjectAltName; empty: none
    long from = -3600, until = 24 * 3600L; ///< s from now
};

/// A key with its certificate.
class identity
{
public:
    /// @param issuer null: signs itself, as an authority does
    explicit identity(const certificate_wish& w = {}, const identity* issuer = nullptr)
    {
        static long serial = 0;
        X509* const c = certificate.get();
        X509_set_version(c, 2);
        ASN1_INTEGER_set(X509_get_serialNumber(c), ++serial);
        X509_gmtime_adj(X509_getm_notBefore(c), w.from);
        X509_gmtime_adj(X509_getm_notAfter(c), w.until);
        X509_set_pubkey(c, key.get());
        const std::string own = "number " + std::to_string(serial);
        X509_NAME_add_entry_by_txt(X509_get_subject_name(c), "CN", MBSTRING_ASC,
                                   reinterpret_cast<const unsigned char*>(own.c_str()), -1, -1, 0);
        X509_set_issuer_name(c, X509_get_subject_name(issuer != nullptr ? issuer->certificate.get() : c));
        if (issuer == nullptr) add(NID_basic_constraints, "critical,CA:TRUE");
        if (!w.names.empty()) add(NID_subject_alt_name, w.names);
        X509_sign(c, (issuer != nullptr ? issuer->key : key).get(), EVP_sha256());
    }

    /// Base64 of the SHA-256 of the SubjectPublicKeyInfo, as `openssl` would make it.
    std::string pin() const
    {
        unsigned char* spki = nullptr;
        const int size = i2d_PUBKEY(key.get(), &spki);
        std::array<unsigned char, 32> digest{};
        EVP_Digest(spki, static_cast<std::size_t>(size), digest.data(), nullptr, EVP_sha256(), nullptr);
        OPENSSL_free(spki);
        std::array<unsigned char, 45> text{};
        EVP_EncodeBlock(text.data(), digest.data(), static_cast<int>(digest.size()));
        return reinterpret_cast<const char*>(text.data());
    }

    std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key{EVP_EC_gen("P-256"), [](EVP_PKEY* k) { EVP_PKEY_free(k); }};
    std::unique_ptr<X509, void (*)(X509*)> certificate{X509_new(), [](X509* c) { X509_free(c); }};

private:
    void add(int nid, const std::string& value)
    {
        X509_EXTENSION* const e = X509V3_EXT_conf_nid(nullptr, nullptr, nid, value.c_str());
        X509_add_ext(certificate.get(), e, -1);
        X509_EXTENSION_free(e);
    }
};

/// A file that ends with the object.
class certificate_file
{
public:
    explicit certificate_file(const identity& who)
    {
        const int fd = ::mkstemp(path_.data());
        const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(::fdopen(fd, "w"), &std::fclose);
        PEM_write_X509(file.get(), who.certificate.get());
    }
    ~certificate_file() { ::unlink(path_.c_str()); }
    certificate_file(const certificate_file&) = delete;
    certificate_file& operator=(const certificate_file&) = delete;
    const std::string& path() const noexcept { return path_; }

private:
    std::string path_ = "/tmp/tapio-test-XXXXXX";
};

} // namespace tapio::test
