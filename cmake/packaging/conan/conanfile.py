"""A recipe for Conan 2, of the source tree that it lies in: conan create cmake/packaging/conan"""
import os
import re

from conan import ConanFile
from conan.tools.build import check_min_cppstd
from conan.tools.cmake import CMake, CMakeDeps, CMakeToolchain, cmake_layout
from conan.tools.files import copy, load


class Tapio(ConanFile):
    name = "tapio"
    description = "A user-space TCP/IP stack spoken to through Boost.Asio"
    license = "BSL-1.0"
    package_type = "library"
    settings = "os", "compiler", "build_type", "arch"
    options = {"shared": [True, False], "fPIC": [True, False], "io_uring": [True, False], "log": [True, False],
               "tls": [True, False]}
    default_options = {"shared": False, "fPIC": True, "io_uring": True, "log": False, "tls": False}

    @property
    def _tree(self):
        return os.path.join(self.recipe_folder, "..", "..", "..")

    def set_version(self):
        header = load(self, os.path.join(self._tree, "include", "tapio", "version.hpp"))
        self.version = re.search(r'TAPIO_VERSION_STRING "([0-9.]+)"', header).group(1)

    def export_sources(self):
        for what in ("CMakeLists.txt", "LICENSE", "lib/*", "include/*", "cmake/*"):
            copy(self, what, self._tree, self.export_sources_folder)

    def requirements(self):
        self.requires("boost/[>=1.81.0]", transitive_headers=True)
        if self.options.io_uring:
            self.requires("liburing/[>=2.3]")
        if self.options.tls:
            self.requires("openssl/[>=3]")

    def validate(self):
        check_min_cppstd(self, 20)

    def layout(self):
        cmake_layout(self)

    def generate(self):
        CMakeDeps(self).generate()
        toolchain = CMakeToolchain(self)
        toolchain.cache_variables["BUILD_SHARED_LIBS"] = bool(self.options.shared)
        toolchain.cache_variables["TAPIO_IO_URING"] = "ON" if self.options.io_uring else "OFF"
        toolchain.cache_variables["TAPIO_LOG"] = "ON" if self.options.log else "OFF"
        toolchain.cache_variables["TAPIO_TLS"] = "ON" if self.options.tls else "OFF"
        toolchain.cache_variables["TAPIO_BUILD_TESTS"] = False
        toolchain.cache_variables["TAPIO_BUILD_APPS"] = False
        toolchain.generate()

    def build(self):
        cmake = CMake(self)
        cmake.configure()
        cmake.build()

    def package(self):
        copy(self, "LICENSE", self.source_folder, os.path.join(self.package_folder, "licenses"))
        CMake(self).install()

    def package_info(self):
        self.cpp_info.components["tapio"].libs = ["tapio"] if self.options.shared else ["tapio", "tapio_core"]
        self.cpp_info.components["tapio"].set_property("cmake_target_name", "tapio::tapio")
        self.cpp_info.components["tapio"].requires = ["boost::headers"]
        self.cpp_info.components["tapio"].system_libs = ["pthread"]
        if self.options.io_uring:
            self.cpp_info.components["tapio"].requires.append("liburing::liburing")
        if self.options.log:
            self.cpp_info.components["log"].libs = ["tapio_log"]
            self.cpp_info.components["log"].set_property("cmake_target_name", "tapio::log")
            self.cpp_info.components["log"].requires = ["tapio", "boost::log"]
        if self.options.tls:
            self.cpp_info.components["tls"].libs = ["tapio_tls"]
            self.cpp_info.components["tls"].set_property("cmake_target_name", "tapio::tls")
            self.cpp_info.components["tls"].requires = ["tapio", "openssl::openssl"]
