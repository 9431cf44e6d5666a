// Package bsoncodec encodes protobuf messages in BSON.
package bsoncodec

import (
	"errors"
	"math"

	"google.golang.org/protobuf/proto"

	"github.com/protomicro/micro/codec/internal/protomap"
	"github.com/protomicro/micro/status"
)

// Codec is the [codec.Codec] called "bson". It takes messages that are a proto.Message, and needs no schema to be read: a
// message is a document with the names of its fields, and what each type becomes stands in MAPPING.md of
// codec/msgpackcodec. What is no document by itself, such as a StringValue, is one with the key "value". One message has
// one encoding. Unknown fields are not written.
//
// It reads the names of fields in lowerCamelCase and as in the .proto file, and ignores keys that it does not know. Numbers
// may be of any type that holds them exactly. Documents and arrays more than 100 deep within each other are refused, in
// both directions.
//
// [codec.Codec]: https://pkg.go.dev/github.com/protomicro/micro/codec#Codec
type Codec struct{}

// Name returns "bson".
func (Codec) Name() string { return "bson" }

// MarshalAppend appends msg to dst. An error is Internal: msg is not a proto.Message, lacks a required field, or holds
// what has no encoding, such as a string that is not UTF-8, a key of a map with a NUL in it, or an Any of a type that is
// not linked in. All of these are the sender's own mistakes.
func (Codec) MarshalAppend(dst []byte, msg any) ([]byte, error) {
	m, ok := msg.(proto.Message)
	if !ok {
		return dst, status.Errorf(status.Internal, "bson: cannot encode %T: it is not a proto.Message", msg)
	}
	w := &writer{dst: dst}
	err := protomap.MarshalMap(w, m)
	if err == nil && len(w.dst)-len(dst) > math.MaxInt32 {
		err = errors.New("it is larger than 2 GiB")
	}
	if err != nil {
		return dst, status.Errorf(status.Internal, "bson: cannot encode %s: %v", m.ProtoReflect().Descriptor().FullName(), err)
	}
	return w.dst, nil
}

// Unmarshal replaces what msg holds by what src encodes. An error is Internal if msg is not a proto.Message, and
// InvalidArgument if src is not the encoding of such a message; then msg holds a part of it.
func (Codec) Unmarshal(src []byte, msg any) error {
	m, ok := msg.(proto.Message)
	if !ok {
		return status.Errorf(status.Internal, "bson: cannot decode into %T: it is not a proto.Message", msg)
	}
	r := newReader(src, 0)
	err := protomap.UnmarshalMap(r, m)
	if err == nil {
		err = r.end()
	}
	if err != nil {
		return status.Errorf(status.InvalidArgument, "bson: cannot decode %s: %v", m.ProtoReflect().Descriptor().FullName(), err)
	}
	return nil
}
