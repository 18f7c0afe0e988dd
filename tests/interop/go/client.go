package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"github.com/containerd/ttrpc"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// A call that the client makes.
type call struct {
	Service     string      `json:"service"`
	Method      string      `json:"method"`
	Payload     hexBytes    `json:"payload"`
	TimeoutNano int64       `json:"timeout_nano"`
	Metadata    [][2]string `json:"metadata"`
}

// How a call ended: with an answer, a status, or neither.
type ended struct {
	Answer  json.RawMessage `json:"answer,omitempty"`
	Code    uint32          `json:"code,omitempty"`
	Message string          `json:"message,omitempty"`
	Failure string          `json:"failure,omitempty"`
}

// makeCalls reads groups of calls from standard input, makes those of a group at once, and prints
// a line for each call, in order.
func makeCalls(socket string) error {
	var groups [][]call
	if err := json.NewDecoder(os.Stdin).Decode(&groups); err != nil {
		return err
	}
	conn, err := net.Dial("unix", socket)
	if err != nil {
		return err
	}
	client := ttrpc.NewClient(conn)
	defer client.Close()
	for _, group := range groups {
		for _, result := range atOnce(client, group) {
			line, err := json.Marshal(result)
			if err != nil {
				return err
			}
			fmt.Println(string(line))
		}
	}
	return nil
}

func atOnce(client *ttrpc.Client, group []call) []ended {
	results := make([]ended, len(group))
	var running sync.WaitGroup
	for i := range group {
		running.Add(1)
		go func(i int) {
			defer running.Done()
			results[i] = makeCall(client, group[i])
		}(i)
	}
	running.Wait()
	return results
}

func makeCall(client *ttrpc.Client, c call) ended {
	ctx := context.Background()
	if c.TimeoutNano != 0 {
		limited, cancel := context.WithTimeout(ctx, time.Duration(c.TimeoutNano))
		defer cancel()
		ctx = limited
	}
	metadata := ttrpc.MD{}
	for _, pair := range c.Metadata {
		metadata.Append(pair[0], pair[1])
	}
	ctx = ttrpc.WithMetadata(ctx, metadata)
	answer, err := typedCall(ctx, client, c)
	if err == nil {
		return ended{Answer: answer}
	}
	if st, ok := status.FromError(err); ok {
		return ended{Code: uint32(st.Code()), Message: st.Message()}
	}
	return ended{Failure: err.Error()}
}

func typedCall(ctx context.Context, client *ttrpc.Client, c call) (json.RawMessage, error) {
	service, err := findService(c.Service)
	if err != nil {
		return nil, err
	}
	method := service.Methods().ByName(protoreflect.Name(c.Method))
	if method == nil {
		return nil, fmt.Errorf("no method %s", c.Method)
	}
	request, response := newMessage(method.Input()), newMessage(method.Output())
	if err := proto.Unmarshal(c.Payload, request); err != nil {
		return nil, err
	}
	if err := client.Call(ctx, c.Service, c.Method, request, response); err != nil {
		return nil, err
	}
	return protojson.Marshal(response)
}
