package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"sync"
	"time"

	"github.com/containerd/ttrpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// How a method is answered. The default is success with an empty message.
type answer struct {
	Payload hexBytes `json:"payload"`
	Code    uint32   `json:"code"`
	Message string   `json:"message"`
	// Answer only when the method is told another answer.
	Hold bool `json:"hold"`
}

// A line that the server is told.
type order struct {
	Method string `json:"method"`
	Answer answer `json:"answer"`
}

// A line that it writes down.
type record struct {
	Event       string              `json:"event"`
	Method      string              `json:"method"`
	Request     json.RawMessage     `json:"request,omitempty"`
	Metadata    map[string][]string `json:"metadata,omitempty"`
	TimeoutNano int64               `json:"timeout_nano,omitempty"`
}

// serve answers as it is told until standard input ends.
func serve(socket, records string) error {
	file, err := os.OpenFile(records, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	s := &stage{answers: map[string]answer{}, changed: make(chan struct{}), records: file}
	server, err := ttrpc.NewServer()
	if err != nil {
		return err
	}
	for _, name := range []string{"grpc.Health", "grpc.AgentService"} {
		service, err := findService(name)
		if err != nil {
			return err
		}
		server.Register(name, s.methods(service))
	}
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return err
	}
	go s.obey()
	return server.Serve(context.Background(), listener)
}

// stage is what the methods of all services share.
type stage struct {
	lock    sync.Mutex
	answers map[string]answer
	changed chan struct{} // closed when an answer is replaced
	records io.Writer
}

func (s *stage) methods(service protoreflect.ServiceDescriptor) map[string]ttrpc.Method {
	methods := map[string]ttrpc.Method{}
	for i := 0; i < service.Methods().Len(); i++ {
		method := service.Methods().Get(i)
		methods[string(method.Name())] = func(
			ctx context.Context, unmarshal func(interface{}) error,
		) (interface{}, error) {
			request := newMessage(method.Input())
			if err := unmarshal(request); err != nil {
				return nil, err
			}
			name := fmt.Sprintf("%s/%s", service.FullName(), method.Name())
			response := newMessage(method.Output())
			return response, s.respond(ctx, name, request, response)
		}
	}
	return methods
}

// respond writes a request down, and fills its response once that isn't held.
func (s *stage) respond(ctx context.Context, method string, request, response proto.Message) error {
	s.record(asked(ctx, method, request))
	told, err := s.notHeld(ctx, method)
	if err != nil {
		s.record(record{Event: "dropped", Method: method})
		return err
	}
	if told.Code != 0 {
		return status.Error(codes.Code(told.Code), told.Message)
	}
	return proto.Unmarshal(told.Payload, response)
}

func (s *stage) notHeld(ctx context.Context, method string) (answer, error) {
	for {
		s.lock.Lock()
		told, changed := s.answers[method], s.changed
		s.lock.Unlock()
		if !told.Hold {
			return told, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return answer{}, ctx.Err()
		}
	}
}

func asked(ctx context.Context, method string, request proto.Message) record {
	text, err := protojson.Marshal(request)
	if err != nil {
		log.Fatal(err)
	}
	metadata, _ := ttrpc.GetMetadata(ctx)
	asked := record{Event: "asked", Method: method, Request: text, Metadata: metadata}
	// The library keeps the deadline, not what it was sent.
	if deadline, ok := ctx.Deadline(); ok {
		asked.TimeoutNano = time.Until(deadline).Nanoseconds()
	}
	return asked
}

// record makes one write: whoever has the answer finds the line in the file.
func (s *stage) record(r record) {
	line, err := json.Marshal(r)
	if err == nil {
		_, err = s.records.Write(append(line, '\n'))
	}
	if err != nil {
		log.Fatal(err)
	}
}

// obey takes orders from standard input, and says after each that it holds.
func (s *stage) obey() {
	fmt.Println("ready")
	lines := bufio.NewReader(os.Stdin)
	for {
		line, err := lines.ReadBytes('\n')
		if err == io.EOF {
			os.Exit(0)
		}
		var told order
		if err == nil {
			err = json.Unmarshal(line, &told)
		}
		if err != nil {
			log.Fatal(err)
		}
		s.lock.Lock()
		s.answers[told.Method] = told.Answer
		close(s.changed)
		s.changed = make(chan struct{})
		s.lock.Unlock()
		fmt.Println("done")
	}
}
