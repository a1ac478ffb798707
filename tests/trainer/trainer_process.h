// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TESTS_TRAINER_TRAINER_PROCESS_H_
#define ATTUNE_TESTS_TRAINER_TRAINER_PROCESS_H_

// The attune_trainer program. The test's target defines ATTUNE_TRAINER_BINARY.

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace attune::testing {

inline std::string ReadAll(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// A command of it that was set going; killed when it goes out of scope.
class TrainerProcess {
 public:
  TrainerProcess(std::vector<std::string> arguments, const std::string& log) {
    arguments.insert(arguments.begin(), ATTUNE_TRAINER_BINARY);
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    pid_ = fork();
    if (pid_ != 0) return;
    const int fd = open(log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    dup2(fd, STDOUT_FILENO);
    dup2(fd, STDERR_FILENO);
    // The manifest's time of creation.
    setenv("SOURCE_DATE_EPOCH", "1764000000", 1);
    execv(argv[0], argv.data());
    _exit(127);
  }
  ~TrainerProcess() {
    if (pid_ > 0) Kill();
  }
  TrainerProcess(const TrainerProcess&) = delete;
  TrainerProcess& operator=(const TrainerProcess&) = delete;

  // Exit code, or minus the signal that ended it.
  int Wait() {
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }
  int Kill(int signal = SIGKILL) {
    kill(pid_, signal);
    return Wait();
  }
  bool Ended() {
    siginfo_t info = {};
    waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT);
    return info.si_pid == pid_;
  }

 private:
  pid_t pid_ = -1;
};

}  // namespace attune::testing

#endif  // ATTUNE_TESTS_TRAINER_TRAINER_PROCESS_H_
