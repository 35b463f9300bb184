# run(WHAT command...): leaves the command's output in `said`; on failure stops with WHAT and the output
function(run what)
    execute_process(COMMAND ${ARGN} RESULT_VARIABLE status OUTPUT_VARIABLE said ERROR_VARIABLE said)
    if(NOT status EQUAL 0)
        message(FATAL_ERROR "${what} failed (${status}):\n${said}")
    endif()
    set(said "${said}" PARENT_SCOPE)
endfunction()
