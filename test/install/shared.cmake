# Checks the SONAME and the exported symbols of the shared library, and installs and uses it as run.cmake does.
# Run: cmake -DBUILD=<a build with BUILD_SHARED_LIBS> -DSOURCE=<this folder> -DWORK=<scratch folder> -DCOMPILER=... -P shared.cmake
# Or with -DTREE=<source tree> for BUILD: it is built first.

include("${CMAKE_CURRENT_LIST_DIR}/run_step.cmake")

file(REMOVE_RECURSE "${WORK}")
file(MAKE_DIRECTORY "${WORK}")
if(NOT BUILD)
    set(BUILD "${WORK}/tapio")
    run("configure" "${CMAKE_COMMAND}" -G Ninja -S "${TREE}" -B "${BUILD}" "-DCMAKE_CXX_COMPILER=${COMPILER}" -DCMAKE_BUILD_TYPE=Debug -DCMAKE_CXX_FLAGS_DEBUG=
        -DBUILD_SHARED_LIBS=ON -DTAPIO_WARNINGS_AS_ERRORS=ON -DTAPIO_BUILD_TESTS=OFF -DTAPIO_BUILD_APPS=OFF)
    run("build" "${CMAKE_COMMAND}" --build "${BUILD}" --parallel 2)
endif()

# Before 1.0 each minor version has an ABI, and a SONAME, of its own.
set(library "${BUILD}/lib/libtapio.so")
run("readelf" readelf --dynamic "${library}")
if(NOT said MATCHES "SONAME[^\n]*\\[libtapio\\.so\\.0\\.[0-9]+\\]")
    message(FATAL_ERROR "the SONAME is not libtapio.so.0.MINOR:\n${said}")
endif()
run("exported symbols" "${CMAKE_COMMAND}" "-DLIBRARY=${library}" -P "${SOURCE}/exported.cmake")
run("install and use" "${CMAKE_COMMAND}" "-DBUILD=${BUILD}" "-DCOMPONENTS=runtime\;devel" "-DSOURCE=${SOURCE}" "-DWORK=${WORK}/install"
    "-DCOMPILER=${COMPILER}" -DFLAGS= -P "${SOURCE}/run.cmake")
file(REMOVE_RECURSE "${WORK}")
