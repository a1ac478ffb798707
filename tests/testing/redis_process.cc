// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "tests/testing/redis_process.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string_view>

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace attune::testing {
namespace {

// What redis-server is a link to: it is in the package redis-tools, which starts
// no daemon. The program goes by the name that it is called by.
constexpr char kProgram[] = "/usr/bin/redis-check-rdb";
constexpr char kName[] = "redis-server";

[[noreturn]] void Die(const std::string& what) {
  std::fprintf(stderr, "redis-server: %s\n", what.c_str());
  std::abort();
}

}  // namespace

int FreePort() {
  const int file = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  if (::bind(file, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      ::getsockname(file, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    Die("no free port");
  }
  ::close(file);
  return ntohs(address.sin_port);
}

RedisProcess::RedisProcess(std::vector<std::string> settings)
    : settings_(std::move(settings)), port_(FreePort()) {
  std::string name =
      (std::filesystem::temp_directory_path() / "attune-redis-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) Die("no temporary directory");
  directory_ = name;
  Start();
}

RedisProcess::~RedisProcess() {
  Kill();
  std::error_code error;
  std::filesystem::remove_all(directory_, error);
}

std::string RedisProcess::url() const {
  return "redis://127.0.0.1:" + std::to_string(port_) + "/0";
}

redis::Endpoint RedisProcess::endpoint() const {
  return {.host = "127.0.0.1", .port = port_};
}

void RedisProcess::Start() {
  std::vector<std::string> args = {kName,
                                   "--bind",
                                   "127.0.0.1",
                                   "--port",
                                   std::to_string(port_),
                                   "--dir",
                                   directory_,
                                   "--save",
                                   "",
                                   "--logfile",
                                   directory_ + "/log",
                                   "--enable-debug-command",
                                   "local"};
  args.insert(args.end(), settings_.begin(), settings_.end());
  pid_ = ::fork();
  if (pid_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    std::vector<char*> argv;
    for (std::string& arg : args) argv.push_back(arg.data());
    argv.push_back(nullptr);
    ::execv(kProgram, argv.data());
    ::_exit(127);
  }
  AwaitAnswer();
}

void RedisProcess::AwaitAnswer() {
  const absl::Time deadline = absl::Now() + absl::Seconds(60);
  admin_ = std::make_unique<redis::Connection>(options());
  while (true) {
    const absl::Status status = admin_->Run({"PING"}).status();
    // With a password it is up too.
    if (status.ok() || absl::IsUnauthenticated(status)) return;
    int ended = 0;
    if (::waitpid(pid_, &ended, WNOHANG) == pid_) {
      pid_ = -1;
      Die("does not start; is the package redis-tools installed?");
    }
    if (absl::Now() > deadline) Die(std::string(status.message()));
    absl::SleepFor(absl::Milliseconds(10));
  }
}

void RedisProcess::Kill() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

void RedisProcess::Pause() { ::kill(pid_, SIGSTOP); }

void RedisProcess::Resume() { ::kill(pid_, SIGCONT); }

redis::Reply RedisProcess::Run(const std::vector<std::string>& args) {
  const std::vector<std::string_view> views(args.begin(), args.end());
  // What broke the connection before, such as a kill, was the test's doing.
  admin_ = std::make_unique<redis::Connection>(options());
  auto reply = admin_->Run(views);
  if (!reply.ok()) Die(reply.status().ToString());
  return *std::move(reply);
}

}  // namespace attune::testing
