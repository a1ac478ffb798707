// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

// A sequence of file operations with failures and power losses between them:
// atomic replacements, appends, uploads in pieces. Two bytes an operation: what,
// and where the next failure is. Whatever fails: a replaced file holds its old or
// its new bytes, a file that was appended to begins with what was acknowledged,
// an upload that finished has its digest; and what was acknowledged is there
// after a power loss.

#include <cerrno>
#include <filesystem>
#include <set>
#include <string>

#include "policy/digest.h"
#include "server/file_io.h"
#include "server/upload.h"
#include "tests/fuzz/fuzz.h"
#include "tests/server/temp_dir.h"
#include "tests/testing/fault_files.h"

namespace attune::fuzz {
namespace {

using server::ReadFile;
using testing::FaultFiles;

constexpr size_t kMaxOperations = 12;

class Model {
 public:
  explicit Model(std::string dir) : dir_(std::move(dir)) {
    std::filesystem::remove_all(dir_);
    std::filesystem::create_directories(dir_);
  }

  void Fail(uint8_t at) {
    constexpr int kErrors[] = {ENOSPC, EIO, EMFILE, EACCES};
    if (at < 64) faults_.Fail(1 + at % 16, kErrors[at / 16]);
  }

  void Replace(int value) {
    const std::string bytes(1 + value, static_cast<char>('a' + value % 26));
    const bool ok = server::WriteFileAtomically(replaced(), bytes).ok();
    if (ok) replaced_may_be_.clear();
    replaced_may_be_.insert(bytes);
    CheckReplaced(ReadFile(replaced()));
  }

  void Append(int value) {
    const std::string before = ReadFile(appended());
    const std::string line(1 + value % 40, 'l');
    if (server::AppendToFile(appended(), line).ok()) {
      acknowledged_ = before + line;
    }
    CheckAppended(ReadFile(appended()));
  }

  // Pushes some of what is missing.
  void Upload(int value) {
    const std::string whole(100, 'u');
    const std::string digest = policy::Sha256Hex(whole);
    server::UploadArea area(dir_, 1000);
    const auto offset = area.OffsetOf(digest);
    Require(offset.ok(), "the digest is one");
    auto upload = area.Begin(digest, 100, *offset);
    if (!upload.ok()) return;
    const std::string rest = whole.substr(*offset);
    static_cast<void>((*upload)->Append(rest.substr(0, value)));
    if (!(*upload)->Finish().ok()) return;
    Require(ReadFile((*upload)->path()) == whole, "finished: all bytes");
    (*upload)->Discard();
  }

  void CheckAfterPowerLoss() const {
    const auto left = faults_.SyncedFiles(dir_);
    const auto bytes = [&left](const char* name) {
      const auto file = left.find(name);
      return file == left.end() ? "" : file->second;
    };
    CheckReplaced(bytes("replaced"));
    CheckAppended(bytes("appended"));
  }

 private:
  void CheckReplaced(const std::string& bytes) const {
    Require(replaced_may_be_.count(bytes) == 1,
            "a replaced file holds old or new bytes");
  }
  void CheckAppended(const std::string& bytes) const {
    Require(bytes.substr(0, acknowledged_.size()) == acknowledged_,
            "what was appended is there");
  }

  std::string replaced() const { return dir_ + "/replaced"; }
  std::string appended() const { return dir_ + "/appended"; }

  const std::string dir_;
  FaultFiles faults_;
  std::set<std::string> replaced_may_be_ = {""};
  std::string acknowledged_;
};

}  // namespace
}  // namespace attune::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace attune::fuzz;  // NOLINT: the entry point has no namespace
  static const auto* const dir = new attune::server::TempDir();
  Model model(dir->path() + "/files");
  for (size_t i = 0; i + 1 < size && i < 2 * kMaxOperations; i += 2) {
    model.Fail(data[i + 1]);
    const int value = data[i] >> 2;
    switch (data[i] & 3) {
      case 0:
        model.Replace(value);
        break;
      case 1:
        model.Append(value);
        break;
      case 2:
        model.Upload(2 * value);
        break;
      default:
        model.CheckAfterPowerLoss();
    }
  }
  model.CheckAfterPowerLoss();
  return 0;
}
