// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

// The commands of whoever approves revisions. They ask no server: the key need
// not be on a machine that has a network.

#include <unistd.h>

#include <memory>

#include "absl/strings/str_cat.h"
#include "client/cli/cli.h"
#include "client/cli/output.h"
#include "client/file.h"
#include "policy/revision.h"
#include "policy/revision_signature.h"
#include "policy/signing_key.h"
#include "policy/status_macros.h"

namespace attune::client {
namespace {

constexpr unsigned kOwnerOnly = 0600;
constexpr unsigned kForAll = 0644;

struct KeygenFlags {
  std::string out;
  bool json = false;
};

struct SignFlags {
  std::string artifact;
  std::string key_file;
  std::string out;
  int64_t number = 0;
  bool json = false;
};

constexpr char kKeygenFooter[] = R"help(
Writes NAME.pem, the private key, which nobody else should read, and NAME.pub.pem,
which belongs into the server's --trusted_keys_file. Replaces nothing.

Examples:
  attune keygen --out keys/release
  attune_server --trusted_keys_file keys/release.pub.pem)help";
constexpr char kSignFooter[] = R"help(
Verifies the artifact as a server would and writes ARTIFACT.sig. The number must be
above that of every revision of the policy that the server took before, by at most
1,000,000: count them.

Examples:
  attune sign revision.attune --key keys/release.pem --number 7
  attune push revision.attune)help";

absl::Status RunKeygen(const KeygenFlags& flags, const Terminal& terminal) {
  const std::string private_path = flags.out + ".pem";
  const std::string public_path = flags.out + ".pub.pem";
  ATTUNE_ASSIGN_OR_RETURN(const policy::SigningKey key,
                          policy::SigningKey::Generate());
  ATTUNE_RETURN_IF_ERROR(
      WriteNewFile(private_path, key.PrivatePem(), kOwnerOnly));
  const absl::Status status =
      WriteNewFile(public_path, key.PublicPem(), kForAll);
  if (!status.ok()) {
    ::unlink(private_path.c_str());
    return status;
  }
  const KeyFiles files{key.key_id(), private_path, public_path};
  terminal.out << (flags.json ? KeygenJson(files) : KeygenText(files));
  return absl::OkStatus();
}

absl::Status RunSign(const SignFlags& flags, const Terminal& terminal) {
  ATTUNE_ASSIGN_OR_RETURN(const std::string pem, ReadFile(flags.key_file));
  auto key = policy::SigningKey::FromPem(pem);
  if (!key.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat(flags.key_file, ": ", key.status().message()));
  }
  ATTUNE_ASSIGN_OR_RETURN(const auto revision,
                          policy::Revision::LoadFile(flags.artifact));
  ATTUNE_ASSIGN_OR_RETURN(
      const v1::RevisionSignature signature,
      key->Sign(revision->digest(), revision->manifest().policy(),
                flags.number));
  const std::string out = flags.out.empty()
                              ? flags.artifact + policy::kSignatureExtension
                              : flags.out;
  ATTUNE_RETURN_IF_ERROR(ReplaceFile(out, signature.SerializeAsString()));
  terminal.out << (flags.json ? SignJson(out, signature)
                              : SignText(out, signature));
  return absl::OkStatus();
}

}  // namespace

void AddKeygenCommand(CLI::App& app, CliContext& context) {
  auto flags = std::make_shared<KeygenFlags>();
  CLI::App& command = AddCommand(app, context,
                                 {.name = "keygen",
                                  .description = "Make a key that signs "
                                                 "revisions",
                                  .footer = kKeygenFooter},
                                 flags, RunKeygen);
  command.add_flag("--json", flags->json, "Print JSON");
  command.add_option("--out", flags->out, "Where: DIRECTORY/NAME")->required();
}

void AddSignCommand(CLI::App& app, CliContext& context) {
  auto flags = std::make_shared<SignFlags>();
  CLI::App& command =
      AddCommand(app, context,
                 {.name = "sign",
                  .description = "Approve a revision with a key",
                  .footer = kSignFooter},
                 flags, RunSign);
  command.add_flag("--json", flags->json, "Print JSON");
  command.add_option("ARTIFACT", flags->artifact, "The artifact")->required();
  command.add_option("--key", flags->key_file, "The private key")->required();
  command.add_option("--number", flags->number, "The policy's revision number")
      ->required()
      ->check(CLI::PositiveNumber);
  command.add_option("--out", flags->out,
                     "The signature's file; ARTIFACT.sig by default");
}

}  // namespace attune::client
