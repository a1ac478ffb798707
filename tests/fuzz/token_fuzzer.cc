// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

// Bytes as a decision token: as they are, which must be refused, and with the
// right signature under them, so that the reader behind it is reached. What is
// taken says what was signed: signing it again gives the same bytes.

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "server/decision_token.h"
#include "tests/fuzz/fuzz.h"

namespace attune::fuzz {
namespace {

using server::TokenSigner;

const std::string& Key() {
  static const auto* const key = new std::string(32, 'k');
  return *key;
}

const TokenSigner& Signer() {
  static const auto* const signer =
      new TokenSigner(TokenSigner::Create({.key = Key()}).value());
  return *signer;
}

// The payload as the server would have signed it.
std::string Signed(std::string payload) {
  static const char key_id = Signer().Sign({})[1];
  if (payload.size() > 1) payload[1] = key_id;
  const std::string message = "attune.decision.v1" + payload;
  unsigned char tag[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  HMAC(EVP_sha256(), Key().data(), static_cast<int>(Key().size()),
       reinterpret_cast<const unsigned char*>(message.data()), message.size(),
       tag, &size);
  return payload.append(reinterpret_cast<char*>(tag), size);
}

}  // namespace
}  // namespace attune::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace attune::fuzz;  // NOLINT: the entry point has no namespace
  const std::string_view bytes = View(data, size);
  Require(!Signer().VerifySignature(bytes).ok(), "a forged token is refused");
  const std::string token = Signed(std::string(bytes));
  const auto claims = Signer().VerifySignature(token);
  if (!claims.ok()) return 0;
  Require(Signer().Sign(*claims) == token, "signed again, the same token");
  static_cast<void>(Signer().Verify(token, absl::FromUnixSeconds(1764000000)));
  return 0;
}
