// Turns the process' standard error off and on again. TensorFlow writes a notice while its library is
// being loaded, before any of its log settings are in force; errors come as exceptions all the same.

#include <fcntl.h>
#include <node_api.h>
#include <stdio.h>
#include <unistd.h>

namespace {

int original = -1;

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

}  // namespace

NAPI_MODULE_INIT() {
  napi_value mute;
  napi_value unmute;
  napi_create_function(env, "mute", NAPI_AUTO_LENGTH, Mute, nullptr, &mute);
  napi_create_function(env, "unmute", NAPI_AUTO_LENGTH, Unmute, nullptr, &unmute);
  napi_set_named_property(env, exports, "mute", mute);
  napi_set_named_property(env, exports, "unmute", unmute);
  return exports;
}
