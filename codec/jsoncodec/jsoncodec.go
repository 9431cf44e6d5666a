// Package jsoncodec encodes protobuf messages in protobuf's JSON mapping.
package jsoncodec

import (
	"bytes"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/protomicro/micro/status"
)

// Codec is the [codec.Codec] called "json". It takes messages that are a proto.Message and writes field names in
// lowerCamelCase, without fields that are not set and without whitespace; it reads lowerCamelCase and the names of the
// .proto file.
//
// It ignores fields that it does not know, so that an older server accepts the requests of a newer client, as it does in
// the binary format. A misspelled field name is therefore ignored too. Messages nested more than 10000 deep are refused.
//
// [codec.Codec]: https://pkg.go.dev/github.com/protomicro/micro/codec#Codec
type Codec struct{}

// Name returns "json".
func (Codec) Name() string { return "json" }

// MarshalAppend appends msg to dst. An error is Internal: msg is not a proto.Message, lacks a required field, holds a
// string that is not UTF-8 or an Any of a type that is not linked in, all of which are the sender's own mistakes.
func (Codec) MarshalAppend(dst []byte, msg any) ([]byte, error) {
	m, ok := msg.(proto.Message)
	if !ok {
		return dst, status.Errorf(status.Internal, "json: cannot encode %T: it is not a proto.Message", msg)
	}
	out, err := protojson.MarshalOptions{}.MarshalAppend(dst, m)
	if err != nil {
		return dst, status.Errorf(status.Internal, "json: cannot encode %s: %v", m.ProtoReflect().Descriptor().FullName(), err)
	}
	return out[:len(dst)+compact(out[len(dst):])], nil
}

// Unmarshal replaces what msg holds by what src encodes. An error is Internal if msg is not a proto.Message, and
// InvalidArgument if src is not the encoding of such a message.
func (Codec) Unmarshal(src []byte, msg any) error {
	m, ok := msg.(proto.Message)
	if !ok {
		return status.Errorf(status.Internal, "json: cannot decode into %T: it is not a proto.Message", msg)
	}
	if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(src, m); err != nil {
		return status.Errorf(status.InvalidArgument, "json: cannot decode %s: %v", m.ProtoReflect().Descriptor().FullName(), err)
	}
	return nil
}

// compact removes the spaces between the tokens of valid JSON in place, and returns the length that is left. protojson
// puts some there in one half of all builds, so that nobody relies on its bytes; here one message has one encoding.
func compact(b []byte) int {
	n := 0
	for i := 0; i < len(b); {
		switch b[i] {
		case ' ':
			i++
		case '"':
			end := i + stringLen(b[i:])
			n += copy(b[n:], b[i:end])
			i = end
		default:
			b[n] = b[i]
			n++
			i++
		}
	}
	return n
}

// stringLen returns the length of the string literal at the start of b.
func stringLen(b []byte) int {
	quote := 0 // the first that is not before i
	for i := 1; i < len(b); {
		if quote < i {
			next := bytes.IndexByte(b[i:], '"')
			if next < 0 {
				break
			}
			quote = i + next
		}
		escape := bytes.IndexByte(b[i:quote], '\\')
		if escape < 0 {
			return quote + 1
		}
		i += escape + 2
	}
	return len(b)
}
