# Puts SQL files into the program, as the tables that store/sql_files.h declares.
#
#   embed_sql(sn_server migration migrations)        migrations/*.sql -> migration_files[], migration_file_count
#
# The assembler includes the bytes (.incbin), so no compiler parses them; a NUL follows each. An edited file is seen by the build, a new one by
# the glob.
function(embed_sql target noun folder)
  file(GLOB paths CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${folder}/*.sql)
  list(SORT paths)
  set(bytes "")
  set(declarations "")
  set(rows "")
  foreach(path ${paths})
    cmake_path(GET path FILENAME name)
    string(MAKE_C_IDENTIFIER ${noun}_${name} symbol)
    string(APPEND bytes "__asm__(\".section .rodata\\n${symbol}: .incbin \\\"${path}\\\"\\n${symbol}_end: .byte 0\\n.previous\\n\");\n")
    string(APPEND declarations "extern const char ${symbol}[], ${symbol}_end[];\n")
    string(APPEND rows "    {\"${name}\", ${symbol}, ${symbol}_end},\n")
  endforeach()
  list(LENGTH paths count)
  set(source ${CMAKE_CURRENT_BINARY_DIR}/${noun}_files.c)
  file(CONFIGURE OUTPUT ${source} @ONLY CONTENT "#include \"store/sql_files.h\"\n\n@bytes@\n@declarations@
const struct sql_file ${noun}_files[] = {\n@rows@};\nconst size_t ${noun}_file_count = @count@;\n")
  set_source_files_properties(${source} PROPERTIES OBJECT_DEPENDS "${paths}")
  target_sources(${target} PRIVATE ${source})
endfunction()
