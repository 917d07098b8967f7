# embed_files(TARGET NAME GLOB...) makes the files that match part of TARGET: "generated/embedded_NAME.h" declares
#   extern const struct embedded_file { const char *name; const char *bytes; size_t size; } embedded_NAME[];
#   extern const size_t embedded_NAME_count;
# in alphabetical order of the file names; each text has a NUL behind it that size does not count.
function(embed_files target name)
  file(GLOB files CONFIGURE_DEPENDS ${ARGN})
  list(SORT files)
  set(dir "${PROJECT_BINARY_DIR}/generated")
  set(script "${PROJECT_SOURCE_DIR}/ci/cmake/EmbedFiles.cmake")
  set(output "${dir}/embedded_${name}.c")
  file(CONFIGURE OUTPUT "${dir}/embedded_${name}.h" @ONLY CONTENT
"#ifndef HOTBED_EMBEDDED_@name@_H
#define HOTBED_EMBEDDED_@name@_H
#include <stddef.h>
#ifndef HOTBED_EMBEDDED_FILE
#define HOTBED_EMBEDDED_FILE
struct embedded_file {
    const char *name;
    const char *bytes;
    size_t size;
};
#endif
extern const struct embedded_file embedded_@name@[];
extern const size_t embedded_@name@_count;
#endif
")
  add_custom_command(OUTPUT "${output}"
    COMMAND "${CMAKE_COMMAND}" "-DNAME=${name}" "-DOUTPUT=${output}" "-DFILES=${files}" -P "${script}"
    DEPENDS ${files} "${script}" VERBATIM)
  target_sources(${target} PRIVATE "${output}")
  # Not every compiler likes string literals of that length; arrays of numbers are fine everywhere.
  set_source_files_properties("${output}" PROPERTIES COMPILE_OPTIONS "-Wno-overlength-strings")
endfunction()
