// Package msgpackcodec encodes protobuf messages in MessagePack.
package msgpackcodec

import (
	"errors"
	"math"

	"google.golang.org/protobuf/proto"

	"github.com/protomicro/micro/codec/internal/protomap"
	"github.com/protomicro/micro/status"
)

// Codec is the [codec.Codec] called "msgpack". It takes messages that are a proto.Message, and needs no schema to be read:
// a message is a map with the names of its fields, and what each type becomes stands in MAPPING.md beside this file. One
// message has one encoding. Unknown fields are not written.
//
// It reads the names of fields in lowerCamelCase and as in the .proto file, and their numbers, and ignores keys that it
// does not know. Numbers may be of any width and sign that holds them exactly. Maps and lists more than 100 deep within
// each other are refused, in both directions.
//
// [codec.Codec]: https://pkg.go.dev/github.com/protomicro/micro/codec#Codec
type Codec struct{}

// Name returns "msgpack".
func (Codec) Name() string { return "msgpack" }

// MarshalAppend appends msg to dst. An error is Internal: msg is not a proto.Message, lacks a required field, or holds
// what has no encoding, such as a string that is not UTF-8 or an Any of a type that is not linked in. All of these are the
// sender's own mistakes.
func (Codec) MarshalAppend(dst []byte, msg any) ([]byte, error) {
	m, ok := msg.(proto.Message)
	if !ok {
		return dst, status.Errorf(status.Internal, "msgpack: cannot encode %T: it is not a proto.Message", msg)
	}
	w := &writer{dst: dst}
	err := protomap.Marshal(w, m)
	if err == nil && int64(len(w.dst)-len(dst)) > math.MaxUint32 {
		err = errors.New("it is larger than 4 GiB")
	}
	if err != nil {
		return dst, status.Errorf(status.Internal, "msgpack: cannot encode %s: %v", m.ProtoReflect().Descriptor().FullName(), err)
	}
	return w.dst, nil
}

// Unmarshal replaces what msg holds by what src encodes. An error is Internal if msg is not a proto.Message, and
// InvalidArgument if src is not the encoding of such a message; then msg holds a part of it.
func (Codec) Unmarshal(src []byte, msg any) error {
	m, ok := msg.(proto.Message)
	if !ok {
		return status.Errorf(status.Internal, "msgpack: cannot decode into %T: it is not a proto.Message", msg)
	}
	r := &reader{src: src, rest: src}
	err := protomap.Unmarshal(r, m)
	if err == nil {
		err = r.end()
	}
	if err != nil {
		name := m.ProtoReflect().Descriptor().FullName()
		return status.Errorf(status.InvalidArgument, "msgpack: cannot decode %s: %v", name, err)
	}
	return nil
}
