// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_ATOMIC_FILE_H_
#define ATTUNE_TRAINER_ATOMIC_FILE_H_

// A RecBole atomic file: tab-separated, UTF-8, a header of `name:type` columns
// with the types token, token_seq, float and float_seq. LF or CRLF; empty lines
// are skipped.
//
// Open() reads the whole file; views point into the object, which therefore is
// neither copied nor moved from while they are used. Thread-compatible.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace attune::trainer {

class AtomicFile {
 public:
  struct Column {
    std::string name;
    std::string type;
  };

  // One line of data.
  struct Row {
    int line = 0;                          // 1-based; the header is line 1
    std::vector<std::string_view> fields;  // one per column
  };

  // kNotFound, or kInvalidArgument naming the line.
  static absl::StatusOr<std::unique_ptr<AtomicFile>> Open(
      const std::string& path);

  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  const std::vector<Column>& columns() const { return columns_; }
  const std::vector<Row>& rows() const { return rows_; }

  // Index of the first of `names` that there is, or -1.
  int Find(absl::Span<const std::string_view> names) const;
  // As Find; kInvalidArgument names `names[0]` if there is none.
  absl::StatusOr<int> Require(absl::Span<const std::string_view> names) const;

  // The field as a finite number >= 0.
  absl::StatusOr<double> Number(const Row& row, int column) const;

  // kInvalidArgument "<file>:<line>: <problem>".
  absl::Status Error(int line, std::string_view problem) const;

 private:
  AtomicFile() = default;
  absl::Status ParseHeader(std::string_view line);
  absl::Status ParseRow(int number, std::string_view line);

  std::string file_name_;
  std::string bytes_;
  std::vector<Column> columns_;
  std::vector<Row> rows_;
};

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_ATOMIC_FILE_H_
