# Puts one file into the program: const char SYMBOL[], SYMBOL_end[], with a NUL at its end.
#
#   embed_file(sn_server docs_page src/openapi/docs.html)
function(embed_file target symbol path)
  set(file ${CMAKE_CURRENT_SOURCE_DIR}/${path})
  set(source ${CMAKE_CURRENT_BINARY_DIR}/${symbol}.c)
  file(CONFIGURE OUTPUT ${source} @ONLY CONTENT "__asm__(\".section .rodata\\n.globl ${symbol}, ${symbol}_end\\n\"
        \"${symbol}: .incbin \\\"${file}\\\"\\n${symbol}_end: .byte 0\\n.previous\\n\");\n")
  set_source_files_properties(${source} PROPERTIES OBJECT_DEPENDS "${file}")
  target_sources(${target} PRIVATE ${source})
endfunction()
