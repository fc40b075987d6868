# What `cmake --install` puts where: GNUInstallDirs decides, DESTDIR stands in front of all.
include(GNUInstallDirs)
set(RELEVO_UNIT_DIR lib/systemd/system CACHE STRING "of the unit file, below the prefix")

# The manual page is the daemon's own view of its options.
set(RELEVO_MANUAL "${CMAKE_BINARY_DIR}/relevod.8")
add_custom_command(OUTPUT "${RELEVO_MANUAL}"
	COMMAND relevod --man > "${RELEVO_MANUAL}"
	DEPENDS relevod
	COMMENT "Writing relevod.8" VERBATIM)
add_custom_target(manual ALL DEPENDS "${RELEVO_MANUAL}")

install(TARGETS relevod RUNTIME DESTINATION ${CMAKE_INSTALL_SBINDIR})
install(FILES "${RELEVO_MANUAL}" DESTINATION ${CMAKE_INSTALL_MANDIR}/man8)
# Brackets: whatever stands in a path is taken as it is.
install(CODE "set(RELEVO_SOURCE_DIR [==[${CMAKE_SOURCE_DIR}]==])
	set(RELEVO_BINARY_DIR [==[${CMAKE_BINARY_DIR}]==])
	set(RELEVO_UNIT_DIR [==[${RELEVO_UNIT_DIR}]==])
	set(CMAKE_INSTALL_SBINDIR [==[${CMAKE_INSTALL_SBINDIR}]==])
	set(CMAKE_INSTALL_DATADIR [==[${CMAKE_INSTALL_DATADIR}]==])
	set(CMAKE_INSTALL_DOCDIR [==[${CMAKE_INSTALL_DOCDIR}]==])
	set(CMAKE_INSTALL_SYSCONFDIR [==[${CMAKE_INSTALL_SYSCONFDIR}]==])")
install(SCRIPT cmake/InstallPaths.cmake)
install(FILES deploy/relevo.sysusers DESTINATION lib/sysusers.d RENAME relevo.conf)
# As they lie in the tree, so that their links lead somewhere.
install(FILES README.md README.es.md CHANGELOG.md CONTRIBUTING.md SECURITY.md LICENSE
	DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES docs/http.md docs/internals.md docs/production.md docs/openapi.json
	DESTINATION ${CMAKE_INSTALL_DOCDIR}/docs)
install(DIRECTORY docs/img DESTINATION ${CMAKE_INSTALL_DOCDIR}/docs FILES_MATCHING PATTERN "*.png")
install(FILES deploy/tokens.example deploy/grafana/relevo.json
	DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples)
# Present after scripts/build, not after scripts/build --daemon.
install(DIRECTORY "${CMAKE_BINARY_DIR}/dashboard/" DESTINATION ${CMAKE_INSTALL_DATADIR}/relevo/dashboard
	OPTIONAL)
