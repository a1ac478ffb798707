// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

// What the server and the trainer read back from their own files: the first byte
// chooses a file of exported decisions, a row of the decision log (its checksum
// made anew), the audit log, or the numbers of signed revisions. Damage is said,
// never a crash; numbers that are read are printed as they were.

#include <fcntl.h>
#include <google/protobuf/stubs/logging.h>
#include <sqlite3.h>
#include <unistd.h>

#include <string>

#include "policy/logged_decisions.h"
#include "server/audit_log.h"
#include "server/log_reader.h"
#include "server/log_store.h"
#include "server/revision_numbers.h"
#include "tests/fuzz/fuzz.h"
#include "tests/server/log_builders.h"
#include "tests/server/temp_dir.h"

namespace attune::fuzz {
namespace {

void ReadExport(std::string_view bytes) {
  static const auto* const dir = new server::TempDir();
  std::string file = policy::kLoggedDecisionsMagic;
  file.append(bytes);
  auto reader = policy::LoggedDecisionReader::Open(dir->Write("export", file));
  Require(reader.ok(), "a file with the right beginning opens");
  v1::LoggedDecision decision;
  for (auto more = reader->Next(&decision); more.ok() && *more;) {
    more = reader->Next(&decision);
  }
}

// A log with one decision, whose record is replaced.
class LogFile {
 public:
  LogFile() : path_(dir_.path() + "/log.sqlite") {
    const auto store = server::LogStore::Open({.path = path_}).value();
    Require(store->Begin().ok() &&
                store->AddDecision(server::MakeDecision(1)).ok() &&
                store->Commit().ok(),
            "a decision is logged");
    Require(sqlite3_open(path_.c_str(), &database_) == SQLITE_OK, "opens");
    sqlite3_exec(database_, "PRAGMA synchronous=OFF", nullptr, nullptr,
                 nullptr);
    Require(sqlite3_prepare_v2(
                database_, "UPDATE decisions SET record = ?1, checksum = ?2",
                -1, &update_, nullptr) == SQLITE_OK,
            "the schema is known");
  }

  void Read(std::string_view record) {
    const std::string id(server::BytesOf(server::IdOf(1)));
    sqlite3_reset(update_);
    sqlite3_bind_blob(update_, 1, record.data(),
                      static_cast<int>(record.size()), SQLITE_TRANSIENT);
    sqlite3_bind_int64(update_, 2, server::RowChecksum(id, record));
    Require(sqlite3_step(update_) == SQLITE_DONE, "the row is replaced");
    sqlite3_reset(update_);
    const auto page = server::ReadDecisions(path_, nullptr, 0, 10, false);
    Require(page.ok() && page->at_end, "the log is read");
    Require(
        page->response.decisions_size() + page->response.damaged_records() == 1,
        "one decision, or one that is damaged");
  }

 private:
  server::TempDir dir_;
  const std::string path_;
  sqlite3* database_ = nullptr;
  sqlite3_stmt* update_ = nullptr;
};

void ReadNumbers(std::string_view bytes) {
  const auto numbers = server::ParseNumbers(bytes);
  if (!numbers.ok()) return;
  const auto again = server::ParseNumbers(server::PrintNumbers(*numbers));
  Require(again.ok() && again->size() == numbers->size(),
          "numbers are printed as they were read");
}

}  // namespace
}  // namespace attune::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace attune::fuzz;  // NOLINT: the entry point has no namespace
  static const google::protobuf::LogSilencer silencer;
  if (size == 0) return 0;
  const std::string_view bytes = View(data + 1, size - 1);
  switch (data[0]) {
    case 'e':
      ReadExport(bytes);
      break;
    case 'r': {
      static auto* const log = new LogFile();
      log->Read(bytes);
      break;
    }
    case 'a':
      static_cast<void>(attune::server::VerifyAuditLog(bytes));
      break;
    default:
      ReadNumbers(bytes);
  }
  return 0;
}
