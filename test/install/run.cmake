# Installs BUILD into a scratch folder, moves that, and builds and runs a program with it: by find_package and by pkg-config.
# Run: cmake -DBUILD=... -DSOURCE=<this folder> -DWORK=<scratch folder> -DCOMPILER=... -DFLAGS=... [-DCOMPONENTS=...] -P run.cmake

include("${CMAKE_CURRENT_LIST_DIR}/run_step.cmake")

file(REMOVE_RECURSE "${WORK}")
if(COMPONENTS)
    foreach(component IN LISTS COMPONENTS)
        run("install ${component}" "${CMAKE_COMMAND}" --install "${BUILD}" --prefix "${WORK}/first" --component "${component}")
    endforeach()
else()
    run("install" "${CMAKE_COMMAND}" --install "${BUILD}" --prefix "${WORK}/first")
endif()
file(RENAME "${WORK}/first" "${WORK}/prefix")

# A shared library outside of the system's folders is found by LD_LIBRARY_PATH.
file(GLOB_RECURSE shared_library "${WORK}/prefix/*/libtapio.so")
if(shared_library)
    cmake_path(GET shared_library PARENT_PATH library_dir)
    set(ENV{LD_LIBRARY_PATH} "${library_dir}")
endif()

file(GLOB_RECURSE installed RELATIVE "${WORK}/prefix" "${WORK}/prefix/*")
foreach(file IN LISTS installed)
    if(COMPONENTS AND file MATCHES "^share/doc/libtapio") # Debian's copyright and changelog: parts of its packages only
        continue()
    endif()
    if(NOT file MATCHES "^(bin/tapio(-[a-z-]+)?|include/tapio/.*\\.hpp|lib.*/(libtapio.*\\.(a|so[0-9.]*)|pkgconfig/tapio(_log|_tls)?\\.pc|cmake/tapio/[^/]*\\.cmake))$")
        message(FATAL_ERROR "installs what it should not: ${file}")
    endif()
endforeach()

if(EXISTS "${WORK}/prefix/bin/tapio") # the programs were built, too
    run("tapio demo" "${WORK}/prefix/bin/tapio" demo --json)
endif()

run("configure" "${CMAKE_COMMAND}" -G Ninja -S "${SOURCE}" -B "${WORK}/build" "-DCMAKE_PREFIX_PATH=${WORK}/prefix"
    "-DCMAKE_CXX_COMPILER=${COMPILER}" "-DCMAKE_CXX_FLAGS=${FLAGS}")
run("build" "${CMAKE_COMMAND}" --build "${WORK}/build")
run("program" "${WORK}/build/program")
if(NOT said STREQUAL "hello\n")
    message(FATAL_ERROR "the program said '${said}'")
endif()
run("core_only" "${WORK}/build/core_only")

foreach(component IN ITEMS log tls)
    file(GLOB_RECURSE library "${WORK}/prefix/*/libtapio_${component}.*")
    if(library)
        run("configure with ${component}" "${CMAKE_COMMAND}" -G Ninja -S "${SOURCE}" -B "${WORK}/with_${component}"
            "-DCMAKE_PREFIX_PATH=${WORK}/prefix" "-DCMAKE_CXX_COMPILER=${COMPILER}" "-DCMAKE_CXX_FLAGS=${FLAGS}" -DWITH=${component})
        run("build with ${component}" "${CMAKE_COMMAND}" --build "${WORK}/with_${component}" --target with_${component})
        run("with_${component}" "${WORK}/with_${component}/with_${component}")
    endif()
endforeach()

# As a subproject: only configured, because the build is the same.
cmake_path(GET SOURCE PARENT_PATH tree)
cmake_path(GET tree PARENT_PATH tree)
run("configure as a subproject" "${CMAKE_COMMAND}" -G Ninja -S "${SOURCE}/subproject" -B "${WORK}/subproject" "-DTAPIO=${tree}"
    "-DCMAKE_CXX_COMPILER=${COMPILER}" "-DCMAKE_CXX_FLAGS=${FLAGS}")

find_program(pkg_config NAMES pkg-config pkgconf REQUIRED)
file(GLOB_RECURSE pc "${WORK}/prefix/*/tapio.pc")
cmake_path(GET pc PARENT_PATH pc_dir)
set(ENV{PKG_CONFIG_PATH} "${pc_dir}")
run("pkg-config" "${pkg_config}" --cflags --libs tapio)
separate_arguments(said UNIX_COMMAND "${said}")
separate_arguments(FLAGS UNIX_COMMAND "${FLAGS}")
if(said MATCHES "-std=")
    message(FATAL_ERROR "the language is the user's to choose: ${said}")
endif()
run("compiler" "${COMPILER}" -std=c++20 ${FLAGS} "${SOURCE}/program.cpp" ${said} -o "${WORK}/by_pkg_config")
run("program by pkg-config" "${WORK}/by_pkg_config")
file(REMOVE_RECURSE "${WORK}")
