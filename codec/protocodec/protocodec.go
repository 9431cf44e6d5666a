// Package protocodec encodes protobuf messages in protobuf's binary format.
package protocodec

import (
	"google.golang.org/protobuf/proto"

	"github.com/protomicro/micro/status"
)

// Codec is the [codec.Codec] called "proto". It takes messages that are a proto.Message. The order of fields and map
// entries is not promised, so equal messages may differ in bytes.
//
// [codec.Codec]: https://pkg.go.dev/github.com/protomicro/micro/codec#Codec
type Codec struct{}

// Name returns "proto".
func (Codec) Name() string { return "proto" }

// MarshalAppend appends msg to dst. An error is Internal: msg is not a proto.Message, lacks a required field or holds a
// string that is not UTF-8, all of which are the sender's own mistakes.
func (Codec) MarshalAppend(dst []byte, msg any) ([]byte, error) {
	m, ok := msg.(proto.Message)
	if !ok {
		return dst, status.Errorf(status.Internal, "proto: cannot encode %T: it is not a proto.Message", msg)
	}
	out, err := proto.MarshalOptions{}.MarshalAppend(dst, m)
	if err != nil {
		return dst, status.Errorf(status.Internal, "proto: cannot encode %s: %v", m.ProtoReflect().Descriptor().FullName(), err)
	}
	return out, nil
}

// Size returns how many bytes msg takes.
func (Codec) Size(msg any) int {
	m, ok := msg.(proto.Message)
	if !ok {
		return 0
	}
	return proto.Size(m)
}

// Unmarshal replaces what msg holds by what src encodes. Unknown fields are kept. An error is Internal if msg is not a
// proto.Message, and InvalidArgument if src is not the encoding of such a message.
func (Codec) Unmarshal(src []byte, msg any) error {
	m, ok := msg.(proto.Message)
	if !ok {
		return status.Errorf(status.Internal, "proto: cannot decode into %T: it is not a proto.Message", msg)
	}
	if err := proto.Unmarshal(src, m); err != nil {
		return status.Errorf(status.InvalidArgument, "proto: cannot decode %s: %v", m.ProtoReflect().Descriptor().FullName(), err)
	}
	return nil
}
