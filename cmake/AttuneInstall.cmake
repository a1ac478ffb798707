# Installs the SDK, so that `find_package(attune CONFIG)` gives attune::client,
# attune::policy, attune::proto and attune::proto_grpc; headers keep their paths
# (#include "client/prompt_client.h"). Component `sdk`; programs install themselves.
include(CMakePackageConfigHelpers)

set(ATTUNE_INCLUDE_DIR "${CMAKE_INSTALL_INCLUDEDIR}/attune")
set(ATTUNE_CONFIG_DIR "${CMAKE_INSTALL_LIBDIR}/cmake/attune")
set(ATTUNE_DATA_DIR "${CMAKE_INSTALL_DATADIR}/attune")

foreach(target attune_policy attune_client)
  target_compile_features(${target} PUBLIC cxx_std_20)
endforeach()

install(TARGETS attune_proto attune_proto_grpc attune_policy attune_client
  EXPORT attuneTargets
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT sdk)
install(EXPORT attuneTargets NAMESPACE attune::
  DESTINATION ${ATTUNE_CONFIG_DIR} COMPONENT sdk)
install(TARGETS attune_cli
  RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT sdk)

install(DIRECTORY "${CMAKE_SOURCE_DIR}/policy"
  DESTINATION ${ATTUNE_INCLUDE_DIR} COMPONENT sdk
  FILES_MATCHING PATTERN "*.h" PATTERN catalogs EXCLUDE
  # Speaks yaml-cpp, which users of the SDK need not have.
  PATTERN catalog_fields.h EXCLUDE)
install(FILES
  "${CMAKE_SOURCE_DIR}/client/log_client.h"
  "${CMAKE_SOURCE_DIR}/client/options.h"
  "${CMAKE_SOURCE_DIR}/client/policy_client.h"
  "${CMAKE_SOURCE_DIR}/client/prompt.h"
  "${CMAKE_SOURCE_DIR}/client/prompt_client.h"
  "${CMAKE_SOURCE_DIR}/client/retry.h"
  DESTINATION ${ATTUNE_INCLUDE_DIR}/client COMPONENT sdk)
foreach(package attune/v1 google/rpc)
  install(DIRECTORY "${CMAKE_BINARY_DIR}/proto/${package}/"
    DESTINATION ${ATTUNE_INCLUDE_DIR}/${package} COMPONENT sdk
    FILES_MATCHING PATTERN "*.pb.h")
endforeach()

install(DIRECTORY "${CMAKE_SOURCE_DIR}/policy/catalogs"
  DESTINATION ${ATTUNE_DATA_DIR} COMPONENT sdk
  FILES_MATCHING PATTERN "*.yaml")
install(DIRECTORY "${CMAKE_SOURCE_DIR}/proto/attune"
  DESTINATION ${ATTUNE_DATA_DIR}/proto COMPONENT sdk
  FILES_MATCHING PATTERN "*.proto")
install(FILES "${CMAKE_SOURCE_DIR}/LICENSE"
  DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT sdk)

configure_package_config_file(
  "${CMAKE_SOURCE_DIR}/cmake/attuneConfig.cmake.in"
  "${CMAKE_BINARY_DIR}/attuneConfig.cmake"
  INSTALL_DESTINATION ${ATTUNE_CONFIG_DIR}
  PATH_VARS ATTUNE_DATA_DIR)
write_basic_package_version_file("${CMAKE_BINARY_DIR}/attuneConfigVersion.cmake"
  COMPATIBILITY SameMinorVersion)
install(FILES
  "${CMAKE_BINARY_DIR}/attuneConfig.cmake"
  "${CMAKE_BINARY_DIR}/attuneConfigVersion.cmake"
  DESTINATION ${ATTUNE_CONFIG_DIR} COMPONENT sdk)
