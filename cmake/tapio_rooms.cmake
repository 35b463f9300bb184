# A room is a folder of lib/. Each is an object library, so that its tests link only that room and the rooms below it.

# Compiler and linker flags of all our targets.
add_library(tapio_flags INTERFACE)
target_compile_options(tapio_flags INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion
    $<$<BOOL:${TAPIO_WARNINGS_AS_ERRORS}>:-Werror>
    $<$<CXX_COMPILER_ID:GNU>:-fpch-preprocess>
    $<$<CXX_COMPILER_ID:GNU>:-fno-semantic-interposition>) # clang's default: inlines in PIC
if(TAPIO_SANITIZE)
    target_compile_options(tapio_flags INTERFACE -fsanitize=${TAPIO_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=undefined
        $<$<CXX_COMPILER_ID:GNU>:-Wno-mismatched-new-delete -Wno-maybe-uninitialized -Wno-tsan>) # false positives
    target_link_options(tapio_flags INTERFACE -fsanitize=${TAPIO_SANITIZE})
endif()

# tapio_room(NAME [rooms below it...]): defines target tapio_room_NAME from lib/NAME/*.cpp
function(tapio_room name)
    file(GLOB sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/lib/${name}/*.cpp")
    if(NOT sources)
        file(WRITE "${PROJECT_BINARY_DIR}/empty_${name}.cpp" "")
        set(sources "${PROJECT_BINARY_DIR}/empty_${name}.cpp")
    endif()
    add_library(tapio_room_${name} OBJECT ${sources})
    target_include_directories(tapio_room_${name} PUBLIC "${PROJECT_SOURCE_DIR}/include" "${PROJECT_SOURCE_DIR}/lib")
    target_link_libraries(tapio_room_${name} PRIVATE tapio_flags PUBLIC Boost::headers)
    target_compile_features(tapio_room_${name} PUBLIC cxx_std_20)
    set_target_properties(tapio_room_${name} PROPERTIES POSITION_INDEPENDENT_CODE ON
        CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON # public headers set default visibility by a pragma
        UNITY_BUILD ${TAPIO_UNITY_BUILD} UNITY_BUILD_BATCH_SIZE 0) # one translation unit per room
endfunction()

# tapio_link_rooms(TARGET rooms...): adds the objects of these rooms to TARGET (a program or a library)
function(tapio_link_rooms target)
    foreach(room IN LISTS ARGN)
        target_sources(${target} PRIVATE $<TARGET_OBJECTS:tapio_room_${room}>)
    endforeach()
    target_include_directories(${target} PRIVATE "${PROJECT_SOURCE_DIR}/include" "${PROJECT_SOURCE_DIR}/lib")
    target_link_libraries(${target} PRIVATE tapio_flags Boost::headers)
    if("device" IN_LIST ARGN)
        target_link_libraries(${target} PRIVATE ${tapio_uring})
    endif()
endfunction()

# tapio_compile_together(TARGET N files...): compiles N sources of a test or program as one: most of the time of each goes into
# headers. A file that gives names to something that others of its program name alike has a namespace of its own, called as the
# file is. Not the given files.
function(tapio_compile_together target size)
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE ${size})
    foreach(file IN LISTS ARGN)
        set_source_files_properties("${CMAKE_CURRENT_SOURCE_DIR}/${file}" PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
    endforeach()
endfunction()
