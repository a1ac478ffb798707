// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_POLICY_ITEM_TABLE_H_
#define ATTUNE_POLICY_ITEM_TABLE_H_

// Collaborative embeddings and facts of the known items, by item id.
//
// A view: the memory belongs to the revision that holds the table (possibly a
// mapped file), which must outlive it; only what is derived from it and small is
// the table's own. Thread-compatible: const methods may run concurrently.

#include <Eigen/Core>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "absl/types/span.h"
#include "policy/item_index.h"
#include "policy/nearest_rows.h"

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
  // Starts to fetch what operator[] reads first.
  void Prefetch(int64_t i) const {
    __builtin_prefetch(offsets_ + i * static_cast<int64_t>(sizeof(uint64_t)));
  }

 private:
  const char* offsets_ = nullptr;
  const char* bytes_ = nullptr;
  int64_t size_ = 0;
};

// Larger tables are not searched whole for an item's neighbours.
inline constexpr int64_t kMaxSearchedItems = 65536;
// Of a larger table, this many of the most popular items are.
inline constexpr int64_t kPopularItems = 4096;

class ItemTable {
 public:
  // What can be derived from a table and takes long for a large one.
  struct Derived {
    ItemIndex index;
    // Rows of the kPopularItems most popular items, ascending; empty for
    // tables of at most kMaxSearchedItems.
    std::vector<uint32_t> popular;
  };

  // An empty table: every item is unknown.
  ItemTable();
  // `ids` ascending by bytes and distinct; `titles` and `genres` (joined by
  // '|') parallel to it; `embeddings` [N, d]; `popularity` [N] in [0, 1], the
  // item's quantile by interaction count in training.
  ItemTable(StringTable ids, StringTable titles, StringTable genres,
            MatrixView embeddings, const float* popularity);
  // The same with what Derive() returned for it.
  ItemTable(StringTable ids, StringTable titles, StringTable genres,
            MatrixView embeddings, const float* popularity, Derived derived);

  // Time and memory in proportion to the table.
  static Derived Derive(const StringTable& ids, const float* popularity);

  int64_t size() const { return ids_.size(); }
  int dim() const { return static_cast<int>(embeddings_.cols()); }
  // Row of the item, or -1.
  int64_t Find(std::string_view id) const;
  // Find() of each id, with the memory of all of them fetched side by side.
  // rows[i] is the row of `ids[i]`; both have the same length.
  void FindAll(absl::Span<const std::string_view> ids,
               absl::Span<int64_t> rows) const;
  std::string_view id(int64_t row) const { return ids_[row]; }
  std::string_view title(int64_t row) const { return titles_[row]; }
  std::vector<std::string_view> genres(int64_t row) const;
  auto embedding(int64_t row) const { return embeddings_.row(row); }
  const MatrixView& embeddings() const { return embeddings_; }
  float popularity(int64_t row) const { return popularity_[row]; }

  const ItemIndex& index() const { return index_; }
  // Derived::popular.
  absl::Span<const uint32_t> popular() const {
    return popular_ == nullptr ? absl::Span<const uint32_t>() : *popular_;
  }

  // Rows whose dot product with `user` [dim] is largest, largest first, ties by
  // row; at most `count`, none of `excluded`. Among all items, or of a table of
  // more than kMaxSearchedItems among the most popular: an LLM knows those.
  std::vector<int64_t> Nearest(const Eigen::VectorXf& user, int64_t count,
                               absl::Span<const int64_t> excluded) const;

 private:
  // Starts to fetch what an encoder reads of a row.
  void Prefetch(int64_t row) const;

  StringTable ids_;
  StringTable titles_;
  StringTable genres_;
  MatrixView embeddings_{nullptr, 0, 0};
  const float* popularity_ = nullptr;
  ItemIndex index_;
  std::shared_ptr<const std::vector<uint32_t>> popular_;
  // [popular, dim] Their embeddings, close together.
  std::shared_ptr<const RowMajorMatrix> popular_embeddings_;
  // Of these, or of all items. Null for an empty table.
  std::shared_ptr<const NearestRows> nearest_;
};

}  // namespace attune::policy

#endif  // ATTUNE_POLICY_ITEM_TABLE_H_
