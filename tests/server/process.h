// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TESTS_SERVER_PROCESS_H_
#define ATTUNE_TESTS_SERVER_PROCESS_H_

// The server as a process of its own, to be signalled and killed. Needs the
// definition ATTUNE_SERVER_BINARY.

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

#include "tests/server/server_fixture.h"
#include "tests/server/tagged_catalog.h"
#include "tests/server/temp_dir.h"

namespace attune::server {

// The real binary, listening on ports of its own choice.
class Process {
 public:
  explicit Process(const TempDir& dir, std::vector<std::string> more = {}) {
    log_ = dir.path() + "/log";
    std::vector<std::string> args = {ATTUNE_SERVER_BINARY,
                                     "--data_listen",
                                     "127.0.0.1:0",
                                     "--control_listen",
                                     "127.0.0.1:0",
                                     "--metrics_listen",
                                     "127.0.0.1:0",
                                     "--revision_dir",
                                     dir.path() + "/revisions",
                                     "--port_file",
                                     dir.path() + "/ports.json"};
    args.insert(args.end(), more.begin(), more.end());
    int pipe_fds[2];
    if (::pipe(pipe_fds) != 0) std::abort();
    pid_ = ::fork();
    if (pid_ == 0) {
      ::dup2(pipe_fds[1], STDOUT_FILENO);
      if (std::freopen(log_.c_str(), "a", stderr) == nullptr) ::_exit(126);
      std::vector<char*> argv;
      for (std::string& arg : args) argv.push_back(arg.data());
      argv.push_back(nullptr);
      ::execv(argv[0], argv.data());
      ::_exit(127);
    }
    ::close(pipe_fds[1]);
    out_ = ::fdopen(pipe_fds[0], "r");
  }

  ~Process() {
    if (!exited_) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
    std::fclose(out_);
  }

  // The line on stdout, once it is there; empty if the process ended.
  std::string ReadLine() {
    char line[512];
    return std::fgets(line, sizeof(line), out_) == nullptr ? "" : line;
  }

  // -1 if it did not exit by itself.
  int Wait() {
    int status = 0;
    ::waitpid(pid_, &status, 0);
    exited_ = true;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

  void Signal(int signal) { ::kill(pid_, signal); }

  // A line of /proc/<pid>/status in MB, for instance "VmRSS"; -1 if there is
  // none.
  double Megabytes(const std::string& name) const {
    std::istringstream status(
        ReadFile("/proc/" + std::to_string(pid_) + "/status"));
    for (std::string line; std::getline(status, line);) {
      if (line.rfind(name + ":", 0) == 0) {
        return std::stod(line.substr(name.size() + 1)) / 1024.0;
      }
    }
    return -1.0;
  }
  // From now on VmHWM is the most since now.
  void ForgetPeak() const {
    std::ofstream("/proc/" + std::to_string(pid_) + "/clear_refs") << "5";
  }
  // From now on the process may open this many files in all.
  void LimitFiles(rlim_t files) const {
    rlimit limit = {};
    ::prlimit(pid_, RLIMIT_NOFILE, nullptr, &limit);
    limit.rlim_cur = files;
    ::prlimit(pid_, RLIMIT_NOFILE, &limit, nullptr);
  }
  // Files that are open.
  rlim_t Files() const {
    const std::filesystem::directory_iterator files(
        "/proc/" + std::to_string(pid_) + "/fd");
    return static_cast<rlim_t>(std::distance(begin(files), end(files)));
  }
  std::string log() const { return ReadFile(log_); }

 private:
  pid_t pid_;
  FILE* out_;
  std::string log_;
  bool exited_ = false;
};

inline int PortIn(const std::string& json, const std::string& name) {
  std::smatch match;
  const bool found =
      std::regex_search(json, match, std::regex("\"" + name + "\": ([0-9]+)"));
  return found ? std::stoi(match[1]) : 0;
}

// A catalog in the directory.
inline std::string Catalog(const TempDir& dir) {
  return dir.Write("catalog.yaml", TaggedCatalogYaml("uniform"));
}

// Pushes and activates; the first `bytes` of the artifact only.
inline bool Push(int port, const std::string& artifact, size_t bytes) {
  auto stub = v1::PolicyService::NewStub(Connect(port));
  grpc::ClientContext context;
  v1::PushRevisionResponse response;
  auto writer = stub->PushRevision(&context, &response);
  v1::PushRevisionRequest message;
  message.mutable_header()->set_digest(policy::Sha256Hex(artifact));
  message.mutable_header()->set_byte_size(
      static_cast<int64_t>(artifact.size()));
  message.mutable_header()->set_activate(true);
  writer->Write(message);
  constexpr size_t kChunk = 256 << 10;
  for (size_t i = 0; i < bytes; i += kChunk) {
    message.set_data(artifact.substr(i, std::min(kChunk, bytes - i)));
    writer->Write(message);
  }
  writer->WritesDone();
  return writer->Finish().ok();
}

// Empty if the server does not answer.
inline std::string ActiveRevision(int port) {
  auto stub = v1::PromptService::NewStub(Connect(port));
  grpc::ClientContext context;
  v1::GetPromptResponse response;
  return stub->GetPrompt(&context, SampleRequest(), &response).ok()
             ? response.revision()
             : "";
}

}  // namespace attune::server

#endif  // ATTUNE_TESTS_SERVER_PROCESS_H_
