// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/llama_model.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <utility>

#include "absl/strings/str_cat.h"
#include "ggml-cpu.h"
#include "llama.h"
#include "policy/digest.h"
#include "policy/status_macros.h"

namespace attune::trainer {
namespace {

// A title is a word of its own: at least one blank comes before it. Catalogs
// cannot say so, since their sentences have no blanks at the ends.
std::string BlanksAfter(std::string_view text, size_t end) {
  if (end == text.size() && end > 0) return " ";
  return std::string(text.substr(end));
}

// Stands for a message's content while the template is applied.
std::string Placeholder(size_t i) { return absl::StrCat("@@attune", i, "@@"); }

void LogLine(ggml_log_level level, const char* text, void*) {
  std::string_view line(text);
  while (!line.empty() && line.back() == '\n') line.remove_suffix(1);
  if (line.empty()) return;
  // A failed load says why at this level; our own status says that it failed.
  spdlog::debug("llama.cpp [{}] {}", static_cast<int>(level), line);
}

void InitLlama() {
  static std::once_flag once;
  std::call_once(once, [] {
    llama_log_set(LogLine, nullptr);
    llama_backend_init();
  });
}

// The library was built for the CPU that scripts/setup.sh ran on.
absl::Status CheckCpu() {
#if defined(__x86_64__)
  const bool missing =
      (ggml_cpu_has_avx2() && !__builtin_cpu_supports("avx2")) ||
      (ggml_cpu_has_avx512() && !__builtin_cpu_supports("avx512bw")) ||
      (ggml_cpu_has_avx512_vbmi() && !__builtin_cpu_supports("avx512vbmi")) ||
      (ggml_cpu_has_avx512_vnni() && !__builtin_cpu_supports("avx512vnni")) ||
      (ggml_cpu_has_avx512_bf16() && !__builtin_cpu_supports("avx512bf16"));
  if (missing) {
    return absl::FailedPreconditionError(
        "llama.cpp: was built for another CPU and cannot run on this one; run "
        "scripts/setup.sh here and build again");
  }
#endif
  return absl::OkStatus();
}

absl::Status CheckMagic(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in || std::filesystem::is_directory(path)) {
    return absl::NotFoundError("model file: cannot be opened");
  }
  std::array<char, 4> magic = {};
  in.read(magic.data(), magic.size());
  if (in.gcount() != 4 || std::string_view(magic.data(), 4) != "GGUF") {
    return absl::InvalidArgumentError(
        "model file: is not a GGUF file (does not begin with GGUF)");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::string> Sha256OfFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return absl::NotFoundError("file: cannot be opened");
  policy::Sha256Stream stream;
  std::vector<char> buffer(1 << 20);
  while (in) {
    in.read(buffer.data(), static_cast<std::streamsize>(buffer.size()));
    stream.Add({buffer.data(), static_cast<size_t>(in.gcount())});
  }
  if (!in.eof()) return absl::UnavailableError("file: cannot be read");
  return stream.HexDigest();
}

absl::StatusOr<std::unique_ptr<LlamaModel>> LlamaModel::Load(
    const std::string& path) {
  ATTUNE_RETURN_IF_ERROR(CheckCpu());
  InitLlama();
  ATTUNE_RETURN_IF_ERROR(CheckMagic(path));
  ATTUNE_ASSIGN_OR_RETURN(std::string sha256, Sha256OfFile(path));
  llama_model_params params = llama_model_default_params();
  params.n_gpu_layers = 0;
  llama_model* model = llama_model_load_from_file(path.c_str(), params);
  if (model == nullptr) {
    return absl::InvalidArgumentError(
        "model file: llama.cpp cannot load it (truncated, damaged or of an "
        "unknown architecture; see the log at level debug)");
  }
  std::unique_ptr<LlamaModel> loaded(new LlamaModel(model, std::move(sha256)));
  ATTUNE_RETURN_IF_ERROR(loaded->ApplyTemplate({"user"}, {"x"}).status());
  return loaded;
}

LlamaModel::LlamaModel(llama_model* model, std::string sha256)
    : model_(model),
      vocab_(llama_model_get_vocab(model)),
      sha256_(std::move(sha256)) {
  const char* text = llama_model_chat_template(model_, nullptr);
  chat_template_ = text != nullptr ? text : "chatml";
}

LlamaModel::~LlamaModel() { llama_model_free(model_); }

LlamaTokens LlamaModel::TokenizeWith(std::string_view text,
                                     bool parse_control) const {
  LlamaTokens tokens(text.size() + 8);
  const auto run = [&] {
    return llama_tokenize(vocab_, text.data(),
                          static_cast<int32_t>(text.size()), tokens.data(),
                          static_cast<int32_t>(tokens.size()),
                          /*add_special=*/false, parse_control);
  };
  int n = run();
  if (n < 0) {
    tokens.resize(-n);
    n = run();
  }
  tokens.resize(std::max(n, 0));
  return tokens;
}

LlamaTokens LlamaModel::Tokenize(std::string_view text) const {
  return TokenizeWith(text, /*parse_control=*/false);
}

absl::StatusOr<std::string> LlamaModel::ApplyTemplate(
    const std::vector<const char*>& roles,
    const std::vector<std::string>& contents) const {
  std::vector<llama_chat_message> chat;
  for (size_t i = 0; i < roles.size(); ++i) {
    chat.push_back({roles[i], contents[i].c_str()});
  }
  std::string out(1024, '\0');
  const auto run = [&] {
    return llama_chat_apply_template(chat_template_.c_str(), chat.data(),
                                     chat.size(), /*add_ass=*/true, out.data(),
                                     static_cast<int32_t>(out.size()));
  };
  int n = run();
  if (n > static_cast<int>(out.size())) {
    out.resize(n);
    n = run();
  }
  if (n < 0) {
    return absl::UnimplementedError(
        "model file: its chat template is none that llama.cpp knows");
  }
  out.resize(n);
  return out;
}

TokenizedPrompt LlamaModel::TokenizePlain(std::string_view text) const {
  TokenizedPrompt out;
  if (llama_vocab_get_add_bos(vocab_)) {
    out.prefix.push_back(llama_vocab_bos(vocab_));
  }
  const size_t end = text.find_last_not_of(' ') + 1;  // npos + 1 == 0
  out.blanks = BlanksAfter(text, end);
  const LlamaTokens tokens = Tokenize(text.substr(0, end));
  out.prefix.insert(out.prefix.end(), tokens.begin(), tokens.end());
  // Something has to come before the first title.
  if (out.prefix.empty()) out.prefix.push_back(llama_vocab_eos(vocab_));
  return out;
}

absl::StatusOr<TokenizedPrompt> LlamaModel::TokenizePrompt(
    const policy::RenderedPrompt& prompt) const {
  std::vector<const char*> roles;
  std::vector<std::string> placeholders;
  std::vector<std::string> contents;
  std::string primer;
  for (const policy::Message& message : prompt.messages) {
    const bool last = &message == &prompt.messages.back();
    if (last && std::string_view(message.role) == "assistant") {
      primer = message.Text();
      continue;
    }
    roles.push_back(message.role);
    placeholders.push_back(Placeholder(contents.size()));
    contents.push_back(message.Text());
  }
  if (contents.empty()) {
    return absl::InvalidArgumentError("prompt: has no message");
  }
  ATTUNE_ASSIGN_OR_RETURN(const std::string frame,
                          ApplyTemplate(roles, placeholders));
  TokenizedPrompt out;
  const auto append = [&](const LlamaTokens& tokens) {
    out.prefix.insert(out.prefix.end(), tokens.begin(), tokens.end());
  };
  if (llama_vocab_get_add_bos(vocab_)) {
    out.prefix.push_back(llama_vocab_bos(vocab_));
  }
  const std::string_view view = frame;
  size_t begin = 0;
  for (size_t i = 0; i < contents.size(); ++i) {
    const size_t at = view.find(placeholders[i], begin);
    if (at == std::string_view::npos) {
      return absl::UnimplementedError(
          "model file: its chat template drops or reorders messages");
    }
    append(TokenizeWith(view.substr(begin, at - begin), true));
    append(Tokenize(contents[i]));
    begin = at + placeholders[i].size();
  }
  append(TokenizeWith(view.substr(begin), true));
  const size_t end = primer.find_last_not_of(' ') + 1;
  out.blanks = BlanksAfter(primer, end);
  append(Tokenize(std::string_view(primer).substr(0, end)));
  return out;
}

std::string LlamaModel::Piece(int32_t token) const {
  std::string piece(64, '\0');
  int n = llama_token_to_piece(vocab_, token, piece.data(),
                               static_cast<int32_t>(piece.size()), 0, false);
  if (n < 0) {
    piece.resize(-n);
    n = llama_token_to_piece(vocab_, token, piece.data(),
                             static_cast<int32_t>(piece.size()), 0, false);
  }
  piece.resize(std::max(n, 0));
  return piece;
}

bool LlamaModel::EndsGeneration(int32_t token) const {
  return llama_vocab_is_eog(vocab_, token);
}
int LlamaModel::vocabulary_size() const { return llama_vocab_n_tokens(vocab_); }
int LlamaModel::trained_context() const {
  return llama_model_n_ctx_train(model_);
}

WeightFormat FastestWeightFormat() {
  return ggml_cpu_has_avx512_bf16() ? WeightFormat::kBf16 : WeightFormat::kQ8;
}

const char* WeightFormatName(WeightFormat format) {
  return format == WeightFormat::kBf16 ? "bf16" : "q8_0";
}

absl::Status ConvertWeights(const std::string& from, const std::string& to,
                            WeightFormat format) {
  ATTUNE_RETURN_IF_ERROR(CheckCpu());
  InitLlama();
  ATTUNE_RETURN_IF_ERROR(CheckMagic(from));
  llama_model_quantize_params params = llama_model_quantize_default_params();
  params.allow_requantize = true;
  params.ftype = format == WeightFormat::kBf16 ? LLAMA_FTYPE_MOSTLY_BF16
                                               : LLAMA_FTYPE_MOSTLY_Q8_0;
  const std::string partial = to + ".partial";
  std::error_code error;
  if (llama_model_quantize(from.c_str(), partial.c_str(), &params) != 0) {
    std::filesystem::remove(partial, error);
    return absl::InvalidArgumentError(
        absl::StrCat("model file: llama.cpp cannot write it with ",
                     WeightFormatName(format), " weights"));
  }
  std::filesystem::rename(partial, to, error);
  if (error) {
    return absl::InternalError(
        "copy of the model file: cannot be renamed into place");
  }
  return absl::OkStatus();
}

}  // namespace attune::trainer
