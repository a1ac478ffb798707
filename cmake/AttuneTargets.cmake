# attune_library(<folder> <sources...>)
#
# A folder is a library, a target and a namespace: defines attune_<folder>, its
# alias attune::<folder>, and the include root (the top of the tree).
function(attune_library folder)
  add_library(attune_${folder} STATIC ${ARGN})
  add_library(attune::${folder} ALIAS attune_${folder})
  set_target_properties(attune_${folder} PROPERTIES EXPORT_NAME ${folder})
  target_include_directories(attune_${folder} PUBLIC
    $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}>
    $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}/attune>)
  attune_warnings(attune_${folder})
endfunction()

# attune_warnings(<target>): the warnings that every target of ours is built with.
function(attune_warnings target)
  # Designated initializers leave members to their defaults on purpose; GCC 12
  # reports overlapping copies and unset members inside its own <string> and
  # std::function when it inlines them (GCC bugs 105651 and 105562).
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wno-missing-field-initializers
    $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict -Wno-maybe-uninitialized>
    $<$<BOOL:${ATTUNE_WERROR}>:-Werror>
    $<$<CXX_COMPILER_ID:Clang>:-Wthread-safety>)
endfunction()

# attune_test(<name> SOURCES <files...> LIBS <targets...> [LABEL unit|integration|slow])
#
# One gtest binary; each case is a CTest of its own unless the label is not unit.
function(attune_test name)
  cmake_parse_arguments(ARG "" "LABEL" "SOURCES;LIBS" ${ARGN})
  if(NOT ARG_LABEL)
    set(ARG_LABEL unit)
  endif()
  add_executable(${name} ${ARG_SOURCES})
  attune_warnings(${name})
  target_link_libraries(${name} PRIVATE ${ARG_LIBS} GTest::gtest GTest::gmock GTest::gtest_main)
  target_compile_definitions(${name} PRIVATE
    ATTUNE_SOURCE_DIR="${CMAKE_SOURCE_DIR}" ATTUNE_BINARY_DIR="${CMAKE_BINARY_DIR}"
    ATTUNE_CACHE_DIR="${ATTUNE_CACHE_DIR}")
  add_test(NAME ${name} COMMAND ${name})
  # A guard against hangs only: machines differ and may be busy.
  set_tests_properties(${name} PROPERTIES LABELS ${ARG_LABEL} TIMEOUT 1800)
endfunction()
