// TensorFlow's server listens at all addresses of a machine. This file restricts it to the worker's own one: a filter of the
// listening socket, which its connections inherit, drops packets to other addresses. Linux only.

#include <string>
#include <vector>

#include "engine.h"

#ifdef __linux__
#include <arpa/inet.h>
#include <dirent.h>
#include <ifaddrs.h>
#include <linux/filter.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#endif

namespace selfsup {
namespace {

#ifdef __linux__

// An address as the words of the IP header that hold it, in host order: one word for IPv4, four for IPv6.
using Words = std::vector<uint32_t>;

Words WordsOf(const sockaddr* address) {
  Words words;
  if (address->sa_family == AF_INET) {
    words.push_back(ntohl(reinterpret_cast<const sockaddr_in*>(address)->sin_addr.s_addr));
  } else if (address->sa_family == AF_INET6) {
    uint32_t parts[4];
    memcpy(parts, &reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr, sizeof(parts));
    for (uint32_t part : parts) words.push_back(ntohl(part));
  }
  return words;
}

// The addresses that a name stands for and that this machine has.
std::vector<Words> LocalAddresses(const std::string& host) {
  std::vector<Words> local, found;
  ifaddrs* interfaces = nullptr;
  if (getifaddrs(&interfaces) == 0) {
    for (const ifaddrs* each = interfaces; each; each = each->ifa_next)
      if (each->ifa_addr) local.push_back(WordsOf(each->ifa_addr));
    freeifaddrs(interfaces);
  }
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* results = nullptr;
  if (getaddrinfo(host.c_str(), nullptr, &hints, &results) != 0) return found;
  for (const addrinfo* each = results; each; each = each->ai_next) {
    const Words words = WordsOf(each->ai_addr);
    const bool loopback = words.size() == 1 && words[0] >> 24 == 127;
    for (const Words& own : local)
      if (!words.empty() && (own == words || loopback)) {
        found.push_back(words);
        break;
      }
  }
  freeaddrinfo(results);
  return found;
}

// Accepts packets to one of the addresses. Offsets count from the IP header.
std::vector<sock_filter> FilterFor(const std::vector<Words>& addresses) {
  const auto load = [](uint16_t width, uint32_t offset) {
    return sock_filter BPF_STMT(static_cast<uint16_t>(BPF_LD | width | BPF_ABS),
                                static_cast<uint32_t>(SKF_NET_OFF) + offset);
  };
  std::vector<sock_filter> program;
  for (const Words& words : addresses) {
    const bool four = words.size() == 1;
    // A failed comparison jumps to the next address: behind the rest of this one's comparisons and its acceptance.
    const size_t last = program.size() + 3 + 2 * words.size() + 1;
    program.push_back(load(BPF_B, 0));
    program.push_back(BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 4));
    const auto compare = [&](uint32_t value) {
      const auto behind = static_cast<uint8_t>(last - program.size() - 1);
      program.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, behind));
    };
    compare(four ? 4 : 6);
    for (size_t i = 0; i < words.size(); ++i) {
      program.push_back(load(BPF_W, (four ? 16 : 24) + 4 * static_cast<uint32_t>(i)));
      compare(words[i]);
    }
    program.push_back(BPF_STMT(BPF_RET | BPF_K, 0xffffffff));
  }
  program.push_back(BPF_STMT(BPF_RET | BPF_K, 0));
  return program;
}

bool Listens(int descriptor, int port) {
  int accepts = 0;
  socklen_t length = sizeof(accepts);
  if (getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &accepts, &length) != 0 || !accepts) return false;
  sockaddr_storage address{};
  length = sizeof(address);
  if (getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &length) != 0) return false;
  if (address.ss_family == AF_INET) return ntohs(reinterpret_cast<sockaddr_in&>(address).sin_port) == port;
  if (address.ss_family == AF_INET6) return ntohs(reinterpret_cast<sockaddr_in6&>(address).sin6_port) == port;
  return false;
}

bool Restrict(const std::string& host, int port) {
  const std::vector<Words> addresses = LocalAddresses(host);
  if (addresses.empty()) return false;
  std::vector<sock_filter> program = FilterFor(addresses);
  const sock_fprog filter{static_cast<unsigned short>(program.size()), program.data()};
  DIR* descriptors = opendir("/proc/self/fd");
  if (!descriptors) return false;
  int found = 0;
  bool all = true;
  while (const dirent* entry = readdir(descriptors)) {
    const int descriptor = atoi(entry->d_name);
    if (descriptor == 0 || !Listens(descriptor, port)) continue;
    ++found;
    all = setsockopt(descriptor, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter)) == 0 && all;
  }
  closedir(descriptors);
  return found > 0 && all;
}

#else

bool Restrict(const std::string&, int) { return false; }

#endif

}  // namespace

// listenOnly(host, port): restricts the server that listens at the port to the addresses of the name. Returns whether it did:
// false where the machine has none of these addresses, as behind a network address translation.
napi_value ListenOnly(Call& call) {
  napi_value done;
  napi_get_boolean(call.env, Restrict(call.Text(call.arguments[0]), call.Int(1)), &done);
  return done;
}

}  // namespace selfsup
