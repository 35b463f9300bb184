# Tests checklists.cmake: a temporary tree with one row each time, which must be allowed or refused.
# Run: cmake -DWORK=<scratch folder> -P checklists_test.cmake
cmake_minimum_required(VERSION 3.25)

set(script "${CMAKE_CURRENT_LIST_DIR}/checklists.cmake")

# expect(allowed|refused ROW COMPLAINT): ROW is the only row of a list; COMPLAINT: what must be said of a refused one
function(expect verdict row complaint)
    file(REMOVE_RECURSE "${WORK}")
    file(WRITE "${WORK}/lib/ip/x.cpp" "")
    file(WRITE "${WORK}/test/unit/core/x_test.cpp" "TEST_F(x, holds)\n{\n}\nTEST_P(every_x,\n       holds, too)\nTEST_P(every_x,\n       holds)\n")
    file(WRITE "${WORK}/test/asio/CMakeLists.txt" "add_test(NAME asio.y COMMAND y)\n")
    file(WRITE "${WORK}/test/interop/CMakeLists.txt"
        "foreach(device IN ITEMS tap tun)\nadd_test(NAME interop.\${device}.z COMMAND z)\nendforeach()\n")
    file(WRITE "${WORK}/test/checklists/rfc1.md" "| § | level | requirement | where | shown by |\n|---|---|---|---|---|\n${row}\n")
    execute_process(COMMAND "${CMAKE_COMMAND}" "-DROOT=${WORK}" -P "${script}" RESULT_VARIABLE status ERROR_VARIABLE said OUTPUT_QUIET)
    file(REMOVE_RECURSE "${WORK}")
    if(verdict STREQUAL "allowed" AND NOT status EQUAL 0)
        message(FATAL_ERROR "'${row}' was refused: ${said}")
    elseif(verdict STREQUAL "refused" AND (status EQUAL 0 OR NOT said MATCHES "${complaint}"))
        message(FATAL_ERROR "'${row}' was not refused, or not as '${complaint}': ${said}")
    endif()
endfunction()

expect(allowed "| 1.2 | MUST | a [thing]; another | `lib/ip/x.cpp` | `core.x.holds` `core.every_x.holds` |" "")
expect(allowed "| 1.2 | MUST | a thing | `lib/ip/x.cpp` | `asio.y` `interop.tun.z` |" "")
expect(allowed "| 1.2 | MUST | a thing | | **not done**: nobody asks for it |" "")
expect(refused "| 1.2 | MUST | a thing | `lib/ip/x.cpp` | `core.x.hold` |" "no test core.x.hold")
expect(refused "| 1.2 | MUST | a thing | `lib/ip/x.cpp` | `ip.x.holds` |" "no test ip.x.holds")
expect(refused "| 1.2 | MUST | a thing | `lib/ip/x.cpp` | `interop.pipe.z` |" "no test interop.pipe.z")
expect(refused "| 1.2 | MUST | a thing | `lib/ip/y.cpp` | `core.x.holds` |" "no file lib/ip/y.cpp")
expect(refused "| 1.2 | MUST | a thing | `lib/ip/x.cpp` | not shown |" "neither a test nor")
expect(refused "| 1.2 | MUST | a thing | `core.x.holds` |" "4 columns")
expect(refused "no table" "no rows")
