// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/config.h"

#include <unistd.h>
#include <yaml-cpp/yaml.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <map>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "policy/status_macros.h"
#include "redis/endpoint.h"
#include "server/file_io.h"

namespace attune::server {
namespace {

constexpr const char* kEnvironmentPrefix = "ATTUNE_";
constexpr const char* kOtelEndpoint = "OTEL_EXPORTER_OTLP_ENDPOINT";
constexpr const char* kReadouts[] = {"", "generate", "labels", "likelihood"};
constexpr const char* kLogLevels[] = {"debug", "info", "warning", "error",
                                      "off"};
constexpr const char* kExamples = R"(
Examples:
  attune_server --revision_dir /var/lib/attune --token_key_file /run/key
  attune_server --data_listen 127.0.0.1:0 --port_file ports.json
  ATTUNE_LOG_LEVEL=debug attune_server --config server.yaml --print_config
)";

// A setting: how its text becomes a value and the value its text.
struct Setting {
  const char* name;
  const char* help;
  std::function<bool(const std::string&, ServerConfig*)> parse;
  std::function<std::string(const ServerConfig&)> print;
};

Setting Text(const char* name, const char* help,
             std::string ServerConfig::*field) {
  return {name, help,
          [field](const std::string& text, ServerConfig* config) {
            config->*field = text;
            return true;
          },
          [field](const ServerConfig& config) { return config.*field; }};
}

Setting Number(const char* name, const char* help, int64_t ServerConfig::*field,
               int64_t least = 1) {
  return {name, help,
          [field, least](const std::string& text, ServerConfig* config) {
            return absl::SimpleAtoi(text, &(config->*field)) &&
                   config->*field >= least;
          },
          [field](const ServerConfig& config) {
            return absl::StrCat(config.*field);
          }};
}

Setting Time(const char* name, const char* help,
             absl::Duration ServerConfig::*field) {
  return {name, help,
          [field](const std::string& text, ServerConfig* config) {
            return absl::ParseDuration(text, &(config->*field)) &&
                   config->*field >= absl::ZeroDuration() &&
                   config->*field < absl::Hours(24 * 366);
          },
          [field](const ServerConfig& config) {
            return absl::FormatDuration(config.*field);
          }};
}

Setting Flag(const char* name, const char* help, bool ServerConfig::*field) {
  return {name, help,
          [field](const std::string& text, ServerConfig* config) {
            config->*field = text == "true";
            return text == "true" || text == "false";
          },
          [field](const ServerConfig& config) {
            return config.*field ? "true" : "false";
          }};
}

Setting Ratio(const char* name, const char* help, double ServerConfig::*field) {
  return {name, help,
          [field](const std::string& text, ServerConfig* config) {
            // False for NaN too.
            return absl::SimpleAtod(text, &(config->*field)) &&
                   config->*field >= 0.0 && config->*field <= 1.0;
          },
          [field](const ServerConfig& config) {
            return absl::StrCat(config.*field);
          }};
}

bool ParseReadout(const std::string& text, ServerConfig* config) {
  for (int i = 1; i <= 3; ++i) {
    if (text == kReadouts[i]) config->readout = static_cast<policy::Readout>(i);
  }
  return text == kReadouts[static_cast<int>(config->readout)];
}

bool ParseLevel(const std::string& text, ServerConfig* config) {
  const auto level = ParseLogLevel(text);
  if (level.ok()) config->log_level = *level;
  return level.ok();
}

const std::vector<Setting>& Settings() {
  using C = ServerConfig;
  static const auto* const settings = new std::vector<Setting>{
      Text("data_listen", "host:port of PromptService", &C::data_listen),
      Text("control_listen", "host:port of PolicyService", &C::control_listen),
      Text("metrics_listen", "host:port of /metrics", &C::metrics_listen),
      Text("health_listen", "host:port of /readyz, HTTP without TLS; none",
           &C::health_listen),
      Text("console_listen", "host:port of the console, a web page; none",
           &C::console_listen),
      Text("tls_cert_file", "PEM certificate and chain; turns TLS on",
           &C::tls_cert_file),
      Text("tls_key_file", "PEM key of the certificate", &C::tls_key_file),
      Text("tls_client_ca_file",
           "PEM CAs; clients must show a certificate of theirs",
           &C::tls_client_ca_file),
      Time("tls_reload_interval", "between readings of these files; 0 for none",
           &C::tls_reload_interval),
      Time("tls_connection_age", "most time that a connection lives; 0 for any",
           &C::tls_connection_age),
      Text("roles_file", "YAML or JSON: a certificate's name -> its roles",
           &C::roles_file),
      Text("port_file", "file for the chosen ports, as JSON", &C::port_file),
      Text("revision_dir", "where revisions are kept", &C::revision_dir),
      Text("trusted_keys_file",
           "PEM public keys; every revision must be signed by one",
           &C::trusted_keys_file),
      Text("catalog", "catalog that serves before the first revision",
           &C::catalog),
      {"readout", "its readout: generate, labels or likelihood", ParseReadout,
       [](const C& c) { return kReadouts[static_cast<int>(c.readout)]; }},
      Text("token_key_file",
           "keys of decision tokens: one in hex a line, the first signs; or 32 "
           "raw bytes",
           &C::token_key_file),
      Text("token_previous_key_file", "key that is still accepted",
           &C::token_previous_key_file),
      Time("token_ttl", "how long a token is accepted", &C::token_ttl),
      Text("user_key_file", "key of users' pseudonyms, hex or 32 raw bytes",
           &C::user_key_file),
      Text("log_dir", "where decisions are logged; 'off' for nowhere",
           &C::log_dir),
      Number("log_max_bytes", "largest decision log", &C::log_max_bytes),
      Time("log_retention", "how long decisions are kept", &C::log_retention),
      {"redis_url", "redis://[user[:password]@]host:port/db shared with others",
       [](const std::string& text, C* config) {
         config->redis_url = text;
         return true;
       },
       [](const C& c) { return redis::WithoutPassword(c.redis_url); }},
      Text("redis_password_file", "its password; read at each connection",
           &C::redis_password_file),
      Text("redis_prefix", "before every key in Redis", &C::redis_prefix),
      Text("replica", "this server's name to the others", &C::replica),
      Number("redis_max_records", "most records that wait to be collected",
             &C::redis_max_records, 1000),
      Text("otlp_endpoint", "http(s) URL that takes OTLP; turns tracing on",
           &C::otlp_endpoint),
      Text("otlp_headers_file", "headers for it, \"Name: value\" lines",
           &C::otlp_headers_file),
      Ratio("trace_ratio", "share of calls without a traceparent; 0 to 1",
            &C::trace_ratio),
      Flag("guardrails", "false to leave a canary that does badly in traffic",
           &C::guardrails),
      Flag("log_requests", "true to log histories and candidates too",
           &C::log_requests),
      Time("feedback_window", "how long feedback is accepted",
           &C::feedback_window),
      Number("max_revision_bytes", "largest artifact", &C::max_revision_bytes),
      Number("push_bytes_per_second", "pace of pushes; 0: no limit",
             &C::push_bytes_per_second, 0),
      Number("max_revisions", "most artifacts", &C::max_revisions),
      Number("max_calls", "most prompts under way", &C::max_calls),
      Time("max_wait", "of an admitted call for a thread", &C::max_wait),
      Number("max_calls_per_caller", "most calls of one caller; 0: no limit",
             &C::max_calls_per_caller, 0),
      Number("max_connections", "most connections to data_listen",
             &C::max_connections),
      Number("max_connections_per_address", "from one address; 0: no limit",
             &C::max_connections_per_address, 0),
      Number("max_streams", "most calls on one connection", &C::max_streams),
      Time("handshake_timeout", "of a new connection", &C::handshake_timeout),
      Time("idle_timeout", "of a connection without calls; 0: none",
           &C::idle_timeout),
      Time("max_connection_age", "after which it shall end; 0: never",
           &C::max_connection_age),
      Time("drain_delay", "from not-serving to refusing calls",
           &C::drain_delay),
      Time("shutdown_deadline", "for calls under way", &C::shutdown_deadline),
      {"log_level", "debug, info, warning, error or off", ParseLevel,
       [](const C& c) { return kLogLevels[static_cast<int>(c.log_level)]; }},
  };
  return *settings;
}

const Setting* FindSetting(const std::string& name) {
  for (const Setting& setting : Settings()) {
    if (name == setting.name) return &setting;
  }
  return nullptr;
}

absl::Status Apply(const std::string& name, const std::string& text,
                   const std::string& source, ServerConfig* config) {
  const Setting* setting = FindSetting(name);
  if (setting == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, " (", source, "): no such setting"));
  }
  if (setting->parse(text, config)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(name, " (", source, "): not a good value; ", setting->help));
}

absl::Status ApplyFile(const std::string& path, ServerConfig* config) {
  ATTUNE_ASSIGN_OR_RETURN(const std::string bytes,
                          ReadSmallFile(path, 1 << 20));
  try {
    const YAML::Node root = YAML::Load(bytes);
    if (root.IsNull()) return absl::OkStatus();
    if (!root.IsMap()) {
      return absl::InvalidArgumentError(
          absl::StrCat(path, ": must be a mapping of settings"));
    }
    for (const auto& entry : root) {
      const std::string source =
          absl::StrCat(path, ":", entry.first.Mark().line + 1);
      if (!entry.first.IsScalar() || !entry.second.IsScalar()) {
        return absl::InvalidArgumentError(
            absl::StrCat(source, ": must be name: value"));
      }
      ATTUNE_RETURN_IF_ERROR(
          Apply(entry.first.Scalar(), entry.second.Scalar(), source, config));
    }
  } catch (const YAML::Exception& error) {
    return absl::InvalidArgumentError(absl::StrCat(
        path, ":", error.mark.line + 1, ": neither YAML nor JSON"));
  }
  return absl::OkStatus();
}

// Names of variables that are no setting go to `unknown`: Kubernetes, the attune
// command and scripts/ set some of their own.
absl::Status ApplyEnvironment(const Environment& environment,
                              const std::vector<std::string>& names,
                              ServerConfig* config,
                              std::vector<std::string>* unknown) {
  // What OpenTelemetry's own libraries read; ours, below, comes before it.
  config->otlp_endpoint =
      environment(kOtelEndpoint).value_or(config->otlp_endpoint);
  for (const std::string& name : names) {
    if (!absl::StartsWith(name, kEnvironmentPrefix)) continue;
    const std::string setting =
        absl::AsciiStrToLower(absl::StripPrefix(name, kEnvironmentPrefix));
    if (setting == "config") continue;
    if (FindSetting(setting) == nullptr) {
      unknown->push_back(name);
      continue;
    }
    const auto value = environment(name);
    if (!value.has_value()) continue;
    ATTUNE_RETURN_IF_ERROR(Apply(setting, *value, name, config));
  }
  return absl::OkStatus();
}

std::string Print(const ServerConfig& config) {
  std::string text;
  for (const Setting& setting : Settings()) {
    // In quotes where YAML wants them.
    YAML::Emitter value;
    value << setting.print(config);
    absl::StrAppend(&text, setting.name, ": ", value.c_str(), "\n");
  }
  return text;
}

// The command line as CLI11 sees it: texts, not yet merged with anything.
struct Flags {
  std::map<std::string, std::string> values;
  std::string config_file;
  bool print_config = false;
  bool print_version = false;
  std::optional<std::string> help;
};

absl::StatusOr<Flags> ParseFlags(const std::vector<std::string>& args) {
  Flags flags;
  CLI::App app("Chooses the prompt that makes a frozen LLM recommend best.",
               "attune_server");
  app.footer(kExamples);
  for (const Setting& setting : Settings()) {
    const std::string initial = setting.print(ServerConfig());
    app.add_option_function<std::string>(
           absl::StrCat("--", setting.name),
           [&flags, &setting](const std::string& text) {
             flags.values[setting.name] = text;
           },
           absl::StrCat(setting.help,
                        initial.empty() ? "" : " [" + initial + "]"))
        ->type_name("");
  }
  app.add_option("--config", flags.config_file, "YAML or JSON file of settings")
      ->type_name("");
  app.add_flag("--print_config", flags.print_config, "print the settings");
  app.add_flag("--version", flags.print_version, "print the version");
  try {
    app.parse(std::vector<std::string>(args.rbegin(), args.rend()));
  } catch (const CLI::CallForHelp&) {
    flags.help = app.help();
  } catch (const CLI::ParseError& error) {
    return absl::InvalidArgumentError(
        absl::StrCat("command line: ", error.what()));
  }
  return flags;
}

}  // namespace

absl::StatusOr<Invocation> LoadConfig(
    const std::vector<std::string>& args, const Environment& environment,
    const std::vector<std::string>& environment_names) {
  ATTUNE_ASSIGN_OR_RETURN(Flags flags, ParseFlags(args));
  Invocation invocation;
  invocation.print = flags.help;
  if (flags.print_version) {
    invocation.print = absl::StrCat("attune_server ", ATTUNE_VERSION, "\n");
  }
  if (invocation.print.has_value()) return invocation;

  ServerConfig& config = invocation.config;
  if (flags.config_file.empty()) {
    flags.config_file = environment("ATTUNE_CONFIG").value_or("");
  }
  if (!flags.config_file.empty()) {
    ATTUNE_RETURN_IF_ERROR(ApplyFile(flags.config_file, &config));
  }
  ATTUNE_RETURN_IF_ERROR(ApplyEnvironment(
      environment, environment_names, &config, &invocation.unknown_variables));
  for (const auto& [name, text] : flags.values) {
    ATTUNE_RETURN_IF_ERROR(Apply(name, text, "--" + name, &config));
  }
  if (flags.print_config) invocation.print = Print(config);
  return invocation;
}

absl::StatusOr<std::string> FindCatalog(const ServerConfig& config) {
  if (!config.catalog.empty()) return config.catalog;
  std::error_code error;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", error);
  const std::string places[] = {
      (program.parent_path() / "../share/attune/catalogs/movies.yaml").string(),
      "policy/catalogs/movies.yaml",
      std::string(ATTUNE_SOURCE_CATALOGS) + "/movies.yaml"};
  for (const std::string& place : places) {
    if (FileSizeOrZero(place) > 0) return place;
  }
  return absl::NotFoundError("catalog: none is installed, name one");
}

}  // namespace attune::server
