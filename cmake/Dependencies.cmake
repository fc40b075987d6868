# The libraries, through pkg-config; a missing one is named with the Debian package to install.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)

function(relevo_dependency prefix module package)
	pkg_check_modules(${prefix} IMPORTED_TARGET ${module})
	if(NOT ${prefix}_FOUND)
		message(FATAL_ERROR
			"${module} not found: install it with `apt-get install ${package}`")
	endif()
endfunction()

relevo_dependency(MHD "libmicrohttpd>=0.9.75" libmicrohttpd-dev)
relevo_dependency(HIREDIS "hiredis>=0.14" libhiredis-dev)
relevo_dependency(MYSQL mysqlclient "libmariadb-dev-compat or libmysqlclient-dev")
relevo_dependency(JANSSON "jansson>=2.13" libjansson-dev)
relevo_dependency(CRYPTO "libcrypto>=3.0" libssl-dev)
relevo_dependency(CMOCKA "cmocka>=1.1" libcmocka-dev)
