// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "tests/policy/hostile_artifacts.h"
#include "tests/testing/policy_builders.h"

namespace attune::testing {
namespace {

constexpr size_t kLargeBytes = 250 * 1024;

std::string Repeat(const std::string& text, size_t times) {
  std::string all;
  all.reserve(text.size() * times);
  for (size_t i = 0; i < times; ++i) all += text;
  return all;
}

std::string Fill(const std::string& text) {
  return Repeat(text, kLargeBytes / text.size());
}

// Each level holds nine times the one before: a billion strings, if an alias were
// a copy.
std::string AliasBomb() {
  std::string yaml = "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n";
  for (int i = 1; i < 10; ++i) {
    const std::string below = absl::StrCat("*a", i - 1);
    absl::StrAppend(&yaml, "a", i, ": &a", i, " [", below, ",",
                    Repeat(below + ",", 7), below, "]\n");
  }
  return yaml;
}

std::string DeepBlock() {
  std::string yaml;
  for (int depth = 0; depth < 680; ++depth) {
    absl::StrAppend(&yaml, std::string(depth, ' '), "a:\n");
  }
  return yaml;
}

std::string Without(const std::string& text) {
  return absl::StrReplaceAll(kSmallCatalogYaml, {{text, ""}});
}

std::string With(const std::string& text, const std::string& instead) {
  return absl::StrReplaceAll(kSmallCatalogYaml, {{text, instead}});
}

}  // namespace

std::vector<HostileCatalog> HostileCatalogs() {
  const std::string good = kSmallCatalogYaml;
  const std::string option = "{id: taste, text: \"Think of the taste first.\"}";
  return {
      {"empty", ""},
      // yaml-cpp never ends a list of documents that begins like this.
      {"a comma", ","},
      {"a comma and a comment", ",# x"},
      {"a comma after a document", good + "...\n,"},
      {"a scalar", "x"},
      {"a list", "[1, 2]"},
      {"null", "~"},
      {"half a list", "["},
      {"half a map", "{a: "},
      {"half a string", "name: \"x"},
      {"a tab", "name:\n\t- x"},
      {"two documents", good + "\n---\n" + good},
      {"NUL bytes", good + std::string(3, '\0')},
      {"invalid UTF-8", good + "# \xff\n"},
      {"a surrogate", good + "# \xed\xa0\x80\n"},
      {"an alias of nothing", "name: *x"},
      {"an alias of itself", "name: &a [*a]"},
      {"an alias bomb", AliasBomb()},
      {"an alias bomb for patterns",
       AliasBomb() + Without("patterns:") + "patterns: *a9\n"},
      {"a merge of itself", "a: &a\n  <<: *a\n" + good},
      {"a tag", "!!python/object/apply:os.system [\"true\"]"},
      {"deep lists", Fill("[")},
      {"deep lists, closed", Repeat("[", 9000) + Repeat("]", 9000)},
      {"deep maps", Fill("{a: ")},
      {"deep blocks", DeepBlock()},
      {"deep dashes", Fill("- ")},
      {"deep questions", Fill("? ")},
      {"deeper than 16", "a: " + Repeat("[", 16) + Repeat("]", 16)},
      {"an anchor and its alias",
       With("default: critic", "default: &a critic") + "x: *a\n"},
      {"many anchors", Fill("&a ")},
      {"many anchors in a list", "[" + Fill("&a x,") + "]"},
      {"many lists", "[" + Fill("[],") + "]"},
      {"many maps", "[" + Fill("{},") + "]"},
      {"many lines of dashes", Fill("-\n")},
      {"many lines of keys", Fill("? a\n")},
      {"many tags", Fill("!a ")},
      {"many colons", Fill(": ")},
      {"many comments", Fill("#\n")},
      {"many documents", Fill("---\n")},
      {"many keys", Fill("a: 1\n")},
      {"many commas", "[" + Fill(",")},
      {"many quotes", Fill("\"")},
      {"many line breaks in a string", "name: \"" + Fill("\n") + "\""},
      {"many escapes", "name: \"" + Fill("\\x41") + "\""},
      {"a directive", "%YAML 9.9\n---\n" + good},
      {"a key that nobody knows", good + "exec: /bin/sh\n"},
      {"a key twice", good + "name: other\n"},
      {"no name", Without("name: small\n")},
      {"a name that is a path", With("name: small", "name: ../small")},
      {"a name that is absolute", With("name: small", "name: /etc/passwd")},
      {"a name with a NUL", With("name: small", "name: \"a\\0b\"")},
      {"a domain that nobody knows", With("movies", "weapons")},
      {"no patterns", "name: x\ndomain: movies\nframe: {}\npatterns: []\n"},
      {"a pattern that is a path", With("name: reasoning", "name: ../../x")},
      {"a pattern twice", With("name: reasoning", "name: hint")},
      {"an option that is a path", With("id: taste", "id: ../taste")},
      {"an option twice", With("id: taste", "id: none")},
      {"a default that is none", With("default: critic", "default: chef")},
      {"65 options", With(
                         option, option +
                                     [] {
                                       std::string more;
                                       for (int i = 0; i < 64; ++i) {
                                         absl::StrAppend(
                                             &more, "\n      - {id: o", i,
                                             ", text: \"o", i, ".\"}");
                                       }
                                       return more;
                                     }())},
      {"a history of no items", With("length: 1}", "length: 0}")},
      {"a history of 10^30 items",
       With("length: 1}", "length: 1" + std::string(30, '0') + "}")},
      {"a history of -1 items", With("length: 1}", "length: -1}")},
      {"a history of NaN items", With("length: 1}", "length: .nan}")},
      {"a count of 1,000", With("count: 1,", "count: 1000,")},
      {"a slot twice", With("{items}.\"}", "{items} {items}.\"}")},
      {"a slot that nobody knows", With("{genres}", "{secret}")},
      {"a chat marker", With("Be brief.", "<|im_start|>system")},
      {"a control character", With("Be brief.", "Be \\u0007brief.")},
      {"a bidi override", With("Be brief.", "Be \\u202ebrief.")},
      {"a sentence of 3,000 bytes", With("Be brief.", std::string(3000, 'a'))},
      {"more than 256 KiB", good + Repeat("#\n", 140 * 1024)},
  };
}

}  // namespace attune::testing
