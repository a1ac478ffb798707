// SPDX-License-Identifier: Apache-2.0

// Asks an Attune server for a prompt and reports how it turned out, with the
// generated client: go_example [HOST:PORT]
package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	attune "attune.example/go_example/attunev1"
)

// What the C++ and Python clients do by themselves: a deadline on every call, and
// UNAVAILABLE tried again with backoff and jitter. All of PromptService's calls are
// safe to repeat. With RESOURCE_EXHAUSTED in the list, gRPC also repeats what an
// overloaded server refused, after the time that it says.
const serviceConfig = `{
  "loadBalancingConfig": [{"round_robin": {}}],
  "methodConfig": [{
    "name": [{"service": "attune.v1.PromptService"}],
    "timeout": "2s",
    "retryPolicy": {
      "maxAttempts": 4, "initialBackoff": "0.05s", "maxBackoff": "2s",
      "backoffMultiplier": 2, "retryableStatusCodes": ["UNAVAILABLE"]
    }
  }]
}`

func item(id, title string) *attune.Item {
	return &attune.Item{ItemId: id, Title: title}
}

// chatMessages joins the segments: what chat completion APIs take.
func chatMessages(prompt *attune.GetPromptResponse) []string {
	var messages []string
	for _, message := range prompt.Messages {
		var text strings.Builder
		for _, segment := range message.Segments {
			text.WriteString(segment.Text)
		}
		messages = append(messages, message.Role+": "+text.String())
	}
	return messages
}

// pretendLLM stands in for your LLM: it ranks the last label first.
func pretendLLM(_ []string, labels []string) []string {
	var ranked []string
	for i := len(labels) - 1; i >= 0; i-- {
		ranked = append(ranked, labels[i])
	}
	return ranked
}

// itemIDs turns the labels of the answer contract back into item ids.
func itemIDs(labels []string, answer *attune.AnswerContract) ([]string, error) {
	var ids []string
	for _, label := range labels {
		position := -1
		for i, displayed := range answer.Labels {
			if displayed == label {
				position = i
			}
		}
		if position < 0 {
			return nil, fmt.Errorf("the answer names %q, which was not displayed", label)
		}
		ids = append(ids, answer.DisplayedItemIds[position])
	}
	return ids, nil
}

// reason is the stable word of an error, for instance "TOKEN_NOT_OURS".
func reason(err error) string {
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok {
			return info.Reason
		}
	}
	return ""
}

func run(ctx context.Context, target string) error {
	connection, err := grpc.Dial(target,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultServiceConfig(serviceConfig))
	if err != nil {
		return err
	}
	defer connection.Close()
	client := attune.NewPromptServiceClient(connection)

	prompt, err := client.GetPrompt(ctx, &attune.GetPromptRequest{
		History: []*attune.Item{
			item("1", "Toy Story (1995)"), item("588", "Aladdin (1992)")},
		Candidates: []*attune.Item{
			item("71", "Lion King, The (1994)"),
			item("219", "Nightmare on Elm Street, A (1984)"),
			item("95", "Jungle Book, The (1994)")},
		UserId:  "user-17",
		Readout: attune.Readout_READOUT_GENERATE,
	})
	if err != nil {
		return err
	}
	fmt.Println("revision:", prompt.Revision)
	messages := chatMessages(prompt)
	fmt.Println("to the LLM:", strings.Join(messages, " | "))

	ids, err := itemIDs(pretendLLM(messages, prompt.Answer.Labels), prompt.Answer)
	if err != nil {
		return err
	}
	fmt.Println("ranking:", strings.Join(ids, " "))
	feedback, err := client.RecordFeedback(ctx, &attune.RecordFeedbackRequest{
		DecisionToken: prompt.DecisionToken,
		Outcome: &attune.RecordFeedbackRequest_Ranking{Ranking: &attune.RankingOutcome{
			RankedItemIds: ids, RelevantItemIds: ids[:1]}},
	})
	if err != nil {
		return err
	}
	fmt.Println("reward:", feedback.Reward)

	_, err = client.RecordFeedback(ctx, &attune.RecordFeedbackRequest{
		DecisionToken: []byte("forged"),
		Outcome:       &attune.RecordFeedbackRequest_Reward{Reward: 1},
	})
	fmt.Println("a forged token:", status.Code(err), reason(err))
	return nil
}

func main() {
	target := "127.0.0.1:50051"
	if len(os.Args) > 1 {
		target = os.Args[1]
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := run(ctx, target); err != nil {
		fmt.Fprintln(os.Stderr, err, reason(err))
		os.Exit(1)
	}
}
