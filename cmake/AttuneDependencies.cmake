# Every dependency of the project, in one place. Versions are those of Debian 12
# unless docs/adr says otherwise; scripts/setup.sh installs them.
find_package(Threads REQUIRED)
find_package(Protobuf 3.21 REQUIRED)
find_package(gRPC 1.51 CONFIG REQUIRED)
find_package(absl CONFIG REQUIRED)
find_package(Eigen3 3.4 REQUIRED)
find_package(OpenSSL 3 REQUIRED)
find_package(yaml-cpp 0.7 CONFIG REQUIRED)
find_package(nlohmann_json 3.11 CONFIG REQUIRED)
find_package(spdlog 1.10 CONFIG REQUIRED)
find_package(CLI11 2.1 CONFIG REQUIRED)
find_package(prometheus-cpp CONFIG REQUIRED)
find_package(civetweb 1.15 CONFIG REQUIRED)  # what prometheus-cpp serves with
find_package(SQLite3 3.40 REQUIRED)
find_package(Hiredis REQUIRED)  # cmake/FindHiredis.cmake
find_package(CURL 7.88 REQUIRED)
if(ATTUNE_WITH_JEMALLOC)
  find_library(JEMALLOC_LIBRARY jemalloc REQUIRED)
endif()

# The protos of google.rpc (Status, ErrorInfo, BadRequest), from the
# googleapis-common-protos distribution.
set(ATTUNE_GOOGLEAPIS_DIR "${ATTUNE_CACHE_DIR}/googleapis" CACHE PATH
    "Directory that contains google/rpc/status.proto")
if(NOT EXISTS "${ATTUNE_GOOGLEAPIS_DIR}/google/rpc/status.proto")
  message(FATAL_ERROR
    "google/rpc/status.proto not found in ${ATTUNE_GOOGLEAPIS_DIR}: "
    "run scripts/setup.sh first, or set ATTUNE_GOOGLEAPIS_DIR")
endif()

if(ATTUNE_BUILD_TRAINER)
  find_package(LAPACK REQUIRED)  # and BLAS; libtorch's own
  find_package(Torch 1.13 REQUIRED)
  if(ATTUNE_WITH_LLAMA)
    # An earlier set-up's library is looked for again: scripts/setup.sh may have
    # built a better one since.
    foreach(found llama_DIR llama_LIBRARY ggml_DIR GGML_LIBRARY GGML_BASE_LIBRARY
                  GGML_CPU_LIBRARY)
      if("${${found}}" MATCHES "^${ATTUNE_CACHE_DIR}/")
        unset(${found} CACHE)
      endif()
    endforeach()
    find_package(llama CONFIG REQUIRED HINTS "${ATTUNE_CACHE_DIR}/llama.cpp")
  endif()
endif()

if(ATTUNE_BUILD_TESTS)
  find_package(GTest 1.12 REQUIRED)
  include(GoogleTest)
endif()
