# Builds the shared library, checks its SONAME and exported symbols, and installs and uses it as run.cmake does.
# Run: cmake -DTREE=<source tree> -DSOURCE=<this folder> -DWORK=<scratch folder> -DCOMPILER=... -P shared.cmake

include("${CMAKE_CURRENT_LIST_DIR}/run_step.cmake")

file(REMOVE_RECURSE "${WORK}")
run("configure" "${CMAKE_COMMAND}" -G Ninja -S "${TREE}" -B "${WORK}/tapio" "-DCMAKE_CXX_COMPILER=${COMPILER}" -DCMAKE_BUILD_TYPE=Debug -DCMAKE_CXX_FLAGS_DEBUG=
    -DBUILD_SHARED_LIBS=ON -DTAPIO_WARNINGS_AS_ERRORS=ON -DTAPIO_BUILD_TESTS=OFF -DTAPIO_BUILD_APPS=OFF)
run("build" "${CMAKE_COMMAND}" --build "${WORK}/tapio" --parallel 2)

# Before 1.0 each minor version has an ABI, and a SONAME, of its own.
set(library "${WORK}/tapio/lib/libtapio.so")
run("readelf" readelf --dynamic "${library}")
if(NOT said MATCHES "SONAME[^\n]*\\[libtapio\\.so\\.0\\.[0-9]+\\]")
    message(FATAL_ERROR "the SONAME is not libtapio.so.0.MINOR:\n${said}")
endif()

# All strong symbols that are exported (types T, D, B, R; weak ones come from templates and inline functions) must be declared in
# a public header: none of the core's rooms, none of the engine.
run("nm" nm --dynamic --demangle --defined-only "${library}")
string(REGEX MATCHALL "[0-9a-f]+ [TDBR] [^\n]*" symbols "${said}")
list(LENGTH symbols count)
if(count LESS 100)
    message(FATAL_ERROR "only ${count} symbols are exported:\n${said}")
endif()
foreach(symbol IN LISTS symbols)
    string(REGEX REPLACE "^[0-9a-f]+ . " "" name "${symbol}")
    if(NOT name MATCHES "tapio::" OR name MATCHES "^[^(]*tapio::(detail::engine|core::(host|network|tcp|udp|ip|link|wire|block_arena|tcp_sockets|udp_sockets))::")
        message(FATAL_ERROR "exported, and declared in no public header: ${symbol}")
    endif()
endforeach()
message(STATUS "${count} functions and objects are exported")

run("install and use" "${CMAKE_COMMAND}" "-DBUILD=${WORK}/tapio" "-DSOURCE=${SOURCE}" "-DWORK=${WORK}/install" "-DCOMPILER=${COMPILER}"
    -DFLAGS= -P "${SOURCE}/run.cmake")
file(REMOVE_RECURSE "${WORK}")
