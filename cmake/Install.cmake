# What `cmake --install` puts where: GNUInstallDirs decides, DESTDIR stands in front of all.
include(GNUInstallDirs)
set(RELEVO_UNIT_DIR lib/systemd/system CACHE STRING "of the unit file, below the prefix")

# The manual page is the daemon's own view of its options.
set(RELEVO_MANUAL ${CMAKE_BINARY_DIR}/relevod.8)
add_custom_command(OUTPUT ${RELEVO_MANUAL}
	COMMAND relevod --man > ${RELEVO_MANUAL}
	DEPENDS relevod
	COMMENT "Writing relevod.8" VERBATIM)
add_custom_target(manual ALL DEPENDS ${RELEVO_MANUAL})

install(TARGETS relevod RUNTIME DESTINATION ${CMAKE_INSTALL_SBINDIR})
install(FILES ${RELEVO_MANUAL} DESTINATION ${CMAKE_INSTALL_MANDIR}/man8)
install(CODE "set(RELEVO_UNIT_IN ${CMAKE_SOURCE_DIR}/deploy/relevod.service.in)
	set(RELEVO_UNIT ${CMAKE_BINARY_DIR}/relevod.service)
	set(RELEVO_UNIT_DIR ${RELEVO_UNIT_DIR})
	set(CMAKE_INSTALL_SBINDIR ${CMAKE_INSTALL_SBINDIR})
	set(CMAKE_INSTALL_SYSCONFDIR ${CMAKE_INSTALL_SYSCONFDIR})")
install(SCRIPT cmake/InstallUnit.cmake)
install(FILES deploy/relevo.sysusers DESTINATION lib/sysusers.d RENAME relevo.conf)
install(FILES README.md LICENSE docs/openapi.json DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES deploy/tokens.example deploy/relevod.env.example deploy/grafana/relevo.json
	DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples)
# Present after scripts/build, not after scripts/build --daemon.
install(DIRECTORY ${CMAKE_BINARY_DIR}/dashboard/ DESTINATION ${CMAKE_INSTALL_DATADIR}/relevo/dashboard
	OPTIONAL)
