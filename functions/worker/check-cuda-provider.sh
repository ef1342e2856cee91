#!/bin/sh
# Fails if onnxruntime's CUDA provider would not load: a library or symbol is missing, or a library belongs to another
# CUDA than the image's. NVIDIA's driver (libcuda.so.1) may be missing, because the host provides it.
#
# Usage: check-cuda-provider.sh libonnxruntime_providers_cuda.so
set -eu

# The libraries that onnxruntime 1.30's provider is linked against. It loads cuDNN and cuFFT only when a kernel needs them.
expected='libcublas.so.13 libcublasLt.so.13 libcuda.so.1 libcudart.so.13 libcurand.so.10'

# -r resolves every symbol, as the loader does for a provider that is linked with BIND_NOW.
found=$(ldd -r "$1" 2>&1 || true)
printf '%s\n' "$found"

fail() {
  echo "check-cuda-provider: $1" >&2
  exit 1
}

cuda=$(printf '%s\n' "$found" | sed -nE 's/^[[:space:]]+(lib(cu|nv)[^ ]*) => .*/\1/p' | LC_ALL=C sort -u | xargs)
[ "$cuda" = "$expected" ] || fail "expected the libraries $expected of CUDA, found $cuda: CUDA_IMAGE does not fit onnxruntime"

missing=$(printf '%s\n' "$found" | grep 'not found' | grep -v 'libcuda\.so\.1 => not found' || true)
[ -z "$missing" ] || fail "expected every library but the driver's, missing are: $missing"

# Provider_GetHost belongs to onnxruntime, which is loaded before. cuTensorMapEncodeTiled belongs to the driver.
unresolved=$(printf '%s\n' "$found" | grep 'undefined symbol' | grep -vE 'symbol: (Provider_GetHost|cuTensorMapEncodeTiled)[[:space:]]' || true)
[ -z "$unresolved" ] || fail "expected every symbol but the driver's, unresolved are: $unresolved"
