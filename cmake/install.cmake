# cmake --install: headers, libraries, find_package(tapio), pkg-config files.
include(CMakePackageConfigHelpers)
set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/tapio")

# Components: runtime (shared libraries), devel (everything else needed to build a program), tools (programs, manual pages).
set(CMAKE_INSTALL_DEFAULT_COMPONENT_NAME devel)

install(DIRECTORY include/tapio DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.hpp")
install(EXPORT tapio-targets NAMESPACE tapio:: DESTINATION ${package_dir})
set(tapio_components "") # only their users need Boost.Log and OpenSSL
foreach(component IN ITEMS log tls)
    if(TARGET tapio_${component})
        list(APPEND tapio_components ${component})
        install(EXPORT tapio-${component}-targets NAMESPACE tapio:: DESTINATION ${package_dir})
    endif()
endforeach()
set(tapio_static_uring "") # what users of the static library must also link with
if(NOT BUILD_SHARED_LIBS)
    set(tapio_static_uring "${tapio_uring}")
endif()
configure_package_config_file(cmake/tapio-config.cmake.in "${PROJECT_BINARY_DIR}/tapio-config.cmake" INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file("${PROJECT_BINARY_DIR}/tapio-config-version.cmake" COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/tapio-config.cmake" "${PROJECT_BINARY_DIR}/tapio-config-version.cmake" DESTINATION ${package_dir})

# The file determines its prefix from its own location, so that the installed tree may be moved.
set(tapio_pc_libs "-ltapio")
if(NOT BUILD_SHARED_LIBS)
    string(APPEND tapio_pc_libs " -ltapio_core -pthread")
    if(tapio_uring)
        string(APPEND tapio_pc_libs " -luring")
    endif()
endif()
file(RELATIVE_PATH tapio_pc_to_prefix "/p/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/p")
configure_file(cmake/tapio.pc.in "${PROJECT_BINARY_DIR}/tapio.pc" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/tapio.pc" DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
foreach(component IN LISTS tapio_components)
    configure_file(cmake/tapio_${component}.pc.in "${PROJECT_BINARY_DIR}/tapio_${component}.pc" @ONLY)
    install(FILES "${PROJECT_BINARY_DIR}/tapio_${component}.pc" DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endforeach()
