// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/lightgcn.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <exception>
#include <numeric>
#include <utility>

#include "policy/random.h"
#include "trainer/one_thread_torch.h"

namespace attune::trainer {
namespace {

// Streams of the seed; see policy::Rng.
constexpr uint64_t kInitialStream = 21;
constexpr uint64_t kSamplingStream = 22;
constexpr float kInitialScale = 0.1F;

// Who touched what. Users are numbered in the order of UsersOf(kTrain).
struct Graph {
  int num_users = 0;
  int num_items = 0;
  std::vector<std::pair<int, int>> edges;  // (user, item)
  std::vector<std::vector<int>> touched;   // per user, ascending: no negatives
};

Graph MakeGraph(const Dataset& dataset) {
  Graph graph;
  graph.num_items = static_cast<int>(dataset.items.size());
  for (const std::vector<Interaction>& history : dataset.TrainHistories()) {
    std::vector<int> items;
    for (const Interaction& interaction : history) {
      items.push_back(interaction.item);
      graph.edges.emplace_back(graph.num_users, items.back());
    }
    std::sort(items.begin(), items.end());
    graph.touched.push_back(std::move(items));
    ++graph.num_users;
  }
  return graph;
}

// D^-1/2 A D^-1/2 over users followed by items. [n, n], sparse, symmetric.
torch::Tensor NormalisedAdjacency(const Graph& graph) {
  const int64_t n = graph.num_users + graph.num_items;
  std::vector<float> degree(n, 0.0F);
  for (const auto& [user, item] : graph.edges) {
    ++degree[user];
    ++degree[graph.num_users + item];
  }
  std::vector<int64_t> rows;
  std::vector<int64_t> columns;
  std::vector<float> values;
  for (const auto& [user, item] : graph.edges) {
    const int64_t other = graph.num_users + item;
    const float value = 1.0F / std::sqrt(degree[user] * degree[other]);
    rows.insert(rows.end(), {user, other});
    columns.insert(columns.end(), {other, user});
    values.insert(values.end(), {value, value});
  }
  return torch::sparse_coo_tensor(
             torch::stack({torch::tensor(rows), torch::tensor(columns)}),
             torch::tensor(values), {n, n})
      .coalesce();
}

// Mean of E^(0) .. E^(L). [n, d]
torch::Tensor Propagate(const torch::Tensor& adjacency,
                        const torch::Tensor& initial, int layers) {
  torch::Tensor layer = initial;
  torch::Tensor sum = initial;
  for (int i = 0; i < layers; ++i) {
    layer = torch::mm(adjacency, layer);
    sum = sum + layer;
  }
  return sum / static_cast<double>(layers + 1);
}

// Approximately normal: the sum of twelve uniform numbers, the same everywhere.
torch::Tensor InitialEmbeddings(int64_t rows, int dim, uint64_t seed) {
  policy::Rng rng(seed, kInitialStream);
  torch::Tensor result = torch::empty({rows, dim});
  float* const values = result.data_ptr<float>();
  for (int64_t i = 0; i < rows * dim; ++i) {
    float sum = -6.0F;
    for (int k = 0; k < 12; ++k) sum += rng.UnitFloat();
    values[i] = kInitialScale * sum;
  }
  return result.requires_grad_();
}

// Rows of the embeddings: users, touched items, items that the users never
// touched. [B] each.
struct Batch {
  torch::Tensor users, positives, negatives;
};

class BatchSampler {
 public:
  BatchSampler(const Graph& graph, uint64_t seed)
      : graph_(graph), rng_(seed, kSamplingStream), order_(graph.edges.size()) {
    std::iota(order_.begin(), order_.end(), 0);
  }

  void Shuffle() {
    for (auto i = static_cast<uint32_t>(order_.size()); i > 1; --i) {
      std::swap(order_[i - 1], order_[rng_.Below(i)]);
    }
  }

  Batch Take(size_t begin, size_t end) {
    std::vector<int64_t> users;
    std::vector<int64_t> positives;
    std::vector<int64_t> negatives;
    for (size_t i = begin; i < end; ++i) {
      const auto& [user, item] = graph_.edges[order_[i]];
      users.push_back(user);
      positives.push_back(graph_.num_users + item);
      negatives.push_back(graph_.num_users + Negative(user));
    }
    return {torch::tensor(users), torch::tensor(positives),
            torch::tensor(negatives)};
  }

 private:
  // A user who touched everything gets any item.
  int Negative(int user) {
    const std::vector<int>& touched = graph_.touched[user];
    const bool any = static_cast<int>(touched.size()) >= graph_.num_items;
    while (true) {
      const int item =
          static_cast<int>(rng_.Below(static_cast<uint32_t>(graph_.num_items)));
      if (any || !std::binary_search(touched.begin(), touched.end(), item)) {
        return item;
      }
    }
  }

  const Graph& graph_;
  policy::Rng rng_;
  std::vector<size_t> order_;
};

// He et al. (15): -ln sigmoid(e_u . e_i - e_u . e_j) + l2 |E^(0)|^2. Scalars.
struct Loss {
  torch::Tensor bpr, total;
};

Loss BprLoss(const torch::Tensor& initial, const torch::Tensor& final,
             const Batch& batch, float l2) {
  const auto rows = [](const torch::Tensor& matrix, const torch::Tensor& ids) {
    return torch::embedding(matrix, ids);
  };
  const torch::Tensor margin =
      (rows(final, batch.users) *
       (rows(final, batch.positives) - rows(final, batch.negatives)))
          .sum(1);
  const torch::Tensor bpr = torch::softplus(-margin).mean();
  const torch::Tensor norm = (rows(initial, batch.users).pow(2) +
                              rows(initial, batch.positives).pow(2) +
                              rows(initial, batch.negatives).pow(2))
                                 .sum(1)
                                 .mean();
  return {bpr, bpr + 0.5F * l2 * norm};
}

policy::RowMajorMatrix ToMatrix(const torch::Tensor& tensor) {
  const torch::Tensor dense = tensor.contiguous();
  return policy::MatrixView(dense.data_ptr<float>(), dense.size(0),
                            dense.size(1));
}

absl::StatusOr<CollaborativeEmbeddings> Train(
    const Graph& graph, const LightGcnOptions& options,
    const std::function<bool(const LightGcnProgress&)>& progress) {
  const torch::Tensor adjacency = NormalisedAdjacency(graph);
  torch::Tensor initial = InitialEmbeddings(graph.num_users + graph.num_items,
                                            options.dim, options.seed);
  torch::optim::Adam optimiser(
      {initial}, torch::optim::AdamOptions(options.learning_rate));
  BatchSampler sampler(graph, options.seed);
  const size_t count = graph.edges.size();
  const auto size = static_cast<size_t>(options.batch_size);
  CollaborativeEmbeddings result;
  for (int epoch = 1; epoch <= options.epochs; ++epoch) {
    sampler.Shuffle();
    double sum = 0.0;
    for (size_t begin = 0; begin < count; begin += size) {
      const size_t end = std::min(count, begin + size);
      const Loss loss =
          BprLoss(initial, Propagate(adjacency, initial, options.layers),
                  sampler.Take(begin, end), options.l2);
      optimiser.zero_grad();
      loss.total.backward();
      optimiser.step();
      sum += loss.bpr.item<double>() * static_cast<double>(end - begin);
    }
    result.final_loss = sum / static_cast<double>(count);
    if (progress && !progress({epoch, result.final_loss})) {
      return absl::CancelledError("LightGCN was told to stop");
    }
  }
  const torch::NoGradGuard no_grad;
  const torch::Tensor final = Propagate(adjacency, initial, options.layers);
  result.users = ToMatrix(final.narrow(0, 0, graph.num_users));
  result.items = ToMatrix(final.narrow(0, graph.num_users, graph.num_items));
  if (!result.items.allFinite() || !result.users.allFinite()) {
    return absl::InternalError(
        "LightGCN diverged: an embedding is not finite; lower learning_rate");
  }
  return result;
}

absl::Status CheckOptions(const LightGcnOptions& options) {
  if (options.dim < 1 || options.dim > 1024) {
    return absl::InvalidArgumentError("LightGCN: dim must be in [1, 1024]");
  }
  if (options.layers < 0 || options.epochs < 1 || options.batch_size < 1) {
    return absl::InvalidArgumentError(
        "LightGCN: layers must be >= 0, epochs and batch_size >= 1");
  }
  if (!(options.learning_rate > 0.0F) || !(options.l2 >= 0.0F)) {
    return absl::InvalidArgumentError(
        "LightGCN: learning_rate must be > 0 and l2 >= 0");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<CollaborativeEmbeddings> TrainLightGcn(
    const Dataset& dataset, const LightGcnOptions& options,
    const std::function<bool(const LightGcnProgress&)>& progress) {
  if (absl::Status status = CheckOptions(options); !status.ok()) return status;
  const Graph graph = MakeGraph(dataset);
  if (graph.edges.empty()) {
    return absl::FailedPreconditionError(
        "LightGCN: there is no interaction of a train user to learn from");
  }
  try {
    const OneThread one_thread;
    return Train(graph, options, progress);
  } catch (const std::exception& error) {
    return absl::InternalError(error.what());
  }
}

}  // namespace attune::trainer
