# `cpack` in a build folder makes three Debian packages: libtapio0.1 (shared libraries), libtapio-dev, tapio-tools (programs).
# cmake/packaging/debian builds, checks and tests them.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME tapio)
set(CPACK_PACKAGE_CONTACT "tapio developers <tapio@example.org>") # distributors of packages put their own address here
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "user-space TCP/IP stack for Boost.Asio")
set(CPACK_PACKAGE_VERSION "${PROJECT_VERSION}")
set(CPACK_STRIP_FILES ON)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
    OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_COMPONENTS_ALL devel)
if(BUILD_SHARED_LIBS)
    list(APPEND CPACK_COMPONENTS_ALL runtime)
endif()
if(TAPIO_BUILD_APPS)
    list(APPEND CPACK_COMPONENTS_ALL tools)
endif()

set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS "${PROJECT_BINARY_DIR}/lib") # location of libtapio before it is installed

set(runtime_package "libtapio${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}")
set(exact_version "(= ${PROJECT_VERSION}-1)")

set(CPACK_DEBIAN_RUNTIME_PACKAGE_NAME "${runtime_package}")
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SECTION libs)
set(CPACK_COMPONENT_RUNTIME_DESCRIPTION "tapio runs a TCP/IP stack inside a process, over a TAP or TUN device or over
a wire in memory, and gives Boost.Asio programs sockets of it.

This package has the shared library.")

# shlibs: read by dpkg-shlibdeps for packages that link with the libraries; triggers: runs ldconfig.
file(CONFIGURE OUTPUT "${PROJECT_BINARY_DIR}/debian/shlibs" @ONLY CONTENT
"libtapio @PROJECT_VERSION_MAJOR@.@PROJECT_VERSION_MINOR@ @runtime_package@ (>= @PROJECT_VERSION@)
libtapio_log @PROJECT_VERSION_MAJOR@.@PROJECT_VERSION_MINOR@ @runtime_package@ (>= @PROJECT_VERSION@)
libtapio_tls @PROJECT_VERSION_MAJOR@.@PROJECT_VERSION_MINOR@ @runtime_package@ (>= @PROJECT_VERSION@)
")
file(CONFIGURE OUTPUT "${PROJECT_BINARY_DIR}/debian/triggers" CONTENT "activate-noawait ldconfig\n")
set(CPACK_DEBIAN_RUNTIME_PACKAGE_CONTROL_EXTRA "${PROJECT_BINARY_DIR}/debian/shlibs" "${PROJECT_BINARY_DIR}/debian/triggers")

set(CPACK_DEBIAN_DEVEL_PACKAGE_NAME libtapio-dev)
set(CPACK_DEBIAN_DEVEL_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEVEL_PACKAGE_DEPENDS "libboost1.81-dev | libboost-dev (>= 1.81)")
if(BUILD_SHARED_LIBS)
    string(PREPEND CPACK_DEBIAN_DEVEL_PACKAGE_DEPENDS "${runtime_package} ${exact_version}, ")
elseif(tapio_uring)
    string(APPEND CPACK_DEBIAN_DEVEL_PACKAGE_DEPENDS ", liburing-dev")
endif()
set(CPACK_DEBIAN_DEVEL_PACKAGE_SUGGESTS "libboost-log1.81-dev, libssl-dev")
set(CPACK_COMPONENT_DEVEL_DESCRIPTION "tapio runs a TCP/IP stack inside a process, over a TAP or TUN device or over
a wire in memory, and gives Boost.Asio programs sockets of it.

This package has the headers, and the files for CMake and pkg-config.")

set(CPACK_DEBIAN_TOOLS_PACKAGE_NAME tapio-tools)
set(CPACK_DEBIAN_TOOLS_PACKAGE_SECTION net)
set(CPACK_COMPONENT_TOOLS_DESCRIPTION "tapio runs a TCP/IP stack inside a process, over a TAP or TUN device or over
a wire in memory, and gives Boost.Asio programs sockets of it.

This package has the tool tapio (ping, traceroute, nc, http, perf, dump and
others over such a stack), echo and HTTP servers that live on one, and tcp_lab,
which measures its TCP over simulated links.")

# Files that Debian's policy requires in /usr/share/doc of each package: the licence and a changelog.
file(READ "${PROJECT_SOURCE_DIR}/LICENSE" tapio_licence)
string(REGEX REPLACE "\n\n" "\n.\n" tapio_licence "${tapio_licence}")
string(REGEX REPLACE "\n(.)" "\n \\1" tapio_licence " ${tapio_licence}")
file(CONFIGURE OUTPUT "${PROJECT_BINARY_DIR}/debian/copyright" @ONLY CONTENT
"Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: tapio

Files: *
Copyright: 2026 the tapio authors
License: BSL-1.0
@tapio_licence@")
file(CONFIGURE OUTPUT "${PROJECT_BINARY_DIR}/debian/changelog" @ONLY CONTENT
"tapio (@PROJECT_VERSION@-1) unstable; urgency=medium

  * See the history of the project's repository.

 -- @CPACK_PACKAGE_CONTACT@  Sun, 01 Nov 2026 00:00:00 +0000
")
find_program(gzip gzip)
if(gzip)
    execute_process(COMMAND "${gzip}" -9 -n -f -k changelog WORKING_DIRECTORY "${PROJECT_BINARY_DIR}/debian")
endif()
foreach(component IN ITEMS runtime devel tools)
    string(TOUPPER ${component} upper)
    set(doc "${CMAKE_INSTALL_DATAROOTDIR}/doc/${CPACK_DEBIAN_${upper}_PACKAGE_NAME}")
    install(FILES "${PROJECT_BINARY_DIR}/debian/copyright" DESTINATION "${doc}" COMPONENT ${component} EXCLUDE_FROM_ALL)
    install(FILES "${PROJECT_BINARY_DIR}/debian/changelog.gz" DESTINATION "${doc}" RENAME changelog.Debian.gz COMPONENT ${component} EXCLUDE_FROM_ALL)
endforeach()

include(CPack)
