# Checks what a shared library exports. Run: cmake -DLIBRARY=libtapio.so -P exported.cmake
# Or, before it is linked:    cmake -DARCHIVES=<static libraries> -DCOMPILER=... -DLIBRARY=<file to write> -P exported.cmake
# The objects of the static libraries are those of the shared one: position-independent, and with hidden symbols.
# All strong symbols that are exported (types T, D, B, R; weak ones come from templates and inline functions) must be declared in
# a public header: none of the core's rooms, none of the engine.

include("${CMAKE_CURRENT_LIST_DIR}/run_step.cmake")

if(ARCHIVES)
    run("link" "${COMPILER}" -shared -o "${LIBRARY}" -Wl,--whole-archive ${ARCHIVES} -Wl,--no-whole-archive)
endif()
run("nm" nm --dynamic --demangle --defined-only "${LIBRARY}")
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
