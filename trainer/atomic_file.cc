// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/atomic_file.h"

#include <cmath>
#include <fstream>
#include <iterator>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "policy/status_macros.h"

namespace attune::trainer {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

std::string_view BaseName(std::string_view path) {
  return path.substr(path.rfind('/') + 1);
}

// Views of the pieces between the delimiters; at least one, possibly empty.
std::vector<std::string_view> Split(std::string_view text, char delimiter) {
  std::vector<std::string_view> pieces;
  while (true) {
    const size_t end = text.find(delimiter);
    pieces.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return pieces;
    text.remove_prefix(end + 1);
  }
}

bool IsColumnType(std::string_view type) {
  return type == "token" || type == "token_seq" || type == "float" ||
         type == "float_seq";
}

}  // namespace

absl::StatusOr<std::unique_ptr<AtomicFile>> AtomicFile::Open(
    const std::string& path) {
  std::unique_ptr<AtomicFile> file(new AtomicFile);
  file->file_name_ = std::string(BaseName(path));
  std::ifstream stream(path, std::ios::binary);
  if (!stream) {
    return absl::NotFoundError(
        absl::StrCat(file->file_name_, ": the file cannot be opened"));
  }
  file->bytes_.assign(std::istreambuf_iterator<char>(stream), {});
  if (stream.bad()) {
    return absl::DataLossError(
        absl::StrCat(file->file_name_, ": the file cannot be read"));
  }
  std::string_view text = file->bytes_;
  if (text.starts_with(kByteOrderMark)) {
    text.remove_prefix(kByteOrderMark.size());
  }
  int number = 0;
  for (std::string_view line : Split(text, '\n')) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (++number == 1) {
      ATTUNE_RETURN_IF_ERROR(file->ParseHeader(line));
    } else if (!line.empty()) {
      ATTUNE_RETURN_IF_ERROR(file->ParseRow(number, line));
    }
  }
  return file;
}

int AtomicFile::Find(absl::Span<const std::string_view> names) const {
  for (std::string_view name : names) {
    for (size_t i = 0; i < columns_.size(); ++i) {
      if (columns_[i].name == name) return static_cast<int>(i);
    }
  }
  return -1;
}

absl::StatusOr<int> AtomicFile::Require(
    absl::Span<const std::string_view> names) const {
  const int column = Find(names);
  if (column >= 0) return column;
  return Error(1,
               absl::StrCat("column ", std::string(names[0]), " is missing"));
}

absl::StatusOr<double> AtomicFile::Number(const Row& row, int column) const {
  double value = 0.0;
  const std::string_view field = row.fields[column];
  if (!absl::SimpleAtod({field.data(), field.size()}, &value) ||
      !std::isfinite(value)) {
    return Error(row.line, absl::StrCat(columns_[column].name,
                                        " is not a finite number"));
  }
  if (value < 0.0) {
    return Error(row.line, absl::StrCat(columns_[column].name, " is negative"));
  }
  return value;
}

absl::Status AtomicFile::Error(int line, std::string_view problem) const {
  return absl::InvalidArgumentError(
      absl::StrCat(file_name_, ":", line, ": ", std::string(problem)));
}

absl::Status AtomicFile::ParseHeader(std::string_view line) {
  int number = 0;
  for (std::string_view column : Split(line, '\t')) {
    ++number;
    const std::vector<std::string_view> parts = Split(column, ':');
    if (parts.size() != 2 || parts[0].empty() || !IsColumnType(parts[1])) {
      return Error(1, absl::StrCat("column ", number,
                                   " of the header is not name:type with type "
                                   "token, token_seq, float or float_seq"));
    }
    if (Find({parts[0]}) >= 0) {
      return Error(
          1, absl::StrCat("column ", number, " of the header repeats a name"));
    }
    columns_.push_back({std::string(parts[0]), std::string(parts[1])});
  }
  return absl::OkStatus();
}

absl::Status AtomicFile::ParseRow(int number, std::string_view line) {
  Row row{number, Split(line, '\t')};
  if (row.fields.size() != columns_.size()) {
    return Error(number, absl::StrCat(row.fields.size(), " fields, expected ",
                                      columns_.size()));
  }
  rows_.push_back(std::move(row));
  return absl::OkStatus();
}

}  // namespace attune::trainer
