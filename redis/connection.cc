// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "redis/connection.h"

#include <hiredis/hiredis.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <random>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "policy/status_macros.h"
#include "redis/error.h"

namespace attune::redis {
namespace {

struct ReplyDeleter {
  void operator()(redisReply* reply) const { ::freeReplyObject(reply); }
};
using OwnedReply = std::unique_ptr<redisReply, ReplyDeleter>;

std::function<double()> RandomOfProcess() {
  return [generator = std::mt19937_64(std::random_device()())]() mutable {
    return std::uniform_real_distribution<double>()(generator);
  };
}

Connection::Options WithDefaults(Connection::Options options) {
  if (!options.clock) options.clock = [] { return absl::Now(); };
  if (!options.random) options.random = RandomOfProcess();
  return options;
}

}  // namespace

void Connection::ContextDeleter::operator()(redisContext* context) const {
  ::redisFree(context);
}

Connection::Connection(Options options)
    : options_(WithDefaults(std::move(options))),
      backoff_(options_.backoff, options_.random) {}

Connection::~Connection() = default;

void Connection::Close() { context_.reset(); }

void Connection::SetPassword(std::string password) {
  if (options_.endpoint.password == password) return;
  options_.endpoint.password = std::move(password);
  backoff_.Succeed();
  Close();
}

absl::Status Connection::Lost(std::string_view what) const {
  const bool timed_out =
      context_ != nullptr && context_->err == REDIS_ERR_IO && errno == EAGAIN;
  return absl::UnavailableError(absl::StrCat(
      "redis ", options_.endpoint.Name(), ": ", std::string(what), ": ",
      timed_out             ? "timed out"
      : context_ == nullptr ? "out of memory"
                            : context_->errstr));
}

absl::Status Connection::Note(absl::Status outcome) {
  if (!IsAboutConnection(outcome)) {
    backoff_.Succeed();
    return outcome;
  }
  Close();
  backoff_.Fail(options_.clock());
  last_error_ = outcome;
  return outcome;
}

absl::Status Connection::EnsureConnected() {
  if (context_ != nullptr) return absl::OkStatus();
  if (options_.clock() < backoff_.next()) return last_error_;
  const absl::Status status = Connect();
  return status.ok() ? status : Note(status);
}

absl::Status Connection::Connect() {
  context_.reset(::redisConnectWithTimeout(
      options_.endpoint.host.c_str(), options_.endpoint.port,
      absl::ToTimeval(options_.connect_timeout)));
  if (context_ == nullptr || context_->err != 0) return Lost("cannot connect");
  ATTUNE_RETURN_IF_ERROR(SetTimeout(options_.command_timeout));
  ATTUNE_RETURN_IF_ERROR(Handshake());
  ++connects_;
  return absl::OkStatus();
}

absl::Status Connection::Handshake() {
  const Endpoint& endpoint = options_.endpoint;
  const std::string database = absl::StrCat(endpoint.database);
  int commands = 0;
  const auto append = [&](Args args) {
    Append(args);
    ++commands;
  };
  if (!endpoint.password.empty() && !endpoint.user.empty()) {
    append({"AUTH", endpoint.user, endpoint.password});
  } else if (!endpoint.password.empty()) {
    append({"AUTH", endpoint.password});
  }
  if (endpoint.database != 0) append({"SELECT", database});
  // Also finds a server that takes connections and does not answer.
  append({"PING"});
  absl::Status status;
  for (; commands > 0; --commands) {
    const auto reply = ReadReply();
    if (!reply.ok() && absl::IsUnavailable(reply.status())) {
      return reply.status();
    }
    if (!reply.ok() && status.ok()) status = reply.status();
  }
  // Whatever a handshake is refused for, another one may not be.
  if (status.ok() || IsAboutConnection(status)) return status;
  return absl::UnavailableError(status.message());
}

absl::Status Connection::SetTimeout(absl::Duration timeout) {
  if (::redisSetTimeout(context_.get(), absl::ToTimeval(timeout)) != REDIS_OK) {
    return Lost("cannot set a timeout");
  }
  return absl::OkStatus();
}

void Connection::Append(Args args) {
  std::vector<const char*> data;
  std::vector<size_t> sizes;
  for (const std::string_view arg : args) {
    data.push_back(arg.data());
    sizes.push_back(arg.size());
  }
  // Fails only without memory; then so does the read of its reply.
  ::redisAppendCommandArgv(context_.get(), static_cast<int>(args.size()),
                           data.data(), sizes.data());
}

absl::StatusOr<Reply> Connection::ReadReply() {
  void* raw = nullptr;
  errno = 0;
  if (::redisGetReply(context_.get(), &raw) != REDIS_OK || raw == nullptr) {
    return Lost("connection lost");
  }
  const OwnedReply reply(static_cast<redisReply*>(raw));
  return FromHiredis(reply.get());
}

absl::StatusOr<Reply> Connection::FromHiredis(redisReply* reply) const {
  switch (reply->type) {
    case REDIS_REPLY_NIL:
      return Reply();
    case REDIS_REPLY_INTEGER:
      return Reply(static_cast<int64_t>(reply->integer));
    case REDIS_REPLY_STRING:
    case REDIS_REPLY_STATUS:
      return Reply(std::string(reply->str, reply->len));
    case REDIS_REPLY_ERROR:
      return ErrorOf(options_.endpoint.Name(),
                     std::string_view(reply->str, reply->len));
    default:
      break;
  }
  Reply::List list;
  for (size_t i = 0; i < reply->elements; ++i) {
    ATTUNE_ASSIGN_OR_RETURN(Reply element, FromHiredis(reply->element[i]));
    list.push_back(std::move(element));
  }
  return Reply(std::move(list));
}

absl::StatusOr<Reply> Connection::Run(Args args, absl::Duration may_block) {
  ATTUNE_RETURN_IF_ERROR(EnsureConnected());
  absl::Status status = SetTimeout(options_.command_timeout + may_block);
  if (!status.ok()) return Note(status);
  Append(args);
  auto reply = ReadReply();
  status = Note(reply.status());
  if (!status.ok()) return status;
  return reply;
}

absl::StatusOr<std::vector<Reply>> Connection::RunAll(
    absl::Span<const std::vector<std::string_view>> commands) {
  ATTUNE_RETURN_IF_ERROR(EnsureConnected());
  absl::Status status = SetTimeout(options_.command_timeout);
  if (!status.ok()) return Note(status);
  for (const auto& command : commands) Append(command);
  std::vector<Reply> replies;
  for (size_t i = 0; i < commands.size(); ++i) {
    auto reply = ReadReply();
    if (!reply.ok() && status.ok()) status = reply.status();
    if (!reply.ok() && absl::IsUnavailable(reply.status())) break;
    if (reply.ok()) replies.push_back(*std::move(reply));
  }
  ATTUNE_RETURN_IF_ERROR(Note(status));
  return replies;
}

absl::StatusOr<Reply> Connection::RunScript(std::string_view script, Args keys,
                                            Args args) {
  const std::string key_count = absl::StrCat(keys.size());
  std::vector<std::string_view> command = {"EVAL", script, key_count};
  command.insert(command.end(), keys.begin(), keys.end());
  command.insert(command.end(), args.begin(), args.end());
  return Run(command);
}

absl::Status Connection::Subscribe(std::string_view channel) {
  return Run({"SUBSCRIBE", channel}).status();
}

absl::StatusOr<std::optional<std::string>> Connection::NextMessage(
    absl::Duration wait) {
  if (context_ == nullptr) return last_error_;
  const absl::Time deadline = absl::Now() + wait;
  void* raw = nullptr;
  while (true) {
    errno = 0;
    if (::redisGetReplyFromReader(context_.get(), &raw) != REDIS_OK) {
      return Note(Lost("connection lost"));
    }
    if (raw != nullptr) break;
    pollfd file = {.fd = context_->fd, .events = POLLIN, .revents = 0};
    const absl::Duration left =
        std::max(deadline - absl::Now(), absl::ZeroDuration());
    const int ready = ::poll(&file, 1,
                             static_cast<int>(absl::ToInt64Milliseconds(
                                 absl::Ceil(left, absl::Milliseconds(1)))));
    if (ready == 0) return std::optional<std::string>();
    if (ready < 0 || ::redisBufferRead(context_.get()) != REDIS_OK) {
      return Note(Lost("connection lost"));
    }
  }
  const OwnedReply owned(static_cast<redisReply*>(raw));
  auto reply = FromHiredis(owned.get());
  if (!reply.ok()) return Note(reply.status());
  ATTUNE_ASSIGN_OR_RETURN(Reply::List parts, reply->TakeList());
  // "message", channel, what was published.
  if (parts.size() != 3) return std::optional<std::string>();
  ATTUNE_ASSIGN_OR_RETURN(std::string message, parts[2].TakeString());
  return std::optional<std::string>(std::move(message));
}

}  // namespace attune::redis
