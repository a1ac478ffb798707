// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_POLICY_ITEM_TABLE_H_
#define ATTUNE_POLICY_ITEM_TABLE_H_

// Collaborative embeddings and facts of the known items, by item id.
//
// A view: the memory belongs to the revision that holds the table (possibly a
// mapped file), which must outlive it. Thread-compatible: const methods may run
// concurrently.

#include <Eigen/Core>
#include <cstdint>
#include <string_view>
#include <vector>

namespace attune::policy {

using RowMajorMatrix =
    Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using MatrixView = Eigen::Map<const RowMajorMatrix>;

// n strings stored as n + 1 end offsets and bytes; see StringTableDescriptor.
class StringTable {
 public:
  StringTable() = default;
  // REQUIRES: validated by the codec.
  StringTable(const char* offsets, const char* bytes, int64_t size)
      : offsets_(offsets), bytes_(bytes), size_(size) {}
  int64_t size() const { return size_; }
  // REQUIRES: 0 <= i < size().
  std::string_view operator[](int64_t i) const;

 private:
  const char* offsets_ = nullptr;
  const char* bytes_ = nullptr;
  int64_t size_ = 0;
};

class ItemTable {
 public:
  // An empty table: every item is unknown.
  ItemTable();
  // `ids` ascending by bytes and distinct; `titles` and `genres` (joined by
  // '|') parallel to it; `embeddings` [N, d]; `popularity` [N] in [0, 1], the
  // item's quantile by interaction count in training.
  ItemTable(StringTable ids, StringTable titles, StringTable genres,
            MatrixView embeddings, const float* popularity);

  int64_t size() const { return ids_.size(); }
  int dim() const { return static_cast<int>(embeddings_.cols()); }
  // Row of the item, or -1. O(log N).
  int64_t Find(std::string_view id) const;
  std::string_view id(int64_t row) const { return ids_[row]; }
  std::string_view title(int64_t row) const { return titles_[row]; }
  std::vector<std::string_view> genres(int64_t row) const;
  auto embedding(int64_t row) const { return embeddings_.row(row); }
  const MatrixView& embeddings() const { return embeddings_; }
  float popularity(int64_t row) const { return popularity_[row]; }

 private:
  StringTable ids_;
  StringTable titles_;
  StringTable genres_;
  MatrixView embeddings_{nullptr, 0, 0};
  const float* popularity_ = nullptr;
};

}  // namespace attune::policy

#endif  // ATTUNE_POLICY_ITEM_TABLE_H_
