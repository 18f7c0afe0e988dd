// A ttrpc peer that shares no code with the package under test: server SOCKET RECORDS, or client
// SOCKET. What it is told and what it tells is in tests/support/interop_peer.py.
package main

import (
	"encoding/hex"
	"log"
	"os"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	_ "ttrpcpeer/pb" // generated from protos/; registers the messages and services
)

func main() {
	log.SetFlags(0)
	var err error
	switch arguments := os.Args[1:]; {
	case len(arguments) == 3 && arguments[0] == "server":
		err = serve(arguments[1], arguments[2])
	case len(arguments) == 2 && arguments[0] == "client":
		err = makeCalls(arguments[1])
	default:
		log.Fatal("usage: server SOCKET RECORDS | client SOCKET")
	}
	if err != nil {
		log.Fatal(err)
	}
}

// Bytes are hex in the JSON that the peer is told.
type hexBytes []byte

func (b *hexBytes) UnmarshalText(text []byte) error {
	decoded, err := hex.DecodeString(string(text))
	*b = decoded
	return err
}

func findService(name string) (protoreflect.ServiceDescriptor, error) {
	found, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(name))
	if err != nil {
		return nil, err
	}
	return found.(protoreflect.ServiceDescriptor), nil
}

func newMessage(described protoreflect.MessageDescriptor) proto.Message {
	found, err := protoregistry.GlobalTypes.FindMessageByName(described.FullName())
	if err != nil {
		panic(err) // a method's messages are generated beside it
	}
	return found.New().Interface()
}
