// Process settings that TensorFlow's library has no options for: standard error and memory.

#include <fcntl.h>
#include <limits.h>
#include <node_api.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace {

int original = -1;

// Turns standard error off: the library writes a notice while it loads, before its log settings apply. Errors are still
// thrown as exceptions.
napi_value Mute(napi_env env, napi_callback_info info) {
  if (original >= 0) return nullptr;
  int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
  if (nowhere < 0) return nullptr;
  fflush(stderr);
  original = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
  if (original >= 0) dup2(nowhere, STDERR_FILENO);
  close(nowhere);
  return nullptr;
}

napi_value Unmute(napi_env env, napi_callback_info info) {
  if (original < 0) return nullptr;
  fflush(stderr);
  dup2(original, STDERR_FILENO);
  close(original);
  original = -1;
  return nullptr;
}

// Keeps freed memory for the next tensor. By default glibc returns blocks above 32 MB to the system immediately. A training
// step, which frees and allocates the same large blocks again and again, then spends a tenth of its time on the system
// clearing their pages.
napi_value KeepMemory(napi_env env, napi_callback_info info) {
#ifdef __GLIBC__
  if (!getenv("MALLOC_MMAP_THRESHOLD_")) mallopt(M_MMAP_THRESHOLD, INT_MAX);
  if (!getenv("MALLOC_TRIM_THRESHOLD_")) mallopt(M_TRIM_THRESHOLD, -1);
  if (!getenv("MALLOC_TOP_PAD_")) mallopt(M_TOP_PAD, 64 << 20);
#endif
  return nullptr;
}

void Export(napi_env env, napi_value exports, const char* name, napi_callback callback) {
  napi_value function;
  napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, nullptr, &function);
  napi_set_named_property(env, exports, name, function);
}

}  // namespace

NAPI_MODULE_INIT() {
  Export(env, exports, "mute", Mute);
  Export(env, exports, "unmute", Unmute);
  Export(env, exports, "keepMemory", KeepMemory);
  return exports;
}
