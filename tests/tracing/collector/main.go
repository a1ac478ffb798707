// SPDX-License-Identifier: Apache-2.0

// The OTLP receiver of the OpenTelemetry collector, alone: prints its endpoint, then
// each span that arrives as a line of JSON, until its input ends.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"sync"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/receiver/otlpreceiver"
	"go.opentelemetry.io/collector/receiver/receivertest"
)

type span struct {
	Name       string         `json:"name"`
	Kind       string         `json:"kind"`
	TraceID    string         `json:"trace_id"`
	SpanID     string         `json:"span_id"`
	ParentID   string         `json:"parent_id"`
	State      string         `json:"trace_state"`
	Status     string         `json:"status"`
	Nanos      int64          `json:"nanos"`
	Attributes map[string]any `json:"attributes"`
	Resource   map[string]any `json:"resource"`
}

// print writes the spans of one request.
func print(traces ptrace.Traces) error {
	encoder := json.NewEncoder(os.Stdout)
	for i := 0; i < traces.ResourceSpans().Len(); i++ {
		of := traces.ResourceSpans().At(i)
		for j := 0; j < of.ScopeSpans().Len(); j++ {
			spans := of.ScopeSpans().At(j).Spans()
			for k := 0; k < spans.Len(); k++ {
				s := spans.At(k)
				err := encoder.Encode(span{s.Name(), s.Kind().String(), s.TraceID().String(), s.SpanID().String(),
					s.ParentSpanID().String(), s.TraceState().AsRaw(), s.Status().Code().String(),
					s.EndTimestamp().AsTime().Sub(s.StartTimestamp().AsTime()).Nanoseconds(),
					s.Attributes().AsRaw(), of.Resource().Attributes().AsRaw()})
				if err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// start listens on a port that was free a moment before.
func start(ctx context.Context) (component.Component, string, error) {
	probe, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, "", err
	}
	endpoint := probe.Addr().String()
	probe.Close()
	factory := otlpreceiver.NewFactory()
	config := factory.CreateDefaultConfig().(*otlpreceiver.Config)
	config.GRPC = nil
	config.HTTP.Endpoint = endpoint
	var mutex sync.Mutex
	sink, err := consumer.NewTraces(func(_ context.Context, traces ptrace.Traces) error {
		mutex.Lock()
		defer mutex.Unlock()
		return print(traces)
	})
	if err != nil {
		return nil, "", err
	}
	receiver, err := factory.CreateTracesReceiver(ctx, receivertest.NewNopSettings(), config, sink)
	if err != nil {
		return nil, "", err
	}
	return receiver, "http://" + endpoint, receiver.Start(ctx, componenttest.NewNopHost())
}

func main() {
	ctx := context.Background()
	receiver, endpoint, err := start(ctx)
	for tries := 0; err != nil && tries < 10; tries++ {
		receiver, endpoint, err = start(ctx)
	}
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(endpoint)
	io.Copy(io.Discard, os.Stdin)
	if err := receiver.Shutdown(ctx); err != nil {
		log.Fatal(err)
	}
}
