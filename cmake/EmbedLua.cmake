# embed_lua(out_var folder): one generated C file that holds every script of the folder as
# `const char lua_NAME[]`, so that the daemon needs no files at run time.
set(EMBED_LUA_RUNNER ${CMAKE_CURRENT_LIST_DIR}/EmbedLuaRun.cmake)
function(embed_lua out_var folder)
	file(GLOB scripts CONFIGURE_DEPENDS ${folder}/*.lua)
	set(target ${CMAKE_BINARY_DIR}/lua_scripts.c)
	add_custom_command(OUTPUT ${target}
		COMMAND ${CMAKE_COMMAND} -DFOLDER=${folder} -DTARGET=${target} -P ${EMBED_LUA_RUNNER}
		DEPENDS ${scripts} ${EMBED_LUA_RUNNER}
		COMMENT "Embedding Lua scripts")
	set(${out_var} ${target} PARENT_SCOPE)
endfunction()
