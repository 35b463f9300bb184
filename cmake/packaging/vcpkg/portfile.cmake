# A vcpkg port of the source tree that contains it: vcpkg install tapio --overlay-ports=<this folder>
vcpkg_check_features(OUT_FEATURE_OPTIONS features FEATURES io-uring TAPIO_IO_URING log TAPIO_LOG tls TAPIO_TLS)
vcpkg_cmake_configure(
    SOURCE_PATH "${CMAKE_CURRENT_LIST_DIR}/../../.."
    OPTIONS ${features} -DTAPIO_BUILD_TESTS=OFF -DTAPIO_BUILD_APPS=OFF)
vcpkg_cmake_install()
vcpkg_cmake_config_fixup(PACKAGE_NAME tapio CONFIG_PATH lib/cmake/tapio)
vcpkg_fixup_pkgconfig()
file(REMOVE_RECURSE "${CURRENT_PACKAGES_DIR}/debug/include")
vcpkg_install_copyright(FILE_LIST "${CMAKE_CURRENT_LIST_DIR}/../../../LICENSE")
